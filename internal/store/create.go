package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

// A tag is an entry of the tags column: a JSON array of these. The short names
// are stored; they may not change.
type tag struct {
	ID   string `json:"uuid"`
	Text string `json:"tag"`
}

const insertMemo = `
INSERT INTO memos (id, project_id, type, title, source, reference_id, tags, metadata, scopes, expires_at, archived,
	content_length, content_hash, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)`

const insertGeneration = `
INSERT INTO generations (memo_id, generation, title, content, file_name, file_type, file_size, file_blob, file_hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

// CreateMemo stores a memo, ready to be worked on.
func (s *Store) CreateMemo(
	ctx context.Context, p account.ProjectID, id memo.ID, d memo.Draft, now time.Time,
) error {
	row, err := rowOf(d, nil)
	if err != nil {
		return err
	}
	err = s.engine.Write(ctx, func(ctx context.Context, tx Tx) error { return row.insert(ctx, tx, p, id, now) })
	if err == nil {
		s.signal()
	}
	return err
}

// A row is a draft as columns.
type row struct {
	draft    memo.Draft
	tags     string
	metadata string
	scopes   *string
	length   *int
	hash     string
}

// rowOf encodes a draft. Tags that the memo has already keep their ids.
func rowOf(d memo.Draft, have []tag) (row, error) {
	r := row{draft: d, metadata: string(d.Metadata), hash: ContentHash(d.Content)}
	if len(d.Metadata) == 0 {
		r.metadata = "{}"
	}
	if d.File != nil {
		r.hash = d.File.Hash
	} else {
		r.length = new(memo.UTF16Len(d.Content))
	}
	var err error
	if r.tags, err = encode(tagsOf(d.Tags, have)); err != nil {
		return row{}, err
	}
	r.scopes, err = encodeScopes(d.Scopes)
	return r, err
}

// ContentHash returns the SHA-256 of a text in hexadecimal.
func ContentHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func tagsOf(texts []string, have []tag) []tag {
	ids := map[string]string{}
	for _, t := range have {
		ids[t.Text] = t.ID
	}
	out := make([]tag, len(texts))
	for i, text := range texts {
		id := ids[text]
		if id == "" {
			id = uuid.NewString()
		}
		out[i] = tag{ID: id, Text: text}
	}
	return out
}

func encodeScopes(scopes map[string]string) (*string, error) {
	if scopes == nil {
		return nil, nil
	}
	text, err := encode(scopes)
	return &text, err
}

func (r row) memoType() string {
	if r.draft.File != nil {
		return memo.TypeDocument
	}
	return memo.TypePlaintext
}

func (r row) insert(ctx context.Context, tx Tx, p account.ProjectID, id memo.ID, now time.Time) error {
	d := r.draft
	_, err := tx.ExecContext(ctx, insertMemo, id, p, r.memoType(), d.Title, d.Source, d.ReferenceID, r.tags,
		r.metadata, r.scopes, microsOf(d.Expires), d.Archived, r.length, r.hash, micros(now))
	if err != nil {
		return err
	}
	return r.insertGeneration(ctx, tx, id, 1)
}

// insertGeneration stores the draft's text or file as a generation.
func (r row) insertGeneration(ctx context.Context, tx Tx, id memo.ID, generation int) error {
	content := &r.draft.Content
	if r.draft.File != nil {
		content = nil
	}
	return addGeneration(ctx, tx, id, generation, r.draft.Title, content, r.draft.File)
}

func addGeneration(
	ctx context.Context, tx Tx, id memo.ID, generation int, title string, content *string, f *memo.File,
) error {
	var name, kind, blob, hash *string
	var size *int64
	if f != nil {
		name, kind, blob, hash, size = &f.Name, &f.MIMEType, &f.Blob, &f.Hash, &f.Size
	}
	_, err := tx.ExecContext(ctx, insertGeneration, id, generation, title, content, name, kind, size, blob, hash)
	return err
}

func decodeTags(text string) (tags []tag, err error) {
	err = json.Unmarshal([]byte(text), &tags)
	return tags, err
}
