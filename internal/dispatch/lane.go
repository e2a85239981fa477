package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

// A lane is where the calls of one kind to one model wait, go out, and are tried
// again.
type lane struct {
	*gate
	kind   string // embed, generate, rerank
	person time.Duration
	bulk   time.Duration
	log    *slog.Logger

	mu        sync.Mutex // guards all below; taken before the gate's
	weather   weather    // how the latest calls went
	paused    trouble    // all calls wait
	backoff   trouble    // some calls wait
	lastError string
}

// A trouble is why calls wait, and until when.
type trouble struct {
	words string
	until time.Time
}

// String returns both, or nothing when it is over.
func (t trouble) String() string {
	if !time.Now().Before(t.until) {
		return ""
	}
	return fmt.Sprintf("%s until %s", t.words, t.until.UTC().Format(time.TimeOnly))
}

// later returns whichever lasts longer.
func (t trouble) later(u trouble) trouble {
	if u.until.After(t.until) {
		return u
	}
	return t
}

func newLane(kind string, slots int, cfg Config) *lane {
	return &lane{
		gate: newGate(slots), kind: kind, person: cfg.InteractiveWithin, bulk: cfg.BulkWithin, log: cfg.Log,
	}
}

// deadline returns until when a call that arrives now may be tried.
func (l *lane) deadline(p llm.Priority) time.Time {
	if bulky(p) {
		return time.Now().Add(l.bulk)
	}
	return time.Now().Add(l.person)
}

// enterBy waits for a slot. Bulk waits as long as it takes: the snapshot says for
// what. A person is told when the deadline passes, or as soon as it is plain that
// it will.
func (l *lane) enterBy(ctx context.Context, call llm.Call, cost int, deadline time.Time) error {
	if bulky(call.Priority) {
		return l.enter(ctx, call, cost)
	}
	if l.closedUntil().After(deadline) {
		return l.late()
	}
	within, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	err := l.enter(within, call, cost)
	if err != nil && ctx.Err() == nil {
		return l.late()
	}
	return err
}

// late is the fault of a call that a person has waited for long enough.
func (l *lane) late() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if why := l.paused.String(); why != "" {
		return fault.New(fault.RateLimited, why)
	}
	words := fmt.Sprintf("No answer from the model within %v", l.person)
	if why := l.backoff.String(); why != "" {
		words += "; " + why
	}
	return fault.New(fault.Unavailable, words)
}

// why returns why calls wait, "" if they need not, and the last failure.
func (l *lane) why() (reason, lastError string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if reason = l.paused.String(); reason == "" {
		reason = l.backoff.String()
	}
	return reason, l.lastError
}
