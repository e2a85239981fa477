package api

import (
	"context"
	"errors"
	"net/http"

	"kvasir/internal/api/guard"
	"kvasir/internal/fault"
)

// statuses is the one place where kinds of failure become HTTP.
var statuses = map[fault.Kind]int{
	fault.Internal:        http.StatusInternalServerError,
	fault.Invalid:         http.StatusBadRequest,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.TooLarge:        http.StatusRequestEntityTooLarge,
	fault.RateLimited:     http.StatusTooManyRequests,
	fault.Exhausted:       http.StatusPaymentRequired,
	fault.Unavailable:     http.StatusServiceUnavailable,
	fault.Canceled:        499, // the client has gone; the number is for the log
}

// A failure is an error as the wire shows it.
type failure struct {
	Words  string `json:"error" doc:"What went wrong, in words." example:"Memo not found"`
	status int
}

// Error returns the words.
func (f *failure) Error() string { return f.Words }

// GetStatus is for huma.
func (f *failure) GetStatus() int { return f.status }

// fail turns any error into its answer and logs what the answer does not show.
func (s *server) fail(ctx context.Context, err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	kind := fault.KindOf(err)
	f := &failure{Words: fault.Message(err), status: statuses[kind]}
	switch {
	case kind == fault.Internal:
		s.Log.ErrorContext(ctx, "request failed", "request_id", guard.RequestID(ctx), "error", err)
	case kind == fault.Unavailable:
		s.Log.WarnContext(ctx, "request refused", "request_id", guard.RequestID(ctx), "error", err)
	case kind == fault.Canceled && ctx.Err() == nil: // a deadline of ours, the client still waits
		f.status = http.StatusServiceUnavailable
	}
	return f
}

// invalid is a bad request, in words.
func invalid(words string) error { return fault.New(fault.Invalid, words) }

// orNotFound gives a missing thing the wire's name for it.
func orNotFound(err error, words string) error {
	if fault.Is(err, fault.NotFound) {
		return fault.Wrap(fault.NotFound, words, err)
	}
	return err
}
