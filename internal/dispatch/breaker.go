package dispatch

import (
	"math/rand/v2"
	"time"
)

const (
	// sickAfter failures in a row the circuit opens. Every fifth call failing at
	// random is eight in a row once in 400,000.
	sickAfter = 8
	// firstOpen and longOpen bound how long the circuit is open; it doubles.
	firstOpen, longOpen = time.Second, time.Minute
	// firstDead and longDead are the same for a key that the provider refuses.
	firstDead, longDead = 5 * time.Second, 10 * time.Minute
)

// A breaker is a circuit breaker (Nygard, Release It!, 2007): it lets nothing
// through to an upstream that fails all the time, then one call to probe, and
// everything when that succeeds.
type breaker struct {
	failures int // in a row
	times    int // that it has opened since the last success
	until    time.Time
	open     bool
	probing  bool // half-open: a call is on its way
	dead     bool // open because of the key
}

// wait returns when a call may go: a time that has passed for now, and the zero
// time if that depends on the call that probes.
func (b *breaker) wait(now time.Time) (at time.Time, ok bool) {
	switch {
	case !b.open:
		return now, true
	case b.probing:
		return time.Time{}, false
	}
	return b.until, !now.Before(b.until)
}

// begin notes that a call goes out.
func (b *breaker) begin() (probe bool) {
	if b.open {
		b.probing = true
	}
	return b.open
}

// healed notes an answer: the upstream works, whatever it thinks of the request.
func (b *breaker) healed() { *b = breaker{} }

// gaveUp notes a probe that said nothing, because its caller left.
func (b *breaker) gaveUp() { b.probing = false }

// failed notes that the upstream is sick. It reports whether the circuit opens.
func (b *breaker) failed(probe bool, retryAfter time.Duration, now time.Time) (opens bool) {
	b.failures++
	if b.open && !probe || !b.open && b.failures < sickAfter {
		return false
	}
	b.trip(firstOpen, longOpen, retryAfter, now)
	return true
}

// refused notes that the key is of no use.
func (b *breaker) refused(now time.Time) {
	if !b.open || b.probing {
		b.trip(firstDead, longDead, 0, now)
		b.dead = true
	}
}

func (b *breaker) trip(first, long, retryAfter time.Duration, now time.Time) {
	d := min(first<<min(b.times, 10), long)
	d = max(d/2+rand.N(d/2+1), retryAfter)
	b.open, b.probing, b.until = true, false, now.Add(d)
	b.times++
}
