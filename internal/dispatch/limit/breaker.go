package limit

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
	firstDead, longDead = 5 * time.Second, time.Minute
)

// A Breaker is a circuit breaker (Nygard, Release It!, 2007): it lets nothing
// through to an upstream that fails all the time, then one call to probe, and
// everything when that succeeds.
type Breaker struct {
	failures int // in a row
	times    int // that it has opened since the last success
	until    time.Time
	open     bool
	probing  bool // half-open: a call is on its way
	dead     bool // open because of the key
}

// Wait returns when a call may go: a time that has passed for now, and the zero
// time if that depends on the call that probes.
func (b *Breaker) Wait(now time.Time) (at time.Time, ok bool) {
	switch {
	case !b.open:
		return now, true
	case b.probing:
		return time.Time{}, false
	}
	return b.until, !now.Before(b.until)
}

// Begin notes that a call goes out.
func (b *Breaker) Begin() (probe bool) {
	if b.open {
		b.probing = true
	}
	return b.open
}

// Healed notes an answer: the upstream works, whatever it thinks of the request.
func (b *Breaker) Healed() { *b = Breaker{} }

// GaveUp notes a probe that said nothing, because its caller left.
func (b *Breaker) GaveUp() { b.probing = false }

// Failed notes that the upstream is sick. It reports whether the circuit opens.
func (b *Breaker) Failed(probe bool, retryAfter time.Duration, now time.Time) (opens bool) {
	b.failures++
	if b.open && !probe || !b.open && b.failures < sickAfter {
		return false
	}
	b.trip(firstOpen, longOpen, retryAfter, now)
	return true
}

// Refused notes that the key is of no use.
func (b *Breaker) Refused(now time.Time) {
	if !b.open || b.probing {
		b.trip(firstDead, longDead, 0, now)
		b.dead = true
	}
}

func (b *Breaker) trip(first, long, retryAfter time.Duration, now time.Time) {
	d := min(first<<min(b.times, 10), long)
	d = max(d/2+rand.N(d/2+1), retryAfter)
	b.open, b.probing, b.until = true, false, now.Add(d)
	b.times++
}

// Open reports whether it lets nothing through, or a single call to probe.
func (b *Breaker) Open() bool { return b.open }

// Dead reports whether it is open because of the key.
func (b *Breaker) Dead() bool { return b.open && b.dead }

// Until returns when a call may probe.
func (b *Breaker) Until() time.Time { return b.until }
