package store

import (
	"context"
	"slices"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

const (
	selectWork = `
SELECT m.id, m.project, m.generation, m.attempt, m.stage, g.title, g.length IS NOT NULL, ` + textColumns + `,
	g.file_name, g.file_type, g.file_size, g.file_blob, g.file_hash, m.api_key,
	coalesce(d.url, ''), coalesce(d.untitled, false), coalesce(d.parts, '[]'),
	p.processing, coalesce(d.processing, '{}'), coalesce(d.added, '[]'), ` + liveCut + `
FROM memos m JOIN generations g ON g.memo = m.id AND g.generation = m.generation
JOIN projects p ON p.id = m.project
LEFT JOIN generation_details d ON d.memo = m.id AND d.generation = m.generation
WHERE m.claimed_by = $1 AND m.id IN`
	selectWorkChunks = `
SELECT ` + chunkColumns + `
FROM memos m JOIN chunks c ON c.memo = m.id AND c.generation = m.generation AND c.cut = ` + liveCut + `
WHERE m.claimed_by = $1 AND m.id IN`
	renewClaim   = `UPDATE memos SET claimed_until = $2 WHERE claimed_by = $1 AND id IN`
	releaseClaim = `
UPDATE memos SET claimed_by = NULL, claimed_until = NULL, attempt = attempt - 1 WHERE claimed_by = $1`
	releaseAll = `
UPDATE memos SET claimed_by = NULL, claimed_until = NULL, attempt = attempt - 1 WHERE claimed_by IS NOT NULL`
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
		if w.text != nil {
			content, err := w.text.all(ctx, tx)
			if err != nil {
				return err
			}
			w.Content = &content
		}
		found[w.Memo] = &w.Work
	}
	chunks, err := collect(ctx, tx, scanChunk, selectWorkChunks+in+" ORDER BY c.memo, c.position", args...)
	if err != nil {
		return err
	}
	for _, c := range chunks {
		if w := found[c.memo]; w != nil && w.Content != nil {
			w.Chunks = append(w.Chunks, c.cut(*w.Content))
		}
	}
	enriched, err := collect(ctx, tx, scanEnriched, selectWorkEnriched+in, args...)
	for _, e := range enriched {
		if w := found[e.memo]; w != nil {
			w.Enriched = append(w.Enriched, e.Enrichment)
		}
	}
	for _, w := range found {
		sortEnriched(w.Enriched)
		if n := len(w.Chunks); n > 0 && w.Chunks[n-1].End < len(*w.Content) {
			w.Chunks = nil // storing them was cut short
		}
	}
	return err
}

// A workRow is work whose text may still have to be read.
type workRow struct {
	memo.Work
	text *reader // nil while a document is not parsed
}

func scanWork(r Rows) (workRow, error) {
	var w workRow
	var id, project, stage, parts string
	var parsed bool
	var content []byte
	var bytes int
	var f fileColumns
	var d details
	var c processingColumns
	err := r.Scan(&id, &project, &w.Generation, &w.Attempt, &stage, &w.Title, &parsed, &content, &bytes,
		&f.name, &f.mimeType, &f.size, &f.blob, &f.hash, &w.Key, &w.URL, &w.Untitled, &parts,
		&c.project, &c.own, &c.added, &w.Cut)
	if err != nil {
		return w, err
	}
	w.Memo, w.Project, w.Stage, w.File = memo.ID(id), account.ProjectID(project), memo.Stage(stage), f.file()
	if parsed {
		w.text = newReader(w.Memo, w.Generation, content, bytes)
	}
	if err := c.decode(&d); err != nil {
		return w, err
	}
	w.Processing = d.wanted()
	w.Parts, err = fromJSON[[]memo.Part](parts)
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

// FreeClaims frees every claim and every duty. It is for a database that one process
// owns, at its start: whoever held one is gone.
func (s *Store) FreeClaims(ctx context.Context) error {
	err := s.db.Write(ctx, func(tx Tx) error {
		_, err := tx.Exec(ctx, leaveDuties)
		return err
	})
	if err != nil {
		return err
	}
	return s.release(ctx, releaseAll)
}

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
