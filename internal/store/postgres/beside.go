package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"kvasir/internal/store"
	"kvasir/internal/store/group"
)

// A Beside runs transactions that need not take turns with the store's, such as those
// of an index that is kept in the database: they give out no sequence numbers, and
// nobody waits for them.
type Beside struct {
	pool    *pgxpool.Pool
	replica *replica // nil for none
	options Options
}

// OpenBeside opens connections beside those of the store that [Open] has opened with
// the same arguments.
func OpenBeside(ctx context.Context, url string, opts *Options) (*Beside, error) {
	config, o, err := configure(url, opts)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(o.Readers + 2)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	copied, err := openReplica(ctx, o.Replica, opts)
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &Beside{pool: pool, replica: copied, options: o}, nil
}

// Read runs fn on one snapshot. fn may set what holds for the transaction.
func (b *Beside) Read(ctx context.Context, fn func(store.Tx) error) error {
	return b.transaction(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, fn)
}

// Write runs fn and commits.
func (b *Beside) Write(ctx context.Context, fn func(store.Tx) error) error {
	return b.transaction(ctx, pgx.TxOptions{}, fn)
}

func (b *Beside) transaction(ctx context.Context, o pgx.TxOptions, fn func(store.Tx) error) error {
	starting, cancel := context.WithTimeout(ctx, b.options.Timeout)
	defer cancel()
	tx, err := b.pool.BeginTx(starting, o)
	if err != nil {
		return explain(err)
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.options.Timeout)
	defer cancel()
	err = group.Protect(fn, &conn{line: tx.Conn(), timeout: b.options.Timeout + grace})
	if err != nil || o.AccessMode == pgx.ReadOnly {
		_ = tx.Rollback(within) // a line that is cut has ended it
		return explain(err)
	}
	return explain(tx.Commit(within))
}

// Alone runs fn on a connection of its own, outside of transactions and without a limit
// of time, and closes it.
func (b *Beside) Alone(ctx context.Context, fn func(store.Tx) error) error {
	c, err := b.pool.Acquire(ctx)
	if err != nil {
		return explain(err)
	}
	defer c.Release() // what is closed is not used again
	defer func() { _ = c.Conn().Close(context.WithoutCancel(ctx)) }()
	if _, err := c.Exec(ctx, "SET statement_timeout = 0"); err != nil {
		return explain(err)
	}
	return explain(group.Protect(fn, &conn{line: c.Conn(), timeout: unbounded}))
}

// unbounded is longer than anything takes.
const unbounded = 1000 * time.Hour

// Close closes the connections when those who use them are done.
func (b *Beside) Close() {
	b.replica.close()
	b.pool.Close()
}
