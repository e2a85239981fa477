package store

import (
	"context"
	"database/sql"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

// errClaimLost is what a worker gets whose memo has a newer generation, is gone,
// or is held by another.
var errClaimLost = fault.New(fault.Conflict, "The memo has changed meanwhile")

// The rank inside a project makes a project with a few memos as near to the
// front as one with a hundred thousand; what a project has in progress already
// counts as served.
const selectClaimable = `
WITH busy AS (
	SELECT project_id, count(*) AS held FROM memos
	WHERE stage NOT IN ('processed', 'error') AND claimed_until > $1 GROUP BY project_id
), projects AS (
	SELECT DISTINCT project_id FROM memos WHERE stage NOT IN ('processed', 'error')
), waiting AS (
	SELECT m.id, m.project_id, row_number() OVER (PARTITION BY m.project_id ORDER BY m.id) AS turn
	FROM projects p JOIN memos m ON m.id IN (
		SELECT id FROM memos w
		WHERE w.project_id = p.project_id AND w.stage NOT IN ('processed', 'error')
			AND w.claimed_until <= $1 AND w.not_before <= $1
		ORDER BY w.id LIMIT $2)
)
SELECT w.id, coalesce(length(g.content), g.file_size, 0)
FROM waiting w
JOIN memos m ON m.id = w.id
JOIN generations g ON g.memo_id = m.id AND g.generation = m.generation
LEFT JOIN busy b ON b.project_id = w.project_id
ORDER BY w.turn + coalesce(b.held, 0), w.id
LIMIT $2`

const claimMemo = `
UPDATE memos SET claimed_by = $2, claimed_until = $3, attempt = attempt + 1, started_at = coalesce(started_at, $4),
	waiting_for = '', not_before = 0
WHERE id = $1
RETURNING project_id, generation, attempt, stage`

// Claim leases memos to a worker: up to limit, and up to maxBytes of text and
// files, but at least one.
func (s *Store) Claim(
	ctx context.Context, worker string, limit int, maxBytes int64, now time.Time,
) (claimed []memo.Work, err error) {
	err = s.engine.Write(ctx, func(ctx context.Context, tx Tx) error {
		claimed = nil
		type candidate struct {
			id    memo.ID
			bytes int64
		}
		scan := func(rows *sql.Rows, c *candidate) error { return rows.Scan(&c.id, &c.bytes) }
		found, err := collect(ctx, tx.QueryContext, scan, selectClaimable, micros(now), limit)
		if err != nil {
			return err
		}
		for i, c := range found {
			if maxBytes -= c.bytes; maxBytes < 0 && i > 0 {
				break
			}
			w, err := claim(ctx, tx, c.id, worker, now)
			if err != nil {
				return err
			}
			claimed = append(claimed, w)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range claimed {
		if err := s.load(ctx, &claimed[i]); err != nil {
			return nil, err
		}
	}
	return claimed, nil
}

func claim(ctx context.Context, tx Tx, id memo.ID, worker string, now time.Time) (memo.Work, error) {
	scan := func(rows *sql.Rows, w *memo.Work) error {
		w.Memo, w.Worker = id, worker
		return rows.Scan(&w.Project, &w.Generation, &w.Attempt, &w.Stage)
	}
	return one(ctx, tx.QueryContext, scan, claimMemo, id, worker, micros(now.Add(memo.Lease)), micros(now))
}

const selectWork = `SELECT title, content, file_name, file_type, file_size, file_blob, file_hash FROM generations
WHERE memo_id = $1 AND generation = $2`

// load reads what a claim is to be worked on. It happens outside the claim's
// transaction, which others wait for.
func (s *Store) load(ctx context.Context, w *memo.Work) error {
	scan := func(rows *sql.Rows, w *memo.Work) error {
		var f fileColumns
		if err := rows.Scan(&w.Title, &w.Content, &f.name, &f.kind, &f.size, &f.blob, &f.hash); err != nil {
			return err
		}
		w.File = f.file()
		return nil
	}
	text, err := collect(ctx, s.engine.Read, scan, selectWork, w.Memo, w.Generation)
	if err != nil || len(text) == 0 {
		return err // superseded since the claim: its first write will be refused
	}
	w.Title, w.Content, w.File = text[0].Title, text[0].Content, text[0].File
	if w.Stage == memo.StageEmbedding {
		w.Chunks, err = s.chunksOf(ctx, w.Memo, w.Generation)
	}
	return err
}

// Renew prolongs the leases that the worker still holds.
func (s *Store) Renew(ctx context.Context, worker string, ids []memo.ID, now time.Time) error {
	return s.engine.Write(ctx, func(ctx context.Context, tx Tx) error {
		for _, id := range ids {
			_, err := tx.ExecContext(ctx, `UPDATE memos SET claimed_until = $3 WHERE id = $1 AND claimed_by = $2`,
				id, worker, micros(now.Add(memo.Lease)))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

const releaseClaims = `
UPDATE memos SET claimed_by = NULL, claimed_until = 0, attempt = max(attempt - 1, 0)
WHERE claimed_by = $1 AND stage NOT IN ('processed', 'error')`

// Release frees what a worker holds. The attempts that were cut do not count.
func (s *Store) Release(ctx context.Context, worker string) error {
	return s.exec(ctx, releaseClaims, worker)
}

const freeClaims = `
UPDATE memos SET claimed_by = NULL, claimed_until = 0, attempt = max(attempt - 1, 0)
WHERE claimed_by IS NOT NULL AND stage NOT IN ('processed', 'error')`

// FreeClaims frees every claim: at the start of the only process there is.
func (s *Store) FreeClaims(ctx context.Context) error {
	err := s.exec(ctx, freeClaims)
	s.signal()
	return err
}

func (s *Store) exec(ctx context.Context, statement string, args ...any) error {
	return s.engine.Write(ctx, func(ctx context.Context, tx Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
}
