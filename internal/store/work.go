package store

import (
	"context"
	"slices"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

// loadWork reads what was claimed, in the given order, outside the transaction
// that claimed it: texts may be large. Memos that are changed or deleted
// meanwhile are left out.
func (s *Store) loadWork(ctx context.Context, worker string, ids []memo.ID) (work []memo.Work, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		found := make(map[memo.ID]*memo.Work, len(ids))
		for part := range slices.Chunk(ids, maxList) {
			if err := loadPart(ctx, tx, worker, part, found); err != nil {
				return err
			}
		}
		for _, id := range ids {
			if w := found[id]; w != nil {
				work = append(work, *w)
			}
		}
		return nil
	})
	return work, err
}

func loadPart(ctx context.Context, tx Tx, worker string, ids []memo.ID, found map[memo.ID]*memo.Work) error {
	in, args := list([]any{worker}, ids)
	rows, err := collect(ctx, tx, scanWork, selectWork+in, args...)
	if err != nil {
		return err
	}
	for _, w := range rows {
		w.Worker = worker
		found[w.Memo] = &w
	}
	chunks, err := collect(ctx, tx, scanChunk, selectWorkChunks+in+" ORDER BY c.memo, c.position", args...)
	for _, c := range chunks {
		if w := found[c.memo]; w != nil && w.Content != nil {
			w.Chunks = append(w.Chunks, c.cut(*w.Content))
		}
	}
	return err
}

func scanWork(r Rows) (memo.Work, error) {
	var w memo.Work
	var id, project, stage string
	var parsed bool
	var content []byte
	var f fileColumns
	err := r.Scan(&id, &project, &w.Generation, &w.Attempt, &stage, &w.Title, &parsed, &content,
		&f.name, &f.mimeType, &f.size, &f.blob, &f.hash, &w.Key)
	w.Memo, w.Project, w.Stage, w.File = memo.ID(id), account.ProjectID(project), memo.Stage(stage), f.file()
	if parsed {
		w.Content = new(string(content))
	}
	return w, err
}

// Renew prolongs the leases of those of the memos that the worker still holds.
func (s *Store) Renew(ctx context.Context, worker string, ids []memo.ID, now time.Time) error {
	if len(ids) == 0 {
		return nil
	}
	return s.db.Write(ctx, func(tx Tx) error {
		for part := range slices.Chunk(ids, maxList) {
			in, args := list([]any{worker, micros(now.Add(memo.Lease))}, part)
			if _, err := tx.Exec(ctx, renewClaim+in, args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// Release frees what the worker holds. The attempts that are cut short do not
// count.
func (s *Store) Release(ctx context.Context, worker string) error {
	return s.release(ctx, releaseClaim, worker)
}

// FreeClaims frees every claim. It is for a database that one process owns, at
// its start: whoever held a claim is gone.
func (s *Store) FreeClaims(ctx context.Context) error { return s.release(ctx, releaseAll) }

func (s *Store) release(ctx context.Context, statement string, args ...any) error {
	err := s.db.Write(ctx, func(tx Tx) error {
		_, err := tx.Exec(ctx, statement, args...)
		return err
	})
	if err == nil {
		s.signal()
	}
	return err
}
