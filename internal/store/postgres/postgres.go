// Package postgres runs the store on PostgreSQL, for any number of nodes.
//
// A node reads over a pool of connections, each transaction on its own snapshot,
// and writes over one: a writer that commits many callers' writes together. The
// writers of all nodes take turns by a lock of the database, held for one
// transaction, so writes happen one after the other as they do in SQLite, and
// sequence numbers become visible in their order. What a transaction costs is
// shared by up to 64 writes, so taking turns costs little.
//
// A commit notifies the other nodes, which wake their workers and the streams of
// events that they serve. A notification that is lost costs a second: workers
// look for work that often anyway.
package postgres

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"kvasir/internal/fault"
	"kvasir/internal/store"
)

// schema is where the tables are.
const schema = "kvasir"

const (
	pingWithin    = 2 * time.Second // bounds the look whether a connection that has rested is alive
	connectWithin = 5 * time.Second
)

// Options tune the database. The zero value of a field is its default.
type Options struct {
	Readers int // connections for reading, opened when needed; four times the processors, at least 8
	// Timeout bounds a statement, and the wait for a connection. What takes longer is a
	// line that is dead. By default it is what the URL has as statement_timeout, else
	// 30 s.
	Timeout time.Duration
	// Replica is the URL of a copy of the database, for what searches read; empty for
	// none.
	Replica string
}

// Open opens the store that a URL names, postgres://user@host/database, whose schema
// it brings up to date; one written by a newer version is refused.
//
// Open starts the writer and a listener, goroutines that end in the store's Close.
func Open(ctx context.Context, url string, opts *Options) (*store.Store, error) {
	config, o, err := configure(url, opts)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, config.ConnConfig); err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, explain(fmt.Errorf("open database: %w", err))
	}
	db := newDatabase(pool, o)
	if db.replica, err = openReplica(ctx, o.Replica, opts); err != nil {
		pool.Close()
		return nil, err
	}
	if err := db.align(ctx); err != nil {
		db.replica.close()
		pool.Close()
		return nil, explain(err)
	}
	s := store.New(db)
	db.start(ctx, s.Rouse)
	return s, nil
}

// configure reads a URL, and completes the options.
func configure(url string, opts *Options) (_ *pgxpool.Config, o Options, err error) {
	if opts != nil {
		o = *opts
	}
	o.Readers = cmp.Or(o.Readers, max(8, 4*runtime.GOMAXPROCS(0)))
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, o, fault.New(fault.Invalid, "DATABASE_URL is no postgres URL") // the cause may hold a password
	}
	given, err := statementTimeout(config.ConnConfig)
	if err != nil {
		return nil, o, err
	}
	o.Timeout = cmp.Or(o.Timeout, given, 30*time.Second)
	// Beside readers, the writer and the listener; and as many again, since a dead one
	// takes its place until it is closed, which takes long where nobody answers.
	config.MaxConns = 2 * int32(o.Readers+2)
	config.PingTimeout = min(o.Timeout, pingWithin)
	config.ConnConfig.ConnectTimeout = min(o.Timeout, connectWithin)
	// Beside other tables of the same database, such as Skald's; public holds pgvector.
	config.ConnConfig.RuntimeParams["search_path"] = schema + ",public"
	config.ConnConfig.RuntimeParams["statement_timeout"] = fmt.Sprint(o.Timeout.Milliseconds())
	config.ConnConfig.RuntimeParams["application_name"] = "kvasir"
	// A node that has vanished must not keep what it holds: the server notices soon.
	config.ConnConfig.RuntimeParams["tcp_keepalives_idle"] = "5"
	config.ConnConfig.RuntimeParams["tcp_keepalives_interval"] = "2"
	config.ConnConfig.RuntimeParams["tcp_keepalives_count"] = "3"
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	return config, o, nil
}

// statementTimeout returns the timeout that the URL has, 0 for none.
func statementTimeout(config *pgx.ConnConfig) (time.Duration, error) {
	given, ok := config.RuntimeParams["statement_timeout"]
	if !ok {
		return 0, nil
	}
	d, err := time.ParseDuration(given)
	if ms, numErr := strconv.Atoi(given); numErr == nil {
		d, err = time.Duration(ms)*time.Millisecond, nil
	}
	if err != nil || d < time.Second {
		return 0, fault.New(fault.Invalid, "DATABASE_URL: statement_timeout must be a second or more, as 10s or in milliseconds")
	}
	return d, nil
}
