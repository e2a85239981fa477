package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"

	sqlite3 "modernc.org/sqlite"

	"kvasir/internal/fault"
	"kvasir/internal/store"
)

// A conn is a connection with its prepared statements: preparing one takes
// longer than running it. One goroutine at a time uses it.
type conn struct {
	sql        *sql.Conn
	statements map[string]*sql.Stmt
}

func openConn(ctx context.Context, db *sql.DB) (*conn, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{sql: c, statements: map[string]*sql.Stmt{}}, nil
}

func (c *conn) prepared(ctx context.Context, statement string) (*sql.Stmt, error) {
	if s, ok := c.statements[statement]; ok {
		return s, nil
	}
	s, err := c.sql.PrepareContext(ctx, statement)
	if err != nil {
		return nil, err
	}
	c.statements[statement] = s
	return s, nil
}

// Query runs a query. Its rows are closed before the next statement.
func (c *conn) Query(ctx context.Context, statement string, args ...any) (store.Rows, error) {
	s, err := c.prepared(ctx, statement)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// Exec runs a statement and returns how many rows it changed.
func (c *conn) Exec(ctx context.Context, statement string, args ...any) (int64, error) {
	s, err := c.prepared(ctx, statement)
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// ExecEach runs a statement once with each list of arguments.
func (c *conn) ExecEach(ctx context.Context, statement string, each [][]any) ([]int64, error) {
	changed := make([]int64, len(each))
	for i, args := range each {
		var err error
		if changed[i], err = c.Exec(ctx, statement, args...); err != nil {
			return nil, err
		}
	}
	return changed, nil
}

// ExecAll runs statements in their order.
func (c *conn) ExecAll(ctx context.Context, statements []store.Statement) ([]int64, error) {
	changed := make([]int64, len(statements))
	for i, s := range statements {
		n, err := c.Exec(ctx, s.Text, s.Args...)
		if err = cmp.Or(err, s.Err(n)); err != nil {
			return nil, err
		}
		changed[i] = n
	}
	return changed, nil
}

// run runs a statement for its effect alone.
func (c *conn) run(ctx context.Context, statement string) error {
	_, err := c.Exec(ctx, statement)
	return err
}

// A transaction is one that has begun on the writer's connection.
type transaction struct{ *conn }

// Commit makes it durable.
func (t transaction) Commit(ctx context.Context) error { return t.run(ctx, "COMMIT") }

// Rollback ends it. A disk error may have done so already, and then there is
// nothing to roll back; were it not ended, the next BEGIN would say so.
func (t transaction) Rollback(ctx context.Context) { _ = t.run(ctx, "ROLLBACK") }

func (c *conn) close() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.sql.Close())...)
}

// sqliteFull is SQLite's code for a disk without room.
const sqliteFull = 13

// translate gives the driver's errors the kinds that callers decide by.
func translate(err error) error {
	if e, ok := errors.AsType[*sqlite3.Error](err); ok && e.Code()&0xff == sqliteFull {
		return fault.Wrap(fault.Unavailable, "The disk is full", err)
	}
	return err
}
