package memo_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

func TestFaultyFiltersSayWhy(t *testing.T) {
	t.Parallel()
	const (
		keys     = "Invalid filter: Filter must have field, operator, value, and filter_type"
		list     = "Invalid filter: Value must be a list for in or not_in operators"
		operator = "Invalid filter: Invalid operator. Must be one of: eq, neq, contains, startswith, endswith, in, not_in"
		kind     = "Invalid filter: Invalid filter type. Must be one of: native_field, custom_metadata, scope"
		field    = "Invalid filter: Invalid field for native_field filter. Must be one of: " +
			"title, source, client_reference_id, tags"
		tagList    = "Invalid filter: Value must be a list for tags filter"
		tagStrings = "Invalid filter: Value must be a list of strings for tags filter"
		instant    = "Invalid filter: Value must be a date (2026-01-31) or a time (2026-01-31T12:00:00Z) " +
			"for gte and lte operators"
		tagOperator = "Invalid filter: Operator must be in or not_in for tags filter"
	)
	tests := []struct{ name, filters, want string }{
		{"not a list", `{"field": "title"}`, "Filters must be a list"},
		{"a string", `"title"`, "Filters must be a list"},
		{"a null entry", `[null]`, keys},
		{"a list entry", `[[]]`, keys},
		{"no field", `[{"operator": "eq", "value": "x", "filter_type": "native_field"}]`, keys},
		{"an empty field", `[{"field": "", "operator": "eq", "value": "x", "filter_type": "scope"}]`, keys},
		{"no operator", `[{"field": "title", "value": "x", "filter_type": "native_field"}]`, keys},
		{"no value", `[{"field": "title", "operator": "eq", "filter_type": "native_field"}]`, keys},
		{"no type", `[{"field": "title", "operator": "eq", "value": "x"}]`, keys},
		{"a field that is no string", `[{"field": 1, "operator": "eq", "value": "x", "filter_type": "scope"}]`, keys},
		{"in without a list", `[{"field": "title", "operator": "in", "value": "x", "filter_type": "native_field"}]`, list},
		{"a list comes before the type", `[{"field": "x", "operator": "in", "value": "x", "filter_type": "y"}]`, list},
		{"unknown operator", `[{"field": "title", "operator": "like", "value": "x", "filter_type": "y"}]`, operator},
		{"unknown type", `[{"field": "title", "operator": "eq", "value": "x", "filter_type": "y"}]`, kind},
		{"unknown field", `[{"field": "x", "operator": "eq", "value": "x", "filter_type": "native_field"}]`, field},
		{
			"tags without a list",
			`[{"field": "tags", "operator": "eq", "value": "x", "filter_type": "native_field"}]`, tagList,
		},
		{
			"tags of numbers",
			`[{"field": "tags", "operator": "in", "value": [1], "filter_type": "native_field"}]`, tagStrings,
		},
		{"tags eq", `[{"field": "tags", "operator": "eq", "value": ["x"], "filter_type": "native_field"}]`, tagOperator},
		{"times compare", `[{"field": "created_at", "operator": "eq", "value": "x", "filter_type": "native_field"}]`, field},
		{"titles do not", `[{"field": "title", "operator": "gte", "value": "x", "filter_type": "native_field"}]`, operator},
		{"nor does metadata", `[{"field": "created_at", "operator": "lte", "value": "2", "filter_type": "scope"}]`, operator},
		{"no time", `[{"field": "created_at", "operator": "gte", "value": "May", "filter_type": "native_field"}]`, instant},
		{"null time", `[{"field": "updated_at", "operator": "lte", "value": null, "filter_type": "native_field"}]`, instant},
		{
			"the first faulty entry counts",
			`[{"field": "title", "operator": "eq", "value": "x", "filter_type": "native_field"}, null, 7]`, keys,
		},
	}
	for _, tt := range tests {
		_, err := memo.ParseFilters(json.RawMessage(tt.filters))
		if !fault.Is(err, fault.Invalid) || fault.Message(err) != tt.want {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestNoFiltersMatchEverything(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "null", " null ", "[]"} {
		fs, err := memo.ParseFilters(json.RawMessage(raw))
		if err != nil || !fs.Match(&memo.Attributes{}) {
			t.Errorf("ParseFilters(%q) = %v, %v, want filters that match", raw, fs, err)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	source := "Notion_50%"
	a := &memo.Attributes{
		Title: "Ducks", Source: &source, Tags: []string{"x", "y"},
		Metadata: json.RawMessage(`{"n": 5, "f": 1.50, "t": true, "s": "Five", "z": null, "w": "null",
			"o": {"a": [1, 2]}, "esc\"": "q"}`),
		Scopes: map[string]string{"team": "red"},
	}
	tests := []struct {
		kind, field, operator, value string
		want                         bool
	}{
		{"native_field", "title", "eq", `"Ducks"`, true},
		{"native_field", "title", "eq", `"ducks"`, false},
		{"native_field", "title", "neq", `"ducks"`, true},
		{"native_field", "title", "contains", `"UCK"`, true},
		{"native_field", "title", "startswith", `"Du"`, true},
		{"native_field", "title", "startswith", `"du"`, false},
		{"native_field", "title", "endswith", `"cks"`, true},
		{"native_field", "title", "endswith", `"CKS"`, false},
		{"native_field", "title", "in", `["Geese", "Ducks"]`, true},
		{"native_field", "title", "in", `[]`, false},
		{"native_field", "title", "not_in", `[]`, true},
		{"native_field", "title", "not_in", `["Ducks"]`, false},
		{"native_field", "source", "contains", `"_5"`, true},
		{"native_field", "source", "contains", `"n_t"`, false},
		{"native_field", "source", "startswith", `"%"`, false},
		{"native_field", "client_reference_id", "eq", `"r"`, false},
		{"native_field", "client_reference_id", "neq", `"r"`, true},
		{"native_field", "client_reference_id", "not_in", `["r"]`, true},
		{"native_field", "client_reference_id", "contains", `""`, false},
		{"native_field", "tags", "in", `["y", "z"]`, true},
		{"native_field", "tags", "in", `["Y"]`, false},
		{"native_field", "tags", "not_in", `["x"]`, false},
		{"native_field", "tags", "not_in", `["z"]`, true},
		{"native_field", "title", "eq", `null`, false},
		{"native_field", "title", "neq", `null`, false},
		{"custom_metadata", "n", "eq", `5`, true},
		{"custom_metadata", "n", "eq", `"5"`, true},
		{"custom_metadata", "n", "in", `[4, 5]`, true},
		{"custom_metadata", "f", "eq", `1.50`, true},
		{"custom_metadata", "t", "eq", `true`, true},
		{"custom_metadata", "t", "eq", `"true"`, true},
		{"custom_metadata", "s", "contains", `"five"`, true},
		{"custom_metadata", "z", "eq", `"null"`, false},
		{"custom_metadata", "w", "in", `[null]`, false},
		{"custom_metadata", "w", "in", `["null"]`, true},
		{"custom_metadata", "w", "not_in", `[null]`, true},
		{"custom_metadata", "missing", "neq", `"x"`, true},
		{"custom_metadata", "o", "eq", `{"a":[1,2]}`, true},
		{"custom_metadata", "o.a", "contains", `"1"`, false},
		{"custom_metadata", `esc"`, "eq", `"q"`, true},
		{"scope", "team", "eq", `"red"`, true},
		{"scope", "team", "in", `["blue"]`, false},
		{"scope", "region", "eq", `"eu"`, false},
	}
	for _, tt := range tests {
		raw, err := json.Marshal([]map[string]any{{
			"field": tt.field, "operator": tt.operator, "filter_type": tt.kind, "value": json.RawMessage(tt.value),
		}})
		if err != nil {
			t.Fatal(err)
		}
		fs, err := memo.ParseFilters(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		if got := fs.Match(a); got != tt.want {
			t.Errorf("%s %s %s: Match = %v, want %v", tt.field, tt.operator, tt.value, got, tt.want)
		}
	}
}

func TestMemosWithoutTagsOrMetadata(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		`[{"field": "tags", "operator": "not_in", "value": ["x"], "filter_type": "native_field"}]`: true,
		`[{"field": "tags", "operator": "in", "value": ["x"], "filter_type": "native_field"}]`:     false,
		`[{"field": "k", "operator": "eq", "value": "x", "filter_type": "custom_metadata"}]`:       false,
		`[{"field": "k", "operator": "eq", "value": "x", "filter_type": "scope"}]`:                 false,
	}
	for raw, want := range tests {
		fs, err := memo.ParseFilters(json.RawMessage(raw))
		if err != nil || fs.Match(&memo.Attributes{}) != want {
			t.Errorf("%s on a bare memo: %v, want %v", raw, err, want)
		}
	}
}

func FuzzFilters(f *testing.F) {
	f.Add(`[{"field": "title", "operator": "eq", "value": "x", "filter_type": "native_field"}]`, `{"a": 1}`)
	f.Add(
		`[{"field": "a", "operator": "in", "value": [1, null, {}], "filter_type": "custom_metadata"}]`, `{"a": "\u00e9"}`,
	)
	f.Add(`[{"field": "created_at", "operator": "gte", "value": "2026-02-29", "filter_type": "native_field"}]`, `{}`)
	f.Add(`[null, 1, "x", []]`, `{`)
	f.Fuzz(func(t *testing.T, filters, metadata string) {
		fs, err := memo.ParseFilters(json.RawMessage(filters))
		if err != nil {
			if m := fault.Message(err); !fault.Is(err, fault.Invalid) || !strings.Contains(m, "ilter") {
				t.Fatalf("ParseFilters(%q): %v", filters, err)
			}
			return
		}
		title := "x"
		a := &memo.Attributes{Title: title, Source: &title, Metadata: json.RawMessage(metadata)}
		again, err := memo.ParseFilters(json.RawMessage(filters))
		if err != nil || fs.Match(a) != again.Match(a) {
			t.Fatalf("the same filters %q match and do not: %v", filters, err)
		}
	})
}

// FuzzMetadata holds the lookup of a key against the standard library's.
func FuzzMetadata(f *testing.F) {
	f.Add(`{"a": 1, "b": {"a": [2, "]"]}, "a": "\\"x"}`, "a")
	f.Add(` { "\u0061" : true , "" : null } `, "a")
	f.Add(`{"a": -1.5e+3,"b":[]}`, "b")
	f.Fuzz(func(t *testing.T, metadata, key string) {
		filter := memo.Filter{Type: memo.FilterMetadata, Field: key, Operator: "neq", Values: []string{"\x00"}}
		missing := memo.Filters{filter}.Match(&memo.Attributes{Metadata: json.RawMessage(metadata)})
		var keys map[string]json.RawMessage
		if json.Unmarshal([]byte(metadata), &keys) != nil || !utf8.ValidString(metadata) {
			return
		}
		want, ok := keys[key]
		if !ok || string(want) == "null" {
			filter.Operator, filter.Values = "contains", []string{""}
			if (memo.Filters{filter}).Match(&memo.Attributes{Metadata: json.RawMessage(metadata)}) {
				t.Errorf("%q has a value at %q", metadata, key)
			}
			return
		}
		raw, err := json.Marshal([]map[string]any{{
			"field": "k" + key, "operator": "eq", "filter_type": memo.FilterMetadata, "value": want,
		}})
		if err != nil {
			t.Fatal(err)
		}
		fs, err := memo.ParseFilters(raw)
		if err != nil {
			t.Fatal(err)
		}
		fs[0].Field = key
		if !missing || !fs.Match(&memo.Attributes{Metadata: json.RawMessage(metadata)}) {
			t.Errorf("%q at %q is not %s", metadata, key, want)
		}
	})
}

func BenchmarkMatchMetadata(b *testing.B) {
	a := &memo.Attributes{Metadata: json.RawMessage(
		`{"a": 1, "b": "two", "c": true, "d": [1, 2], "e": {"f": "g"}, "h": 3, "i": 4, "j": 5, "k": "six", "l": 7}`)}
	fs, err := memo.ParseFilters(json.RawMessage(
		`[{"field": "k", "operator": "eq", "value": "six", "filter_type": "custom_metadata"}]`))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if !fs.Match(a) {
			b.Fatal("no match")
		}
	}
}
