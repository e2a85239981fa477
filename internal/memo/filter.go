package memo

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"kvasir/internal/fault"
)

// The types of filter.
const (
	FilterNative   = "native_field"
	FilterMetadata = "custom_metadata"
	FilterScope    = "scope"
)

// A Filter is one condition on a memo's attributes; all of a list must hold.
// Values are compared as text, numbers and booleans by their JSON spelling, so 5
// is equal to "5". Case counts, but for contains. A field that is not there is
// equal to nothing: neq and not_in let the memo through, as their words say,
// though the original's SQL did not. Tags not_in means none of these tags.
// Times of the memo are compared by gte and lte, and by nothing else.
type Filter struct {
	Type     string // native_field, custom_metadata, scope
	Field    string
	Operator string // eq, neq, contains, startswith, endswith, in, not_in; gte, lte
	Values   []string
	Null     bool // the value was null, which matches nothing
}

// Filters are joined by AND; none matches everything.
type Filters []Filter

const (
	filtersNotAList = "Filters must be a list"
	badFilter       = "Invalid filter: "
)

var (
	operators   = []string{"eq", "neq", "contains", "startswith", "endswith", "in", "not_in"}
	filterTypes = []string{FilterNative, FilterMetadata, FilterScope}
	natives     = []string{"title", "source", "client_reference_id", "tags"}
)

// ParseFilters reads the wire's list and returns the first fault of the first
// faulty entry, in the wire's words. Absent and null mean no filters.
func ParseFilters(raw json.RawMessage) (Filters, error) {
	if trimmed := bytes.TrimSpace(raw); len(trimmed) == 0 || string(trimmed) == "null" {
		return nil, nil
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(raw, &entries); err != nil {
		return nil, fault.New(fault.Invalid, filtersNotAList)
	}
	filters := make(Filters, len(entries))
	for i, entry := range entries {
		f, problem := parseFilter(entry)
		if problem != "" {
			return nil, fault.New(fault.Invalid, badFilter+problem)
		}
		filters[i] = f
	}
	return filters, nil
}

// parseFilter reads one entry and returns the text of the first rule that it
// breaks, in the wire's order.
func parseFilter(entry json.RawMessage) (f Filter, problem string) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(entry, &keys); err != nil {
		keys = nil
	}
	value, present := keys["value"]
	f = Filter{Type: text(keys["filter_type"]), Field: text(keys["field"]), Operator: text(keys["operator"])}
	if f.Field == "" || f.Operator == "" || f.Type == "" || !present {
		return f, "Filter must have field, operator, value, and filter_type"
	}
	var list []json.RawMessage
	isList := len(value) > 0 && value[0] == '[' && json.Unmarshal(value, &list) == nil
	many := f.Operator == "in" || f.Operator == "not_in"
	switch {
	case many && !isList:
		return f, "Value must be a list for in or not_in operators"
	case f.ofTime():
		return f, f.readTime(value)
	case !slices.Contains(operators, f.Operator):
		return f, "Invalid operator. Must be one of: " + strings.Join(operators, ", ")
	case !slices.Contains(filterTypes, f.Type):
		return f, "Invalid filter type. Must be one of: " + strings.Join(filterTypes, ", ")
	}
	if f.Type == FilterNative {
		if problem := checkNative(f, isList, list); problem != "" {
			return f, problem
		}
	}
	if many {
		for _, v := range list {
			if string(v) != "null" { // null is equal to nothing
				f.Values = append(f.Values, plain(v))
			}
		}
		return f, ""
	}
	f.Null = string(value) == "null"
	f.Values = []string{plain(value)}
	return f, ""
}

// checkNative holds the rules for fields of the memo itself.
func checkNative(f Filter, isList bool, list []json.RawMessage) string {
	if !slices.Contains(natives, f.Field) {
		return "Invalid field for native_field filter. Must be one of: " + strings.Join(natives, ", ")
	}
	if f.Field != "tags" {
		return ""
	}
	if !isList {
		return "Value must be a list for tags filter"
	}
	for _, v := range list {
		if len(v) == 0 || v[0] != '"' {
			return "Value must be a list of strings for tags filter"
		}
	}
	if f.Operator != "in" && f.Operator != "not_in" {
		return "Operator must be in or not_in for tags filter"
	}
	return ""
}

// text returns a JSON string's content, "" for anything else.
func text(raw json.RawMessage) string {
	var s string
	if n := len(raw); n >= 2 && raw[0] == '"' && raw[n-1] == '"' && bytes.IndexByte(raw, '\\') < 0 {
		return strings.ToValidUTF8(string(raw[1:n-1]), "\ufffd")
	}
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// plain returns a JSON value as the text it is compared by: a string's content,
// anything else as it is spelled, without white space.
func plain(raw json.RawMessage) string {
	if len(raw) == 0 || raw[0] != '"' && raw[0] != '{' && raw[0] != '[' {
		return string(raw)
	}
	if raw[0] == '"' {
		return text(raw)
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}

// Match reports whether the attributes satisfy every filter.
func (fs Filters) Match(a *Attributes) bool {
	for i := range fs {
		if !fs[i].match(a) {
			return false
		}
	}
	return true
}

func (f *Filter) match(a *Attributes) bool {
	if f.Null {
		return false
	}
	if f.Type == FilterNative && f.Field == "tags" {
		has := slices.ContainsFunc(a.Tags, func(tag string) bool { return slices.Contains(f.Values, tag) })
		return has == (f.Operator == "in")
	}
	if f.ofTime() {
		return f.matchTime(a)
	}
	have, ok := f.value(a)
	return f.compare(have, ok)
}

// compare applies the operator. A field that is not there is not equal to any
// value, so it satisfies neq and not_in, and nothing else.
func (f *Filter) compare(have string, ok bool) bool {
	switch f.Operator {
	case "neq":
		return !ok || have != f.Values[0]
	case "not_in":
		return !ok || !slices.Contains(f.Values, have)
	}
	if !ok {
		return false
	}
	switch f.Operator {
	case "eq":
		return have == f.Values[0]
	case "contains":
		return strings.Contains(strings.ToLower(have), strings.ToLower(f.Values[0]))
	case "startswith":
		return strings.HasPrefix(have, f.Values[0])
	case "endswith":
		return strings.HasSuffix(have, f.Values[0])
	}
	return slices.Contains(f.Values, have) // in
}

// value returns the text of the field, and whether it is there.
func (f *Filter) value(a *Attributes) (string, bool) {
	switch f.Type {
	case FilterScope:
		v, ok := a.Scopes[f.Field]
		return v, ok
	case FilterMetadata:
		return metadataValue(a.Metadata, f.Field)
	}
	var v *string
	switch f.Field {
	case "title":
		return a.Title, true
	case "source":
		v = a.Source
	case "client_reference_id":
		v = a.ReferenceID
	}
	if v == nil {
		return "", false
	}
	return *v, true
}

// metadataValue returns the text of a top-level key of metadata. Null counts as
// not there.
func metadataValue(metadata json.RawMessage, key string) (string, bool) {
	raw := member(metadata, key)
	if len(raw) == 0 || string(raw) == "null" {
		return "", false
	}
	return plain(raw), true
}
