package flat

import (
	"context"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// workers is how many share n pieces of work.
func workers(n int) int { return max(min(runtime.GOMAXPROCS(0), n), 1) }

// share calls do with the number of each of n pieces of work, on all processors,
// and with the number of the worker that does it. It stops when ctx ends.
func share(ctx context.Context, n int, do func(piece, worker int)) error {
	var next atomic.Int64
	work := func(worker int) error {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			if err := ctx.Err(); err != nil {
				return err
			}
			do(i, worker)
		}
		return nil
	}
	if workers(n) == 1 {
		return work(0)
	}
	var g errgroup.Group
	for worker := range workers(n) {
		g.Go(func() error { return work(worker) })
	}
	return g.Wait()
}
