package ingest

import (
	"context"
	"sync"
	"time"
)

// yieldFor is the longest that a document waits for clients who are posting:
// under a steady load of them work goes on, at some fifty documents a second for
// each parser.
const yieldFor = 20 * time.Millisecond

// intake knows whether clients are being served right now. Work that takes the
// processor lets them go first: they wait for an answer, it does not.
type intake struct {
	mu   sync.Mutex
	busy int
	idle chan struct{} // closed when busy falls to 0
}

// begin notes a client. The returned function notes its end.
func (in *intake) begin() (end func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.busy == 0 {
		in.idle = make(chan struct{})
	}
	in.busy++
	return in.end
}

func (in *intake) end() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.busy--; in.busy == 0 {
		close(in.idle)
	}
}

// yield waits until no client is being served, but not for long.
func (in *intake) yield(ctx context.Context) {
	in.mu.Lock()
	busy, idle := in.busy > 0, in.idle
	in.mu.Unlock()
	if !busy {
		return
	}
	longest := time.NewTimer(yieldFor)
	defer longest.Stop()
	select {
	case <-idle:
	case <-longest.C:
	case <-ctx.Done():
	}
}
