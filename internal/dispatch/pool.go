package dispatch

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kvasir/internal/dispatch/limit"
	"kvasir/internal/fault"
	"kvasir/internal/ledger"
	"kvasir/internal/llm"
)

// A pool is the lanes that stand in for each other, with one line before them:
// whoever is first in line gets the first lane that can take the call.
type pool struct {
	kind  llm.Kind
	name  string
	cfg   *Config
	books *books
	log   *slog.Logger

	mu      sync.Mutex // guards all below, and the lanes
	lanes   []*lane    // by tier
	line    line
	shares  [priorities]shares
	arrived int64
	people  int // in line
	timer   *time.Timer
	wakes   time.Time // when the timer fires; zero if it is not set
	retries limit.Allowance
	hedges  limit.Allowance
}

func newPool(kind llm.Kind, name string, cfg *Config, b *books) *pool {
	p := &pool{
		kind: kind, name: name, cfg: cfg, books: b, log: cfg.Log,
		retries: limit.NewAllowance(cfg.RetryShare, 1, leastRetries),
		hedges:  limit.NewAllowance(cfg.HedgeShare, 0, 0),
	}
	for i := range p.shares {
		p.shares[i] = newShares(cfg.Weights)
	}
	return p
}

// add adds a lane. They are given in the order of their tiers.
func (p *pool) add(l *lane) { p.lanes = append(p.lanes, l) }

// patience is how long a call waits for a lane that is closed before it goes to
// one of the next tier.
func patience(bulk bool) time.Duration {
	if bulk {
		return 5 * time.Second
	}
	return 250 * time.Millisecond
}

