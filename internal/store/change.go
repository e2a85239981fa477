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
	coalesce(m.auto_tags, '[]'), coalesce(m.metadata, '{}'), m.scopes, m.expires, coalesce(m.archived, false),
	coalesce(m.created, 0), coalesce(m.updated, 0), coalesce(m.live_generation, 0), coalesce(g.title, ''),
	` + textColumns + `
FROM memo_changes ch
LEFT JOIN memos m ON m.id = ch.memo
LEFT JOIN generations g ON g.memo = m.id AND g.generation = m.live_generation
WHERE ch.project = $1 AND ch.seq > $2
ORDER BY ch.seq LIMIT $3`
	changedChunks = `
SELECT ` + chunkColumns + `, v.vector
FROM memo_changes ch
JOIN memos m ON m.id = ch.memo
JOIN chunks c ON c.memo = m.id AND c.generation = m.live_generation AND c.cut = $5
LEFT JOIN vectors v ON v.chunk = c.id AND v.model = $4
WHERE ch.project = $1 AND ch.seq > $2 AND ch.seq <= $3
ORDER BY ch.seq, c.position`
)

// changesBytes is how much text makes a page of changes full. The vectors of it may
// be several times as large.
const changesBytes = 2 << 20

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
	_, err := tx.ExecAll(ctx, changeOf(p, id, deleted))
	return err
}

func changeOf(p account.ProjectID, id memo.ID, deleted bool) []Statement {
	return []Statement{
		{Text: forgetChange, Args: []any{id}},
		{Text: insertChange, Args: []any{p, id, deleted}},
	}
}

// LatestChange returns the sequence number of the project's last change, 0 for
// none. It is one look into an index.
func (s *Store) LatestChange(ctx context.Context, p account.ProjectID) (seq int64, err error) {
	err = s.readBehind(ctx, func(tx Tx) error {
		seq, _, err = find(ctx, tx, scanInt, latestChange, p)
		return err
	})
	return seq, err
}

// Changes returns up to limit changes of the project after the given sequence
// number, in order, with the vectors of the given model. Of several changes to
// one memo only the last is kept. There may be fewer than limit if the memos are
// long, and there are none only if nothing more has changed. Chunks are those of the
// live version.
func (s *Store) Changes(
	ctx context.Context, p account.ProjectID, name string, after int64, limit int,
) ([]memo.Change, error) {
	return s.changes(ctx, p, of{model: name}, after, limit)
}

// A Source is what an index of one version follows.
type Source struct {
	*Store
	cut int
}

// Source returns what the index of a version follows. It gives the same when another
// version has become the live one.
func (s *Store) Source(v memo.IndexVersion) Source { return Source{s, v.Cut} }

// Changes is that of the store, with the version's chunks.
func (v Source) Changes(
	ctx context.Context, p account.ProjectID, name string, after int64, limit int,
) ([]memo.Change, error) {
	return v.changes(ctx, p, of{name, v.cut}, after, limit)
}

// of is whose vectors of which chunks; the cut 0 is the live one.
type of struct {
	model string
	cut   int
}

func (s *Store) changes(
	ctx context.Context, p account.ProjectID, want of, after int64, limit int,
) (changes []memo.Change, err error) {
	err = s.readBehind(ctx, func(tx Tx) error {
		rows, err := collect(ctx, tx, scanChange, readChanges, p, after, limit)
		if err != nil || len(rows) == 0 {
			return err
		}
		rows = fullPage(rows)
		m, err := lookupModel(ctx, tx, want.model)
		if err != nil {
			return err
		}
		changes = make([]memo.Change, len(rows))
		at := make(map[memo.ID]int, len(rows))
		for i, r := range rows {
			changes[i], at[r.Memo] = r.Change, i
		}
		cut, err := want.chunks(ctx, tx)
		if err != nil {
			return err
		}
		chunks, err := collect(ctx, tx, scanChangedChunk, changedChunks, p, after, rows[len(rows)-1].Seq, m.id, cut)
		if err != nil {
			return err
		}
		for _, c := range chunks {
			i := at[c.memo]
			if c.Content, err = rows[i].text.cut(ctx, tx, c.Start, c.End, piecesAtOnce); err != nil {
				return err
			}
			indexed := memo.IndexedChunk{
				ID: c.ID, Heading: memo.PassagePrefix(rows[i].liveTitle, c.Headings), Text: memo.IndexBody(&c.Chunk),
				Vector: c.vector,
			}
			changes[i].Chunks = append(changes[i].Chunks, indexed)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return changes, nil
}

// chunks returns the cut.
func (o of) chunks(ctx context.Context, tx Tx) (int64, error) {
	if o.cut != 0 {
		return int64(o.cut), nil
	}
	cut, _, err := find(ctx, tx, scanInt, "SELECT "+liveCut)
	return cut, err
}

// fullPage returns the first rows, as many as may be in memory together.
func fullPage(rows []changeRow) []changeRow {
	bytes := 0
	for i, r := range rows {
		if bytes += r.text.bytes; bytes > changesBytes {
			return rows[:max(i, 1)]
		}
	}
	return rows
}

// A changeRow is a change with the text that its chunks are cut from.
type changeRow struct {
	memo.Change
	liveTitle string
	text      *reader
}

func scanChange(r Rows) (changeRow, error) {
	var c changeRow
	var id string
	var stored storedAttributes
	var expires *int64
	var created, updated int64
	var content []byte
	var bytes *int
	err := r.Scan(&c.Seq, &id, &c.Deleted, &c.Title, &c.Source, &c.ReferenceID, &stored.tags, &stored.autoTags,
		&stored.metadata, &stored.scopes, &expires, &c.Archived, &created, &updated, &c.Generation, &c.liveTitle,
		&content, &bytes)
	if err != nil {
		return c, err
	}
	if bytes == nil {
		bytes = new(int)
	}
	c.Memo, c.Expires = memo.ID(id), timeOrNil(expires)
	if !c.Deleted {
		c.Created, c.Updated = timeOf(created), timeOf(updated)
	}
	c.text = newReader(c.Memo, c.Generation, content, *bytes)
	_, err = decodeAttributes(&c.Attributes, stored)
	return c, err
}

// A changedChunk is a chunk with its vector, if it has one.
type changedChunk struct {
	chunkRow
	vector llm.Vector
}

func scanChangedChunk(r Rows) (c changedChunk, err error) {
	var vector []byte
	c.chunkRow, err = scanChunkAnd(r, &vector)
	c.vector = decodeVector(vector)
	return c, err
}
