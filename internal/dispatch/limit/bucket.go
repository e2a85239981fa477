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
}

// Set changes the limit. What is in the bucket stays, within the new burst.
func (b *Bucket) Set(perMinute float64, source string, now time.Time) {
	if perMinute == b.limit && source == b.source {
		return
	}
	fresh := b.rate == 0
	b.refill(now)
	b.limit, b.source = perMinute, source
	b.rate = perMinute / 60 * underLimit
	b.burst = max(b.rate*burstFor.Seconds(), min(leastBurst, perMinute))
	if fresh {
		b.level, b.at = b.burst, now
	}
	b.level = min(b.level, b.burst)
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
	if lack <= 1e-9 { // what rounding leaves
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

// Report corrects the bucket by what a provider says of it. Others may use the
// account, too, so the level goes down to what remains; never up, because what is
// in flight may not be counted yet.
func (b *Bucket) Report(q llm.Quota, now time.Time) {
	if q.Limit > 0 {
		perMinute := float64(q.Limit) / period(q.Reset).Minutes()
		b.Set(perMinute, Reported, now)
	}
	if b.rate > 0 && q.Told {
		b.refill(now)
		b.level = min(b.level, float64(q.Remaining))
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
