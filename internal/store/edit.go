package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

// A head is what an edit must know of a memo before it.
type head struct {
	id         memo.ID
	title      string
	hash       string
	tags       string
	generation int
	live       int
	stage      memo.Stage
}

func scanHead(rows *sql.Rows, h *head) error {
	return rows.Scan(&h.id, &h.title, &h.hash, &h.tags, &h.generation, &h.live, &h.stage)
}

const selectHead = `SELECT id, title, content_hash, tags, generation, live_generation, stage FROM memos `

const (
	byID        = `WHERE project_id = $1 AND id = $2`
	byReference = `WHERE project_id = $1 AND reference_id = $2 ORDER BY created_at DESC, id DESC LIMIT 1`
)

// errNoMemo is the wire's text for a memo that is not in the caller's project.
var errNoMemo = fault.New(fault.NotFound, "Memo not found")

// at returns the condition for a ref and its argument.
func at(ref memo.Ref) (condition, value string) {
	if ref.ID != "" {
		return byID, string(ref.ID)
	}
	return byReference, ref.ReferenceID
}

func findHead(ctx context.Context, tx Tx, p account.ProjectID, ref memo.Ref) (head, error) {
	condition, value := at(ref)
	h, err := one(ctx, tx.QueryContext, scanHead, selectHead+condition, p, value)
	if errors.Is(err, errNone) {
		err = errNoMemo
	}
	return h, err
}

const updateAttributes = `
UPDATE memos SET title = $3, source = $4, reference_id = $5, tags = $6, metadata = $7, scopes = $8, expires_at = $9,
	updated_at = $10
WHERE project_id = $1 AND id = $2`

// Starting a generation frees the claim of the older one, whose results are
// refused from now on.
const startGeneration = `
UPDATE memos SET generation = generation + 1, type = $3, content_length = $4, content_hash = $5, updated_at = $6,
	stage = 'received', attempt = 0, claimed_by = NULL, claimed_until = 0, not_before = 0, waiting_for = '', error = '',
	started_at = NULL, completed_at = NULL
WHERE project_id = $1 AND id = $2`

// UpsertMemo replaces the newest memo with the draft's reference id, or adds one
// under the given id. A new generation begins if the title or the content
// differs, or if the memo has failed.
func (s *Store) UpsertMemo(
	ctx context.Context, p account.ProjectID, id memo.ID, d memo.Draft, now time.Time,
) (up memo.Upserted, err error) {
	err = s.engine.Write(ctx, func(ctx context.Context, tx Tx) error {
		h, err := findHead(ctx, tx, p, memo.Ref{ReferenceID: *d.ReferenceID})
		if fault.Is(err, fault.NotFound) {
			up = memo.Upserted{ID: id, Created: true}
			r, err := rowOf(d, nil)
			if err != nil {
				return err
			}
			return r.insert(ctx, tx, p, id, now)
		}
		if err != nil {
			return err
		}
		up, err = s.replace(ctx, tx, p, h, d, now)
		return err
	})
	if err == nil && (up.Created || up.Reindexed) {
		s.signal()
	}
	return up, err
}

func (s *Store) replace(
	ctx context.Context, tx Tx, p account.ProjectID, h head, d memo.Draft, now time.Time,
) (memo.Upserted, error) {
	up := memo.Upserted{ID: h.id}
	have, err := decodeTags(h.tags)
	if err != nil {
		return up, err
	}
	r, err := rowOf(d, have)
	if err != nil {
		return up, err
	}
	_, err = tx.ExecContext(ctx, updateAttributes, p, h.id, d.Title, d.Source, d.ReferenceID, r.tags, r.metadata,
		r.scopes, microsOf(d.Expires), micros(now))
	if err != nil {
		return up, err
	}
	if r.hash != h.hash || d.Title != h.title || h.stage == memo.StageError {
		up.Reindexed = true
		_, err = tx.ExecContext(ctx, startGeneration, p, h.id, r.memoType(), r.length, r.hash, micros(now))
		if err == nil {
			err = r.insertGeneration(ctx, tx, h.id, h.generation+1)
		}
		if err == nil {
			up.DroppedBlobs, err = dropGenerations(ctx, tx, h.id, h.live, h.generation+1)
		}
	}
	if err == nil {
		err = s.noteChange(ctx, tx, p, h)
	}
	return up, err
}

