package memo

import "encoding/json"

// A Filter is one condition on a memo's attributes; all of a list must hold.
// The vocabulary and its meaning are section 4 of the wire.
type Filter struct {
	Type     string // native_field, custom_metadata, scope
	Field    string
	Operator string // eq, neq, contains, startswith, endswith, in, not_in
	Values   []string
	Null     bool // the value was null, which matches nothing
}

// Filters are joined by AND; none matches everything.
type Filters []Filter

// ParseFilters reads the wire's list and returns the first fault of the first
// faulty entry, in the wire's words. Absent and null mean no filters.
func ParseFilters(raw json.RawMessage) (Filters, error) {
	panic("not written yet")
}

// Match reports whether the attributes satisfy every filter.
func (fs Filters) Match(a *Attributes) bool {
	panic("not written yet")
}
