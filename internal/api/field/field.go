// Package field holds what bodies of requests are made of: values that know how they
// were sent, and what is said when they are wrong.
//
// A wire type is a struct of [Of] values. Decoding it never fails; then each value is
// looked at, in the wire's order and words. [Check] and its kin collect complaints of
// the form "limit: Expected number, received string", [Number] and its kin return one
// refusal of the form "Invalid top_k: 0. Must be a number between 1 and 200.".
package field

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// An Of is a value in a request body that remembers how it was sent. Decoding
// it never fails: who validates says what is wrong, all at once and in the
// wire's words, for which it must tell absent, null and mistaken apart.
type Of[T any] struct {
	Value T
	Sent  string // JSON's name of what was sent: "null", "string"…; "" when absent
	Wrong string // what is wrong with it, in words
	Shown string // what was sent, as the wire shows it when it is wrong
}

// Given reports whether there is something other than null, right or wrong.
func (f Of[T]) Given() bool { return f.Sent != "" && f.Sent != "null" }

// IsBlank reports whether a text is missing or says nothing.
func IsBlank(f Of[string]) bool { return f.Wrong == "" && strings.TrimSpace(f.Value) == "" }

// UnmarshalJSON notes what was sent.
func (f *Of[T]) UnmarshalJSON(raw []byte) error {
	*f = Of[T]{Sent: KindOf(raw)}
	if f.Sent == "null" {
		return nil
	}
	if f.Wrong = decode(raw, f.Sent, &f.Value); f.Wrong != "" {
		f.Shown = shown(raw)
	}
	return nil
}

// Schema documents a field as what it holds.
func (f Of[T]) Schema(r huma.Registry) *huma.Schema {
	s := r.Schema(reflect.TypeFor[T](), true, "")
	s.Nullable = false // huma's guess for lists; the tag nullable says which are
	return s
}
