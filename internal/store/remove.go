package store

import (
	"context"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/event"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

const deleteMemo = `DELETE FROM memos WHERE id = $1`

// DeleteMemo removes a memo with everything below it. It returns the files that
// nothing refers to any more.
func (s *Store) DeleteMemo(
	ctx context.Context, p account.ProjectID, ref memo.Ref, now time.Time,
) (memo.Deleted, error) {
	var gone memo.Deleted
	err := s.db.Write(ctx, func(tx Tx) error {
		m, err := locate(ctx, tx, p, ref)
		if err != nil {
			return err
		}
		blobs, err := collect(ctx, tx, scanNull, keptBlobs, m.ID)
		if err != nil {
			return err
		}
		gone = memo.Deleted{ID: m.ID, Blobs: without(blobs, nil)}
		if err := noteEvent(ctx, tx, event.Deleted, m.ID, now); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, deleteMemo, m.ID); err != nil {
			return err
		}
		if m.Progress.Live == 0 {
			return nil
		}
		return noteDeletion(ctx, tx, p, m.ID)
	})
	if err != nil {
		return memo.Deleted{}, err
	}
	s.announce()
	return gone, nil
}

// RetryMemo lets a failed memo start again; what an earlier attempt has stored
// is used. It fails with Conflict if the memo has not failed.
func (s *Store) RetryMemo(
	ctx context.Context, p account.ProjectID, ref memo.Ref, now time.Time,
) (memo.ID, error) {
	var id memo.ID
	err := s.db.Write(ctx, func(tx Tx) error {
		m, err := locate(ctx, tx, p, ref)
		if err != nil {
			return err
		}
		if m.Progress.Stage != memo.StageError {
			return fault.New(fault.Conflict, "Memo is not in error")
		}
		id = m.ID
		_, err = tx.Exec(ctx, restart, m.ID, m.Progress.Generation, micros(now))
		return err
	})
	if err == nil {
		s.signal()
	}
	return id, err
}
