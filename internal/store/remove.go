package store

import (
	"context"
	"database/sql"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

const selectDroppedBlobs = `
SELECT DISTINCT file_blob FROM generations g
WHERE memo_id = $1 AND generation NOT IN ($2, $3) AND file_blob IS NOT NULL AND NOT EXISTS (
	SELECT 1 FROM generations k WHERE k.memo_id = $1 AND k.generation IN ($2, $3) AND k.file_blob = g.file_blob)`

// dropGenerations deletes all generations of a memo but two, with their chunks
// and vectors, and returns the files that nothing refers to any more.
func dropGenerations(ctx context.Context, tx Tx, id memo.ID, keep, keepToo int) ([]string, error) {
	blobs, err := collect(ctx, tx.QueryContext, scanOne[string], selectDroppedBlobs, id, keep, keepToo)
	if err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx,
		`DELETE FROM generations WHERE memo_id = $1 AND generation NOT IN ($2, $3)`, id, keep, keepToo)
	return blobs, err
}

// DeleteMemo removes a memo with all that belongs to it.
func (s *Store) DeleteMemo(
	ctx context.Context, p account.ProjectID, ref memo.Ref, now time.Time,
) (gone memo.Deleted, err error) {
	err = s.engine.Write(ctx, func(ctx context.Context, tx Tx) error {
		h, err := findHead(ctx, tx, p, ref)
		if err != nil {
			return err
		}
		gone.ID = h.id
		if gone.Blobs, err = dropGenerations(ctx, tx, h.id, 0, 0); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM memos WHERE project_id = $1 AND id = $2`, p, h.id); err != nil {
			return err
		}
		if h.live == 0 {
			return nil
		}
		return s.writeChange(ctx, tx, p, h.id, true)
	})
	return gone, err
}

const retryMemo = `
UPDATE memos SET stage = 'received', attempt = 0, claimed_by = NULL, claimed_until = 0, not_before = 0, waiting_for = '',
	error = '', started_at = NULL, completed_at = NULL, updated_at = $3
WHERE project_id = $1 AND id = $2`

// RetryMemo puts a failed memo back to the start; what it has stored is kept.
func (s *Store) RetryMemo(
	ctx context.Context, p account.ProjectID, ref memo.Ref, now time.Time,
) (id memo.ID, err error) {
	err = s.engine.Write(ctx, func(ctx context.Context, tx Tx) error {
		h, err := findHead(ctx, tx, p, ref)
		if err != nil {
			return err
		}
		if h.stage != memo.StageError {
			return fault.New(fault.Conflict, "Only a memo with status error can be retried; this one is "+
				h.stage.Status())
		}
		id = h.id
		_, err = tx.ExecContext(ctx, retryMemo, p, h.id, micros(now))
		return err
	})
	if err == nil {
		s.signal()
	}
	return id, err
}

// A text is a generation's content and file.
type text struct {
	content *string
	file    *memo.File
}

func scanText(rows *sql.Rows, t *text) error {
	f := fileColumns{}
	if err := rows.Scan(&t.content, &f.name, &f.kind, &f.size, &f.blob, &f.hash); err != nil {
		return err
	}
	t.file = f.file()
	return nil
}

// fileColumns are the columns of a generation that describe its file.
type fileColumns struct {
	name, kind, blob, hash sql.NullString
	size                   sql.NullInt64
}

func (f fileColumns) file() *memo.File {
	if !f.blob.Valid {
		return nil
	}
	return &memo.File{
		Name: f.name.String, MIMEType: f.kind.String, Size: f.size.Int64, Blob: f.blob.String, Hash: f.hash.String,
	}
}
