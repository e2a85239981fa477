// Package group commits the writes of many callers together.
//
// A [Writer] is the one who writes. Callers hand it their writes one by one; it
// takes what waits, runs it in one transaction, and answers all of them after the
// commit. So a flush to the disk, and what else a transaction costs, is shared by
// as many writes as arrive while the one before is under way. Each write stands in
// a savepoint: one that fails takes nothing else with it.
//
// Writes whose statements are known beforehand go out together, in one savepoint.
// Only if something is wrong with one of them, each is tried by itself.
package group

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/store"
)

const (
	// batchWrites bounds the writes of one transaction: beyond it the flush is no
	// longer what a write costs.
	batchWrites = 64
	// batchTime closes a transaction to further writes, so that a few large ones
	// do not hold up many small ones for long.
	batchTime = 5 * time.Millisecond
	// batchStatements bounds what goes out together, and is in memory meanwhile.
	batchStatements = 1024
)

// A Transaction is one that has begun.
type Transaction interface {
	store.Tx
	Commit(ctx context.Context) error
	// Rollback ends it without effect, as far as it has not ended already.
	Rollback(ctx context.Context)
}

// A Writer writes, from one goroutine.
type Writer struct {
	begin  func(ctx context.Context) (Transaction, error)
	queue  chan *write   // unbuffered: a write that is sent is being worked on
	closed chan struct{} // closed by its owner: no new writes
	done   sync.WaitGroup
	batch  []*write
}

// A write is one caller's transaction.
type write struct {
	fn         func(store.Tx) error
	statements []store.Statement // all that fn runs, if that is known
	changed    []int64           // by the statements
	err        error
	result     chan error // of capacity 1
}

// Start starts a writer that stops when closed is closed. Wait waits for that.
func Start(ctx context.Context, closed chan struct{}, begin func(context.Context) (Transaction, error)) *Writer {
	w := &Writer{begin: begin, queue: make(chan *write), closed: closed, batch: make([]*write, 0, batchWrites)}
	w.done.Go(func() { w.loop(context.WithoutCancel(ctx)) })
	return w
}

// Wait waits for the last commit.
func (w *Writer) Wait() { w.done.Wait() }

// ErrClosed returns what is answered to those who come too late.
func ErrClosed() error { return fault.New(fault.Unavailable, "The server is stopping") }

// Write returns after the commit of fn. A caller whose context ends while it
// waits in line is not written; from then on the outcome is near, and waited for.
func (w *Writer) Write(ctx context.Context, fn func(store.Tx) error) error {
	return w.hand(ctx, &write{fn: fn, result: make(chan error, 1)})
}

// WriteAll returns after the commit of the statements.
func (w *Writer) WriteAll(ctx context.Context, statements []store.Statement) ([]int64, error) {
	one := &write{statements: statements, result: make(chan error, 1)}
	one.fn = func(tx store.Tx) (err error) {
		one.changed, err = tx.ExecAll(ctx, statements)
		return err
	}
	err := w.hand(ctx, one)
	return one.changed, err
}

// hand gives a write to the writer and waits for its outcome.
func (w *Writer) hand(ctx context.Context, one *write) error {
	select {
	case <-w.closed:
		return ErrClosed()
	default:
	}
	select {
	case w.queue <- one:
		return <-one.result
	case <-w.closed:
		return ErrClosed()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *Writer) loop(ctx context.Context) {
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
func (w *Writer) commit(ctx context.Context, first *write) {
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

// transact runs the batch and those who join it. Its error is the transaction's;
// that of a single write, which has changed nothing then, is in the write.
func (w *Writer) transact(ctx context.Context) error {
	tx, err := w.begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := w.steps(ctx, tx); err != nil {
		tx.Rollback(ctx)
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		tx.Rollback(ctx)
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// steps runs the writes in the order in which they come.
func (w *Writer) steps(ctx context.Context, tx Transaction) error {
	began := time.Now()
	var known []*write // not run yet
	size := 0
	for one := w.batch[0]; one != nil; one = w.next(began) {
		if one.statements != nil && size < batchStatements {
			known, size = append(known, one), size+len(one.statements)
			continue
		}
		if err := together(ctx, tx, known); err != nil {
			return err
		}
		known, size = known[:0], 0
		if err := step(ctx, tx, one); err != nil {
			return err
		}
	}
	return together(ctx, tx, known)
}

// together runs writes whose statements are known as one, and only if that fails each
// by itself.
func together(ctx context.Context, tx Transaction, writes []*write) error {
	if len(writes) > 1 {
		var all write
		for _, one := range writes {
			all.statements = append(all.statements, one.statements...)
		}
		all.fn = func(tx store.Tx) (err error) {
			all.changed, err = tx.ExecAll(ctx, all.statements)
			return err
		}
		if err := step(ctx, tx, &all); err != nil {
			return err
		}
		if all.err == nil {
			for _, one := range writes {
				n := len(one.statements)
				one.changed, all.changed = all.changed[:n], all.changed[n:]
			}
			return nil
		}
	}
	for _, one := range writes {
		if err := step(ctx, tx, one); err != nil {
			return err
		}
	}
	return nil
}

// next takes one more write into the batch, nil when nobody waits or the batch
// is full.
func (w *Writer) next(began time.Time) *write {
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

// step runs one write inside its savepoint.
func step(ctx context.Context, tx Transaction, one *write) error {
	if _, err := tx.Exec(ctx, "SAVEPOINT one"); err != nil {
		return fmt.Errorf("savepoint: %w", err)
	}
	if one.err = Protect(one.fn, steady{tx}); one.err != nil {
		// An error of the disk or the line may have ended the whole transaction; then
		// this fails too.
		if _, err := tx.Exec(ctx, "ROLLBACK TO one"); err != nil {
			return fmt.Errorf("roll back to savepoint: %w", errors.Join(one.err, err))
		}
	}
	_, err := tx.Exec(ctx, "RELEASE one")
	return err
}

// steady is the transaction as one of many writes sees it: a caller that goes away
// must not interrupt a statement, which would end the transaction for all.
type steady struct{ tx store.Tx }

// Query runs a query to its end, whatever happens to ctx.
func (s steady) Query(ctx context.Context, statement string, args ...any) (store.Rows, error) {
	return s.tx.Query(context.WithoutCancel(ctx), statement, args...)
}

// Exec runs a statement to its end, whatever happens to ctx.
func (s steady) Exec(ctx context.Context, statement string, args ...any) (int64, error) {
	return s.tx.Exec(context.WithoutCancel(ctx), statement, args...)
}

// ExecEach runs a statement to its end for each list of arguments.
func (s steady) ExecEach(ctx context.Context, statement string, each [][]any) ([]int64, error) {
	return s.tx.ExecEach(context.WithoutCancel(ctx), statement, each)
}

// ExecAll runs statements to the end, whatever happens to ctx.
func (s steady) ExecAll(ctx context.Context, statements []store.Statement) ([]int64, error) {
	return s.tx.ExecAll(context.WithoutCancel(ctx), statements)
}

// Protect calls fn. A panic is our bug; it costs this caller, not the process.
func Protect(fn func(store.Tx) error, tx store.Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a transaction: %v", p)
		}
	}()
	return fn(tx)
}
