package postgres

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"kvasir/internal/store"
)

// A conn runs statements in one transaction. The store's statements and values are
// the same on both databases; what PostgreSQL is stricter about is evened out here.
type conn struct {
	tx      line
	timeout time.Duration // of a statement: a line that is cut in the middle never answers
}

// A line is a connection with a transaction on it.
type line interface {
	Query(ctx context.Context, statement string, args ...any) (pgx.Rows, error)
	Exec(ctx context.Context, statement string, args ...any) (pgconn.CommandTag, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
	Conn() *pgx.Conn
}

// Query runs a query. Its rows are closed before the next statement.
func (c conn) Query(ctx context.Context, statement string, args ...any) (store.Rows, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	values, err := c.fit(ctx, statement, args)
	if err != nil {
		cancel()
		return nil, err
	}
	r, err := c.tx.Query(ctx, statement, values...)
	if err != nil {
		cancel()
		return nil, err
	}
	return &rows{Rows: r, cancel: cancel}, nil
}

// Exec runs a statement and returns how many rows it changed.
func (c conn) Exec(ctx context.Context, statement string, args ...any) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	values, err := c.fit(ctx, statement, args)
	if err != nil {
		return 0, err
	}
	tag, err := c.tx.Exec(ctx, statement, values...)
	return tag.RowsAffected(), err
}

// ExecEach runs a statement once with each list of arguments, without a wait for the
// server between them.
func (c conn) ExecEach(ctx context.Context, statement string, each [][]any) (changed []int64, err error) {
	if len(each) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var batch pgx.Batch
	for _, args := range each {
		values, err := c.fit(ctx, statement, args)
		if err != nil {
			return nil, err
		}
		batch.Queue(statement, values...)
	}
	results := c.tx.SendBatch(ctx, &batch)
	defer func() { err = errors.Join(err, results.Close()) }()
	changed = make([]int64, len(each))
	for i := range each {
		tag, err := results.Exec()
		if err != nil {
			return nil, err
		}
		changed[i] = tag.RowsAffected()
	}
	return changed, nil
}

// fit brings texts to what the statement's parameters take: bytes where these are
// wanted, and no zero bytes in texts, which PostgreSQL cannot hold.
func (c conn) fit(ctx context.Context, statement string, args []any) ([]any, error) {
	if len(args) == 0 {
		return nil, nil
	}
	described, err := c.tx.Conn().Prepare(ctx, statement, statement)
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
	cancel context.CancelFunc
}

// Close ends the answer. What it could report, Err has said.
func (r *rows) Close() error {
	r.Rows.Close()
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
