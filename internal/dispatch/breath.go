package dispatch

import (
	"math/bits"
	"time"
)

const (
	// firstBreath is how many requests a lane begins with.
	firstBreath = 32
	// quick answers are not made to queue by how many there are, or it does not matter.
	quick = 25 * time.Millisecond
	// strained is how many times the least latency means that the upstream has as
	// much as it can work on; overfull, that it queues.
	strained, overfull = 1.5, 2.0
)

// A breath is how many requests a lane has in flight at most. It adapts to the
// latency as TCP Vegas does (Brakmo and Peterson, 1995): while answers come about
// as soon as they ever did, more are sent; when they come much later, the upstream
// queues, and fewer are. Refusals for rate do not count here: see [learner].
type breath struct {
	limit  float64
	most   int
	grown  bool              // the quick start is over
	least  [32]time.Duration // by size of call, the bits of its tokens; drifting up
	swell  float64           // latency over the least one, smoothed
	lately time.Time         // of the last cut
}

func newBreath(most int) breath {
	return breath{limit: float64(min(most, firstBreath)), most: most, swell: 1}
}

// size returns the limit in requests.
func (b *breath) size() int { return max(1, int(b.limit)) }

// done notes an exchange that ended well. Full says that the lane had all the
// requests in flight that it may.
func (b *breath) done(tokens int, took time.Duration, full bool, now time.Time) {
	least := &b.least[bits.Len32(uint32(max(tokens, 0)))%len(b.least)]
	took = max(took, quick)
	if *least == 0 || took < *least {
		*least = took
	}
	*least += (took - *least) / 1000 // a provider may become slower for good
	b.swell += (float64(took)/float64(*least) - b.swell) / 8
	switch {
	case b.swell > overfull && now.Sub(b.lately) > took:
		b.cut(0.9, now)
	case b.swell > strained:
	case full && b.grown:
		b.limit = min(b.limit+1/b.limit, float64(b.most))
	case full:
		b.limit = min(b.limit+1, float64(b.most))
	}
}

// timedOut notes an exchange that took too long to be waited for.
func (b *breath) timedOut(now time.Time) {
	if now.Sub(b.lately) > time.Second {
		b.cut(0.5, now)
	}
}

func (b *breath) cut(to float64, now time.Time) {
	b.limit = max(b.limit*to, min(2, float64(b.most)))
	b.grown, b.lately = true, now
}
