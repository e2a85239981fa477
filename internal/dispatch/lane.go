package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

const (
	firstBackoff = 250 * time.Millisecond // doubled at each try, with full jitter
	longBackoff  = 30 * time.Second
	// throttleInterval is how near two refusals for rate must be to pause the
	// whole lane; one alone delays only its call.
	throttleInterval = 10 * time.Second
)

// A lane is where calls of one kind wait, go out, and are tried again.
type lane struct {
	*gate
	kind        string
	interactive time.Duration
	bulkWithin  time.Duration
	log         *slog.Logger

	mu        sync.Mutex // guards all below
	throttled time.Time  // the last refusal for rate
	reason    string     // why the lane waits, until pausedUntil
	lastError string
}

func newLane(kind string, slots int, cfg Config) *lane {
	return &lane{
		gate: newGate(slots), kind: kind, interactive: cfg.InteractiveWithin, bulkWithin: cfg.BulkWithin,
		log: cfg.Log,
	}
}

// within returns how long a call may be tried.
func (l *lane) within(p llm.Priority) time.Duration {
	if bulky(p) {
		return l.bulkWithin
	}
	return l.interactive
}

// try makes one exchange in a slot, and makes it again while its failure may
// pass and time is left. Errors are faults in words for the person.
func (l *lane) try(ctx context.Context, call llm.Call, cost int, exchange func(context.Context) error) error {
	if err := l.enter(ctx, call, cost); err != nil {
		return err
	}
	return l.tryEntered(ctx, call, cost, exchange)
}

// tryEntered is try for a caller that has its first slot already.
func (l *lane) tryEntered(
	ctx context.Context, call llm.Call, cost int, exchange func(context.Context) error,
) error {
	deadline := time.Now().Add(l.within(call.Priority))
	for attempt := 0; ; attempt++ {
		err := exchange(ctx)
		l.leave(call)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		wait, again := l.judge(err, attempt)
		if !again || time.Now().Add(wait).After(deadline) {
			return inWords(err)
		}
		l.log.DebugContext(ctx, "call failed; trying again", "kind", l.kind, "after", wait, "error", err)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		if err := l.enter(ctx, call, cost); err != nil {
			return err
		}
	}
}

// A final error is not tried again, whatever its class.
type final struct{ error }

// judge decides whether a failed call is tried again, and when.
func (l *lane) judge(err error, attempt int) (wait time.Duration, again bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastError = err.Error()
	if _, ok := errors.AsType[final](err); ok {
		return 0, false
	}
	e, ok := errors.AsType[*llm.Error](err)
	if !ok || e.Class != llm.ClassThrottled && e.Class != llm.ClassSick {
		return 0, false
	}
	wait = rand.N(min(firstBackoff<<min(attempt, 10), longBackoff)) + time.Millisecond
	if e.RetryAfter > 0 {
		wait = e.RetryAfter + rand.N(e.RetryAfter/10+time.Millisecond)
	}
	if e.Class == llm.ClassThrottled {
		now := time.Now()
		if now.Sub(l.throttled) < throttleInterval {
			until := now.Add(wait)
			l.reason = fmt.Sprintf("%s: %d until %s", e.Provider, e.Status, until.UTC().Format(time.TimeOnly))
			l.pause(until)
		}
		l.throttled = now
	}
	return wait, true
}

// why returns the reason why the lane waits, "" if it does not.
func (l *lane) why() (reason, lastError string) {
	l.gate.mu.Lock()
	paused := time.Now().Before(l.pausedUntil)
	l.gate.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !paused {
		return "", l.lastError
	}
	return l.reason, l.lastError
}

// inWords turns a provider's error into a fault whose message a person may see.
func inWords(err error) error {
	if f, ok := errors.AsType[final](err); ok {
		err = f.error
	}
	e, ok := errors.AsType[*llm.Error](err)
	if !ok {
		return err
	}
	kind := map[llm.Class]fault.Kind{
		llm.ClassBadRequest: fault.Invalid,
		llm.ClassTooLong:    fault.TooLarge,
		llm.ClassThrottled:  fault.RateLimited,
		llm.ClassSick:       fault.Unavailable,
		llm.ClassDeadKey:    fault.Forbidden,
	}[e.Class]
	plain := *e
	plain.Err = nil // the cause may name addresses; it is for the log
	return fault.Wrap(kind, plain.Error(), err)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