const selectText = `SELECT content, file_name, file_type, file_size, file_blob, file_hash FROM generations
WHERE memo_id = $1 AND generation = $2`

// UpdateMemo applies a patch. A new title or content starts a new generation; a
// document keeps its file, and its parsed text if only the title changes.
func (s *Store) UpdateMemo(
	ctx context.Context, p account.ProjectID, ref memo.Ref, patch memo.Patch, now time.Time,
) (id memo.ID, err error) {
	reindex := false
	err = s.engine.Write(ctx, func(ctx context.Context, tx Tx) error {
		h, err := findHead(ctx, tx, p, ref)
		if err != nil {
			return err
		}
		id = h.id
		if err := patchAttributes(ctx, tx, p, h, patch, now); err != nil {
			return err
		}
		newTitle := patch.Title != nil && *patch.Title != h.title
		newText := patch.Content != nil && ContentHash(*patch.Content) != h.hash
		if reindex = newTitle || newText; reindex {
			if err := s.regenerate(ctx, tx, p, h, patch, newText, now); err != nil {
				return err
			}
		}
		return s.noteChange(ctx, tx, p, h)
	})
	if err == nil && reindex {
		s.signal()
	}
	return id, err
}

// regenerate starts the generation that a patch makes.
func (s *Store) regenerate(
	ctx context.Context, tx Tx, p account.ProjectID, h head, patch memo.Patch, newText bool, now time.Time,
) error {
	old, err := one(ctx, tx.QueryContext, scanText, selectText, h.id, h.generation)
	if err != nil {
		return err
	}
	title, hash, kind := h.title, h.hash, memo.TypePlaintext
	if patch.Title != nil {
		title = *patch.Title
	}
	content := old.content
	if newText {
		content, hash = patch.Content, ContentHash(*patch.Content)
	}
	if old.file != nil {
		kind = memo.TypeDocument
	}
	var length *int
	if content != nil {
		length = new(memo.UTF16Len(*content))
	}
	if _, err := tx.ExecContext(ctx, startGeneration, p, h.id, kind, length, hash, micros(now)); err != nil {
		return err
	}
	if err := addGeneration(ctx, tx, h.id, h.generation+1, title, content, old.file); err != nil {
		return err
	}
	// The file goes on with the new generation, so no blob is dropped here.
	_, err = dropGenerations(ctx, tx, h.id, h.live, h.generation+1)
	return err
}

const patchRow = `
UPDATE memos SET title = coalesce($3, title), source = coalesce($4, source), reference_id = coalesce($5, reference_id),
	tags = coalesce($6, tags), metadata = coalesce($7, metadata), scopes = coalesce($8, scopes),
	expires_at = coalesce($9, expires_at), updated_at = $10
WHERE project_id = $1 AND id = $2`

func patchAttributes(
	ctx context.Context, tx Tx, p account.ProjectID, h head, patch memo.Patch, now time.Time,
) error {
	var tags, metadata *string
	if patch.Tags != nil {
		have, err := decodeTags(h.tags)
		if err != nil {
			return err
		}
		text, err := encode(tagsOf(patch.Tags, have))
		if err != nil {
			return err
		}
		tags = &text
	}
	if patch.Metadata != nil {
		metadata = new(string(patch.Metadata))
	}
	scopes, err := encodeScopes(patch.Scopes)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, patchRow, p, h.id, patch.Title, patch.Source, patch.ReferenceID, tags, metadata,
		scopes, microsOf(patch.Expires), micros(now))
	return err
}
