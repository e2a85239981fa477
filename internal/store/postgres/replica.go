package postgres

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"kvasir/internal/store"
	"kvasir/internal/store/group"
)

// A replica is a copy of the database, a little behind, for reading.
type replica struct {
	pool    *pgxpool.Pool
	options Options
	down    atomic.Int64 // until when it is not asked, in nanoseconds
}

// downFor is how long a replica that has failed is left alone.
const downFor = 5 * time.Second

// openReplica returns nil without a URL. It connects when it is first asked.
func openReplica(ctx context.Context, url string, opts *Options) (*replica, error) {
	if url == "" {
		return nil, nil
	}
	config, o, err := configure(url, opts)
	if err != nil {
		return nil, fmt.Errorf("replica: %w", err)
	}
	config.MaxConns = int32(o.Readers)
	o.Timeout = min(o.Timeout, replicaWithin)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open replica: %w", err)
	}
	return &replica{pool: pool, options: o}, nil
}

// replicaWithin bounds how long a search waits for a replica before it asks the
// database.
const replicaWithin = 5 * time.Second

// read runs fn on a snapshot, and reports false if fn has to be run elsewhere: it was
// not run, or what it has read has failed.
func (r *replica) read(ctx context.Context, fn func(store.Tx) error) (ok bool) {
	if r == nil || time.Now().UnixNano() < r.down.Load() {
		return false
	}
	err := r.try(ctx, fn)
	if err != nil && ctx.Err() == nil {
		r.down.Store(time.Now().Add(downFor).UnixNano())
	}
	return err == nil
}

func (r *replica) try(ctx context.Context, fn func(store.Tx) error) error {
	within, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	tx, err := r.pool.BeginTx(within, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.options.Timeout)
		defer cancel()
		_ = tx.Rollback(ending) // a line that is cut has ended it
	}()
	return group.Protect(fn, &conn{line: tx.Conn(), timeout: r.options.Timeout})
}

func (r *replica) close() {
	if r != nil {
		r.pool.Close()
	}
}

// ReadBehind runs fn on a snapshot of the replica, or else of the database.
func (db *database) ReadBehind(ctx context.Context, fn func(store.Tx) error) error {
	if db.replica.read(ctx, fn) {
		return nil
	}
	return db.Read(ctx, fn)
}

// ReadBehind runs fn on a snapshot of the replica, or else of the database. fn may run
// a second time after one that has failed.
func (b *Beside) ReadBehind(ctx context.Context, fn func(store.Tx) error) error {
	if b.replica.read(ctx, fn) {
		return nil
	}
	return b.Read(ctx, fn)
}
