package api

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"kvasir/internal/api/field"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

// A filter documents one condition; package memo reads and checks it.
type filter struct {
	Field      string `json:"field"`
	Operator   string `json:"operator" enum:"eq,neq,contains,startswith,endswith,in,not_in,gte,lte"`
	Value      any    `json:"value"`
	FilterType string `json:"filter_type" enum:"native_field,custom_metadata,scope"`
}

// TransformSchema explains the fields.
func (filter) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return field.Explain(s,
		"field", "For native_field one of title, source, client_reference_id, tags, created_at, updated_at; "+
			"else a top-level key.",
		"operator", "contains ignores case, the others do not. tags take in and not_in only, "+
			"created_at and updated_at gte and lte.",
		"value", "A list for in and not_in. Numbers and booleans are compared as they are spelled. "+
			"For gte and lte a date, which is a day of UTC, or a time of RFC 3339.",
	)
}

// filters are the conditions of a request as they were sent. All must hold.
type filters json.RawMessage

// UnmarshalJSON keeps what was sent.
func (f *filters) UnmarshalJSON(raw []byte) error {
	*f = bytes.Clone(raw)
	return nil
}

// Schema documents the list.
func (filters) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "array", Items: r.Schema(reflect.TypeFor[filter](), true, "")}
}

// isList reports whether the filters are a list, or absent.
func (f filters) isList() bool {
	return len(f) == 0 || field.KindOf(f) == "array" || field.KindOf(f) == "null"
}

const filterPrefix = "Invalid filter: "

// parse checks the filters, in the wire's words.
func (f filters) parse() (memo.Filters, error) {
	if !f.isList() {
		return nil, invalid("Filters must be a list")
	}
	parsed, err := memo.ParseFilters(json.RawMessage(f))
	if words := fault.Message(err); fault.Is(err, fault.Invalid) && !strings.HasPrefix(words, filterPrefix) {
		return nil, fault.Wrap(fault.Invalid, filterPrefix+words, err)
	}
	return parsed, err
}
