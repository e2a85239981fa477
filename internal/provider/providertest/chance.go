package providertest

import (
	"cmp"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// A chance draws what varies from request to request, the same from the same seed
// as long as the requests come in the same order.
type chance struct {
	mu   sync.Mutex // guards rand
	rand *rand.Rand
}

func newChance(seed uint64) *chance { return &chance{rand: rand.New(rand.NewPCG(seed, seed))} }

// draw returns a number from 0 to 1.
func (c *chance) draw() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rand.Float64()
}

// vary returns a time whose mean is d before the tail.
func (c *chance) vary(d Duration, p *Pace) time.Duration {
	if d == 0 {
		return 0
	}
	varied := float64(d)
	if p.Jitter > 0 {
		varied *= 1 + p.Jitter*(2*c.draw()-1)
	}
	if p.SlowShare > 0 && c.draw() < p.SlowShare {
		varied *= cmp.Or(p.SlowFactor, 10)
	}
	return time.Duration(varied)
}

// fail draws the action for a request that nothing else decides about. Half of
// the tokens is where a stream that fails half-way does.
func (c *chance) fail(o *Odds, stream bool, tokens int) Action {
	if *o == (Odds{}) {
		return Action{}
	}
	half := 0
	if stream {
		half = tokens / 2
	}
	drawn := c.draw()
	for _, odd := range []struct {
		share float64
		a     Action
	}{
		{o.Throttled, Action{Status: http.StatusTooManyRequests, words: "Rate limit reached", atOnce: true}},
		{o.Failed, Action{Status: http.StatusInternalServerError, words: "The server had an error"}},
		{o.Reset, Action{Fault: Reset}},
		{o.Stalled, Action{Fault: Stall, After: half}},
		{o.Cut, Action{Fault: Cut, After: max(half, 1)}},
	} {
		if drawn < odd.share {
			return odd.a
		}
		drawn -= odd.share
	}
	return Action{}
}
