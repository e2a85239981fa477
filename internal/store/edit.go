package store

import (
	"context"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

const (
	copyGeneration = `
INSERT INTO generations (memo, generation, title, hash, bytes, length,
	file_name, file_type, file_size, file_blob, file_hash, content)
SELECT memo, generation + 1, $3, hash, bytes, length,
	file_name, file_type, file_size, file_blob, file_hash, content
FROM generations WHERE memo = $1 AND generation = $2`
	restart = `
UPDATE memos SET generation = $2, queued = $3, stage = 'received', attempt = 0, error = NULL,
	claimed_by = NULL, claimed_until = NULL, not_before = NULL, waiting_for = NULL,
	started = NULL, completed = NULL
WHERE id = $1`
	saveAttributes = `
UPDATE memos SET type = $2, title = $3, source = $4, reference_id = $5, tags = $6, metadata = $7, scopes = $8,
	expires = $9, archived = $10, updated = $11
WHERE id = $1`
	dropSuperseded = `
DELETE FROM generations WHERE memo = $1 AND generation NOT IN ($2, $3)
RETURNING file_blob`
	keptBlobs      = `SELECT file_blob FROM generations WHERE memo = $1`
	generationText = `SELECT content FROM generations WHERE memo = $1 AND generation = $2`
)

// UpdateMemo applies a patch. A title or content that differs from the newest
// one starts a new generation; everything else acts at once. A document whose
// content is patched keeps its file, and the patch is its text.
func (s *Store) UpdateMemo(
	ctx context.Context, p account.ProjectID, ref memo.Ref, patch memo.Patch, now time.Time,
) (memo.Edited, error) {
	var edited memo.Edited
	err := s.db.Write(ctx, func(tx Tx) error {
		m, err := locate(ctx, tx, p, ref)
		if err != nil {
			return err
		}
		if err := revise(ctx, tx, &m, patch, now); err != nil {
			return err
		}
		edited = memo.Edited{ID: m.ID, Generation: m.Progress.Generation}
		applyPatch(&m.Attributes, patch)
		return settle(ctx, tx, &m, now)
	})
	if err != nil {
		return memo.Edited{}, err
	}
	s.signal()
	return edited, nil
}

// revise starts a new generation if the patch changes title or content.
func revise(ctx context.Context, tx Tx, m *memo.Memo, patch memo.Patch, now time.Time) error {
	title := m.Title
	if patch.Title != nil {
		title = *patch.Title
	}
	same, err := hasText(ctx, tx, m, patch.Content)
	switch {
	case err != nil:
		return err
	case same && title == m.Title:
		return nil
	case same:
		if _, err := tx.Exec(ctx, copyGeneration, m.ID, m.Progress.Generation, title); err != nil {
			return err
		}
	default:
		t := plainText(*patch.Content)
		t.title, t.file = title, m.File
		if err := t.insert(ctx, tx, m.ID, m.Progress.Generation+1); err != nil {
			return err
		}
	}
	// The new generation refers to the same file, so none is dropped.
	_, err = startGeneration(ctx, tx, m, now)
	return err
}

// hasText reports whether content, if it is given, is the newest text already.
func hasText(ctx context.Context, tx Tx, m *memo.Memo, content *string) (bool, error) {
	if content == nil {
		return true, nil
	}
	if m.ContentLength == nil {
		return false, nil // a document, not parsed yet
	}
	have, _, err := find(ctx, tx, scanBytes, generationText, m.ID, m.Progress.Generation)
	return string(have) == *content, err
}

func scanBytes(r Rows) (b []byte, err error) {
	err = r.Scan(&b)
	return b, err
}

// startGeneration makes the stored generation after the newest one the newest,
// ready to be worked on, and returns the files that nothing refers to any more.
func startGeneration(ctx context.Context, tx Tx, m *memo.Memo, now time.Time) ([]string, error) {
	m.Progress.Generation++
	if _, err := tx.Exec(ctx, restart, m.ID, m.Progress.Generation, micros(now)); err != nil {
		return nil, err
	}
	return dropGenerations(ctx, tx, m.ID, m.Progress.Generation, m.Progress.Live)
}

// dropGenerations deletes all generations but two, with their chunks and
// vectors, and returns the files that nothing refers to any more.
func dropGenerations(ctx context.Context, tx Tx, id memo.ID, newest, live int) ([]string, error) {
	dropped, err := collect(ctx, tx, scanNull, dropSuperseded, id, newest, live)
	if err != nil || len(dropped) == 0 {
		return nil, err
	}
	kept, err := collect(ctx, tx, scanNull, keptBlobs, id)
	if err != nil {
		return nil, err
	}
	return without(dropped, kept), nil
}

func scanNull(r Rows) (s *string, err error) {
	err = r.Scan(&s)
	return s, err
}

// without returns the different texts of all that are not in kept.
func without(all, kept []*string) (out []string) {
	seen := map[string]bool{}
	for _, k := range kept {
		seen[orEmpty(k)] = true
	}
	for _, a := range all {
		if a != nil && !seen[*a] {
			seen[*a] = true
			out = append(out, *a)
		}
	}
	return out
}

func applyPatch(a *memo.Attributes, patch memo.Patch) {
	if patch.Title != nil {
		a.Title = *patch.Title
	}
	if patch.Source != nil {
		a.Source = patch.Source
	}
	if patch.ReferenceID != nil {
		a.ReferenceID = patch.ReferenceID
	}
	if patch.Expires != nil {
		a.Expires = patch.Expires
	}
	if patch.Metadata != nil {
		a.Metadata = patch.Metadata
	}
	if patch.Scopes != nil {
		a.Scopes = patch.Scopes
	}
	if patch.Tags != nil {
		a.Tags = patch.Tags
	}
}

// settle stores the memo's attributes and type, and tells the indexes.
func settle(ctx context.Context, tx Tx, m *memo.Memo, now time.Time) error {
	a := columnsOf(m.Attributes)
	_, err := tx.Exec(ctx, saveAttributes, m.ID, m.Type, m.Title, m.Source, m.ReferenceID,
		a.tags, a.metadata, a.scopes, a.expires, m.Archived, micros(now))
	if err != nil || m.Progress.Live == 0 {
		return err
	}
	return noteChange(ctx, tx, m.Project, m.ID)
}
