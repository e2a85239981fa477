package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"kvasir/internal/store"
)

const (
	// batchWrites bounds the writes of one transaction: beyond it the fsync is
	// no longer what a write costs.
	batchWrites = 64
	// batchTime closes a transaction to further writes, so that a few large ones
	// do not hold up many small ones for long.
	batchTime = 5 * time.Millisecond
)

// A writer owns the one connection that writes. Callers hand it their writes
// one by one; it takes what waits, runs it in one transaction, and answers all
// of them after the commit.
type writer struct {
	queue  chan *write   // unbuffered: a write that is sent is being worked on
	closed chan struct{} // closed by the database's Close
	done   sync.WaitGroup
	conn   *conn // used by the writer's goroutine alone, until done
	batch  []*write
}

// A write is one caller's transaction.
type write struct {
	fn     func(store.Tx) error
	err    error
	result chan error // of capacity 1
}

// start starts the goroutine that wait waits for.
func (w *writer) start(ctx context.Context, c *conn, closed chan struct{}) {
	w.queue, w.closed, w.conn = make(chan *write), closed, c
	w.batch = make([]*write, 0, batchWrites)
	w.done.Go(func() { w.loop(ctx) })
}

// wait waits for the last commit and closes the connection.
func (w *writer) wait() error {
	w.done.Wait()
	return w.conn.close()
}

// write returns after the commit of fn. A caller whose context ends while it
// waits in line is not written; from then on the outcome is near, and waited for.
func (w *writer) write(ctx context.Context, fn func(store.Tx) error) error {
	one := &write{fn: fn, result: make(chan error, 1)}
	select {
	case <-w.closed:
		return errClosed()
	default:
	}
	select {
	case w.queue <- one:
		return <-one.result
	case <-w.closed:
		return errClosed()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *writer) loop(ctx context.Context) {
	for {
		select {
		case one := <-w.queue:
			w.commit(ctx, one)
		case <-w.closed:
			return
		}
	}
}

// commit runs first and what waits beside it in one transaction, and answers.
func (w *writer) commit(ctx context.Context, first *write) {
	w.batch = append(w.batch[:0], first)
	err := w.transact(ctx)
	for i, one := range w.batch {
		if one.err == nil {
			one.err = err
		}
		one.result <- one.err
		w.batch[i] = nil // what a closure holds on to
	}
}

// transact runs the batch and those who join it. Its error is the
// transaction's; that of a single write, which has changed nothing then, is in
// the write.
func (w *writer) transact(ctx context.Context) error {
	if err := w.conn.run(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	began := time.Now()
	for one := w.batch[0]; one != nil; one = w.next(began) {
		if err := w.step(ctx, one); err != nil {
			w.rollback(ctx)
			return err
		}
	}
	if err := w.conn.run(ctx, "COMMIT"); err != nil {
		w.rollback(ctx)
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// rollback ends the transaction. A disk error may have ended it already, and
// then there is nothing to roll back; were it not ended, the next BEGIN would
// say so.
func (w *writer) rollback(ctx context.Context) { _ = w.conn.run(ctx, "ROLLBACK") }

// next takes one more write into the batch, nil when nobody waits or the batch
// is full.
func (w *writer) next(began time.Time) *write {
	if len(w.batch) == batchWrites || time.Since(began) > batchTime {
		return nil
	}
	select {
	case one := <-w.queue:
		w.batch = append(w.batch, one)
		return one
	default:
		return nil
	}
}

// step runs one write inside its savepoint, so that if it fails, it takes
// nothing else with it.
func (w *writer) step(ctx context.Context, one *write) error {
	if err := w.conn.run(ctx, "SAVEPOINT one"); err != nil {
		return fmt.Errorf("savepoint: %w", err)
	}
	if one.err = protect(one.fn, writing{w.conn}); one.err != nil {
		// A disk error may have ended the whole transaction; then this fails too.
		if err := w.conn.run(ctx, "ROLLBACK TO one"); err != nil {
			return fmt.Errorf("roll back to savepoint: %w", errors.Join(one.err, err))
		}
	}
	return w.conn.run(ctx, "RELEASE one")
}

// writing is the connection as one of many writes of a transaction sees it:
// a caller that goes away must not interrupt a statement, because SQLite would
// then roll back the transaction for all.
type writing struct{ conn *conn }

// Query runs a query to its end, whatever happens to ctx.
func (w writing) Query(ctx context.Context, statement string, args ...any) (store.Rows, error) {
	return w.conn.Query(context.WithoutCancel(ctx), statement, args...)
}

// Exec runs a statement to its end, whatever happens to ctx.
func (w writing) Exec(ctx context.Context, statement string, args ...any) (int64, error) {
	return w.conn.Exec(context.WithoutCancel(ctx), statement, args...)
}
