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
	const (
		invalid = "Invalid response_format"
		inside  = "response_format.json_schema.schema: At most "
		types   = " Must be one of: text, json_schema."
		names   = " Must be 1 to 64 letters, digits, _ or -."
	)
	long := func(n int) string { return `{"a":"` + strings.Repeat("x", n-8) + `"}` }
	object := `{"type":"object","properties":{"topK":{}}}`
	for name, c := range map[string]struct{ format, want, refusal string }{
		"none":         {format: `null`},
		"text":         {format: `{"type":"text"}`},
		"an object":    {format: named(strings.ReplaceAll(object, ":", ": ")), want: object},
		"as deep":      {format: named(nested(32)), want: nested(32)},
		"as long":      {format: named(long(64 << 10)), want: long(64 << 10)},
		"too deep":     {format: named(nested(33)), refusal: inside + "32 objects and lists within each other"},
		"too long":     {format: named(long(64<<10 + 1)), refusal: inside + "64 KiB"},
		"a text":       {format: `"json"`, refusal: "response_format: Expected object, received string"},
		"no type":      {format: `{}`, refusal: invalid + ".type: undefined." + types},
		"another type": {format: `{"type":"json_object"}`, refusal: invalid + ".type: json_object." + types},
		"no schema": {
			format:  `{"type":"json_schema"}`,
			refusal: invalid + ".json_schema: undefined. Must be an object.",
		},
		"a list": {format: named(`[1]`), refusal: invalid + ".json_schema.schema: 1. Must be an object."},
		"no name": {
			format:  strings.Replace(named(`{}`), "name", "n", 1),
			refusal: invalid + ".json_schema.name: undefined." + names,
		},
		"a strange name": {
			format:  strings.Replace(named(`{}`), "a_-9", "a b", 1),
			refusal: invalid + ".json_schema.name: a b." + names,
		},
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
