package store

import (
	"context"
	"database/sql"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

const selectMissing = `
SELECT m.project_id, m.id, c.id, g.title, c.headings, c.start_byte, c.end_byte, g.content
FROM chunks c
JOIN memos m ON m.id = c.memo_id AND m.live_generation = c.generation
JOIN generations g ON g.memo_id = c.memo_id AND g.generation = c.generation
WHERE c.id > $2 AND NOT EXISTS (SELECT 1 FROM vectors v WHERE v.chunk_id = c.id AND v.model_id = $1)
ORDER BY c.id
LIMIT $3`

// MissingVectors returns up to limit live chunks after the given one, by id,
// that have no vector of the model.
func (s *Store) MissingVectors(
	ctx context.Context, name string, after memo.ChunkID, limit int,
) ([]memo.ChunkText, error) {
	id, err := s.modelID(ctx, name)
	if err != nil {
		return nil, err
	}
	scan := func(rows *sql.Rows, c *memo.ChunkText) error {
		var title, headings, content string
		var start, end int
		if err := rows.Scan(&c.Project, &c.Memo, &c.Chunk, &title, &headings, &start, &end, &content); err != nil {
			return err
		}
		path, err := decodeHeadings(headings)
		c.Text = memo.PassageText(title, path, content[start:end])
		return err
	}
	return collect(ctx, s.engine.Read, scan, selectMissing, id, after, limit)
}

const countMissing = `
SELECT count(*) FROM chunks c JOIN memos m ON m.id = c.memo_id AND m.live_generation = c.generation
WHERE NOT EXISTS (SELECT 1 FROM vectors v WHERE v.chunk_id = c.id AND v.model_id = $1)`

// CountMissingVectors counts the live chunks that have no vector of the model.
func (s *Store) CountMissingVectors(ctx context.Context, name string) (int, error) {
	id, err := s.modelID(ctx, name)
	if err != nil {
		return 0, err
	}
	return one(ctx, s.engine.Read, scanOne[int], countMissing, id)
}

const selectEmbedded = `
SELECT c.id FROM chunks c
JOIN memos m ON m.id = c.memo_id AND m.project_id = $1
JOIN vectors v ON v.chunk_id = c.id AND v.model_id = $4
WHERE c.memo_id = $2 AND c.generation = $3`

// EmbeddedChunks returns the chunks of a generation that have a vector of the
// model.
func (s *Store) EmbeddedChunks(
	ctx context.Context, p account.ProjectID, id memo.ID, generation int, name string,
) (map[memo.ChunkID]bool, error) {
	model, err := s.modelID(ctx, name)
	if err != nil {
		return nil, err
	}
	ids, err := collect(ctx, s.engine.Read, scanOne[memo.ChunkID], selectEmbedded, p, id, generation, model)
	have := make(map[memo.ChunkID]bool, len(ids))
	for _, id := range ids {
		have[id] = true
	}
	return have, err
}

// Counts are the numbers that health shows.
type Counts struct {
	Memos   int
	Pending int // waiting or being worked on
	Failed  int
}

const selectCounts = `
SELECT count(*), coalesce(sum(stage NOT IN ('processed', 'error')), 0), coalesce(sum(stage = 'error'), 0) FROM memos`

// Counts counts the memos of all projects by what is to be done with them.
func (s *Store) Counts(ctx context.Context) (Counts, error) {
	scan := func(rows *sql.Rows, c *Counts) error { return rows.Scan(&c.Memos, &c.Pending, &c.Failed) }
	return one(ctx, s.engine.Read, scan, selectCounts)
}
