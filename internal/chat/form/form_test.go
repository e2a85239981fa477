package form_test

import (
	"fmt"
	"strings"
	"testing"

	"kvasir/internal/chat/form"
	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

const city = `{"type":"object","properties":{"city":{"type":"string"},"limit":{"type":"integer","minimum":1},
	"day":{"type":"string","format":"date"}},"required":["city"],"additionalProperties":false}`

func of(schema string) (*form.Form, error) {
	return form.New(&llm.Schema{Name: "x", JSON: []byte(schema)})
}

func TestRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, schema, said, want, wrong string }{
		{"a value", city, `{"city": "Zurich", "limit": 240}`, `{"city":"Zurich","limit":240}`, ""},
		{"in a fence", city, "Here:\n```json\n{\"city\": \"Zurich\"}\n```\nDone.", `{"city":"Zurich"}`, ""},
		{"in words", city, `The answer is {"city": "Zurich"}, I think.`, `{"city":"Zurich"}`, ""},
		{"a list", `{"type":"array","items":{"type":"integer"}}`, " [1, 2]\n", "[1,2]", ""},
		{"a text", `{"type":"string"}`, `"yes"`, `"yes"`, ""},
		{"a large number", `{"type":"integer"}`, `12345678901234567890`, `12345678901234567890`, ""},
		{"what is missing", city, `{"limit": 3}`, "", "/: missing property 'city'"},
		{"what is too much", city, `{"city":"x","more":1}`, "", "'more'"},
		{"another type", city, `{"city":7}`, "", "/city: got number, want string"},
		{"a format", city, `{"city":"x","day":"tomorrow"}`, "", "/day: 'tomorrow' is not valid date"},
		{"two faults", city, `{"limit":0}`, "", "; "},
		{"no JSON", city, `I do not know.`, "", "it is not a JSON value"},
		{"nothing", city, ``, "", "it is not a JSON value"},
		{"two values", city, `{"city":"a"} {"city":"b"}`, `{"city":"a"}`, ""},
		{
			"a reference", `{"$ref":"#/$defs/c","$defs":{"c":` + city + `}}`, `{"city":"Zurich"}`, `{"city":"Zurich"}`, "",
		},
		{
			"a tree", `{"type":"object","properties":{"next":{"$ref":"#"}},"additionalProperties":false}`,
			`{"next":{"next":{}}}`, `{"next":{"next":{}}}`, "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f, err := of(c.schema)
			if err != nil {
				t.Fatal(err)
			}
			got, wrong := f.Read(c.said)
			if got != c.want || (wrong == nil) != (c.wrong == "") || wrong != nil && !strings.Contains(wrong.Error(), c.wrong) {
				t.Errorf("got %q, %v; want %q, %s", got, wrong, c.want, c.wrong)
			}
		})
	}
}

func TestSchemasThatAreRefused(t *testing.T) {
	t.Parallel()
	var doubling strings.Builder
	doubling.WriteString(`{"$ref":"#/$defs/0","$defs":{`)
	for i := range 100 {
		doubling.WriteString(fmt.Sprintf(`"%d":{"allOf":[{"$ref":"#/$defs/%d"},{"$ref":"#/$defs/%d"}]},`, i, i+1, i+1))
	}
	doubling.WriteString(`"100":{"type":"string"}}}`)
	for name, c := range map[string][2]string{
		"a word that means nothing":  {`{"type":"thing"}`, "type"},
		"a pattern that is none":     {`{"type":"string","pattern":"("}`, "pattern"},
		"a file":                     {`{"$ref":"file:///etc/passwd"}`, "is not looked up"},
		"a page":                     {`{"$ref":"https://example.com/schema.json"}`, "is not looked up"},
		"a schema of schemas abroad": {`{"$schema":"https://example.com/schema.json"}`, "is not looked up"},
		"what is not there":          {`{"$ref":"#/$defs/x"}`, "$defs/x"},
		"itself":                     {`{"$ref":"#"}`, "without end"},
		"in a circle":                {`{"anyOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"not":{"$ref":"#/$defs/a"}}}}`, "without end"},
		"twice as much at each step": {doubling.String(), "too complex"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := of(c[0])
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "response_format.json_schema.schema: ") ||
				!strings.Contains(err.Error(), c[1]) {
				t.Errorf("refused by %v, want words with %q", err, c[1])
			}
		})
	}
}

// A schema may cost more the deeper an answer is. Then the answer is refused.
func TestAnAnswerThatTakesTooLong(t *testing.T) {
	t.Parallel()
	f, err := of(`{"properties":{"a":{"allOf":[{"$ref":"#"},{"$ref":"#"}]}}}`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Read(strings.Repeat(`{"a":`, 4) + "1" + strings.Repeat("}", 4)); err != nil {
		t.Errorf("a small one: %v", err)
	}
	if _, err := f.Read(strings.Repeat(`{"a":`, 60) + "1" + strings.Repeat("}", 60)); err == nil {
		t.Error("60 levels, each twice the work of the next, were held to the schema")
	}
	if _, err := f.Read(`"` + strings.Repeat("x", 2<<20) + `"`); err == nil {
		t.Error("2 MiB were taken")
	}
}

func FuzzForm(f *testing.F) {
	f.Add(city, `{"city":"x"}`)
	f.Add(`{"$ref":"#/$defs/c~1","$defs":{"c/":{"items":[true]}}}`, "```\n[1]\n```")
	f.Add(`{"allOf":[{"$ref":"#/allOf/1"},{"not":false}]}`, `{}`)
	f.Fuzz(func(t *testing.T, schema, said string) {
		x, err := of(schema)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%q is refused by %v", schema, err)
			}
			return
		}
		if value, err := x.Read(said); err == nil && value == "" {
			t.Fatalf("%q gives nothing, and nothing is wrong", said)
		}
	})
}
