package store

import (
	"context"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

const billTo = `UPDATE memos SET api_key = $2 WHERE id = $1`

// UpsertMemo replaces the newest memo with the draft's reference id, or creates
// one with the given id. A new generation begins if the title, the hash of the
// content or file, or the processing differs, and always for a page of the web;
// otherwise only the attributes are replaced, and a failed memo is tried again.
func (s *Store) UpsertMemo(
	ctx context.Context, p account.ProjectID, id memo.ID, d memo.Draft, now time.Time,
) (memo.Upserted, error) {
	if d.ReferenceID == nil || *d.ReferenceID == "" {
		return memo.Upserted{}, fault.New(fault.Invalid, "reference_id: Required")
	}
	draft := newMemo{d, textOf(d), now}
	var up memo.Upserted
	err := s.db.Write(ctx, func(tx Tx) error {
		m, err := locate(ctx, tx, p, memo.Ref{ReferenceID: *d.ReferenceID})
		if fault.Is(err, fault.NotFound) {
			up = memo.Upserted{ID: id, Generation: 1, Created: true}
			return createMemo(ctx, tx, p, id, draft)
		}
		if err != nil {
			return err
		}
		up = memo.Upserted{ID: m.ID}
		return replaceMemo(ctx, tx, &m, draft, &up)
	})
	if err != nil {
		return memo.Upserted{}, err
	}
	s.signal()
	s.announce()
	return up, nil
}

func replaceMemo(ctx context.Context, tx Tx, m *memo.Memo, draft newMemo, up *memo.Upserted) error {
	d, err := detailsOf(ctx, tx, m.ID, m.Progress.Generation)
	if err != nil {
		return err
	}
	c := change{before: columnsOf(&m.Attributes, m.AutoTags), begun: !isNewest(m, d, draft), now: draft.now}
	switch {
	case c.begun:
		if err := draft.text.insert(ctx, tx, m.ID, m.Progress.Generation+1); err != nil {
			return err
		}
		if up.DroppedBlobs, err = startGeneration(ctx, tx, m, draft.now); err != nil {
			return err
		}
		up.Reindexed = true
	case m.Progress.Stage == memo.StageError:
		if _, err := tx.Exec(ctx, restart, m.ID, m.Progress.Generation, micros(draft.now)); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, billTo, m.ID, draft.Key); err != nil {
		return err
	}
	up.Generation = m.Progress.Generation
	m.Type = typeOf(draft.Draft)
	title, archived := m.Title, m.Archived
	m.Attributes = draft.Attributes
	if m.Archived = archived; !c.begun {
		m.Title = title // it may be the document's own
	}
	m.Tags, m.AutoTags = tagsOf(m.Tags, m.AutoTags)
	return settle(ctx, tx, m, c)
}

// isNewest reports whether the newest generation is made of the draft. A page may
// have changed since it was loaded.
func isNewest(m *memo.Memo, d details, draft newMemo) bool {
	return draft.URL == "" && d.url == "" && m.Type == typeOf(draft.Draft) && m.ContentHash == draft.text.hash &&
		d.untitled == draft.Untitled && (draft.Untitled || m.Title == draft.Title) &&
		toJSON(d.processing) == toJSON(draft.Processing)
}
