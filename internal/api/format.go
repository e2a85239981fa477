package api

import (
	"bytes"
	"cmp"
	"encoding/json"
	"regexp"

	"github.com/danielgtaylor/huma/v2"

	"kvasir/internal/api/field"
	"kvasir/internal/llm"
)

// The bounds of a schema that an answer is to have.
const (
	maxSchemaBytes = 64 << 10
	maxSchemaDepth = 32 // objects and lists within each other
)

const schemaFormat = "json_schema"

// A responseFormat says what an answer is: text, or one JSON value.
type responseFormat struct {
	Type   field.Of[string]      `json:"type"`
	Schema field.Of[namedSchema] `json:"json_schema" required:"false"`
}

// TransformSchema explains the fields.
func (responseFormat) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Description = "What the answer is. With json_schema it is one JSON value, as text in response."
	s.Properties["type"].Enum = []any{"text", schemaFormat}
	return field.Explain(field.MayBeNull(s, "json_schema"), "json_schema", "Needed for the type of that name.")
}

// A namedSchema is what the answer is held to.
type namedSchema struct {
	Name   field.Of[string]     `json:"name" pattern:"^[A-Za-z0-9_-]{1,64}$"`
	Schema field.Of[schemaBody] `json:"schema"`
}

// A schemaBody is a JSON schema as it was sent.
type schemaBody json.RawMessage

// UnmarshalJSON keeps what was sent.
func (b *schemaBody) UnmarshalJSON(raw []byte) error {
	*b = bytes.Clone(raw)
	return nil
}

// Schema documents that anything may be in it.
func (schemaBody) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: "object", AdditionalProperties: true,
		Description: "JSON schema, draft 2020-12: at most 64 KiB, and 32 objects and lists within each other.",
	}
}

var schemaName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// schema checks the format and returns what the answer is held to, nil for text.
func (f *responseFormat) schema() (*llm.Schema, error) {
	kind := f.Type
	switch {
	case kind.Wrong == "" && kind.Value == "text":
		return nil, nil
	case kind.Wrong != "" || kind.Value != schemaFormat:
		return nil, field.Unfit("response_format.type", cmp.Or(kind.Shown, field.Cut(kind.Value, 100), "undefined"),
			"one of: text, json_schema")
	case f.Schema.Wrong != "" || !f.Schema.Given():
		return nil, field.Unfit("response_format.json_schema", cmp.Or(f.Schema.Shown, "undefined"), "an object")
	}
	name, body := f.Schema.Value.Name, f.Schema.Value.Schema
	switch {
	case name.Wrong != "" || !schemaName.MatchString(name.Value):
		return nil, field.Unfit("response_format.json_schema.name",
			cmp.Or(name.Shown, field.Cut(name.Value, 100), "undefined"), "1 to 64 letters, digits, _ or -")
	case body.Wrong != "" || !body.Given():
		return nil, field.Unfit("response_format.json_schema.schema", cmp.Or(body.Shown, "undefined"), "an object")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, body.Value); err != nil {
		return nil, invalid(notJSON)
	}
	if compact.Len() > maxSchemaBytes {
		return nil, invalid("response_format.json_schema.schema: At most 64 KiB")
	}
	if depthOf(compact.Bytes()) > maxSchemaDepth {
		return nil, invalid("response_format.json_schema.schema: At most 32 objects and lists within each other")
	}
	return &llm.Schema{Name: name.Value, JSON: compact.Bytes()}, nil
}

// depthOf returns how many objects and lists of a JSON value are within each other.
func depthOf(raw []byte) int {
	depth, deepest, text := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case text && c == '\\':
			i++ // what follows ends no text
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}
