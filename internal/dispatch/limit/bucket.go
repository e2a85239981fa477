package limit

import (
	"time"

	"kvasir/internal/llm"
)

const (
	// underLimit is how much of a limit is used: a provider's clock is not ours, and
	// what is on the way may arrive bunched.
	underLimit = 0.98
	// burstFor is how much of a limit may be used at once after a rest. Providers
	// allow a minute's worth or a second's, and do not say which.
	burstFor = 5 * time.Second
	// leastBurst lets a person's call and its retry pass when bulk has taken what it may.
	leastBurst = 4
	// reservedShare of a full bucket, and no less than reservedLeast, is for people.
	reservedShare = 0.05
	reservedLeast = 2
)

// A Bucket is a token bucket: it fills at a rate up to its burst, and calls take
// from it. It is the account's own as far as that is known: see [Bucket.Report]. The
// zero value has no limit.
type Bucket struct {
	rate   float64 // a second; 0 when no limit is known
	burst  float64
	level  float64 // may be below 0: a call larger than the burst is paid off afterwards
	at     time.Time
	limit  float64 // a minute, as configured, reported or learned
	source string
	span   time.Duration // that it was reported for
	tight  int           // how often the burst was halved
	others float64       // the share of the limit that other processes use
	// lowered is what reports have taken away, in all.
	lowered float64
}

// A Mark is what was in a bucket when a call went out: what the answer says of
// the bucket is about that moment.
type Mark struct {
	level, lowered float64
	known          bool // there was a limit
}

// Mark returns what is in the bucket, when a call has taken what it needs.
func (b *Bucket) Mark() Mark { return Mark{b.level, b.lowered, b.rate > 0} }

// Set changes the limit. What is in the bucket stays, within the new burst.
func (b *Bucket) Set(perMinute float64, source string, now time.Time) {
	if perMinute == b.limit && source == b.source {
		return
	}
	fresh := b.rate == 0
	b.refill(now)
	b.limit, b.source = perMinute, source
	b.measure()
	if fresh {
		b.level, b.at = b.burst, now
	}
	b.level = min(b.level, b.burst)
}

// trickling is the least rate of a limit: none at all would mean that there is no limit.
const trickling = 1e-9

// measure sets the rate and the burst.
func (b *Bucket) measure() {
	if b.rate = b.limit / 60 * underLimit; b.rate > 0 {
		b.rate = max(b.rate*(1-b.others), trickling)
	}
	most := max(burstFor>>b.tight, time.Second)
	b.burst = max(b.rate*most.Seconds(), min(leastBurst, b.limit)*(1-b.others))
}

// Grant leaves this process a share of the limit, from 0 to 1. What is in the bucket
// shrinks with it.
func (b *Bucket) Grant(share float64, now time.Time) {
	had := 1 - b.others
	b.others = 1 - share
	if b.limit == 0 || share == had {
		return
	}
	b.refill(now)
	if share < had && b.level > 0 {
		b.level *= share / had
	}
	b.measure()
	b.level = min(b.level, b.burst)
}

// Tighten halves what may be used at once, down to a second's worth: the provider
// has refused a call although the bucket had room for it.
func (b *Bucket) Tighten(now time.Time) {
	b.refill(now)
	b.tight = min(b.tight+1, 8)
	b.measure()
	b.level = min(b.level, b.burst)
}

// Told reports whether a provider tells the limit and seems to tell it a minute: it
// has not refused as often as it takes to tighten the bucket to a second's worth. A
// limit of a day looks like one of a minute while little of it is used.
func (b *Bucket) Told() bool {
	return b.source == Reported && b.span == time.Minute && burstFor>>b.tight > time.Second
}

func (b *Bucket) refill(now time.Time) {
	if passed := now.Sub(b.at); passed > 0 {
		b.level = min(b.burst, b.level+b.rate*passed.Seconds())
		b.at = now
	}
}

// reserve is what bulk leaves for people.
func (b *Bucket) reserve() float64 {
	return min(max(reservedShare*b.burst, min(reservedLeast, b.burst/2)), b.burst/2)
}

// Spare returns what a call may take now; a large number without a limit.
func (b *Bucket) Spare(bulk bool, now time.Time) float64 {
	if b.rate == 0 {
		return 1 << 53
	}
	b.refill(now)
	if bulk {
		return b.level - b.reserve()
	}
	return b.level
}

// Wait returns how long until a call may take n. A call larger than the burst
// waits for a full bucket.
func (b *Bucket) Wait(n float64, bulk bool, now time.Time) time.Duration {
	if b.rate == 0 {
		return 0
	}
	most := b.burst
	if bulk {
		most -= b.reserve()
	}
	lack := min(n, most) - b.Spare(bulk, now)
	switch {
	case b.others >= 1: // other processes have all of it, for the moment
		return time.Second
	case lack <= 1e-9: // what rounding leaves
		return 0
	}
	return time.Duration(lack/b.rate*float64(time.Second)) + time.Microsecond
}

// Take takes n, or gives it back if n is negative.
func (b *Bucket) Take(n float64, now time.Time) {
	if b.rate > 0 {
		b.refill(now)
		b.level = min(b.level-n, b.burst)
	}
}

// Report corrects the bucket by what a provider says of it in the answer to a call
// that went out at the mark. Others may use the account, too: if less was left than
// we thought, it is taken away, once for all calls that were on the way. Nothing is
// added, because what is on the way may not be counted yet.
func (b *Bucket) Report(q llm.Quota, m Mark, now time.Time) {
	before := b.limit
	if q.Limit > 0 {
		b.span = period(q.Reset)
		b.Set(float64(q.Limit)/b.span.Minutes(), Reported, now)
	}
	if b.rate == 0 || !q.Told {
		return
	}
	b.refill(now)
	over := b.level - float64(q.Remaining)
	if m.known && b.limit == before {
		over = m.level - (b.lowered - m.lowered) - float64(q.Remaining)
	}
	if over > 0 {
		b.level -= over
		b.lowered += over
	}
}

// The sources of a limit.
const (
	Configured = "configured"
	Reported   = "reported"
	Learned    = "learned"
)

// period returns what a limit is for. Nearly all are for a minute; a bucket that
// takes longer than its period to be full again is for a longer one.
func period(reset time.Duration) time.Duration {
	switch slack := reset * 9 / 10; {
	case slack > time.Hour:
		return 24 * time.Hour
	case slack > time.Minute:
		return time.Hour
	}
	return time.Minute
}

// PerSecond returns the rate at which it fills, 0 without a limit.
func (b *Bucket) PerSecond() float64 { return b.rate }

// PerMinute returns the limit and where it comes from; 0 and "" without one.
func (b *Bucket) PerMinute() (limit float64, source string) { return b.limit, b.source }
