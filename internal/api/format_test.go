package api

import (
	"strings"
	"testing"

	"kvasir/internal/fault"
)

func TestResponseFormat(t *testing.T) {
	t.Parallel()
	named := func(schema string) string {
		return `{"type":"json_schema","json_schema":{"name":"a_-9","strict":true,"schema":` + schema + `}}`
	}
	nested := func(depth int) string {
		return `{"a":` + strings.Repeat("[", depth-1) + `"]}\"[["` + strings.Repeat("]", depth-1) + `}`
	}
	for name, c := range map[string]struct{ format, want, refusal string }{
		"none":         {format: `null`},
		"text":         {format: `{"type":"text"}`},
		"an object":    {format: named(`{"type": "object", "properties": {"topK": {}}}`), want: `{"type":"object","properties":{"topK":{}}}`},
		"as deep":      {format: named(nested(32)), want: nested(32)},
		"as long":      {format: named(`{"a":"` + strings.Repeat("x", 64<<10-8) + `"}`), want: `{"a":"` + strings.Repeat("x", 64<<10-8) + `"}`},
		"too deep":     {format: named(nested(33)), refusal: "response_format.json_schema.schema: At most 32 objects and lists within each other"},
		"too long":     {format: named(`{"a":"` + strings.Repeat("x", 64<<10-7) + `"}`), refusal: "response_format.json_schema.schema: At most 64 KiB"},
		"a text":       {format: `"json"`, refusal: "response_format: Expected object, received string"},
		"no type":      {format: `{}`, refusal: "Invalid response_format.type: undefined. Must be one of: text, json_schema."},
		"another type": {format: `{"type":"json_object"}`, refusal: "Invalid response_format.type: json_object. Must be one of: text, json_schema."},
		"no schema":    {format: `{"type":"json_schema"}`, refusal: "Invalid response_format.json_schema: undefined. Must be an object."},
		"no name": {format: `{"type":"json_schema","json_schema":{"schema":{}}}`,
			refusal: "Invalid response_format.json_schema.name: undefined. Must be 1 to 64 letters, digits, _ or -."},
		"a strange name": {format: `{"type":"json_schema","json_schema":{"name":"a b","schema":{}}}`,
			refusal: "Invalid response_format.json_schema.name: a b. Must be 1 to 64 letters, digits, _ or -."},
		"a list": {format: named(`[1]`), refusal: "Invalid response_format.json_schema.schema: 1. Must be an object."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var body chatBody
			if err := unmarshal([]byte(`{"query":"q","response_format":`+c.format+`}`), &body); err != nil {
				t.Fatal(err)
			}
			q, err := body.validate((&backend{}).Providers())
			switch got := q.Options.Schema; {
			case fault.Message(err) != c.refusal && (err != nil || c.refusal != ""):
				t.Errorf("error = %v, want %s", err, c.refusal)
			case c.want == "" && got != nil || c.want != "" && (got == nil || string(got.JSON) != c.want || got.Name != "a_-9"):
				t.Errorf("schema = %.200v, want %.200s", got, c.want)
			}
		})
	}
}
