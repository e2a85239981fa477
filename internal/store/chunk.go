package store

import (
	"kvasir/internal/memo"
)

const (
	// What models have written about a chunk is two looks into an index, which is
	// empty where nothing is enriched.
	chunkColumns = `
c.memo, c.generation, c.id, c.position, c.start_byte, c.end_byte, c.headings, c.header, c.page,
	(SELECT e.texts FROM enrichments e WHERE e.memo = c.memo AND e.generation = c.generation
		AND e.aspect = 'context' AND e.cut = c.cut AND e.position = c.position),
	(SELECT e.texts FROM enrichments e WHERE e.memo = c.memo AND e.generation = c.generation
		AND e.aspect = 'questions' AND e.cut = c.cut AND e.position = c.position)`
	selectChunks = `
SELECT ` + chunkColumns + ` FROM chunks c
WHERE c.memo = $1 AND c.generation = $2 AND c.cut = ` + liveCut + ` ORDER BY c.position`
	selectCut = `
SELECT ` + chunkColumns + ` FROM chunks c
WHERE c.memo = $1 AND c.generation = $2 AND c.cut = $3 ORDER BY c.position`
)

// A chunkRow is a chunk without its text, which is part of its generation's.
type chunkRow struct {
	memo       memo.ID
	generation int
	memo.Chunk
}

func scanChunk(r Rows) (chunkRow, error) { return scanChunkAnd(r) }

// scanChunkAnd reads chunkColumns and what comes after them.
func scanChunkAnd(r Rows, further ...any) (chunkRow, error) {
	var c chunkRow
	var id, chunk, headings string
	var context, questions *string
	dest := []any{
		&id, &c.generation, &chunk, &c.Index, &c.Start, &c.End, &headings, &c.Header, &c.Page, &context, &questions,
	}
	if err := r.Scan(append(dest, further...)...); err != nil {
		return c, err
	}
	c.memo, c.ID = memo.ID(id), memo.ChunkID(chunk)
	if context != nil {
		texts, err := fromStringsJSON(*context)
		if err != nil {
			return c, err
		}
		if len(texts) > 0 {
			c.Context = texts[0]
		}
	}
	var err error
	if questions != nil {
		if c.Questions, err = fromStringsJSON(*questions); err != nil {
			return c, err
		}
	}
	c.Headings, err = fromStringsJSON(headings)
	return c, err
}

// cut returns the chunk with its text out of its generation's content.
func (c chunkRow) cut(content string) memo.Chunk {
	chunk := c.Chunk
	chunk.Content = content[min(c.Start, len(content)):min(c.End, len(content))]
	return chunk
}
