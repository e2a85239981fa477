package llm

import (
	"errors"
	"fmt"
	"time"
)

// A Class sorts failed exchanges by what may be done about them.
type Class string

// The classes.
const (
	ClassDeadKey    Class = "dead key"      // 401, 403, no credit: this key will not work again soon
	ClassThrottled  Class = "throttled"     // 429: later, when RetryAfter has passed
	ClassSick       Class = "sick upstream" // 5xx, resets, time-outs, garbage: later, or elsewhere
	ClassBadRequest Class = "bad request"   // 400: the same request will fail again
	ClassTooLong    Class = "too long"      // the input is over the model's limit
)

// An Error is a failed exchange with a provider. Message is the provider's own
// word, cut to a sane length and free of keys.
type Error struct {
	Class      Class
	Provider   string
	Status     int           // HTTP status; 0 when there was no answer
	RetryAfter time.Duration // what the provider asked for; 0 when it did not
	Message    string
	Err        error // the cause; may be nil
}

// Error says which provider failed, how, and why.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s", e.Provider, e.Class)
	if e.Status != 0 {
		s += fmt.Sprintf(" (HTTP %d)", e.Status)
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of the provider error in err's chain, "" if none.
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return ""
}
