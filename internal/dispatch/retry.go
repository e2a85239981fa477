package dispatch

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

const (
	firstBackoff = 250 * time.Millisecond // doubled at each try, with full jitter
	longBackoff  = 30 * time.Second
)

// try makes one exchange in a slot, and makes it again while its failure may
// pass and time is left. Entered says that the caller has its first slot already.
// Errors are faults in words for the person.
func (l *lane) try(
	ctx context.Context, call llm.Call, cost int, entered bool, exchange func(context.Context) error,
) error {
	deadline := l.deadline(call.Priority)
	for attempt := 0; ; attempt++ {
		if !entered {
			if err := l.enterBy(ctx, call, cost, deadline); err != nil {
				return err
			}
		}
		entered = false
		err := l.once(ctx, call, exchange)
		if err == nil {
			l.succeeded()
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		wait, again := l.judge(ctx, err, attempt, deadline)
		if !again {
			return inWords(err)
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// once makes the exchange and gives the slot back, even if an adapter panics.
func (l *lane) once(ctx context.Context, call llm.Call, exchange func(context.Context) error) error {
	defer l.leave(call)
	return exchange(ctx)
}

func (l *lane) succeeded() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.weather.note(false, time.Now())
}

// A final error is not tried again, whatever its class.
type final struct{ error }

// judge decides whether a failed call is tried again, and when.
func (l *lane) judge(
	ctx context.Context, err error, attempt int, deadline time.Time,
) (wait time.Duration, again bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastError = fault.Message(inWords(err))
	if _, ok := errors.AsType[final](err); ok {
		return 0, false
	}
	e, ok := errors.AsType[*llm.Error](err)
	if !ok || e.Class != llm.ClassThrottled && e.Class != llm.ClassSick {
		return 0, false
	}
	wait = rand.N(min(firstBackoff<<min(attempt, 10), longBackoff)) + time.Millisecond
	if e.RetryAfter > 0 {
		// Never earlier than asked, and not all at once.
		wait = e.RetryAfter + rand.N(e.RetryAfter/10+time.Millisecond)
	}
	now := time.Now()
	next := trouble{words: e.Provider + ": " + status(e), until: now.Add(wait)}
	if l.weather.note(e.Class == llm.ClassThrottled, now) {
		l.paused = l.paused.later(next)
		if l.pause(next.until) {
			l.log.WarnContext(ctx, "model calls paused", "kind", l.kind, "reason", next.String())
		}
	}
	if next.until.After(deadline) {
		return 0, false
	}
	l.backoff = l.backoff.later(next)
	l.log.DebugContext(ctx, "call failed; trying again", "kind", l.kind, "after", wait, "error", err)
	return wait, true
}

// status names a failure in a word.
func status(e *llm.Error) string {
	if e.Status == 0 {
		return string(e.Class)
	}
	return strconv.Itoa(e.Status)
}

// kinds says what each class is to the person who asked. A key that the provider
// refuses is the operator's matter: the person is not forbidden anything.
var kinds = map[llm.Class]fault.Kind{
	llm.ClassBadRequest: fault.Invalid,
	llm.ClassTooLong:    fault.TooLarge,
	llm.ClassThrottled:  fault.RateLimited,
	llm.ClassSick:       fault.Unavailable,
	llm.ClassDeadKey:    fault.Unavailable,
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
	plain := *e
	plain.Err = nil // the cause may name addresses; it is for the log
	return fault.Wrap(cmp.Or(kinds[e.Class], fault.Unavailable), plain.Error(), err)
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
