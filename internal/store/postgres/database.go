package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"kvasir/internal/fault"
	"kvasir/internal/store"
	"kvasir/internal/store/group"
)

// A database fills the store's seam with a PostgreSQL server.
type database struct {
	pool    *pgxpool.Pool
	options Options
	readers chan struct{} // one token a reader, so that the writer always finds a connection
	writer  *group.Writer

	closed    chan struct{} // closed by Close: no new transactions
	closeOnce sync.Once
	listening sync.WaitGroup
}

func newDatabase(pool *pgxpool.Pool, o Options) *database {
	return &database{
		pool: pool, options: o, readers: make(chan struct{}, o.Readers), closed: make(chan struct{}),
	}
}

// start starts the writer, and the listener, which calls rouse when another node has
// written.
func (db *database) start(ctx context.Context, rouse func()) {
	ctx = context.WithoutCancel(ctx)
	db.writer = group.Start(ctx, db.closed, db.begin)
	db.listening.Go(func() { db.listen(ctx, rouse) })
}

// turns is the key of the lock by which writers take turns: "kvasir".
const turns = 0x6b7661736972

// begin begins a transaction when it is this node's turn. The server's statement
// timeout bounds the wait.
func (db *database) begin(ctx context.Context) (group.Transaction, error) {
	within, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	tx, err := db.pool.Begin(within)
	if err != nil {
		return nil, explain(err)
	}
	t := &transaction{conn: conn{tx, db.options.Timeout}}
	if _, err := tx.Exec(within, "SELECT pg_advisory_xact_lock($1)", int64(turns)); err != nil {
		t.Rollback(ctx)
		return nil, explain(err)
	}
	return t, nil
}

// A transaction is one of the writer's.
type transaction struct{ conn }

// Commit makes it durable and tells the other nodes.
func (t *transaction) Commit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	if _, err := t.tx.Exec(ctx, "SELECT pg_notify($1, '')", channel); err != nil {
		return err
	}
	return t.tx.Commit(ctx)
}

// Rollback ends it. A line that is cut has ended it already.
func (t *transaction) Rollback(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	_ = t.tx.Rollback(ctx)
}

// Read runs fn on one snapshot.
func (db *database) Read(ctx context.Context, fn func(store.Tx) error) error {
	select {
	case <-db.closed:
		return group.ErrClosed()
	default:
	}
	select {
	case db.readers <- struct{}{}:
	case <-db.closed:
		return group.ErrClosed()
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-db.readers }()
	tx, err := db.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return explain(err)
	}
	t := &transaction{conn: conn{tx, db.options.Timeout}}
	defer t.Rollback(context.WithoutCancel(ctx))
	return explain(group.Protect(fn, t))
}

// Write hands fn to the writer and waits for its commit.
func (db *database) Write(ctx context.Context, fn func(store.Tx) error) error {
	return explain(db.writer.Write(ctx, fn))
}

// Close refuses new transactions, waits for those in progress, and closes the
// connections. Closing twice does no harm.
func (db *database) Close() error {
	db.closeOnce.Do(func() {
		close(db.closed)
		db.writer.Wait()
		db.listening.Wait()
		for range cap(db.readers) {
			db.readers <- struct{}{}
		}
		db.pool.Close()
	})
	return nil
}

// explain gives the driver's errors the kinds that callers decide by: a server that
// is away, full or starting is there again later.
func explain(err error) error {
	if err == nil || fault.KindOf(err) != fault.Internal {
		return err
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch {
		case e.Code == "53100":
			return fault.Wrap(fault.Unavailable, "The database's disk is full", err)
		case strings.HasPrefix(e.Code, "53"), strings.HasPrefix(e.Code, "57"), strings.HasPrefix(e.Code, "08"):
			return fault.Wrap(fault.Unavailable, "The database is not available", err)
		}
		return err
	}
	_, isConnect := errors.AsType[*pgconn.ConnectError](err)
	_, isNet := errors.AsType[net.Error](err)
	if isConnect || isNet || pgconn.SafeToRetry(err) || strings.Contains(err.Error(), "conn closed") {
		return fault.Wrap(fault.Unavailable, "The database is not available", err)
	}
	return err
}

const (
	channel = "kvasir"
	// listenAgain is how long a listener whose line was cut waits before the next.
	listenAgain = time.Second
)

// listen calls rouse for each notification, over a connection of its own that is
// opened anew when it is lost.
func (db *database) listen(ctx context.Context, rouse func()) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	db.listening.Go(func() {
		select {
		case <-db.closed:
			cancel()
		case <-stop:
		}
	})
	for ctx.Err() == nil {
		_ = db.follow(ctx, rouse) // a lost line: what it brought is found without it, only later
		select {
		case <-ctx.Done():
		case <-time.After(listenAgain):
		}
	}
}

// follow listens over one connection until it is lost.
func (db *database) follow(ctx context.Context, rouse func()) error {
	c, err := db.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	line := c.Hijack()                                            // its state is not the pool's
	defer func() { _ = line.Close(context.WithoutCancel(ctx)) }() // it may be lost
	if _, err := line.Exec(ctx, "LISTEN "+channel); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	rouse() // for what was missed meanwhile
	for {
		if _, err := line.WaitForNotification(ctx); err != nil {
			return err
		}
		rouse()
	}
}
