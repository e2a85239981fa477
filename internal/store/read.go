package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

// attributeColumns are the columns that filters look at.
type attributeColumns struct {
	title     string
	source    *string
	reference *string
	tags      string
	metadata  string
	scopes    *string
	expires   *int64
	archived  bool
}

// attributes decodes the columns; the ids of the tags come beside them.
func (c attributeColumns) attributes() (memo.Attributes, []string, error) {
	a := memo.Attributes{
		Title: c.title, Source: c.source, ReferenceID: c.reference, Metadata: json.RawMessage(c.metadata),
		Expires: timeOf(c.expires), Archived: c.archived,
	}
	tags, err := decodeTags(c.tags)
	if err != nil {
		return a, nil, err
	}
	ids := make([]string, len(tags))
	a.Tags = make([]string, len(tags))
	for i, t := range tags {
		a.Tags[i], ids[i] = t.Text, t.ID
	}
	if c.scopes != nil {
		err = json.Unmarshal([]byte(*c.scopes), &a.Scopes)
	}
	return a, ids, err
}

func decodeHeadings(column string) (headings []string, err error) {
	if column == "" {
		return nil, nil
	}
	err = json.Unmarshal([]byte(column), &headings)
	return headings, err
}

const memoColumns = `id, project_id, type, title, source, reference_id, tags, metadata, scopes, expires_at, archived,
	summary, content_length, content_hash, created_at, updated_at, ` + progressColumns

const progressColumns = `stage, generation, live_generation, attempt, waiting_for, not_before, error, started_at,
	completed_at`

// progressScan holds the columns of a memo's progress while they are scanned.
type progressScan struct {
	memo.Progress
	notBefore          int64
	started, completed *int64
}

func (p *progressScan) targets() []any {
	return []any{
		&p.Stage, &p.Generation, &p.Live, &p.Attempt, &p.WaitingFor, &p.notBefore, &p.Error, &p.started, &p.completed,
	}
}

func (p *progressScan) progress() memo.Progress {
	p.Started, p.Completed = timeOf(p.started), timeOf(p.completed)
	if p.notBefore != 0 {
		p.NotBefore = timeOf(&p.notBefore)
	}
	return p.Progress
}

func scanMemo(rows *sql.Rows, m *memo.Memo) error {
	var a attributeColumns
	var p progressScan
	var created, updated int64
	targets := append([]any{
		&m.ID, &m.Project, &m.Type, &a.title, &a.source, &a.reference, &a.tags, &a.metadata, &a.scopes, &a.expires,
		&a.archived, &m.Summary, &m.ContentLength, &m.ContentHash, &created, &updated,
	}, p.targets()...)
	if err := rows.Scan(targets...); err != nil {
		return err
	}
	m.Created, m.Updated, m.Progress = *timeOf(&created), *timeOf(&updated), p.progress()
	var err error
	m.Attributes, m.TagIDs, err = a.attributes()
	return err
}

// FindMemo returns a memo with its newest text and the chunks of its live
// generation.
func (s *Store) FindMemo(ctx context.Context, p account.ProjectID, ref memo.Ref) (memo.Memo, error) {
	condition, value := at(ref)
	m, err := one(ctx, s.engine.Read, scanMemo, `SELECT `+memoColumns+` FROM memos `+condition, p, value)
	if errors.Is(err, errNone) {
		return m, errNoMemo
	}
	if err != nil {
		return m, err
	}
	newest, err := one(ctx, s.engine.Read, scanText, selectText, m.ID, m.Progress.Generation)
	if err != nil && !errors.Is(err, errNone) {
		return m, err
	}
	m.Content, m.File = newest.content, newest.file
	if m.Chunks, err = s.chunksOf(ctx, m.ID, m.Progress.Live); err != nil {
		return m, err
	}
	return m, s.countChunks(ctx, m.ID, &m.Progress)
}

// FindProgress returns where a memo is, without reading its texts.
func (s *Store) FindProgress(
	ctx context.Context, p account.ProjectID, ref memo.Ref,
) (memo.ID, memo.Progress, error) {
	type found struct {
		id memo.ID
		progressScan
	}
	scan := func(rows *sql.Rows, f *found) error { return rows.Scan(append([]any{&f.id}, f.targets()...)...) }
	condition, value := at(ref)
	f, err := one(ctx, s.engine.Read, scan, `SELECT id, `+progressColumns+` FROM memos `+condition, p, value)
	if errors.Is(err, errNone) {
		return "", memo.Progress{}, errNoMemo
	}
	if err != nil {
		return "", memo.Progress{}, err
	}
	progress := f.progress()
	return f.id, progress, s.countChunks(ctx, f.id, &progress)
}

const countChunks = `
SELECT count(*), coalesce(sum(EXISTS (SELECT 1 FROM vectors v WHERE v.chunk_id = c.id)), 0)
FROM chunks c WHERE memo_id = $1 AND generation = $2`

// countChunks fills in how many chunks the newest generation has, and how many
// of them are done.
func (s *Store) countChunks(ctx context.Context, id memo.ID, p *memo.Progress) error {
	scan := func(rows *sql.Rows, p *memo.Progress) error { return rows.Scan(&p.ChunksTotal, &p.ChunksDone) }
	counted, err := one(ctx, s.engine.Read, scan, countChunks, id, p.Generation)
	p.ChunksTotal, p.ChunksDone = counted.ChunksTotal, counted.ChunksDone
	if p.Stage == memo.StageProcessed {
		p.ChunksDone = p.ChunksTotal
	}
	return err
}

const selectChunks = `
SELECT c.id, c.position, c.start_byte, c.end_byte, c.headings, g.content
FROM chunks c JOIN generations g ON g.memo_id = c.memo_id AND g.generation = c.generation
WHERE c.memo_id = $1 AND c.generation = $2
ORDER BY c.position`

func (s *Store) chunksOf(ctx context.Context, id memo.ID, generation int) ([]memo.Chunk, error) {
	return collect(ctx, s.engine.Read, scanChunk, selectChunks, id, generation)
}

func scanChunk(rows *sql.Rows, c *memo.Chunk) error {
	var headings, content string
	if err := rows.Scan(&c.ID, &c.Index, &c.Start, &c.End, &headings, &content); err != nil {
		return err
	}
	if c.Start > c.End || c.End > len(content) {
		return errors.New("chunk outside its text: the data folder is damaged")
	}
	c.Content = content[c.Start:c.End]
	var err error
	c.Headings, err = decodeHeadings(headings)
	return err
}

// ListMemos returns a page of memos, newest first, without texts, tags' chunks
// or files, and how many there are in all.
func (s *Store) ListMemos(
	ctx context.Context, p account.ProjectID, offset, limit int,
) ([]memo.Memo, int, error) {
	total, err := one(ctx, s.engine.Read, scanOne[int], `SELECT count(*) FROM memos WHERE project_id = $1`, p)
	if err != nil {
		return nil, 0, err
	}
	page, err := collect(ctx, s.engine.Read, scanMemo, `SELECT `+memoColumns+` FROM memos
WHERE project_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3`, p, limit, offset)
	return page, total, err
}
