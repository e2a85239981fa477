package schema_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/llm"
	"kvasir/internal/provider/schema"
)

func TestStrictTakesWhatIsClosed(t *testing.T) {
	t.Parallel()
	const closed = `"additionalProperties":false`
	tests := []struct {
		name, schema string
		want         string // empty: it is refused
	}{
		{
			"the order of properties stays",
			`{"type":"object","properties":{"why":{"const":1},"a":{"const":2}},"required":["a","why"],` + closed + `}`,
			`{"type":"object","properties":{"why":{"const":1},"a":{"const":2}},"required":["a","why"],` + closed + `}`,
		},
		{
			"notes go, but properties may be called so",
			`{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"T","default":{},"type":"object",` +
				`"properties":{"default":{"type":"string","examples":["x"]}},"required":["default"],` + closed + `}`,
			`{"title":"T","type":"object","properties":{"default":{"type":"string"}},"required":["default"],` + closed + `}`,
		},
		{
			"a format nobody checks",
			`{"type":"object","properties":{"u":{"type":"string","format":"uri"},"d":{"type":"string","format":"date"}},` +
				`"required":["u","d"],` + closed + `}`,
			`{"type":"object","properties":{"u":{"type":"string"},"d":{"type":"string","format":"date"}},` +
				`"required":["u","d"],` + closed + `}`,
		},
		{
			"choices, lists and references",
			`{"type":"object","properties":{"n":{"anyOf":[{"$ref":"#/$defs/n"},{"type":"null"}]},` +
				`"l":{"type":"array","items":{"enum":["a"]}}},"required":["n","l"],` + closed +
				`,"$defs":{"n":{"type":"object","properties":{},` + closed + `}}}`,
			`{"type":"object","properties":{"n":{"anyOf":[{"$ref":"#/$defs/n"},{"type":"null"}]},` +
				`"l":{"type":"array","items":{"enum":["a"]}}},"required":["n","l"],` + closed +
				`,"$defs":{"n":{"type":"object","properties":{},` + closed + `}}}`,
		},
		{"an optional property", `{"type":"object","properties":{"a":{"type":"string"}},` + closed + `}`, ""},
		{"an open object", `{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}`, ""},
		{
			"an open object inside",
			`{"type":"object","properties":{"a":{"type":["object","null"]}},"required":["a"],` + closed + `}`, "",
		},
		{"a list", `{"type":"array","items":{"type":"string"}}`, ""},
		{"a choice", `{"type":"object","properties":{},` + closed + `,"anyOf":[{"type":"object",` + closed + `}]}`, ""},
		{
			"a keyword it does not know",
			`{"type":"object","properties":{"a":{"type":"string","minLength":1}},"required":["a"],` + closed + `}`, "",
		},
		{"anything", `{"type":"object","properties":{"a":{}},"required":["a"],` + closed + `}`, ""},
		{"anything at all", `{"type":"object","properties":{"a":true},"required":["a"],` + closed + `}`, ""},
		{"nonsense", `{"type":"object"`, ""},
		{"deeper than it goes", nested(12), ""},
	}
	for _, tt := range tests {
		got, ok := schema.Strict([]byte(tt.schema))
		if ok != (tt.want != "") || ok && string(got) != tt.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", tt.name, ok, got, tt.want)
		}
	}
}

// nested returns a strict schema of so many objects in each other.
func nested(n int) string {
	inner := `{"type":"string"}`
	for range n {
		inner = `{"type":"object","properties":{"a":` + inner + `},"required":["a"],"additionalProperties":false}`
	}
	return inner
}

func TestGeminiKeepsWhatItKnows(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, schema, want string
		whole              bool
	}{
		{
			"all of it",
			`{"properties":{"a":{"oneOf":[{"type":"string"},{"type":"null"}]}},"additionalProperties":false}`,
			`{"properties":{"a":{"oneOf":[{"type":"string"},{"type":"null"}]}},"additionalProperties":false}`, true,
		},
		{"notes", `{"$comment":"c","type":"array","items":true}`, `{"type":"array","items":{}}`, true},
		{
			"unknown keywords", `{"type":"string","pattern":"^a","maxLength":3}`, `{"type":"string"}`, false,
		},
		{"a constant", `{"const":"a"}`, `{"enum":["a"]}`, true},
		{
			"references stand alone",
			`{"type":"array","items":{"$ref":"#/$defs/a","description":"an a"},"$defs":{"a":{"type":"string"}}}`,
			`{"type":"array","items":{"$ref":"#/$defs/a"},"$defs":{"a":{"type":"string"}}}`, true,
		},
		{"a reference and more", `{"items":{"$ref":"#/$defs/a","maxItems":2}}`, `{"items":{"$ref":"#/$defs/a"}}`, false},
		{"a reference elsewhere", `{"items":{"$ref":"#/definitions/a"}}`, `{"items":{}}`, false},
		{"a list where none is", `{"anyOf":{"type":"string"}}`, `{"anyOf":[]}`, false},
		{"nothing", `{"properties":{"a":false}}`, `{"properties":{"a":{}}}`, false},
	}
	for _, tt := range tests {
		got, whole := schema.Gemini([]byte(tt.schema))
		if string(got) != tt.want || whole != tt.whole {
			t.Errorf("%s: %v\n%s\nwant %v\n%s", tt.name, whole, got, tt.whole, tt.want)
		}
	}
}

func TestModelsAreToldTheSchema(t *testing.T) {
	t.Parallel()
	s := &llm.Schema{Name: "n", JSON: []byte("{\n  \"type\": \"array\"\n}")}
	given := []llm.Message{
		{Role: llm.RoleSystem, Text: "Be brief.", Cache: true}, {Role: llm.RoleUser, Text: "Why?"},
		{Role: llm.RoleSystem, Text: "Cite."},
	}
	told := schema.Told(given, s)
	words := strings.TrimPrefix(told[0].Text, "Be brief.\n\n")
	if !strings.HasSuffix(words, `{"type":"array"}`) || !strings.Contains(words, "JSON") || !told[0].Cache {
		t.Errorf("the system says %q", told[0].Text)
	}
	if diff := cmp.Diff(given[1:], told[1:]); diff != "" || given[0].Text != "Be brief." {
		t.Errorf("the other messages (-want +got):\n%s", diff)
	}
	alone := schema.Told(given[1:2], s)
	want := []llm.Message{{Role: llm.RoleSystem, Text: words}, given[1]}
	if diff := cmp.Diff(want, alone); diff != "" {
		t.Errorf("without a system (-want +got):\n%s", diff)
	}
}

func TestNamesAreShort(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"": "answer", "ducks": "ducks", strings.Repeat("d", 80): strings.Repeat("d", 64),
	} {
		if got := schema.Name(&llm.Schema{Name: given}); got != want {
			t.Errorf("Name(%q) = %q, want %q", given, got, want)
		}
	}
}

func FuzzFit(f *testing.F) {
	f.Add(`{"type":"object","properties":{"a":{"const":1}},"required":["a"],"additionalProperties":false}`)
	f.Add(`{"$ref":"#/$defs/a","items":[true],"anyOf":[false],"$defs":{"a":null}}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, fit := range []func([]byte) (json.RawMessage, bool){schema.Strict, schema.Gemini} {
			got, whole := fit([]byte(text))
			if (whole || json.Valid([]byte(text))) && !json.Valid(got) {
				t.Errorf("of %q is left %q", text, got)
			}
			again, still := fit(got)
			if whole && (!still || string(again) != string(got)) {
				t.Errorf("%q, fitted again, is %q", got, again)
			}
		}
	})
}
