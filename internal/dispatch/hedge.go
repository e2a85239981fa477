package dispatch

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"kvasir/internal/llm"
)

// worthwhile is the wait below which nobody notices that a second exchange was
// quicker.
const worthwhile = 10 * time.Millisecond

// A result is how one of two racing exchanges came out.
type result[T any] struct {
	value T
	err   error
	a     *attempt
}

// race makes one exchange, and beside it a second one if a person waits for it
// longer than the lane's own 95th percentile (Dean and Barroso, The Tail at Scale,
// 2013). The first that succeeds counts, and the other is cancelled; its cost is
// bounded by [Config.HedgeShare]. Attempts that failed or lost are ended.
func race[T any](ctx context.Context, p *pool, j job[T], a *attempt, n int) (value T, won *attempt, err error) {
	after, hedged := p.hedgeAfter(a)
	if !hedged {
		r := once(ctx, p, j, a, n, false)
		return r.value, r.a, r.err
	}
	results := make(chan result[T], 2)
	first, stopFirst := context.WithCancel(ctx)
	second, stopSecond := context.WithCancel(ctx)
	go func() { results <- once(first, p, j, a, n, false) }()
	running := 1
	timer := time.NewTimer(after)
	defer timer.Stop()
	for running > 0 {
		select {
		case <-timer.C:
			if b := p.hedge(a); b != nil {
				running++
				go func() { results <- once(second, p, j, b, n, true) }()
			}
		case r := <-results:
			running--
			switch {
			case r.err != nil && err == nil:
				err = r.err
			case r.err == nil && won == nil:
				value, won = r.value, r.a
				if r.a == a {
					stopSecond()
				} else {
					stopFirst()
				}
			case r.err == nil:
				j.discard(r.value)
				r.a.end(outcome{left: true})
			}
			timer.Stop()
		}
	}
	if won == nil {
		stopFirst()
		stopSecond()
		return value, nil, err
	}
	// The winner's exchange may go on, as a stream does; its context ends with it.
	won.stop = func() { stopFirst(); stopSecond() }
	return value, won, nil
}

// hedgeAfter says when a call is late enough for a second one. It reports false
// for those that are not hedged: of bulk, of lanes that have no tail, and of lanes
// whose machine is busy already.
func (p *pool) hedgeAfter(a *attempt) (time.Duration, bool) {
	if bulky(a.call.Priority) || p.cfg.HedgeShare < 0 {
		return 0, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	// Where there is no tail, the few calls past the percentile are hardly late.
	latency := &a.lane.latency
	after := max(latency.P95*11/10, latency.P50*3/2)
	return after, latency.Settled() && after > worthwhile
}

// hedge returns an attempt for a second exchange beside a, in another lane if it
// can; nil if there is no room or no allowance for it.
func (p *pool) hedge(a *attempt) *attempt {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	t := &ticket{call: a.call, tokens: a.tokens, avoid: a.lane, at: -1}
	l, _ := p.pick(t, now)
	if l == nil || l.Local || headroom(l) < 0.25 || !p.hedges.Spend(float64(max(a.tokens, 1)), now) {
		return nil
	}
	l.counts.hedged++
	return p.begin(l, t, now)
}

// once makes an exchange and ends its attempt if it fails. A panic of an adapter
// is an error like another: it must cost neither the slot nor the process.
func once[T any](ctx context.Context, p *pool, j job[T], a *attempt, n int, hedge bool) (r result[T]) {
	r.a = a
	ctx = llm.WithQuotas(ctx, a.reported)
	a.observe = func(outcome) {}
	if o := p.cfg.Observer; o != nil {
		inner, end := o.Begin(ctx, llm.Attempt{
			Kind: p.kind, Lane: a.lane.Name(), Provider: a.lane.Provider, Model: a.lane.Model,
			Call: j.call, Texts: j.texts, Try: n, Hedge: hedge,
		})
		ctx = inner
		a.observe = func(o outcome) { end(llm.Outcome{Usage: o.usage, FirstToken: o.first, Err: o.err}) }
	}
	defer func() {
		if v := recover(); v != nil {
			r.err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
		if r.err != nil {
			a.end(outcome{err: r.err, left: ctx.Err() != nil})
		}
	}()
	r.value, r.err = j.exchange(ctx, a.lane)
	return r
}
