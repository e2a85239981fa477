package field

import (
	"fmt"
	"strings"

	"kvasir/internal/fault"
)

// Complaints collects what is wrong with a request.
type Complaints []string

// Add adds a complaint about a value.
func (c *Complaints) Add(name, words string) { *c = append(*c, name+": "+words) }

// Err returns the complaints as one error, or nil.
func (c Complaints) Err(separator string) error {
	if len(c) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, strings.Join(c, separator))
}

// Check reports whether f holds a good value; it complains about a wrong one
// and about null.
func Check[T any](c *Complaints, name string, f Of[T]) bool {
	if f.Sent == "null" {
		var zero T
		c.Add(name, decode([]byte("null"), "null", &zero))
		return false
	}
	return CheckNullable(c, name, f)
}

// CheckNullable is [Check] for a value whose null means absent.
func CheckNullable[T any](c *Complaints, name string, f Of[T]) bool {
	if f.Wrong != "" {
		c.Add(name, f.Wrong)
	}
	return f.Given() && f.Wrong == ""
}

// ShortText checks a nullable text of at most MaxUnits, and returns it or nil.
func ShortText(c *Complaints, name string, f Of[string]) *string {
	if !CheckNullable(c, name, f) {
		return nil
	}
	if TooLong(f.Value) {
		c.Add(name, fmt.Sprintf("String must contain at most %d character(s)", MaxUnits))
		return nil
	}
	return &f.Value
}
