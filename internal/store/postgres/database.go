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
	replica *replica // nil for none
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

// grace is how much longer than the server a node waits for the end of a statement: what
// the server ends costs no connection.
const grace = time.Second

// turnWithin is how long a node that has its turn may be silent before the server ends
// the transaction: it is cut off, or stopped, and the others wait.
const turnWithin = 5 * time.Second

// begin begins a transaction when it is this node's turn. The timeout bounds the wait.
func (db *database) begin(ctx context.Context) (group.Transaction, error) {
	within, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	c, err := db.pool.Acquire(within)
	if err != nil {
		return nil, db.judge(ctx, err)
	}
	t := &transaction{conn: conn{line: c.Conn(), timeout: db.options.Timeout + grace}, held: c, within: db.options.Timeout}
	if _, err := t.run(within, fmt.Sprintf("BEGIN; SET LOCAL idle_in_transaction_session_timeout = %d; "+
		"SELECT pg_advisory_xact_lock(%d)", turnWithin.Milliseconds(), int64(turns))); err != nil {
		t.Rollback(ctx)
		return nil, db.judge(ctx, err)
	}
	return t, nil
}

// A transaction is one of the writer's.
type transaction struct {
	conn
	held   *pgxpool.Conn
	within time.Duration // to begin or to end
	ended  bool
}

const (
	savepoint = "SAVEPOINT one"
	rollback  = "ROLLBACK TO one"
	release   = "RELEASE one"
)

// Exec runs a statement. A savepoint is set by the first statement after it, and one
// that nothing has come after was never set.
func (t *transaction) Exec(ctx context.Context, statement string, args ...any) (int64, error) {
	unset := len(t.due) > 0 && t.due[len(t.due)-1] == savepoint
	switch {
	case statement == savepoint, statement == release && !unset:
		t.due = append(t.due, statement)
		return 0, nil
	case statement == release:
		t.due = t.due[:len(t.due)-1]
		return 0, nil
	case statement == rollback && unset:
		return 0, nil
	}
	return t.conn.Exec(ctx, statement, args...)
}

// Commit makes it durable and tells the other nodes.
func (t *transaction) Commit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, t.within)
	defer cancel()
	answer, err := t.run(ctx, "SELECT pg_notify('"+channel+"', ''); COMMIT")
	if err == nil && answer.String() != "COMMIT" {
		err = errors.New("the server has rolled the transaction back")
	}
	if err != nil {
		return err
	}
	t.end()
	return nil
}

// Rollback ends it, unless it has ended. A line that is cut has ended it already.
func (t *transaction) Rollback(ctx context.Context) {
	if t.ended {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, t.within)
	defer cancel()
	_, _ = t.run(ctx, "ROLLBACK")
	t.end()
}

// end gives the connection back; one that is still in a transaction is closed then.
func (t *transaction) end() {
	t.ended = true
	t.held.Release()
}

// Read runs fn on one snapshot.
func (db *database) Read(ctx context.Context, fn func(store.Tx) error) error {
	select {
	case <-db.closed:
		return group.ErrClosed()
	default:
	}
	starting, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	select {
	case db.readers <- struct{}{}:
	case <-db.closed:
		return group.ErrClosed()
	case <-starting.Done():
		return db.judge(ctx, starting.Err())
	}
	defer func() { <-db.readers }()
	held, err := db.pool.Acquire(starting)
	if err != nil {
		return db.judge(ctx, err)
	}
	defer held.Release()
	c := &conn{line: held.Conn(), timeout: db.options.Timeout + grace, due: []string{beginReading}}
	defer func() {
		if len(c.due) > 0 {
			return // it has never begun
		}
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), db.options.Timeout)
		defer cancel()
		_, _ = c.run(within, "ROLLBACK") // a line that is cut has ended it
	}()
	return db.judge(ctx, group.Protect(fn, c))
}

const beginReading = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"

// Write hands fn to the writer and waits for its commit. The timeout bounds the wait in
// line: while the server does not answer, those before it take long.
func (db *database) Write(ctx context.Context, fn func(store.Tx) error) error {
	inLine, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	return db.judge(ctx, db.writer.Write(inLine, fn))
}

// WriteAll hands statements to the writer and waits for their commit, as Write does.
func (db *database) WriteAll(ctx context.Context, statements []store.Statement) ([]int64, error) {
	inLine, cancel := context.WithTimeout(ctx, db.options.Timeout)
	defer cancel()
	changed, err := db.writer.WriteAll(inLine, statements)
	return changed, db.judge(ctx, err)
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
		db.replica.close()
		db.pool.Close()
	})
	return nil
}

// judge explains an error to a caller. A timeout that is not the caller's is of a line
// that is dead, and so are the others, most likely: new ones are opened.
func (db *database) judge(ctx context.Context, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		db.pool.Reset()
		return fault.Wrap(fault.Unavailable, "The database does not answer", err)
	}
	return explain(err)
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
	// silence is after how long without a notification it asks whether the line lives.
	silence = 5 * time.Second
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
	for ctx.Err() == nil {
		if err := waitOrPing(ctx, line); err != nil {
			return err
		}
		rouse()
	}
	return ctx.Err()
}

// waitOrPing waits for a notification. When none comes for a while, it looks whether
// the line is alive: one that is cut in the middle is silent for ever.
func waitOrPing(ctx context.Context, line *pgx.Conn) error {
	within, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	_, err := line.WaitForNotification(within)
	if err == nil || within.Err() == nil {
		return err
	}
	alive, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	return line.Ping(alive)
}
