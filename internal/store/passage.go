package store

import (
	"context"
	"maps"
	"slices"
	"strings"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

const (
	liveTexts = `
SELECT m.id, m.project, g.title, m.summary, g.content
FROM memos m JOIN generations g ON g.memo = m.id AND g.generation = m.live_generation
WHERE m.id IN`
	// The cross join keeps SQLite from reading the whole project.
	liveChunks = `
SELECT c.memo, c.id, c.position, c.start_byte, c.end_byte, c.headings
FROM chunks c CROSS JOIN memos m
WHERE m.id = c.memo AND m.live_generation = c.generation AND m.project = $1 AND c.id IN`
)

// snippetLength is how many characters of a memo a result shows.
const snippetLength = 100

// A liveText is what is searched of a memo. One text serves all of its chunks,
// so that a long one is read once.
type liveText struct {
	project account.ProjectID
	title   string
	summary string
	content string
}

// readLive reads the texts below the chunks.
func readLive(ctx context.Context, tx Tx, chunks []chunkRow) (map[memo.ID]liveText, error) {
	texts := make(map[memo.ID]liveText, len(chunks))
	for _, c := range chunks {
		texts[c.memo] = liveText{}
	}
	for part := range slices.Chunk(slices.Collect(maps.Keys(texts)), maxList) {
		in, args := list(nil, part)
		_, err := collect(ctx, tx, func(r Rows) (struct{}, error) {
			var id, project string
			var t liveText
			var summary *string
			var content []byte
			err := r.Scan(&id, &project, &t.title, &summary, &content)
			t.project, t.summary, t.content = account.ProjectID(project), orEmpty(summary), string(content)
			texts[memo.ID(id)] = t
			return struct{}{}, err
		}, liveTexts+in, args...)
		if err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// Passages returns chunks with what results and answers show of their memos, in
// the order of ids. Those that are not searchable any more are left out.
func (s *Store) Passages(
	ctx context.Context, p account.ProjectID, ids []memo.ChunkID,
) (passages []memo.Passage, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		var rows []chunkRow
		for part := range slices.Chunk(ids, maxList) {
			in, args := list([]any{p}, part)
			found, err := collect(ctx, tx, scanChunk, liveChunks+in, args...)
			if err != nil {
				return err
			}
			rows = append(rows, found...)
		}
		texts, err := readLive(ctx, tx, rows)
		if err != nil {
			return err
		}
		passages = inOrder(ids, rows, texts)
		return nil
	})
	return passages, err
}

func inOrder(ids []memo.ChunkID, rows []chunkRow, texts map[memo.ID]liveText) []memo.Passage {
	byID := make(map[memo.ChunkID]chunkRow, len(rows))
	for _, c := range rows {
		byID[c.ID] = c
	}
	passages := make([]memo.Passage, 0, len(rows))
	for _, id := range ids {
		c, ok := byID[id]
		if !ok {
			continue
		}
		t := texts[c.memo]
		chunk := c.cut(t.content)
		chunk.Content = strings.Clone(chunk.Content) // a result must not hold on to a whole book
		passages = append(passages, memo.Passage{
			Chunk: chunk, Memo: c.memo, Title: t.title, Summary: t.summary, Snippet: snippet(t.content),
		})
	}
	return passages
}

// snippet returns the beginning of a text.
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
