package store

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/google/uuid"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

const (
	memoColumns = `
m.id, m.project, m.type, m.title, m.source, m.reference_id, m.tags, m.metadata, m.scopes, m.expires, m.archived,
	m.summary, m.created, m.updated, m.stage, m.generation, m.live_generation, m.attempt, m.waiting_for,
	m.not_before, m.error, m.started, m.completed, g.length, g.hash,
	g.file_name, g.file_type, g.file_size, g.file_blob, g.file_hash`
	selectMemo = `
SELECT ` + memoColumns + `
FROM memos m JOIN generations g ON g.memo = m.id AND g.generation = m.generation
WHERE m.project = $1 AND `
	byID        = `m.id = $2`
	byReference = `m.reference_id = $2 ORDER BY m.created DESC, m.id DESC LIMIT 1`

	listMemos = `
SELECT ` + memoColumns + `
FROM (
	SELECT id FROM memos WHERE project = $1 ORDER BY created DESC, id DESC LIMIT $2 OFFSET $3
) page
JOIN memos m ON m.id = page.id
JOIN generations g ON g.memo = m.id AND g.generation = m.generation
ORDER BY m.created DESC, m.id DESC`
	countMemos = `SELECT count(*) FROM memos WHERE project = $1`

	selectChunks = `
SELECT memo, id, position, start_byte, end_byte, headings FROM chunks
WHERE memo = $1 AND generation = $2 ORDER BY position`
	countChunks = `
SELECT count(*), count(*) FILTER (WHERE EXISTS (SELECT 1 FROM vectors v WHERE v.chunk = c.id))
FROM chunks c WHERE c.memo = $1 AND c.generation = $2`
)

// locate reads a memo without its texts, or fails with NotFound.
func locate(ctx context.Context, tx Tx, p account.ProjectID, ref memo.Ref) (memo.Memo, error) {
	var m memo.Memo
	var ok bool
	var err error
	if ref.ID != "" {
		m, ok, err = find(ctx, tx, scanMemo, selectMemo+byID, p, ref.ID)
	} else {
		m, ok, err = find(ctx, tx, scanMemo, selectMemo+byReference, p, ref.ReferenceID)
	}
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "Memo not found")
	}
	return m, err
}

// scanMemo reads memoColumns.
func scanMemo(r Rows) (memo.Memo, error) {
	var m memo.Memo
	var id, project, stage, tags, metadata string
	var scopes, waitingFor, failure *string
	var created, updated int64
	var expires, notBefore, started, completed *int64
	var f fileColumns
	err := r.Scan(&id, &project, &m.Type, &m.Title, &m.Source, &m.ReferenceID, &tags, &metadata, &scopes, &expires,
		&m.Archived, &m.Summary, &created, &updated, &stage, &m.Progress.Generation, &m.Progress.Live,
		&m.Progress.Attempt, &waitingFor, &notBefore, &failure, &started, &completed, &m.ContentLength, &m.ContentHash,
		&f.name, &f.mimeType, &f.size, &f.blob, &f.hash)
	if err != nil {
		return m, err
	}
	m.ID, m.Project, m.File = memo.ID(id), account.ProjectID(project), f.file()
	m.Created, m.Updated = timeOf(created), timeOf(updated)
	m.Progress.Stage = memo.Stage(stage)
	m.Progress.WaitingFor, m.Progress.Error = orEmpty(waitingFor), orEmpty(failure)
	m.Progress.NotBefore, m.Progress.Started = timeOrNil(notBefore), timeOrNil(started)
	m.Progress.Completed = timeOrNil(completed)
	m.Expires = timeOrNil(expires)
	return m, decodeAttributes(&m.Attributes, tags, metadata, scopes)
}

func decodeAttributes(a *memo.Attributes, tags, metadata string, scopes *string) (err error) {
	a.Metadata = json.RawMessage(metadata)
	if a.Tags, err = fromStringsJSON(tags); err != nil || scopes == nil {
		return err
	}
	return json.Unmarshal([]byte(*scopes), &a.Scopes)
}

