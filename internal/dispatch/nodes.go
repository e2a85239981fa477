package dispatch

import (
	"time"

	"kvasir/internal/llm"
)

// Processes that share the lanes of one configuration share their limits. Each of
// them tells the others what it could use ([Scheduler.Demand]), takes the part that
// [Divide] gives it, and is held to it by [Scheduler.Grant]. A part that becomes
// smaller is in effect before the others hear of it, and one that grows only takes
// what is free, so the parts never add up to more than the whole.

// evenly is the part of a lane that is divided by heads and not by demand, so that
// who was idle can begin at once.
const evenly = 0.2

// Demand returns what this process could use of each lane, in tokens a second: what it
// uses, and what waits spread over ten seconds.
func (s *Scheduler) Demand() []llm.LaneShare {
	var out []llm.LaneShare
	for _, st := range s.Snapshot() {
		for i := range st.Lanes {
			l := &st.Lanes[i]
			out = append(out, llm.LaneShare{
				Lane:   string(st.Kind) + " " + l.Name(),
				Demand: l.TokensPerS + float64(st.WaitingTokens)/float64(10*len(st.Lanes)),
			})
		}
	}
	return out
}

// Grant holds the lanes to these shares. A lane that has none keeps what it had.
func (s *Scheduler) Grant(shares []llm.LaneShare) {
	now := time.Now()
	for _, p := range s.pools() {
		p.mu.Lock()
		for _, l := range p.lanes {
			for i := range shares {
				if shares[i].Lane == string(p.kind)+" "+l.Name() {
					l.requests.Grant(shares[i].Share, now)
					l.tokens.Grant(shares[i].Share, now)
				}
			}
		}
		p.admit()
		p.mu.Unlock()
	}
}

// Divide returns what a process may have of each of its lanes, as granted, and what it
// should come to have, as due. All holds what every process has, mine what this one
// could use and is held to.
//
// It comes to have its part of what is divided by heads, and of the rest as much as
// its demand is of all demand.
func Divide(mine, all []llm.LaneShare) (granted, due []llm.LaneShare) {
	for _, m := range mine {
		others, demand, heads := 0.0, m.Demand, 1.0
		for _, o := range all {
			if o.Lane == m.Lane && o.Node != m.Node {
				others, demand, heads = others+o.Share, demand+o.Demand, heads+1
			}
		}
		part := 1 / heads
		if demand > 0 {
			part = evenly/heads + (1-evenly)*m.Demand/demand
		}
		g, d := m, m
		g.Share = max(m.Share, min(part, 1-others)) // what it is held to is its own until it has let go
		d.Share = min(part, g.Share)
		granted, due = append(granted, g), append(due, d)
	}
	return granted, due
}
