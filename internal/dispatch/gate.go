package dispatch

import (
	"context"
	"slices"
	"sync"
	"time"

	"kvasir/internal/llm"
)

// A gate hands out slots: to the most urgent call first, and inside one urgency
// by [shares]. Bulk calls never take the last slots, so that a person finds one
// free.
type gate struct {
	size     int
	reserved int // slots that bulk cannot take; none if there is only one slot

	mu          sync.Mutex // guards all below
	busy        int
	bulk        int       // of busy
	waiting     []*ticket // in the order of their turn
	shares      shares
	pausedUntil time.Time
	timer       *time.Timer // lets calls in when the pause ends; nil when none waits for that
}

// A ticket is a call in line.
type ticket struct {
	call    llm.Call
	start   float64
	granted chan struct{} // closed when it has a slot
}

func newGate(size int) *gate {
	return &gate{size: size, reserved: min(max(1, size/8), size-1), shares: newShares()}
}

// bulky reports whether nobody waits for calls of this priority.
func bulky(p llm.Priority) bool { return p >= llm.PriorityIngest }

// enter waits for a slot. The caller must leave when it has let it go.
func (g *gate) enter(ctx context.Context, call llm.Call, cost int) error {
	t := g.line(call, cost)
	select {
	case <-t.granted:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.waiting, t); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
		g.shares.giveBack(call.Tenant, t.start, cost)
	} else {
		g.free(call)
	}
	return ctx.Err()
}

// line puts a call in line.
func (g *gate) line(call llm.Call, cost int) *ticket {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := &ticket{call: call, start: g.shares.book(call.Tenant, cost), granted: make(chan struct{})}
	at, _ := slices.BinarySearchFunc(g.waiting, t, func(have, t *ticket) int {
		if have.call.Priority != t.call.Priority {
			return int(have.call.Priority - t.call.Priority)
		}
		if have.start <= t.start {
			return -1 // equals keep their order of arrival
		}
		return 1
	})
	g.waiting = slices.Insert(g.waiting, at, t)
	g.admit()
	return t
}

// leave gives a slot back.
func (g *gate) leave(call llm.Call) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.free(call)
}

func (g *gate) free(call llm.Call) {
	g.busy--
	if bulky(call.Priority) {
		g.bulk--
	}
	if g.busy == 0 && len(g.waiting) == 0 {
		g.shares.clear()
	}
	g.admit()
}

// admit lets in whoever may go. The caller holds the lock.
func (g *gate) admit() {
	if wait := time.Until(g.pausedUntil); wait > 0 {
		if g.timer == nil && len(g.waiting) > 0 {
			g.timer = time.AfterFunc(wait, g.resume)
		}
		return
	}
	for len(g.waiting) > 0 && g.busy < g.size {
		t := g.waiting[0]
		if bulky(t.call.Priority) {
			if g.bulk >= g.size-g.reserved {
				return // and all behind it are bulk too
			}
			g.bulk++
		}
		g.waiting = slices.Delete(g.waiting, 0, 1)
		g.busy++
		g.shares.pass(t.start)
		close(t.granted)
	}
}

// pause lets nobody in until then. It reports whether that is news: the gate was
// open.
func (g *gate) pause(until time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	open := !time.Now().Before(g.pausedUntil)
	if until.After(g.pausedUntil) {
		g.pausedUntil = until
	}
	return open
}

func (g *gate) resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.timer = nil
	g.admit()
}

// closedUntil returns when the pause ends; a time in the past if there is none.
func (g *gate) closedUntil() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pausedUntil
}

// load returns the calls that have a slot and those in line.
func (g *gate) load() (busy, waiting int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.busy, len(g.waiting)
}
