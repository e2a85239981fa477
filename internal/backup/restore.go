package backup

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"kvasir/internal/fault"
)

// Verify reads a backup to its end and checks every byte of it.
func Verify(ctx context.Context, r io.Reader, tell Progress) (*Manifest, error) {
	return read(ctx, r, visitor{
		rows: func(string, []json.RawMessage) error { return nil },
		file: func(string, int64, io.Reader) error { return nil },
	}, tell)
}

// Restore verifies a backup and then brings all of it into a database and a store of
// files, which must be empty. One that fails half-way leaves what it has brought:
// start anew with an empty place.
func Restore(ctx context.Context, r io.ReadSeeker, rows Rows, files Files, tell Progress) (*Manifest, error) {
	empty, err := rows.IsEmpty(ctx)
	if err != nil {
		return nil, err
	}
	if !empty {
		return nil, fault.New(fault.Conflict, "there is data already; restore into an empty data folder or database")
	}
	m, err := Verify(ctx, r, tell)
	if err != nil {
		return nil, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the backup again: %w", err)
	}
	return read(ctx, r, visitor{
		rows: func(table string, batch []json.RawMessage) error {
			return rows.Restore(ctx, table, m.Columns[table], batch)
		},
		file: func(key string, size int64, r io.Reader) error {
			_, _, err := files.Put(ctx, key, r, size)
			return err
		},
	}, tell)
}
