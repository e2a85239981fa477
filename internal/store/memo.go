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
	g.file_name, g.file_type, g.file_size, g.file_blob, g.file_hash,
	coalesce(d.url, ''), m.auto_tags, m.pages_done, m.pages_total`
	newestGeneration = `
JOIN generations g ON g.memo = m.id AND g.generation = m.generation
LEFT JOIN generation_details d ON d.memo = m.id AND d.generation = m.generation`
	selectMemo = `
SELECT ` + memoColumns + `
FROM memos m` + newestGeneration + `
WHERE m.project = $1 AND `
	byID        = `m.id = $2`
	byReference = `m.reference_id = $2 ORDER BY m.created DESC, m.id DESC LIMIT 1`

	listMemos = `
SELECT ` + memoColumns + `
FROM (
	SELECT id FROM memos WHERE project = $1 ORDER BY created DESC, id DESC LIMIT $2 OFFSET $3
) page
JOIN memos m ON m.id = page.id` + newestGeneration + `
ORDER BY m.created DESC, m.id DESC`
	countMemos = `SELECT count(*) FROM memos WHERE project = $1`

	countChunks = `
SELECT count(*), count(*) FILTER (WHERE EXISTS (SELECT 1 FROM vectors v WHERE v.chunk = c.id))
FROM chunks c WHERE c.memo = $1 AND c.generation = $2 AND c.cut = ` + liveCut
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
	var id, project, stage, tags, autoTags, metadata string
	var scopes, waitingFor, failure *string
	var created, updated int64
	var expires, notBefore, started, completed *int64
	var f fileColumns
	err := r.Scan(&id, &project, &m.Type, &m.Title, &m.Source, &m.ReferenceID, &tags, &metadata, &scopes, &expires,
		&m.Archived, &m.Summary, &created, &updated, &stage, &m.Progress.Generation, &m.Progress.Live,
		&m.Progress.Attempt, &waitingFor, &notBefore, &failure, &started, &completed, &m.ContentLength, &m.ContentHash,
		&f.name, &f.mimeType, &f.size, &f.blob, &f.hash, &m.URL, &autoTags, &m.Progress.PagesDone, &m.Progress.PagesTotal)
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
	m.AutoTags, err = decodeAttributes(&m.Attributes, storedAttributes{tags, autoTags, metadata, scopes})
	return m, err
}

// storedAttributes are those that are stored as JSON.
type storedAttributes struct {
	tags, autoTags, metadata string
	scopes                   *string
}

// decodeAttributes returns those of the tags that a model wrote.
func decodeAttributes(a *memo.Attributes, stored storedAttributes) (added []string, err error) {
	a.Metadata = json.RawMessage(stored.metadata)
	client, err := fromStringsJSON(stored.tags)
	if err != nil {
		return nil, err
	}
	auto, err := fromStringsJSON(stored.autoTags)
	if err != nil {
		return nil, err
	}
	a.Tags, added = tagsOf(client, auto)
	if stored.scopes != nil {
		err = json.Unmarshal([]byte(*stored.scopes), &a.Scopes)
	}
	return added, err
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

// readTexts reads the newest content, and what is shown of the live generation.
func readTexts(ctx context.Context, tx Tx, m *memo.Memo) error {
	if m.ContentLength != nil {
		content, err := contentOf(ctx, tx, m.ID, m.Progress.Generation)
		if err != nil {
			return err
		}
		m.Content = &content
	}
	if m.Progress.Live == 0 {
		return nil
	}
	live := m.Content
	if m.Progress.Live != m.Progress.Generation {
		content, err := contentOf(ctx, tx, m.ID, m.Progress.Live)
		if err != nil {
			return err
		}
		live = &content
	}
	rows, err := collect(ctx, tx, scanChunk, selectChunks, m.ID, m.Progress.Live)
	if err != nil {
		return err
	}
	m.Chunks = make([]memo.Chunk, len(rows))
	for i, c := range rows {
		m.Chunks[i] = c.cut(*live)
	}
	if m.Parts, err = partsOf(ctx, tx, m.ID, m.Progress.Live); err != nil {
		return err
	}
	written, err := collect(ctx, tx, scanEnriched, selectEnriched, m.ID, m.Progress.Live)
	for _, e := range written {
		m.Enrichments = append(m.Enrichments, e.Enrichment)
	}
	sortEnriched(m.Enrichments)
	return err
}

func contentOf(ctx context.Context, tx Tx, id memo.ID, generation int) (string, error) {
	text, err := findText(ctx, tx, id, generation)
	if err != nil {
		return "", err
	}
	return text.all(ctx, tx)
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
	if err != nil {
		return err
	}
	return countEnrichment(ctx, tx, id, p)
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
