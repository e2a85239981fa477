// Package store keeps everything that must not be lost: accounts, memos with
// their generations, chunks and vectors, and chats.
//
// Statements are written here by hand, once, in SQL that SQLite and Postgres
// both understand; a child package opens its database and runs them through an
// [Engine]. Each exported method is one unit of work: it takes all that must
// happen together and opens the transaction itself. Every statement that touches
// tenants' data names the project.
//
// Times are integers of microseconds in UTC, JSON is text, and ids are UUIDs
// ordered by time, made by us.
package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"kvasir/internal/account"
)

// An Engine runs statements on one database.
type Engine interface {
	// Read runs a query outside any transaction. It sees every write that was
	// acknowledged before.
	Read(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	// Write runs f in a transaction. When it returns nil, the writes of f are
	// durable; when f fails, none has happened. f may run together with others in
	// one transaction, so it must not wait for anything but its statements.
	Write(ctx context.Context, f func(ctx context.Context, tx Tx) error) error
	// Close waits for writes in progress and closes the database.
	Close() error
}

// A Tx is a transaction being written.
type Tx interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// A Store keeps the data of all projects.
type Store struct {
	engine Engine
	wake   chan struct{} // of capacity 1: signalled when work becomes pending

	mu     sync.Mutex
	latest map[account.ProjectID]int64 // last change of each project that was asked for
	models map[string]model
}

// New returns a store on an open engine. Closing the store closes the engine.
func New(engine Engine) *Store {
	return &Store{
		engine: engine,
		wake:   make(chan struct{}, 1),
		latest: map[account.ProjectID]int64{},
		models: map[string]model{},
	}
}

// Close waits for writes in progress and closes the database.
func (s *Store) Close() error { return s.engine.Close() }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	_, err := collect(ctx, s.engine.Read, scanOne[int64], "SELECT 1")
	return err
}

// Wake is signalled after a commit that made work pending.
func (s *Store) Wake() <-chan struct{} { return s.wake }

func (s *Store) signal() {
	select {
	case s.wake <- struct{}{}:
	default: // a signal is waiting already
	}
}

// A querier is the reading half of Engine and Tx.
type querier func(ctx context.Context, query string, args ...any) (*sql.Rows, error)

// collect runs a query and scans every row.
func collect[T any](
	ctx context.Context, query querier, scan func(*sql.Rows, *T) error, statement string, args ...any,
) ([]T, error) {
	rows, err := query(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		var v T
		if err := scan(rows, &v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// errNone is returned by one when there is no row.
var errNone = errors.New("no such row")

// one runs a query and scans its first row, errNone if there is none.
func one[T any](
	ctx context.Context, query querier, scan func(*sql.Rows, *T) error, statement string, args ...any,
) (T, error) {
	all, err := collect(ctx, query, scan, statement, args...)
	if err != nil || len(all) == 0 {
		var zero T
		if err == nil {
			err = errNone
		}
		return zero, err
	}
	return all[0], nil
}

// scanOne scans a row of one column.
func scanOne[T any](rows *sql.Rows, v *T) error { return rows.Scan(v) }

// affected runs a statement and returns how many rows it changed.
func affected(ctx context.Context, tx Tx, statement string, args ...any) (int64, error) {
	r, err := tx.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func micros(t time.Time) int64 { return t.UnixMicro() }

func microsOf(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	return new(t.UnixMicro())
}

func timeOf(us *int64) *time.Time {
	if us == nil {
		return nil
	}
	return new(time.UnixMicro(*us).UTC())
}

// encode returns v as JSON text. The types stored here cannot fail to encode.
func encode(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode column: %w", err)
	}
	return string(b), nil
}
