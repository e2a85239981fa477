package dispatch

import (
	"cmp"
	"slices"
	"time"

	"kvasir/internal/dispatch/limit"
	"kvasir/internal/llm"
)

// A PoolState is what the lanes that stand in for each other say of themselves.
type PoolState struct {
	Kind llm.Kind
	Name string // of a generator's pool; empty for the others
	// Waiting counts the calls in line; for embed, the texts.
	Waiting       int
	WaitingTokens int
	Tenants       []TenantWaiting // the most first
	// Reason says why the head of the line waits, as in
	// "openai/text-embedding-3-small: 429 until 12:03:10"; empty if nothing waits.
	Reason string
	// ETA is when the line will be done at the present rate; zero if unknown.
	ETA   time.Duration
	Lanes []LaneState
}

// TenantWaiting is what one tenant has in a line.
type TenantWaiting struct {
	Tenant string
	Count  int
	Tokens int
}

// A LaneState is what one lane says of itself.
type LaneState struct {
	Lane
	State     string // open, paused, broken, probing
	Reason    string // why it is not open, in words; empty if it is
	Until     time.Time
	LastError string // of the last exchange that failed, in words

	InFlight    int
	Concurrency int // the most in flight that it allows at present
	Requests    BucketState
	Tokens      BucketState
	P50, P95    time.Duration // latency; of a generation, until the first word
	TokensPerS  float64       // of late

	Sent, Failed, Throttled, Retried, Hedged int64 // exchanges since the start
}

// A BucketState is a token bucket now.
type BucketState struct {
	PerMinute float64 // 0 when no limit is known
	Source    string  // configured, reported, learned; empty when no limit is known
	Left      float64 // what may be taken at once
}

// A Wait says why a memo's texts are not embedded, or not written, yet.
type Wait struct {
	Reason string        // as in [PoolState.Reason]
	Ahead  int           // texts before its first one
	ETA    time.Duration // zero if unknown
}

// Snapshot returns the state of every pool that has lanes: embed, the generators
// in their order, rerank.
func (s *Scheduler) Snapshot() []PoolState {
	var states []PoolState
	for _, e := range s.embedders {
		states = append(states, e.packer.pool.snapshot(e.packer))
	}
	for _, p := range s.pools()[len(s.embedders):] {
		states = append(states, p.snapshot(nil))
	}
	return states
}

func (s *Scheduler) pools() []*pool {
	var pools []*pool
	for _, e := range s.embedders {
		pools = append(pools, e.packer.pool)
	}
	pools = append(pools, s.generators...)
	if s.Reranks() {
		pools = append(pools, s.rerank)
	}
	return pools
}

// Waiting says why texts of a memo are not embedded yet, or why those that a model
// is to write about it are not written. It reports false when none of them is here.
func (s *Scheduler) Waiting(memo string) (Wait, bool) {
	for _, e := range s.embedders {
		if texts, tokens, ok := e.packer.queues[1].ahead(memo); ok {
			p := e.packer.pool
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.wait(texts, tokens), true
		}
	}
	for _, p := range s.generators {
		if w, ok := p.waiting(memo); ok {
			return w, true
		}
	}
	return Wait{}, false
}

// wait says why whoever stands behind so many texts and tokens waits.
func (p *pool) wait(texts, tokens int) Wait {
	now := time.Now()
	return Wait{Reason: p.why(true, now), Ahead: texts, ETA: p.eta(tokens, now)}
}

// waiting says why the calls of a memo that are in line wait, by the first of them.
func (p *pool) waiting(memo string) (Wait, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := -1
	for i, t := range p.line {
		if t.call.Memo == memo && (first < 0 || p.line.Less(i, first)) {
			first = i
		}
	}
	if first < 0 {
		return Wait{}, false
	}
	ahead, tokens := 0, p.line[first].tokens
	for i, t := range p.line {
		if p.line.Less(i, first) {
			ahead, tokens = ahead+1, tokens+t.tokens
		}
	}
	return p.wait(ahead, tokens), true
}

func (p *pool) snapshot(texts *packer) PoolState {
	by := map[string]TenantWaiting{}
	if p.kind == llm.KindEmbed {
		for _, q := range texts.queues {
			q.waiting(by)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for _, t := range p.line {
		if t.texts == nil {
			w := by[t.call.Tenant]
			w.Tenant, w.Count, w.Tokens = t.call.Tenant, w.Count+1, w.Tokens+t.tokens
			by[t.call.Tenant] = w
		}
	}
	st := PoolState{Kind: p.kind, Name: p.name, Reason: p.why(true, now)}
	for _, w := range by {
		st.Waiting += w.Count
		st.WaitingTokens += w.Tokens
		st.Tenants = append(st.Tenants, w)
	}
	slices.SortFunc(st.Tenants, func(a, b TenantWaiting) int {
		return cmp.Or(cmp.Compare(b.Tokens, a.Tokens), cmp.Compare(a.Tenant, b.Tenant))
	})
	st.ETA = p.eta(st.WaitingTokens, now)
	for _, l := range p.lanes {
		st.Lanes = append(st.Lanes, l.snapshot(now))
	}
	return st
}

// why returns what the lane that would come first says; "" if it is open.
func (p *pool) why(bulk bool, now time.Time) string {
	first := ""
	for _, l := range p.lanes {
		reason, _ := l.why(bulk, now)
		if reason == "" {
			return ""
		}
		first = cmp.Or(first, reason)
	}
	return first
}

// eta returns how long so many tokens take at the speed of late, or of the limits
// when there is none.
func (p *pool) eta(tokens int, now time.Time) time.Duration {
	if tokens == 0 {
		return 0
	}
	perSecond, after := 0.0, time.Duration(-1)
	for _, l := range p.lanes {
		if v := l.throughput.PerSecond(now); v > 0 {
			perSecond += v
		} else if l.Tier == p.lanes[0].Tier {
			perSecond += l.tokens.PerSecond()
		}
		if _, until := l.why(true, now); after < 0 || until.Sub(now) < after {
			after = max(until.Sub(now), 0)
		}
	}
	if perSecond < 1 {
		return 0
	}
	return after + time.Duration(float64(tokens)/perSecond*float64(time.Second))
}

func (l *lane) snapshot(now time.Time) LaneState {
	reason, until := l.why(true, now)
	return LaneState{
		Lane: l.Lane, State: l.state(now), Reason: reason, Until: until, LastError: l.lastError,
		InFlight: l.busy, Concurrency: l.concurrency.Size(),
		Requests: tighter(&l.requests, &l.learned.Requests, now), Tokens: tighter(&l.tokens, &l.learned.Tokens, now),
		P50: l.latency.P50, P95: l.latency.P95, TokensPerS: l.throughput.PerSecond(now),
		Sent: l.counts.sent, Failed: l.counts.failed, Throttled: l.counts.throttled,
		Retried: l.counts.retried, Hedged: l.counts.hedged,
	}
}

// tighter returns the state of whichever bucket allows less.
func tighter(told, learned *limit.Bucket, now time.Time) BucketState {
	b := told
	if r := learned.PerSecond(); r > 0 && (told.PerSecond() == 0 || r < told.PerSecond()) {
		b = learned
	}
	perMinute, source := b.PerMinute()
	if perMinute == 0 {
		return BucketState{}
	}
	return BucketState{PerMinute: perMinute, Source: source, Left: max(b.Spare(false, now), 0)}
}
