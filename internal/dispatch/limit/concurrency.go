package limit

import (
	"math/bits"
	"time"
)

const (
	// quick answers are not made to queue by how many there are, or it does not matter.
	quick = 50 * time.Millisecond
	// strained is how many times the least latency means that the upstream has as
	// much as it can work on; overfull, that it queues.
	strained, overfull = 1.5, 2.0
)

// A Concurrency is how many requests a lane has in flight at most. It adapts to the
// latency as TCP Vegas does (Brakmo and Peterson, 1995): while answers come about
// as soon as they ever did, more are sent; when they come much later, the upstream
// queues, and fewer are. When half as many are as late as all were, it is not for
// the queue: the upstream has become slower, and that is its latency from then on.
// Refusals for rate do not count here: see [Rate].
type Concurrency struct {
	limit float64
	most  int
	grown bool              // the quick start is over
	least [32]time.Duration // by size of call, the bits of its tokens
	swell float64           // latency over the least one, smoothed
	cutAt time.Time         // the last time
	// Since answers come late: what the limit was before, and the largest swell.
	from, worst float64
}

// NewConcurrency returns one that begins with first and never allows more than
// most, at least 1.
func NewConcurrency(first, most int) Concurrency {
	return Concurrency{limit: float64(min(most, first)), most: most, swell: 1}
}

// Size returns the limit in requests.
func (c *Concurrency) Size() int { return max(1, int(c.limit)) }

// Most returns the limit that it never passes.
func (c *Concurrency) Most() int { return max(1, c.most) }

// Done notes an exchange that ended well. Full says that the lane had all the
// requests in flight that it may.
func (c *Concurrency) Done(tokens int, took time.Duration, full bool, now time.Time) {
	least := &c.least[bits.Len32(uint32(max(tokens, 0)))%len(c.least)]
	took = max(took, quick)
	if *least == 0 || took < *least {
		*least = took
	}
	c.swell += (float64(took)/float64(*least) - c.swell) / 8
	switch {
	case c.swell > overfull && now.Sub(c.cutAt) > took:
		c.cut(0.9, now)
	case c.swell > strained:
	case full && c.grown:
		c.from = 0
		c.limit = min(c.limit+1/c.limit, float64(c.most))
	case full:
		c.limit = min(c.limit+1, float64(c.most))
	}
}

// TimedOut notes an exchange that took too long to be waited for.
func (c *Concurrency) TimedOut(now time.Time) {
	if now.Sub(c.cutAt) > time.Second {
		c.cut(0.5, now)
	}
}

func (c *Concurrency) cut(to float64, now time.Time) {
	c.grown, c.cutAt = true, now
	if c.from == 0 {
		c.from, c.worst = c.limit, 0
	}
	c.worst = max(c.worst, c.swell)
	if c.limit <= c.from/2 && c.swell > overfull && c.swell > 0.8*c.worst {
		c.limit, c.from, c.swell = c.from, 0, 1
		c.least = [len(c.least)]time.Duration{}
		return
	}
	c.limit = max(c.limit*to, min(2, float64(c.most)))
}
