package store

import (
	"context"
	"slices"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/event"
	"kvasir/internal/memo"
)

const insertMemo = `
INSERT INTO memos (id, project, type, title, source, reference_id, tags, metadata, scopes, expires, archived,
	created, updated, stage, generation, queued, api_key)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, 'received', 1, $12, $13)`

// CreateMemo stores a new memo, ready to be worked on.
func (s *Store) CreateMemo(
	ctx context.Context, p account.ProjectID, id memo.ID, d memo.Draft, now time.Time,
) error {
	n := newMemo{d, textOf(d), now}
	var err error
	if n.text.long() {
		err = s.db.Write(ctx, func(tx Tx) error { return createMemo(ctx, tx, p, id, n) })
	} else {
		_, err = s.db.WriteAll(ctx, n.rows(p, id))
	}
	if err == nil {
		s.signal()
		s.announce()
	}
	return err
}

// A newMemo is a draft with what is computed outside the transaction.
type newMemo struct {
	memo.Draft
	text text
	now  time.Time
}

func createMemo(ctx context.Context, tx Tx, p account.ProjectID, id memo.ID, n newMemo) error {
	if _, err := tx.ExecAll(ctx, n.rows(p, id)); err != nil || !n.text.long() {
		return err
	}
	return writePieces(ctx, tx, id, 1, n.text.content, 0, len(n.text.content))
}

// rows stores the memo without the pieces of a long text.
func (n newMemo) rows(p account.ProjectID, id memo.ID) []Statement {
	a := columnsOf(&n.Attributes, nil)
	row := Statement{Text: insertMemo, Args: []any{
		id, p, typeOf(n.Draft), a.title, a.source, a.reference,
		a.tags, a.metadata, a.scopes, a.expires, a.archived, micros(n.now), n.Key,
	}}
	return append(append([]Statement{row}, n.text.rows(id, 1)...), eventOf(event.Created, id, n.now))
}

func typeOf(d memo.Draft) string {
	if d.File != nil || d.URL != "" {
		return memo.TypeDocument
	}
	return memo.TypePlaintext
}

// attributeColumns are attributes in the form in which they are stored.
type attributeColumns struct {
	title     string
	source    *string
	reference *string
	tags      string // the client's
	autoTags  string
	metadata  string
	scopes    *string
	expires   *int64
	archived  bool
}

// columnsOf takes the tags apart that tagsOf has joined: the last ones of all are
// those that a model wrote.
func columnsOf(a *memo.Attributes, auto []string) attributeColumns {
	c := attributeColumns{
		title: a.Title, source: a.Source, reference: a.ReferenceID,
		tags: stringsJSON(a.Tags[:len(a.Tags)-len(auto)]), autoTags: stringsJSON(auto),
		metadata: "{}", expires: microsOrNull(a.Expires), archived: a.Archived,
	}
	if len(a.Metadata) > 0 {
		c.metadata = string(a.Metadata)
	}
	if a.Scopes != nil {
		c.scopes = new(toJSON(a.Scopes))
	}
	return c
}

func (c attributeColumns) equal(o attributeColumns) bool {
	return c.title == o.title && c.tags == o.tags && c.autoTags == o.autoTags && c.metadata == o.metadata &&
		c.archived == o.archived && equal(c.source, o.source) && equal(c.reference, o.reference) &&
		equal(c.scopes, o.scopes) && equal(c.expires, o.expires)
}

// equal reports whether both point to the same value, or to none.
func equal[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

// tagsOf returns the client's tags, then those of a model that are not among them,
// and the latter alone.
func tagsOf(client, auto []string) (all, added []string) {
	all = client
	for _, tag := range auto {
		if !slices.Contains(all, tag) {
			all, added = append(slices.Clip(all), tag), append(added, tag)
		}
	}
	return all, added
}

// fileColumns are a file in the form in which it is stored; all nil for none.
type fileColumns struct {
	name, mimeType, blob, hash *string
	size                       *int64
}

func filesOf(f *memo.File) fileColumns {
	if f == nil {
		return fileColumns{}
	}
	return fileColumns{name: &f.Name, mimeType: &f.MIMEType, blob: &f.Blob, hash: &f.Hash, size: &f.Size}
}

func (c fileColumns) file() *memo.File {
	if c.blob == nil {
		return nil
	}
	return &memo.File{
		Name: orEmpty(c.name), MIMEType: orEmpty(c.mimeType), Size: *c.size, Blob: *c.blob, Hash: orEmpty(c.hash),
	}
}
