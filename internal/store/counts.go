package store

import (
	"context"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

const (
	countFailed = `SELECT count(*) FROM memos WHERE stage = 'error'`
	// The row value is NULL, and so nothing is before it, when there is nothing to do.
	countBefore = `
SELECT count(*) FROM (
	SELECT 1 FROM memos WHERE project = $1
		AND (due, id) < (SELECT due, id FROM memos WHERE project = $1 AND id = $2) LIMIT $3
) AS before`
	countPending = `SELECT count(*), min(queued) FROM memos WHERE stage NOT IN ('processed', 'error')`
)

// Counts says how much there is to do, in all projects.
type Counts struct {
	Pending int        // memos not yet processed
	Failed  int        // memos that ended in an error
	Oldest  *time.Time // since when the oldest pending one waits
}

// Counts counts what health shows.
func (s *Store) Counts(ctx context.Context) (c Counts, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		failed, _, err := find(ctx, tx, scanInt, countFailed)
		if err != nil {
			return err
		}
		c.Failed = int(failed)
		_, _, err = find(ctx, tx, func(r Rows) (struct{}, error) {
			var oldest *int64
			err := r.Scan(&c.Pending, &oldest)
			c.Oldest = timeOrNil(oldest)
			return struct{}{}, err
		}, countPending)
		return err
	})
	return c, err
}

// farBehind bounds what QueuePosition counts.
const farBehind = 10_000

// QueuePosition returns how many memos of the project will be taken up before the
// given one, 10,000 at most; 0 if it is being worked on or done.
func (s *Store) QueuePosition(ctx context.Context, p account.ProjectID, id memo.ID) (ahead int, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		n, _, err := find(ctx, tx, scanInt, countBefore, p, id, farBehind)
		ahead = int(n)
		return err
	})
	return ahead, err
}
