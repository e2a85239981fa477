package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

const (
	// The beginning of a text in pieces is read with the row.
	liveTexts = `
SELECT m.id, m.project, g.generation, g.title, m.summary, ` + textColumns + `,
	CASE WHEN g.content IS NULL THEN (
		SELECT substr(p.content, 1, 400) FROM pieces p WHERE p.memo = m.id AND p.generation = g.generation AND p.piece = 0
	) END
FROM memos m JOIN generations g ON g.memo = m.id AND g.generation = m.live_generation
WHERE m.id IN`
	// The cross join keeps SQLite from reading the whole project.
	liveChunks = `
SELECT ` + chunkColumns + `
FROM chunks c CROSS JOIN memos m
WHERE m.id = c.memo AND m.live_generation = c.generation AND m.project = $1 AND c.id IN`
	nearChunks = `
SELECT ` + chunkColumns + `
FROM chunks near CROSS JOIN memos m CROSS JOIN chunks c
WHERE m.id = near.memo AND m.live_generation = near.generation AND m.project = $1
	AND c.memo = near.memo AND c.generation = near.generation AND c.cut = near.cut
	AND c.position BETWEEN near.position - $2 AND near.position + $2
	AND near.id IN`
	excerptChunks = `
SELECT ` + chunkColumns + ` FROM chunks c
WHERE c.memo = $1 AND c.generation = $2 AND c.cut = ` + liveCut + ` AND c.position >= $3 ORDER BY c.position LIMIT $4`
	countPositions = `SELECT count(*) FROM chunks WHERE memo = $1 AND generation = $2 AND cut = ` + liveCut
)

// snippetLength is how many characters of a memo a result shows: 400 bytes at most.
const snippetLength = 100

// A liveText is what is searched of a memo. One serves all of its chunks.
type liveText struct {
	*reader
	project account.ProjectID
	title   string
	summary string
	snippet string
}

func scanLive(r Rows) (liveText, error) {
	var id, project string
	var t liveText
	var summary *string
	var generation, bytes int
	var content, beginning []byte
	err := r.Scan(&id, &project, &generation, &t.title, &summary, &content, &bytes, &beginning)
	t.project, t.summary = account.ProjectID(project), orEmpty(summary)
	t.reader = newReader(memo.ID(id), generation, content, bytes)
	if !t.whole {
		t.snippet = snippet(string(beginning))
	} else {
		t.snippet = snippet(t.window)
	}
	return t, err
}

// readLive returns the texts below the chunks.
func readLive(ctx context.Context, tx Tx, chunks []chunkRow) (map[memo.ID]liveText, error) {
	texts := make(map[memo.ID]liveText, len(chunks))
	for _, c := range chunks {
		texts[c.memo] = liveText{}
	}
	for part := range slices.Chunk(slices.Collect(maps.Keys(texts)), maxList) {
		in, args := list(nil, part)
		found, err := collect(ctx, tx, scanLive, liveTexts+in, args...)
		if err != nil {
			return nil, err
		}
		for _, t := range found {
			texts[t.memo] = t
		}
	}
	return texts, nil
}

// Passages returns chunks with what results and answers show of their memos, in
// the order of ids. Those that are not searchable any more are left out.
func (s *Store) Passages(
	ctx context.Context, p account.ProjectID, ids []memo.ChunkID,
) (passages []memo.Passage, err error) {
	err = s.readBehind(ctx, func(tx Tx) error {
		rows, err := chunksOf(ctx, tx, liveChunks, ids, p)
		if err != nil {
			return err
		}
		byID := make(map[memo.ChunkID]chunkRow, len(rows))
		for _, c := range rows {
			byID[c.ID] = c
		}
		ordered := make([]chunkRow, 0, len(ids))
		for _, id := range ids {
			if c, ok := byID[id]; ok {
				ordered = append(ordered, c)
			}
		}
		passages, err = readPassages(ctx, tx, ordered)
		return err
	})
	return passages, err
}

// Neighbours returns the chunks that stand within radius places of the given ones
// in their memos, these included, each once, by memo and in the order of the text.
// Those that are not searchable any more are left out.
func (s *Store) Neighbours(
	ctx context.Context, p account.ProjectID, ids []memo.ChunkID, radius int,
) (passages []memo.Passage, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		rows, err := chunksOf(ctx, tx, nearChunks, ids, p, radius)
		if err != nil {
			return err
		}
		slices.SortFunc(rows, func(a, b chunkRow) int {
			return cmp.Or(cmp.Compare(a.memo, b.memo), cmp.Compare(a.Index, b.Index))
		})
		rows = slices.CompactFunc(rows, func(a, b chunkRow) bool { return a.ID == b.ID })
		passages, err = readPassages(ctx, tx, rows)
		return err
	})
	return passages, err
}

// Excerpt returns up to limit chunks of a memo from a position on, and how many it
// has. A memo that is not searchable, or not in the selection, is NotFound.
func (s *Store) Excerpt(
	ctx context.Context, in memo.Selection, id memo.ID, from, limit int,
) (passages []memo.Passage, total int, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		m, err := locate(ctx, tx, in.Project, memo.Ref{ID: id})
		if err != nil {
			return err
		}
		if m.Progress.Live == 0 || !m.Retrievable(in.Now) || !in.Filters.Match(&m.Attributes) {
			return fault.New(fault.NotFound, "Memo not found")
		}
		count, _, err := find(ctx, tx, scanInt, countPositions, id, m.Progress.Live)
		if err != nil {
			return err
		}
		total = int(count)
		rows, err := collect(ctx, tx, scanChunk, excerptChunks, id, m.Progress.Live, from, limit)
		if err != nil {
			return err
		}
		passages, err = readPassages(ctx, tx, rows)
		return err
	})
	return passages, total, err
}

// chunksOf runs a statement whose last argument is a list of chunks.
func chunksOf(
	ctx context.Context, tx Tx, statement string, ids []memo.ChunkID, args ...any,
) (rows []chunkRow, err error) {
	for part := range slices.Chunk(ids, maxList) {
		in, all := list(args, part)
		found, err := collect(ctx, tx, scanChunk, statement+in, all...)
		if err != nil {
			return nil, err
		}
		rows = append(rows, found...)
	}
	return rows, nil
}

// readPassages reads the text of each chunk, and nothing else of long texts.
func readPassages(ctx context.Context, tx Tx, rows []chunkRow) ([]memo.Passage, error) {
	texts, err := readLive(ctx, tx, rows)
	if err != nil {
		return nil, err
	}
	passages := make([]memo.Passage, len(rows))
	for i, c := range rows {
		t := texts[c.memo]
		content, err := t.cut(ctx, tx, c.Start, c.End, 0)
		if err != nil {
			return nil, err
		}
		c.Content = strings.Clone(content) // of which alone the result holds on to
		passages[i] = memo.Passage{Chunk: c.Chunk, Memo: c.memo, Title: t.title, Summary: t.summary, Snippet: t.snippet}
	}
	return passages, nil
}

// snippet returns the beginning of a text, and holds on to nothing else of it.
func snippet(content string) string {
	n := 0
	for i := range content {
		if n == snippetLength {
			return strings.Clone(content[:i])
		}
		n++
	}
	return content
}
