package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

const (
	insertMemo = `
INSERT INTO memos (id, project, type, title, source, reference_id, tags, metadata, scopes, expires, archived,
	created, updated, stage, generation, queued, api_key)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, 'received', 1, $12, $13)`
	insertGeneration = `
INSERT INTO generations (memo, generation, title, hash, bytes, length,
	file_name, file_type, file_size, file_blob, file_hash, content)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
)

// CreateMemo stores a new memo, ready to be worked on.
func (s *Store) CreateMemo(
	ctx context.Context, p account.ProjectID, id memo.ID, d memo.Draft, now time.Time,
) error {
	text := textOf(d)
	err := s.db.Write(ctx, func(tx Tx) error { return createMemo(ctx, tx, p, id, newMemo{d, text, now}) })
	if err == nil {
		s.signal()
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
	a := columnsOf(n.Attributes)
	_, err := tx.Exec(ctx, insertMemo, id, p, typeOf(n.Draft), n.Title, n.Source, n.ReferenceID,
		a.tags, a.metadata, a.scopes, a.expires, n.Archived, micros(n.now), n.Key)
	if err != nil {
		return err
	}
	return n.text.insert(ctx, tx, id, 1)
}

// A text is what a generation is made of.
type text struct {
	title   string
	hash    string
	bytes   int64 // what a worker has to hold
	length  *int  // nil while a document is not parsed
	file    *memo.File
	content []byte
}

func textOf(d memo.Draft) text {
	if d.File != nil {
		return text{title: d.Title, hash: d.File.Hash, bytes: d.File.Size, file: d.File}
	}
	t := plainText(d.Content)
	t.title = d.Title
	return t
}

// plainText returns the text without its title.
func plainText(content string) text {
	sum := sha256.Sum256([]byte(content))
	return text{
		hash:    hex.EncodeToString(sum[:]),
		bytes:   int64(len(content)),
		length:  new(memo.UTF16Len(content)),
		content: []byte(content),
	}
}

func (t text) insert(ctx context.Context, tx Tx, id memo.ID, generation int) error {
	f := filesOf(t.file)
	_, err := tx.Exec(ctx, insertGeneration, id, generation, t.title, t.hash, t.bytes, t.length,
		f.name, f.mimeType, f.size, f.blob, f.hash, t.content)
	return err
}

func typeOf(d memo.Draft) string {
	if d.File != nil {
		return memo.TypeDocument
	}
	return memo.TypePlaintext
}

// attributeColumns are attributes in the form in which they are stored.
type attributeColumns struct {
	tags     string
	metadata string
	scopes   *string
	expires  *int64
}

func columnsOf(a memo.Attributes) attributeColumns {
	c := attributeColumns{tags: stringsJSON(a.Tags), metadata: "{}", expires: microsOrNull(a.Expires)}
	if len(a.Metadata) > 0 {
		c.metadata = string(a.Metadata)
	}
	if a.Scopes != nil {
		c.scopes = new(toJSON(a.Scopes))
	}
	return c
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
