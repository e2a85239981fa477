package store

import (
	"context"

	"kvasir/internal/account"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

const (
	forgetChange = `DELETE FROM memo_changes WHERE memo = $1`
	insertChange = `INSERT INTO memo_changes (project, memo, deleted) VALUES ($1, $2, $3)`
	latestChange = `SELECT coalesce(max(seq), 0) FROM memo_changes WHERE project = $1`
	readChanges  = `
SELECT ch.seq, ch.memo, ch.deleted, coalesce(m.title, ''), m.source, m.reference_id, coalesce(m.tags, '[]'),
	coalesce(m.metadata, '{}'), m.scopes, m.expires, coalesce(m.archived, false), coalesce(m.live_generation, 0),
	coalesce(g.title, ''), g.content
FROM memo_changes ch
LEFT JOIN memos m ON m.id = ch.memo
LEFT JOIN generations g ON g.memo = m.id AND g.generation = m.live_generation
WHERE ch.project = $1 AND ch.seq > $2
ORDER BY ch.seq LIMIT $3`
	changedChunks = `
SELECT c.memo, c.id, c.start_byte, c.end_byte, c.headings, v.vector
FROM memo_changes ch
JOIN memos m ON m.id = ch.memo
JOIN chunks c ON c.memo = m.id AND c.generation = m.live_generation
LEFT JOIN vectors v ON v.chunk = c.id AND v.model = $4
WHERE ch.project = $1 AND ch.seq > $2 AND ch.seq <= $3
ORDER BY ch.seq, c.position`
)

// noteChange gives the memo the next sequence number. Only the last change of a
// memo is kept.
func noteChange(ctx context.Context, tx Tx, p account.ProjectID, id memo.ID) error {
	return renumber(ctx, tx, p, id, false)
}

// noteDeletion leaves the mark by which indexes learn that the memo is gone.
func noteDeletion(ctx context.Context, tx Tx, p account.ProjectID, id memo.ID) error {
	return renumber(ctx, tx, p, id, true)
}

func renumber(ctx context.Context, tx Tx, p account.ProjectID, id memo.ID, deleted bool) error {
	if _, err := tx.Exec(ctx, forgetChange, id); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, insertChange, p, id, deleted)
	return err
}

// LatestChange returns the sequence number of the project's last change, 0 for
// none. It is one look into an index.
func (s *Store) LatestChange(ctx context.Context, p account.ProjectID) (seq int64, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		seq, _, err = find(ctx, tx, scanInt, latestChange, p)
		return err
	})
	return seq, err
}

// Changes returns up to limit changes of the project after the given sequence
// number, in order, with the vectors of the given model. Of several changes to
// one memo only the last is kept. Fewer than limit mean that there are no more.
func (s *Store) Changes(
	ctx context.Context, p account.ProjectID, name string, after int64, limit int,
) (changes []memo.Change, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		rows, err := collect(ctx, tx, scanChange, readChanges, p, after, limit)
		if err != nil || len(rows) == 0 {
			return err
		}
		m, err := lookupModel(ctx, tx, name)
		if err != nil {
			return err
		}
		changes = make([]memo.Change, len(rows))
		byMemo := make(map[memo.ID]int, len(rows))
		for i, r := range rows {
			changes[i] = r.Change
			byMemo[r.Memo] = i
		}
		_, err = collect(ctx, tx, func(r Rows) (struct{}, error) {
			c, err := scanChangedChunk(r)
			if err != nil {
				return struct{}{}, err
			}
			i := byMemo[c.memo]
			passage := c.cut(rows[i].content)
			text := memo.IndexText(rows[i].liveTitle, &passage)
			changes[i].Chunks = append(changes[i].Chunks, memo.IndexedChunk{ID: c.ID, Text: text, Vector: c.vector})
			return struct{}{}, nil
		}, changedChunks, p, after, changes[len(changes)-1].Seq, m.id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return changes, nil
}

// A changeRow is a change with the text that its chunks are cut from.
type changeRow struct {
	memo.Change
	liveTitle string
	content   string
}

func scanChange(r Rows) (changeRow, error) {
	var c changeRow
	var id, tags, metadata string
	var scopes *string
	var expires *int64
	var content []byte
	err := r.Scan(&c.Seq, &id, &c.Deleted, &c.Title, &c.Source, &c.ReferenceID, &tags, &metadata, &scopes, &expires,
		&c.Archived, &c.Generation, &c.liveTitle, &content)
	if err != nil {
		return c, err
	}
	c.Memo, c.Expires, c.content = memo.ID(id), timeOrNil(expires), string(content)
	return c, decodeAttributes(&c.Attributes, tags, metadata, scopes)
}

// A changedChunk is a chunk with its vector, if it has one.
type changedChunk struct {
	chunkRow
	vector llm.Vector
}

func scanChangedChunk(r Rows) (changedChunk, error) {
	var c changedChunk
	var id, chunk, headings string
	var vector []byte
	err := r.Scan(&id, &chunk, &c.Start, &c.End, &headings, &vector)
	if err != nil {
		return c, err
	}
	c.memo, c.ID, c.vector = memo.ID(id), memo.ChunkID(chunk), decodeVector(vector)
	c.Headings, err = fromStringsJSON(headings)
	return c, err
}
