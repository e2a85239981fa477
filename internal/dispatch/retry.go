package dispatch

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

const (
	firstBackoff = 250 * time.Millisecond // doubled at each try, with full jitter
	longBackoff  = 30 * time.Second
	// leastRetries are there from the start, whatever the traffic.
	leastRetries = 20
)

// A job is a call and how to make it.
type job[T any] struct {
	call    llm.Call
	tokens  int // estimated
	texts   int // embedded or reranked together
	entered *attempt
	// exchange makes one try. What it returns without an error may still take
	// place: whoever gets it ends the attempt.
	exchange func(ctx context.Context, l *lane) (T, error)
	// discard ends what a hedged exchange has begun when the other was first.
	discard func(T)
}

// try makes an exchange in a slot, and makes it again while its failure may pass
// and time is left: here and nowhere else. Errors are faults in words for the
// person. The attempt that succeeded is the caller's to end.
func try[T any](ctx context.Context, p *pool, j job[T]) (value T, won *attempt, err error) {
	deadline := p.deadline(j.call.Priority)
	p.earn(j.tokens)
	a := j.entered
	var failed *lane
	for n := 1; ; n++ {
		if a == nil {
			t := &ticket{call: j.call, tokens: j.tokens, avoid: failed}
			if a, err = p.enter(ctx, t, deadline); err != nil {
				return value, nil, err
			}
		}
		failed = a.lane
		if value, won, err = race(ctx, p, j, a, n); err == nil {
			return value, won, nil
		}
		a = nil
		if ctx.Err() != nil {
			return value, nil, ctx.Err()
		}
		wait, again := p.judge(err, failed, bulky(j.call.Priority), n, deadline)
		if !again {
			return value, nil, inWords(err)
		}
		p.log.DebugContext(ctx, "call failed; trying again", "kind", p.kind, "lane", failed.Name(), "after", wait,
			"error", err)
		if err := sleep(ctx, wait); err != nil {
			return value, nil, err
		}
	}
}

// earn adds a call's share to what retries and hedges may take.
func (p *pool) earn(tokens int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.retries.Earn(1, now)
	p.hedges.Earn(float64(max(tokens, 1)), now)
}

// judge decides whether a call that has failed in a lane is tried again, and when.
func (p *pool) judge(err error, l *lane, bulk bool, n int, deadline time.Time) (wait time.Duration, again bool) {
	e, ok := errors.AsType[*llm.Error](err)
	if !ok || e.Class == llm.ClassBadRequest || e.Class == llm.ClassTooLong {
		return 0, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	elsewhere := p.elsewhere(l, now)
	if !elsewhere {
		if e.Class == llm.ClassDeadKey {
			return 0, false
		}
		wait = rand.N(min(firstBackoff<<min(n-1, 10), longBackoff)) + time.Millisecond
		if e.RetryAfter > 0 {
			// Never earlier than asked, and not all at once.
			wait = e.RetryAfter + rand.N(e.RetryAfter/10+time.Millisecond)
		}
	}
	// When the upstream fails most calls, more of them would not help it. What
	// can wait has its retry when the allowance does; a person is told.
	if bulk {
		wait = max(wait, p.retries.Promise(1, now))
	} else if !p.retries.Spend(1, now) {
		return 0, false
	}
	if now.Add(wait).After(deadline) {
		return 0, false
	}
	l.counts.retried++
	if !elsewhere {
		l.backoff = l.backoff.later(trouble{l.Name() + ": " + ailment(e), now.Add(wait)})
	}
	return wait, true
}

// elsewhere reports whether another lane could take a call soon.
func (p *pool) elsewhere(failed *lane, now time.Time) bool {
	for _, l := range p.lanes {
		if l != failed && !l.opening(0, false, now).closed {
			return true
		}
	}
	return false
}

// longAilment bounds what a reason repeats of a provider's words, in bytes.
const longAilment = 120

// ailment names a passing failure in a few words: "429", "503 (overloaded)".
func ailment(e *llm.Error) string {
	words := string(e.Class)
	if e.Status != 0 {
		words = strconv.Itoa(e.Status)
	}
	if e.Class == llm.ClassThrottled || e.Message == "" {
		return words // the number says it all
	}
	message := e.Message
	if len(message) > longAilment {
		message = strings.ToValidUTF8(message[:longAilment], "") + "…"
	}
	return words + " (" + message + ")"
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
	e, ok := errors.AsType[*llm.Error](err)
	if !ok {
		return err
	}
	plain := *e
	plain.Err = nil // the cause may name addresses; it is for the log
	return fault.Wrap(cmp.Or(kinds[e.Class], fault.Unavailable), plain.Error(), err)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
