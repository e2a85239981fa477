package store

import (
	"context"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/event"
	"kvasir/internal/memo"
)

const (
	restart = `
UPDATE memos SET generation = $2, queued = $3, stage = 'received', attempt = 0, error = NULL,
	claimed_by = NULL, claimed_until = NULL, not_before = NULL, waiting_for = NULL,
	started = NULL, completed = NULL,
	pages_done = CASE WHEN generation = $2 THEN pages_done ELSE 0 END,
	pages_total = CASE WHEN generation = $2 THEN pages_total ELSE 0 END
WHERE id = $1`
	saveAttributes = `
UPDATE memos SET type = $2, title = $3, source = $4, reference_id = $5, tags = $6, metadata = $7, scopes = $8,
	expires = $9, archived = $10, auto_tags = $11, updated = $12
WHERE id = $1`
	dropSuperseded = `
DELETE FROM generations WHERE memo = $1 AND generation NOT IN ($2, $3)
RETURNING file_blob`
	keptBlobs = `SELECT file_blob FROM generations WHERE memo = $1`
	// What a person says about tags holds until a model is asked for them again.
	forgetTags = `UPDATE enrichments SET texts = '[]' WHERE memo = $1 AND aspect = 'tags'`
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
		begun, err := revise(ctx, tx, &m, patch, now)
		if err != nil {
			return err
		}
		if patch.Tags != nil {
			if _, err := tx.Exec(ctx, forgetTags, m.ID); err != nil {
				return err
			}
		}
		edited = memo.Edited{ID: m.ID, Generation: m.Progress.Generation}
		before := columnsOf(&m.Attributes, m.AutoTags)
		applyPatch(&m, patch)
		return settle(ctx, tx, &m, change{before: before, begun: begun, now: now})
	})
	if err != nil {
		return memo.Edited{}, err
	}
	s.signal()
	s.announce()
	return edited, nil
}

// revise starts a new generation if the patch changes title or content, and
// reports whether it does.
func revise(ctx context.Context, tx Tx, m *memo.Memo, patch memo.Patch, now time.Time) (begun bool, err error) {
	title := m.Title
	if patch.Title != nil {
		title = *patch.Title
	}
	same, err := hasText(ctx, tx, m, patch.Content)
	switch {
	case err != nil:
		return false, err
	case same && title == m.Title:
		if patch.Title != nil { // the stand-in is what the person wants
			_, err = tx.Exec(ctx, keepTitle, m.ID, m.Progress.Generation)
		}
		return false, err
	case same:
		err = copyText(ctx, tx, m, title)
	default:
		t := plainText(*patch.Content)
		t.title, t.file = title, m.File
		err = t.insert(ctx, tx, m.ID, m.Progress.Generation+1)
	}
	if err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, carryDetails, m.ID, m.Progress.Generation, patch.Title == nil, same)
	if err != nil {
		return false, err
	}
	// The new generation refers to the same file, so none is dropped.
	_, err = startGeneration(ctx, tx, m, now)
	return true, err
}

// copyText makes a generation of the newest one's text under another title. What
// models have written about the memo as a whole is still true.
func copyText(ctx context.Context, tx Tx, m *memo.Memo, title string) error {
	if _, err := tx.Exec(ctx, copyGeneration, m.ID, m.Progress.Generation, title); err != nil {
		return err
	}
	for _, statement := range []string{copyPieces, copyEnrichments} {
		if _, err := tx.Exec(ctx, statement, m.ID, m.Progress.Generation); err != nil {
			return err
		}
	}
	return nil
}

// hasText reports whether content, if it is given, is the newest text already.
func hasText(ctx context.Context, tx Tx, m *memo.Memo, content *string) (bool, error) {
	if content == nil {
		return true, nil
	}
	if m.ContentLength == nil {
		return false, nil // a document, not parsed yet
	}
	text, err := findText(ctx, tx, m.ID, m.Progress.Generation)
	if err != nil || text.bytes != len(*content) {
		return false, err
	}
	have, err := text.all(ctx, tx)
	return have == *content, err
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

func applyPatch(m *memo.Memo, patch memo.Patch) {
	a := &m.Attributes
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
		a.Tags, m.AutoTags = patch.Tags, nil
	}
}

// A change is what an edit has done beside the attributes.
type change struct {
	before attributeColumns
	begun  bool // a new generation
	now    time.Time
}

// settle stores the memo's attributes and type, and tells the indexes, and those
// who follow the log if anything is new.
func settle(ctx context.Context, tx Tx, m *memo.Memo, c change) error {
	a := columnsOf(&m.Attributes, m.AutoTags)
	_, err := tx.Exec(ctx, saveAttributes, m.ID, m.Type, a.title, a.source, a.reference,
		a.tags, a.metadata, a.scopes, a.expires, a.archived, a.autoTags, micros(c.now))
	if err == nil && (c.begun || !a.equal(c.before)) {
		err = noteEvent(ctx, tx, event.Updated, m.ID, c.now)
	}
	if err != nil || m.Progress.Live == 0 {
		return err
	}
	if a.archived != c.before.archived || !equal(a.expires, c.before.expires) {
		// It may be found again, and lack what was made meanwhile.
		if _, err := tx.Exec(ctx, markDirty, m.ID, m.Progress.Live); err != nil {
			return err
		}
	}
	return noteChange(ctx, tx, m.Project, m.ID)
}
