package postgres

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"kvasir/internal/store"
)

// A conn runs statements in one transaction. The store's statements and values are
// the same on both databases; what PostgreSQL is stricter about is evened out here.
//
// What needs no answer goes out with the next statement: how often we wait for the
// server is most of what a transaction costs.
type conn struct {
	line    *pgx.Conn
	timeout time.Duration // of a statement: a line that is cut in the middle never answers
	due     []string      // what goes out ahead of the next statement
}

// Query runs a query. Its rows are closed before the next statement.
func (c *conn) Query(ctx context.Context, statement string, args ...any) (store.Rows, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	results, err := c.send(ctx, store.Statement{Text: statement, Args: args})
	if err != nil {
		cancel()
		return nil, err
	}
	r, err := results.Query()
	if err != nil {
		_ = results.Close() // it says the same
		cancel()
		return nil, err
	}
	return &rows{Rows: r, results: results, cancel: cancel}, nil
}

// Exec runs a statement and returns how many rows it changed. One without arguments may
// be several, of which it returns what the last has changed.
func (c *conn) Exec(ctx context.Context, statement string, args ...any) (int64, error) {
	if len(args) == 0 {
		ctx, cancel := context.WithTimeout(ctx, c.timeout)
		defer cancel()
		all := strings.Join(append(c.due, statement), "; ")
		c.due = nil
		tag, err := c.run(ctx, all)
		return tag.RowsAffected(), err
	}
	changed, err := c.ExecEach(ctx, statement, [][]any{args})
	if err != nil {
		return 0, err
	}
	return changed[0], nil
}

// ExecEach runs a statement once with each list of arguments, without a wait for the
// server between them.
func (c *conn) ExecEach(ctx context.Context, statement string, each [][]any) ([]int64, error) {
	statements := make([]store.Statement, len(each))
	for i, args := range each {
		statements[i] = store.Statement{Text: statement, Args: args}
	}
	return c.ExecAll(ctx, statements)
}

// ExecAll runs statements in their order, without a wait for the server between them.
func (c *conn) ExecAll(ctx context.Context, statements []store.Statement) (changed []int64, err error) {
	if len(statements) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	results, err := c.send(ctx, statements...)
	if err != nil {
		return nil, err
	}
	defer func() { err = cmp.Or(err, results.Close()) }()
	changed = make([]int64, len(statements))
	for i, s := range statements {
		tag, err := results.Exec()
		changed[i] = tag.RowsAffected()
		if err = cmp.Or(err, s.Err(changed[i])); err != nil {
			return nil, err
		}
	}
	return changed, nil
}

// send sends statements, and returns their answers, which the caller closes.
func (c *conn) send(ctx context.Context, statements ...store.Statement) (pgx.BatchResults, error) {
	due := c.due
	c.due = nil
	var batch pgx.Batch
	for _, d := range due {
		batch.Queue(d)
	}
	for _, s := range statements {
		values, err := c.fit(ctx, s.Text, s.Args)
		if err != nil {
			return nil, err
		}
		batch.Queue(s.Text, values...)
	}
	results := c.line.SendBatch(ctx, &batch)
	for range due {
		if _, err := results.Exec(); err != nil {
			_ = results.Close() // it says the same
			return nil, err
		}
	}
	return results, nil
}

// run runs statements without arguments, one after the other, for one answer: that of
// the last.
func (c *conn) run(ctx context.Context, statements string) (tag pgconn.CommandTag, err error) {
	results, err := c.line.PgConn().Exec(ctx, statements).ReadAll()
	if err == nil {
		tag = results[len(results)-1].CommandTag
	}
	return tag, err
}

// fit brings texts to what the statement's parameters take: bytes where these are
// wanted, and no zero bytes in texts, which PostgreSQL cannot hold.
func (c *conn) fit(ctx context.Context, statement string, args []any) ([]any, error) {
	if len(args) == 0 {
		return nil, nil
	}
	described, err := c.line.Prepare(ctx, statement, statement)
	if err != nil {
		return nil, err
	}
	values := make([]any, len(args))
	for i, arg := range args {
		values[i] = arg
		switch v := arg.(type) {
		case string:
			values[i] = fitText(v, described.ParamOIDs[i])
		case *string:
			if v != nil {
				values[i] = fitText(*v, described.ParamOIDs[i])
			}
		}
	}
	return values, nil
}

func fitText(s string, oid uint32) any {
	if oid == pgtype.ByteaOID {
		return []byte(s)
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// rows are the answer to a query.
type rows struct {
	pgx.Rows
	results pgx.BatchResults
	cancel  context.CancelFunc
}

// Close ends the answer. What it could report, Err has said.
func (r *rows) Close() error {
	r.Rows.Close()
	_ = r.results.Close()
	r.cancel()
	return nil
}

// Scan reads a row. Bytes may be read as text.
func (r *rows) Scan(dest ...any) error {
	fields := r.FieldDescriptions()
	for i, d := range dest {
		if i < len(fields) && fields[i].DataTypeOID == pgtype.ByteaOID {
			switch into := d.(type) {
			case *string:
				dest[i] = text{into}
			case **string:
				dest[i] = optionalText{into}
			}
		}
	}
	return r.Rows.Scan(dest...)
}

// text reads bytes as text.
type text struct{ into *string }

// ScanBytes implements [pgtype.BytesScanner].
func (t text) ScanBytes(v []byte) error {
	*t.into = string(v)
	return nil
}

// optionalText reads bytes, which may be missing, as text.
type optionalText struct{ into **string }

// ScanBytes implements [pgtype.BytesScanner].
func (t optionalText) ScanBytes(v []byte) error {
	*t.into = nil
	if v != nil {
		*t.into = new(string(v))
	}
	return nil
}
