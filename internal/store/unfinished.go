package store

import (
	"context"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

const (
	// The comparison, true of every claim, and the expression keep SQLite to the index
	// of claims: there are few of them, and the project may have many memos.
	memosInWork = `
SELECT ` + memoColumns + `
FROM memos m` + newestGeneration + `
WHERE m.claimed_by > '' AND m.project || '' = $1
ORDER BY m.started, m.id LIMIT $2`
	memosWaiting = `
SELECT ` + memoColumns + `
FROM memos m` + newestGeneration + `
WHERE m.project = $1 AND m.due IS NOT NULL AND m.claimed_by IS NULL
ORDER BY m.due, m.id LIMIT $2`
)

// Unfinished returns up to limit memos of the project that are not processed yet,
// those that are worked on first, then those that wait, in the order of their
// turns. It tells their names and their progress only.
func (s *Store) Unfinished(ctx context.Context, p account.ProjectID, limit int) (memos []memo.Memo, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		for _, statement := range []string{memosInWork, memosWaiting} {
			found, err := collect(ctx, tx, scanMemo, statement, p, limit-len(memos))
			if err != nil {
				return err
			}
			memos = append(memos, found...)
		}
		for i := range memos {
			if err := onlyProgress(ctx, tx, &memos[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return memos, err
}

// onlyProgress leaves a memo its names and its progress, which it completes.
func onlyProgress(ctx context.Context, tx Tx, m *memo.Memo) error {
	*m = memo.Memo{
		ID: m.ID, Progress: m.Progress, Attributes: memo.Attributes{Title: m.Title, ReferenceID: m.ReferenceID},
	}
	if m.Progress.Started == nil {
		return nil // there is nothing to count
	}
	return countProgress(ctx, tx, m.ID, &m.Progress)
}
