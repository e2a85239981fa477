package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/gofrs/flock"

	"kvasir/internal/store"
)

const (
	// batchWrites bounds the writes of one transaction: beyond it the fsync is
	// no longer what a write costs.
	batchWrites = 64
	// queuedWrites bounds the callers in line; more block in Write.
	queuedWrites = 4 * batchWrites
)

// errClosed is what a write gets after Close.
var errClosed = errors.New("the database is closed")

// An engine runs statements on one SQLite file.
type engine struct {
	lock  *flock.Flock
	read  *sql.DB
	write *sql.DB // one connection, used by the writer alone after start

	queue  chan *job
	mu     sync.RWMutex // guards closed against sends on queue
	closed bool
	done   sync.WaitGroup // the writer; Close waits for it
}

// A job is one caller's write on its way.
type job struct {
	ctx  context.Context
	f    func(ctx context.Context, tx store.Tx) error
	err  error
	done chan struct{} // closed after err is set
}

// start begins the writer, which Close ends and waits for.
func (e *engine) start() *engine {
	e.queue = make(chan *job, queuedWrites)
	e.done.Go(e.writeLoop)
	return e
}

// Read runs a query on the pool of readers.
func (e *engine) Read(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return e.read.QueryContext(ctx, query, args...)
}

// Write hands f to the writer and waits for its commit. A caller whose context
// ends while it waits in line is not written; one that is being written waits
// for the outcome, which is soon.
func (e *engine) Write(ctx context.Context, f func(ctx context.Context, tx store.Tx) error) error {
	j := &job{ctx: ctx, f: f, done: make(chan struct{})}
	if err := e.enqueue(ctx, j); err != nil {
		return err
	}
	<-j.done
	return j.err
}

func (e *engine) enqueue(ctx context.Context, j *job) error {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return errClosed
	}
	select {
	case e.queue <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// writeLoop takes all that waits, up to a batch, and commits it together.
func (e *engine) writeLoop() {
	batch := make([]*job, 0, batchWrites)
	for j := range e.queue {
		batch = append(batch[:0], j)
		for len(batch) < batchWrites && len(e.queue) > 0 {
			batch = append(batch, <-e.queue)
		}
		e.commit(batch)
	}
}

// commit writes a batch in one transaction. Each job has a savepoint of its own,
// so that one that fails takes nothing else with it.
func (e *engine) commit(batch []*job) {
	err := e.transact(batch)
	for _, j := range batch {
		if j.err == nil && err != nil {
			j.err = fmt.Errorf("commit: %w", err)
		}
		close(j.done)
	}
}

func (e *engine) transact(batch []*job) error {
	// The transaction is shared, so no single caller's context may end it.
	ctx := context.WithoutCancel(batch[0].ctx)
	tx, err := e.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, j := range batch {
		if j.err = j.ctx.Err(); j.err != nil {
			continue
		}
		if err := step(ctx, tx, j); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

// step runs one job inside its savepoint. The error it returns is the
// transaction's; the job's own is in j.err.
func step(ctx context.Context, tx *sql.Tx, j *job) error {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT job"); err != nil {
		return err
	}
	if j.err = j.f(ctx, tx); j.err != nil {
		if _, err := tx.ExecContext(ctx, "ROLLBACK TO job"); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "RELEASE job")
	return err
}

// Close refuses new writes, waits for those in line, and closes the files.
func (e *engine) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	close(e.queue)
	e.mu.Unlock()
	e.done.Wait()
	return e.closeFiles()
}

func (e *engine) closeFiles() error {
	var errs []error
	if e.read != nil {
		errs = append(errs, e.read.Close())
	}
	if e.write != nil {
		errs = append(errs, e.write.Close())
	}
	return errors.Join(append(errs, e.lock.Unlock())...)
}
