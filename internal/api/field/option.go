package field

import (
	"cmp"
	"fmt"
	"math"
	"strconv"

	"kvasir/internal/fault"
)

// Bool sets into if the value was sent, or returns the refusal of a wrong one.
func Bool(name string, f Of[bool], into *bool) error {
	if f.Wrong != "" {
		return Unfit(name, f.Shown, "a boolean")
	}
	if f.Given() {
		*into = f.Value
	}
	return nil
}

// Number is [Bool] for a number between two others.
func Number(name string, f Of[float64], low, high float64, into *float64) error {
	if !f.Given() {
		return nil
	}
	if f.Wrong != "" || f.Value < low || f.Value > high {
		return Unfit(name, cmp.Or(f.Shown, spell(f.Value)), fmt.Sprintf("a number between %v and %v", low, high))
	}
	*into = f.Value
	return nil
}

// Integer is [Bool] for a whole number between two others.
func Integer(name string, f Of[int], low, high int, into *int) error {
	if !f.Given() {
		return nil
	}
	if f.Wrong != "" || f.Value < low || f.Value > high {
		return Unfit(name, cmp.Or(f.Shown, strconv.Itoa(f.Value)),
			fmt.Sprintf("a whole number between %d and %d", low, high))
	}
	*into = f.Value
	return nil
}

// Object is for objects whose parts are checked by themselves.
func Object[T any](name string, f Of[T]) error {
	if f.Wrong != "" {
		return Unfit(name, f.Shown, "an object")
	}
	return nil
}

// Unfit refuses a value, in the way that the wire does.
func Unfit(name, shown, want string) error {
	return fault.New(fault.Invalid, fmt.Sprintf("Invalid %s: %s. Must be %s.", name, shown, want))
}

// spell writes a number as JavaScript does: without an exponent, unless it is huge.
func spell(f float64) string {
	if math.Abs(f) < 1e21 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(f)
}