// FindMemo returns a memo with its newest text and the chunks of its live
// generation, or fails with NotFound.
func (s *Store) FindMemo(ctx context.Context, p account.ProjectID, ref memo.Ref) (m memo.Memo, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		if m, err = locate(ctx, tx, p, ref); err != nil {
			return err
		}
		if err := countProgress(ctx, tx, m.ID, &m.Progress); err != nil {
			return err
		}
		return readTexts(ctx, tx, &m)
	})
	m.TagIDs = tagIDs(m.ID, m.Tags)
	return m, err
}

// readTexts reads the newest content, and the chunks of the live generation.
func readTexts(ctx context.Context, tx Tx, m *memo.Memo) error {
	newest, _, err := find(ctx, tx, scanBytes, generationText, m.ID, m.Progress.Generation)
	if err != nil {
		return err
	}
	if m.ContentLength != nil {
		m.Content = new(string(newest))
	}
	if m.Progress.Live == 0 {
		return nil
	}
	live := newest
	if m.Progress.Live != m.Progress.Generation {
		if live, _, err = find(ctx, tx, scanBytes, generationText, m.ID, m.Progress.Live); err != nil {
			return err
		}
	}
	content := string(live)
	rows, err := collect(ctx, tx, scanChunk, selectChunks, m.ID, m.Progress.Live)
	m.Chunks = make([]memo.Chunk, len(rows))
	for i, c := range rows {
		m.Chunks[i] = c.cut(content)
	}
	return err
}

// countProgress counts the chunks of the newest generation. Once it is
// processed, all of them have what they need, whatever models there are.
func countProgress(ctx context.Context, tx Tx, id memo.ID, p *memo.Progress) error {
	counts, _, err := find(ctx, tx, func(r Rows) (c [2]int, err error) {
		err = r.Scan(&c[0], &c[1])
		return c, err
	}, countChunks, id, p.Generation)
	p.ChunksTotal, p.ChunksDone = counts[0], counts[1]
	if p.Stage == memo.StageProcessed {
		p.ChunksDone = p.ChunksTotal
	}
	return err
}

// A chunkRow is a chunk without its text, which is part of its generation's.
type chunkRow struct {
	memo memo.ID
	memo.Chunk
}

func scanChunk(r Rows) (chunkRow, error) {
	var c chunkRow
	var id, chunk, headings string
	err := r.Scan(&id, &chunk, &c.Index, &c.Start, &c.End, &headings)
	if err != nil {
		return c, err
	}
	c.memo, c.ID = memo.ID(id), memo.ChunkID(chunk)
	c.Headings, err = fromStringsJSON(headings)
	return c, err
}

// cut returns the chunk with its text out of its generation's content.
func (c chunkRow) cut(content string) memo.Chunk {
	chunk := c.Chunk
	chunk.Content = content[min(c.Start, len(content)):min(c.End, len(content))]
	return chunk
}

// tagIDs gives each tag an id that depends on the memo and the tag alone, so
// that it is the same at every reading without being stored. Equal tags of one
// memo get different ids.
func tagIDs(id memo.ID, tags []string) []string {
	space, err := uuid.Parse(string(id))
	if err != nil {
		return nil
	}
	seen := make(map[string]int, len(tags))
	ids := make([]string, len(tags))
	for i, tag := range tags {
		ids[i] = uuid.NewSHA1(space, []byte(tag+strings.Repeat("\x00", seen[tag]))).String()
		seen[tag]++
	}
	return ids
}

// FindProgress returns where a memo is, without reading its texts.
func (s *Store) FindProgress(
	ctx context.Context, p account.ProjectID, ref memo.Ref,
) (id memo.ID, progress memo.Progress, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		m, err := locate(ctx, tx, p, ref)
		if err != nil {
			return err
		}
		id, progress = m.ID, m.Progress
		return countProgress(ctx, tx, id, &progress)
	})
	return id, progress, err
}

// ListMemos returns a page of memos without texts and chunks, the newest first,
// and how many there are in all.
func (s *Store) ListMemos(
	ctx context.Context, p account.ProjectID, offset, limit int,
) (page []memo.Memo, total int, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		if page, err = collect(ctx, tx, scanMemo, listMemos, p, limit, offset); err != nil {
			return err
		}
		count, _, err := find(ctx, tx, scanInt, countMemos, p)
		total = int(count)
		return err
	})
	for i := range page {
		page[i].TagIDs = tagIDs(page[i].ID, page[i].Tags)
	}
	return page, total, err
}
