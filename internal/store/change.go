package store

import (
	"context"
	"database/sql"
	"errors"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

// The sequence is one a project and has no gaps that matter: a change of a memo
// takes the next number and gives up its old one.
const upsertChange = `
INSERT INTO memo_changes (project_id, memo_id, seq, deleted)
VALUES ($1, $2, (SELECT coalesce(max(seq), 0) + 1 FROM memo_changes WHERE project_id = $1), $3)
ON CONFLICT (project_id, memo_id) DO UPDATE SET seq = excluded.seq, deleted = excluded.deleted`

// noteChange tells the indexes about a memo that they have.
func (s *Store) noteChange(ctx context.Context, tx Tx, p account.ProjectID, h head) error {
	if h.live == 0 {
		return nil
	}
	return s.writeChange(ctx, tx, p, h.id, false)
}

func (s *Store) writeChange(ctx context.Context, tx Tx, p account.ProjectID, id memo.ID, deleted bool) error {
	_, err := tx.ExecContext(ctx, upsertChange, p, id, deleted)
	return err
}

// LatestChange returns the sequence number of the project's last change, 0 for
// none. It is one step in an index.
func (s *Store) LatestChange(ctx context.Context, p account.ProjectID) (int64, error) {
	return one(ctx, s.engine.Read, scanOne[int64],
		`SELECT coalesce(max(seq), 0) FROM memo_changes WHERE project_id = $1`, p)
}

const selectChanges = `
SELECT c.seq, c.memo_id, c.deleted, m.title, m.source, m.reference_id, m.tags, m.metadata, m.scopes, m.expires_at,
	m.archived, m.live_generation, g.title, g.content
FROM memo_changes c
LEFT JOIN memos m ON m.id = c.memo_id AND m.project_id = c.project_id
LEFT JOIN generations g ON g.memo_id = m.id AND g.generation = m.live_generation
WHERE c.project_id = $1 AND c.seq > $2
ORDER BY c.seq
LIMIT $3`

const selectIndexed = `
SELECT c.id, c.start_byte, c.end_byte, c.headings, v.vector
FROM chunks c
LEFT JOIN vectors v ON v.chunk_id = c.id AND v.model_id = $3
WHERE c.memo_id = $1 AND c.generation = $2
ORDER BY c.position`

// Changes returns up to limit changes of a project after a sequence number, in
// order, with the vectors of one model.
func (s *Store) Changes(
	ctx context.Context, p account.ProjectID, model string, after int64, limit int,
) ([]memo.Change, error) {
	id, err := s.modelID(ctx, model)
	if err != nil {
		return nil, err
	}
	found, err := collect(ctx, s.engine.Read, scanChange, selectChanges, p, after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]memo.Change, len(found))
	for i, c := range found {
		if !c.Deleted {
			if err := s.readIndexed(ctx, &c, id); err != nil {
				return nil, err
			}
		}
		out[i] = c.Change
	}
	return out, nil
}

// A changeRow is a change with what its chunks are cut from.
type changeRow struct {
	memo.Change
	title   string
	content string
}

func scanChange(rows *sql.Rows, c *changeRow) error {
	var title, content, tags, metadata sql.NullString
	var a attributeColumns
	var generation sql.NullInt64
	var archived sql.NullBool
	var memoTitle sql.NullString
	err := rows.Scan(&c.Seq, &c.Memo, &c.Deleted, &memoTitle, &a.source, &a.reference, &tags, &metadata, &a.scopes,
		&a.expires, &archived, &generation, &title, &content)
	if err != nil {
		return err
	}
	// A memo deleted since its change was read has no row; its own change follows.
	if !generation.Valid || c.Deleted {
		c.Deleted = true
		return nil
	}
	a.title, a.tags, a.metadata, a.archived = memoTitle.String, tags.String, metadata.String, archived.Bool
	c.title, c.content, c.Generation = title.String, content.String, int(generation.Int64)
	c.Attributes, _, err = a.attributes()
	return err
}

func (s *Store) readIndexed(ctx context.Context, c *changeRow, model int64) error {
	scan := func(rows *sql.Rows, ic *memo.IndexedChunk) error {
		var start, end int
		var headings string
		var vector []byte
		if err := rows.Scan(&ic.ID, &start, &end, &headings, &vector); err != nil {
			return err
		}
		path, err := decodeHeadings(headings)
		if err != nil {
			return err
		}
		if start > end || end > len(c.content) {
			return errors.New("chunk outside its text: the data folder is damaged")
		}
		ic.Text = memo.PassageText(c.title, path, c.content[start:end])
		ic.Vector, err = decodeVector(vector)
		return err
	}
	var err error
	c.Chunks, err = collect(ctx, s.engine.Read, scan, selectIndexed, c.Memo, c.Generation, model)
	return err
}