// enter waits for a lane. What it returns must be ended. Bulk waits as long as it
// takes: the snapshot says for what. A person is told when the deadline passes, or
// as soon as it is plain that it will.
func (p *pool) enter(ctx context.Context, t *ticket, deadline time.Time) (*attempt, error) {
	bulk := bulky(t.call.Priority)
	if err := p.join(t, deadline); err != nil {
		return nil, err
	}
	if !bulk {
		within, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		select {
		case <-t.granted:
			return t.attempt, nil
		case <-within.Done():
		}
	} else {
		select {
		case <-t.granted:
			return t.attempt, nil
		case <-ctx.Done():
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.at >= 0 {
		heap.Remove(&p.line, t.at)
		p.leaveLine(t)
		p.shares[t.call.Priority].giveBack(t.call.Tenant, t.start, t.tokens)
		p.admit() // whoever was behind may fit where this one did not
	} else {
		p.giveBackLocked(t.attempt)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, p.lateLocked()
}

// join puts a ticket in line, unless there is no hope for it.
func (p *pool) join(t *ticket, deadline time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	t.granted = make(chan struct{})
	if !bulky(t.call.Priority) {
		if p.people >= p.cfg.QueueCalls {
			return fault.New(fault.RateLimited, fmt.Sprintf("%d calls wait for the model already", p.people))
		}
		if p.hopeless(deadline) {
			return p.lateLocked()
		}
		p.people++
	}
	p.arrived++
	t.order, t.start = p.arrived, p.shares[t.call.Priority].book(t.call.Tenant, t.tokens)
	heap.Push(&p.line, t)
	p.admit()
	return nil
}

func (p *pool) leaveLine(t *ticket) {
	if !bulky(t.call.Priority) {
		p.people--
	}
}

// hopeless reports whether every lane is closed until after the deadline, or its
// key refused.
func (p *pool) hopeless(deadline time.Time) bool {
	now := time.Now()
	for _, l := range p.lanes {
		o := l.opening(0, false, now)
		if !o.closed || !l.breaker.Dead() && !now.Add(o.in).After(deadline) {
			return false
		}
	}
	return true
}

// admit lets out whoever may go. The caller holds the lock.
func (p *pool) admit() {
	now := time.Now()
	for len(p.line) > 0 {
		t := p.line[0]
		l, in := p.pick(t, now)
		if l == nil {
			p.wake(in, now)
			return
		}
		heap.Pop(&p.line)
		p.leaveLine(t)
		p.shares[t.call.Priority].pass(t.start)
		t.attempt = p.begin(l, t, now)
		close(t.granted)
	}
	if p.idle() {
		for i := range p.shares {
			p.shares[i].clear()
		}
	}
}

func (p *pool) idle() bool {
	for _, l := range p.lanes {
		if l.busy > 0 {
			return false
		}
	}
	return true
}

// pick returns the lane that takes a call now: of the lowest tier that works, the
// one with the most room. Without one it returns how long to wait; 0 if that
// depends on calls in flight.
func (p *pool) pick(t *ticket, now time.Time) (best *lane, in time.Duration) {
	bulk := bulky(t.call.Priority)
	var second *lane // one that the call has failed in, or of a tier that is late
	for i := 0; i < len(p.lanes); {
		tier, worth := p.lanes[i].Tier, false
		for ; i < len(p.lanes) && p.lanes[i].Tier == tier; i++ {
			l := p.lanes[i]
			o := l.opening(p.need(t, l), bulk, now)
			switch {
			case o.now && l == t.avoid:
				second = l
			case o.now:
				if best == nil || headroom(l) > headroom(best) {
					best = l
				}
			default:
				if o.in > 0 && (in == 0 || o.in < in) {
					in = o.in
				}
				late := o.closed && o.in > patience(bulk) || !bulk && o.in > time.Second
				worth = worth || !late && l != t.avoid
			}
		}
		if best != nil || worth {
			return best, in
		}
	}
	return second, in
}

// headroom is the share of a lane's slots that are free.
func headroom(l *lane) float64 { return 1 - float64(l.asking)/float64(l.concurrency.Size()) }

// need returns the tokens without which a call is not worth sending. A batch goes
// out when there is as much as the lane allows between two requests: sooner it
// would be many small requests, later its texts would wait for nothing.
func (p *pool) need(t *ticket, l *lane) float64 {
	if t.texts == nil {
		return float64(t.tokens) * l.ratio
	}
	need, all := t.texts.load()
	if rate := l.tokens.PerSecond(); rate > 0 && bulky(t.call.Priority) {
		need = max(need, min(all, int(rate*l.interval().Seconds())))
	}
	return float64(need) * l.ratio
}

// wake sets the timer by which the line is looked at again.
func (p *pool) wake(in time.Duration, now time.Time) {
	if in <= 0 {
		return
	}
	at := now.Add(in)
	if !p.wakes.IsZero() && !at.Before(p.wakes) {
		return
	}
	p.wakes = at
	if p.timer == nil {
		p.timer = time.AfterFunc(in, p.awake)
		return
	}
	p.timer.Reset(in)
}

func (p *pool) awake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wakes = time.Time{}
	p.admit()
}

// An attempt is one exchange: the slot it holds, and what it was charged.
type attempt struct {
	pool                     *pool
	lane                     *lane
	call                     llm.Call
	tokens                   int     // estimated
	charged                  float64 // of the token bucket
	spare                    int     // tokens that a batch may have
	sent                     time.Time
	full                     bool       // the lane has all in flight that it may
	probe                    bool       // of a lane that was broken
	begun                    bool       // a stream that has said its first word
	requestsLeft, tokensLeft limit.Mark // what the answer's headers are about
	observe                  func(outcome)
	stop                     func() // ends the contexts of a race; nil without one
}

func (p *pool) begin(l *lane, t *ticket, now time.Time) *attempt {
	a := &attempt{pool: p, lane: l, call: t.call, tokens: t.tokens, sent: now}
	if t.texts != nil {
		a.tokens, a.spare = 0, l.spare(bulky(t.call.Priority), now)
	}
	l.begin(a)
	return a
}

// charge says how many tokens the batch of an attempt has.
func (a *attempt) charge(tokens int) {
	a.pool.mu.Lock()
	defer a.pool.mu.Unlock()
	a.lane.charge(a, tokens)
}

// firstWord notes that the first word of a stream is there.
func (a *attempt) firstWord() {
	a.pool.mu.Lock()
	defer a.pool.mu.Unlock()
	a.lane.asked(a)
	a.lane.answered(a, time.Now())
	a.pool.admit() // there may be room for more now
}

// end gives the slot back and lets the next one go.
func (a *attempt) end(o outcome) {
	a.observe(o)
	if a.stop != nil {
		a.stop()
	}
	a.pool.mu.Lock()
	defer a.pool.mu.Unlock()
	a.pool.endLocked(a, o)
}

func (p *pool) endLocked(a *attempt, o outcome) {
	now := time.Now()
	before := a.lane.state(now)
	a.lane.end(a, o, now)
	if after := a.lane.state(now); before == stateOpen && after != stateOpen {
		reason, _ := a.lane.why(true, now)
		p.log.Warn("model calls wait", "kind", p.kind, "reason", reason)
	}
	p.admit()
}

// giveBack ends an attempt that was not sent.
func (a *attempt) giveBack() {
	a.pool.mu.Lock()
	defer a.pool.mu.Unlock()
	a.pool.giveBackLocked(a)
}

func (p *pool) giveBackLocked(a *attempt) {
	a.lane.giveBack(a)
	p.admit()
}

// hope returns the fault of a call that a person would wait for in vain.
func (p *pool) hope(deadline time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hopeless(deadline) {
		return p.lateLocked()
	}
	return nil
}

// price returns the expected cost of a call in the lane that comes first.
func (p *pool) price(u llm.Usage, fast bool) ledger.Money {
	_, price := p.lanes[0].billed(fast)
	return price.Of(u)
}

// reported takes note of what a provider says of its limits.
func (a *attempt) reported(q llm.Quotas) {
	a.pool.mu.Lock()
	defer a.pool.mu.Unlock()
	now := time.Now()
	a.lane.requests.Report(q.Requests, a.requestsLeft, now)
	a.lane.tokens.Report(q.Tokens, a.tokensLeft, now)
}

// deadline returns until when a call that arrives now may be tried.
func (p *pool) deadline(priority llm.Priority) time.Time {
	if bulky(priority) {
		return time.Now().Add(p.cfg.BulkWithin)
	}
	return time.Now().Add(p.cfg.InteractiveWithin)
}

// lateLocked is the fault of a call that a person has waited for long enough.
func (p *pool) lateLocked() error {
	now := time.Now()
	for _, l := range p.lanes {
		switch {
		case l.breaker.Dead():
			return fault.New(fault.Unavailable, cmp.Or(l.lastError, "the key is refused"))
		case now.Before(l.paused.until):
			return fault.New(fault.RateLimited, l.paused.String())
		}
	}
	words := fmt.Sprintf("No answer from the model within %v", p.cfg.InteractiveWithin)
	if why := p.why(false, now); why != "" {
		words += "; " + why
	}
	return fault.New(fault.Unavailable, words)
}

func (p *pool) late() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lateLocked()
}
