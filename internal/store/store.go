// Package store keeps memos, chats and keys in an SQL database.
//
// [Store] holds every statement, written by hand with $1 placeholders, one
// method each. What a database must do for it is the small seam [Database]:
// a query, a statement, and a transaction around them. Package store/sqlite
// fills it; a method that writes is one transaction there, and durable when it
// returns.
//
// The row of a memo is its work item. A worker claims it by a lease, and every
// result it stores names the claim: once the memo has a newer generation, is
// deleted, or is held by another worker, the result is refused with a fault of
// kind Conflict. A memo has at most two generations, the live one, which is
// searched, and the newest, which becomes live in [Store.Finish].
//
// What happens to memos is appended to a log in the transaction in which it
// happens. Clients and webhooks follow it with a cursor.
//
// A long text is stored in pieces, and only those that a passage needs are read:
// nothing but work on a book, and a look at the whole of it, holds it in memory.
//
// Every query of tenants' data takes the project's id.
package store

import (
	"context"
	"sync"
	"sync/atomic"

	"kvasir/internal/account"
)

// Rows is the answer to a query. It is read to its end and closed before the
// next statement of the same transaction.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close() error
}

// A Tx runs statements inside a transaction.
type Tx interface {
	Query(ctx context.Context, statement string, args ...any) (Rows, error)
	// Exec returns how many rows were changed.
	Exec(ctx context.Context, statement string, args ...any) (int64, error)
	// ExecEach runs a statement once with each list of arguments, and returns how many
	// rows each has changed.
	ExecEach(ctx context.Context, statement string, each [][]any) ([]int64, error)
	// ExecAll runs statements in their order, for one wait, and returns how many rows
	// each has changed. It ends at the first that fails.
	ExecAll(ctx context.Context, statements []Statement) ([]int64, error)
}

// A Statement changes the database.
type Statement struct {
	Text string
	Args []any
	// Else is the error of a statement that changes no row; nil if that is none.
	Else error
}

// Err returns the error of having changed so many rows.
func (s Statement) Err(changed int64) error {
	if changed == 0 {
		return s.Else
	}
	return nil
}

// A Database runs transactions. It is safe for concurrent use.
type Database interface {
	// Read runs fn on one snapshot of the database. fn changes nothing.
	Read(ctx context.Context, fn func(Tx) error) error
	// Write runs fn and commits. When it returns nil, the changes are durable and
	// seen by every later Read; when it returns an error, nothing has changed.
	// Sequence numbers given out by writes become visible in their order. A
	// context that ends after fn has begun does not stop it.
	Write(ctx context.Context, fn func(Tx) error) error
	// WriteAll is a Write of statements that are all known when it begins, so that it
	// goes out together with those of other callers.
	WriteAll(ctx context.Context, statements []Statement) (changed []int64, err error)
	// Close waits for the transactions in progress.
	Close() error
}

// A Replicated database may have copies that are a little behind.
type Replicated interface {
	// ReadBehind runs fn on one snapshot of a copy, or of the database itself if none
	// answers. It may run fn a second time after one that has failed.
	ReadBehind(ctx context.Context, fn func(Tx) error) error
}

// readBehind reads for a search, which may be a little behind.
func (s *Store) readBehind(ctx context.Context, fn func(Tx) error) error {
	if db, ok := s.db.(Replicated); ok {
		return db.ReadBehind(ctx, fn)
	}
	return s.db.Read(ctx, fn)
}

// A Store is the product's memory. It is safe for concurrent use.
type Store struct {
	db   Database
	wake chan struct{} // holds one signal: there is work

	turn      rotation
	cache     cacheSize
	models    numbers[modelKey]
	spaces    numbers[spaceKey]
	beside    atomic.Bool // there were versions beside the live one, as far as we know
	listeners listeners
}

// A rotation remembers where the last claim has stopped.
type rotation struct {
	mu   sync.Mutex
	last account.ProjectID
}

// numbers remembers the numbers that rows have, which stay the same.
type numbers[K comparable] struct {
	mu    sync.Mutex
	known map[K]int64 // nil if there are none
}

func (n *numbers[K]) find(k K) (id int64, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	id, ok = n.known[k]
	return id, ok
}

func (n *numbers[K]) set(k K, id int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known == nil || len(n.known) == maxNumbers {
		n.known = map[K]int64{}
	}
	n.known[k] = id
}

func (n *numbers[K]) forget(k K) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.known, k)
}

// maxNumbers bounds how many are remembered.
const maxNumbers = 10_000

// New returns a store on an open database whose schema is up to date.
func New(db Database) *Store {
	return &Store{db: db, wake: make(chan struct{}, 1)}
}

// Close waits for transactions in progress and closes the database.
func (s *Store) Close() error { return s.db.Close() }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.db.Read(ctx, func(tx Tx) error {
		_, _, err := find(ctx, tx, scanInt, "SELECT 1")
		return err
	})
}

// Wake is signalled after a commit that made work pending. One signal may stand
// for many commits.
func (s *Store) Wake() <-chan struct{} { return s.wake }

// Rouse wakes workers and those who follow the log of events, as a commit of this
// process would: a database calls it when another process has written.
func (s *Store) Rouse() {
	s.signal()
	s.announce()
}

// signal tells a worker that there is work, unless it has been told already.
func (s *Store) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
