package ingest

import (
	"cmp"
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"kvasir/internal/memo"
)

// worklist is the part of the store that hands out work.
type worklist interface {
	// Claim leases up to limit memos to the worker, together at most maxBytes of
	// text and files unless the first alone is larger: the least-served project
	// first, the oldest memo first inside it.
	Claim(ctx context.Context, worker string, limit int, maxBytes int64, now time.Time) ([]memo.Work, error)
	// Renew prolongs the leases of the memos that the worker still holds.
	Renew(ctx context.Context, worker string, ids []memo.ID, now time.Time) error
	// Release frees what the worker holds; the cut attempts do not count.
	Release(ctx context.Context, worker string) error
	// Wake is signalled after a commit that made work pending.
	Wake() <-chan struct{}
}

// sweepEvery is how often pending work is looked for without being woken: for
// memos whose not_before has come, and leases that have run out.
const sweepEvery = time.Second

func (o *Options) setDefaults() {
	o.InFlight = cmp.Or(o.InFlight, 256)
	o.InFlightBytes = cmp.Or(o.InFlightBytes, 64<<20)
	o.Parsers = cmp.Or(o.Parsers, max(1, runtime.GOMAXPROCS(0)-1))
	o.FileBytes = cmp.Or(o.FileBytes, 100<<20)
	o.Attempts = cmp.Or(o.Attempts, 20)
	o.WindowTokens = cmp.Or(o.WindowTokens, 24_000)
}

// A runKey names one run: a memo may have an old run that is just ending beside
// the new generation's.
type runKey struct {
	memo       memo.ID
	generation int
}

// A run is one memo being worked on.
type run struct {
	bytes  int64
	cancel context.CancelFunc
}

// running knows the runs in progress in this process.
type running struct {
	mu    sync.Mutex
	byKey map[runKey]run
	bytes int64
}

// add notes a run. It reports false if the same generation is still being
// worked on here, which happens when its lease has run out meanwhile.
func (r *running) add(key runKey, bytes int64, cancel context.CancelFunc) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.byKey[key]; ok {
		return false
	}
	r.byKey[key] = run{bytes: bytes, cancel: cancel}
	r.bytes += bytes
	return true
}

func (r *running) remove(key runKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes -= r.byKey[key].bytes
	delete(r.byKey, key)
}

// cancel stops the work on a memo's generations before newest, if there is any:
// its results would be refused. The newest itself may be in work already.
func (r *running) cancel(id memo.ID, newest int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, one := range r.byKey {
		if key.memo == id && key.generation < newest {
			one.cancel()
		}
	}
}

func (r *running) ids() []memo.ID {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := make([]memo.ID, 0, len(r.byKey))
	for key := range r.byKey {
		ids = append(ids, key.memo)
	}
	return ids
}

func (r *running) load() (count int, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.byKey), r.bytes
}

// Run works on memos until ctx ends, then waits for the runs in progress, which
// stop at their next step, and frees their claims.
func (s *Service) Run(ctx context.Context) error {
	w := &worker{
		Service: s,
		name:    uuid.NewString(),
		parsing: make(chan struct{}, s.opts.Parsers),
		done:    make(chan struct{}, 1),
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.claimLoop(gctx) })
	g.Go(func() error { return w.renewLoop(gctx) })
	err := g.Wait()
	free, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if rerr := s.store.Release(free, w.name); rerr != nil {
		s.log.WarnContext(free, "claims not released; they run out by themselves", "error", rerr)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// A worker is one Run: the holder of leases.
type worker struct {
	*Service
	name    string
	parsing chan struct{} // a slot for each document parsed or cut at once
	done    chan struct{} // signalled when a run ends, for the claim loop
}

// claimLoop keeps the runs in progress at their bound. It returns after they
// have ended.
func (w *worker) claimLoop(ctx context.Context) error {
	var runs sync.WaitGroup
	defer runs.Wait()
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	for {
		full, err := w.claim(ctx, &runs)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			w.log.ErrorContext(ctx, "memos not claimed", "error", err)
		}
		// When all slots are taken, new work cannot be taken on: only the end of
		// a run matters.
		wake := w.store.Wake()
		if full {
			wake = nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
		case <-w.done:
		case <-sweep.C:
		}
	}
}

// claim starts as many runs as fit and reports whether no more would.
func (w *worker) claim(ctx context.Context, runs *sync.WaitGroup) (full bool, err error) {
	for {
		count, bytes := w.running.load()
		room, roomBytes := w.opts.InFlight-count, w.opts.InFlightBytes-bytes
		// A claim costs a transaction, so it waits until it is worth one.
		if room < max(1, w.opts.InFlight/8) || roomBytes <= 0 {
			return true, nil
		}
		claimed, err := w.store.Claim(ctx, w.name, room, roomBytes, time.Now())
		if err != nil || len(claimed) == 0 {
			return false, err
		}
		for _, work := range claimed {
			w.start(ctx, runs, work)
		}
	}
}

func (w *worker) start(ctx context.Context, runs *sync.WaitGroup, work memo.Work) {
	ctx, cancel := context.WithCancel(ctx)
	key := runKey{work.Memo, work.Generation}
	if !w.running.add(key, size(work), cancel) {
		cancel()
		return
	}
	runs.Go(func() {
		defer func() {
			w.running.remove(key)
			cancel()
			select {
			case w.done <- struct{}{}:
			default:
			}
		}()
		w.process(ctx, work)
	})
}

// size estimates what a run holds in memory.
func size(work memo.Work) int64 {
	var n int64
	if work.Content != nil {
		n = int64(len(*work.Content))
	} else if work.File != nil {
		n = work.File.Size
	}
	return n + 4096
}

// renewLoop keeps the leases of the runs in progress.
func (w *worker) renewLoop(ctx context.Context) error {
	tick := time.NewTicker(memo.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		ids := w.running.ids()
		if len(ids) == 0 {
			continue
		}
		if err := w.store.Renew(ctx, w.name, ids, time.Now()); err != nil && ctx.Err() == nil {
			w.log.WarnContext(ctx, "leases not renewed", "error", err)
		}
	}
}
