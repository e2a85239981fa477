// Package fault is the closed list of ways in which work can fail.
//
// A [Fault] carries a [Kind], which each edge turns into its own code by one
// table (HTTP status, exit status, "does the job try again"), and two texts: a
// message for the person, which is safe to show, and the cause for the log.
// An error without a Fault in its chain is [Internal] and shows nothing.
package fault

import (
	"context"
	"errors"
)

// A Kind is one meaning of failure.
type Kind int

// The kinds. Internal is the zero value: what nobody classified is our bug.
const (
	Internal        Kind = iota // a bug or a broken machine; the person sees no detail
	Invalid                     // the request is wrong; the message names the field
	Unauthenticated             // no valid credentials
	Forbidden                   // valid credentials, not allowed
	NotFound                    // no such thing in the caller's project
	Conflict                    // the thing has changed meanwhile
	TooLarge                    // over a documented limit
	RateLimited                 // too many requests; trying later helps
	Unavailable                 // something outside is down; trying later helps
	Canceled                    // the caller went away; not a failure
	Exhausted                   // a budget is spent; a higher one or the next period helps
)

var kindNames = [...]string{
	"internal", "invalid", "unauthenticated", "forbidden", "not found",
	"conflict", "too large", "rate limited", "unavailable", "canceled", "exhausted",
}

// String returns the kind's name in lower case.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return "unknown"
	}
	return kindNames[k]
}

// A Fault is an error with a kind and a message that may be shown.
type Fault struct {
	Kind    Kind
	Message string // for the person: safe, says what to do
	Cause   error  // for the log; may be nil
}

// New returns a fault without a cause.
func New(kind Kind, message string) error { return &Fault{Kind: kind, Message: message} }

// Wrap returns a fault that shows message and logs cause.
func Wrap(kind Kind, message string, cause error) error {
	return &Fault{Kind: kind, Message: message, Cause: cause}
}

// Error returns the message and the cause.
func (f *Fault) Error() string {
	if f.Cause == nil {
		return f.Message
	}
	return f.Message + ": " + f.Cause.Error()
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Cause }

// KindOf returns the kind of the outermost fault in err's chain. A cancelled or
// expired context without a fault is Canceled; anything else is Internal.
func KindOf(err error) Kind {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.Kind
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return Canceled
	}
	return Internal
}

// Is reports whether err is of the given kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// Message returns the text of err that a person may see.
func Message(err error) string {
	if f, ok := errors.AsType[*Fault](err); ok && f.Kind != Internal {
		return f.Message
	}
	if KindOf(err) == Canceled {
		return "The request was cancelled or took too long"
	}
	return "Internal error"
}
