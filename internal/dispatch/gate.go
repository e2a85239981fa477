package dispatch

import (
	"context"
	"slices"
	"sync"
	"time"

	"kvasir/internal/llm"
)

// A gate hands out slots. Waiting calls are ordered by priority, and inside one
// by start-time fair queueing over tenants: each tenant has a virtual time that
// its calls advance by their cost, and the least goes first. Bulk calls never
// take the last slots, so that a person finds one free.
type gate struct {
	size     int
	reserved int // slots that bulk cannot take

	mu          sync.Mutex // guards all below
	busy        int
	bulk        int // of busy
	waiting     []*ticket
	served      map[string]float64 // virtual time of tenants that have calls here
	now         float64            // the virtual time of the last call let in
	pausedUntil time.Time
	timer       *time.Timer // lets calls in when the pause ends
}

// A ticket is a call in line.
type ticket struct {
	call    llm.Call
	start   float64       // virtual time at which its turn comes
	granted chan struct{} // closed when it has a slot
}

func newGate(size int) *gate {
	return &gate{size: size, reserved: min(max(1, size/8), size-1), served: map[string]float64{}}
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
	} else {
		g.free(call)
	}
	return ctx.Err()
}

// line puts a call in line.
func (g *gate) line(call llm.Call, cost int) *ticket {
	g.mu.Lock()
	defer g.mu.Unlock()
	start := max(g.served[call.Tenant], g.now)
	g.served[call.Tenant] = start + float64(max(cost, 1))
	t := &ticket{call: call, start: start, granted: make(chan struct{})}
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
		// An idle gate owes nobody anything.
		clear(g.served)
		g.now = 0
	}
	g.admit()
}

// admit lets in whoever may go. The caller holds the lock.
func (g *gate) admit() {
	if wait := time.Until(g.pausedUntil); wait > 0 {
		if g.timer == nil {
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
		g.now = max(g.now, t.start)
		close(t.granted)
	}
}

// pause lets nobody in until then.
func (g *gate) pause(until time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until.After(g.pausedUntil) {
		g.pausedUntil = until
	}
}

func (g *gate) resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.timer = nil
	g.admit()
}
