package fault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"kvasir/internal/fault"
)

func TestKindAndMessage(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk on fire")
	tests := []struct {
		name    string
		err     error
		kind    fault.Kind
		message string
	}{
		{"a fault shows its message", fault.New(fault.NotFound, "Memo not found"), fault.NotFound, "Memo not found"},
		{
			"a wrapped fault is found",
			fmt.Errorf("read memo: %w", fault.New(fault.NotFound, "Memo not found")),
			fault.NotFound, "Memo not found",
		},
		{
			"the outermost fault wins",
			fault.Wrap(fault.Unavailable, "Chat agent unavailable", fault.New(fault.Invalid, "no")),
			fault.Unavailable, "Chat agent unavailable",
		},
		{"an unclassified error shows nothing", cause, fault.Internal, "Internal error"},
		{
			"an internal fault shows nothing",
			fault.Wrap(fault.Internal, "row 7 is odd", cause), fault.Internal, "Internal error",
		},
		{
			"a cancelled context is not a failure",
			fmt.Errorf("embed: %w", context.Canceled), fault.Canceled,
			"The request was cancelled or took too long",
		},
		{
			"an expired deadline is one kind with it", context.DeadlineExceeded, fault.Canceled,
			"The request was cancelled or took too long",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := fault.KindOf(tt.err); got != tt.kind {
				t.Errorf("KindOf(%v) = %v, want %v", tt.err, got, tt.kind)
			}
			if got := fault.Message(tt.err); got != tt.message {
				t.Errorf("Message(%v) = %q, want %q", tt.err, got, tt.message)
			}
		})
	}
}

func TestIsNeedsAnError(t *testing.T) {
	t.Parallel()
	if fault.Is(nil, fault.Internal) {
		t.Error("Is(nil, Internal) = true, want false")
	}
	if !fault.Is(fault.New(fault.Conflict, "x"), fault.Conflict) {
		t.Error("Is(conflict, Conflict) = false, want true")
	}
}

func TestErrorTellsTheCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection refused")
	err := fault.Wrap(fault.Unavailable, "Provider is down", cause)
	if got, want := err.Error(), "Provider is down: connection refused"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is not in the chain")
	}
}

func TestEveryKindHasAName(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for k := fault.Internal; k <= fault.Canceled; k++ {
		if s := k.String(); s == "" || s == "unknown" || seen[s] {
			t.Errorf("kind %d has the name %q", k, s)
		}
		seen[k.String()] = true
	}
	if got := fault.Kind(99).String(); got != "unknown" {
		t.Errorf("Kind(99) = %q, want unknown", got)
	}
}
