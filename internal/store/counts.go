package store

import (
	"context"
	"time"
)

const (
	countAll = `
SELECT (SELECT count(*) FROM memos), (SELECT count(*) FROM chunks),
	(SELECT count(*) FROM memos WHERE stage = 'error')`
	countPending = `SELECT count(*), min(queued) FROM memos WHERE stage NOT IN ('processed', 'error')`
)

// Counts says how much there is, in all projects.
type Counts struct {
	Memos   int
	Chunks  int        // searchable ones, and those on their way
	Pending int        // memos not yet processed
	Failed  int        // memos that ended in an error
	Oldest  *time.Time // since when the oldest pending one waits
}

// Counts counts what health shows.
func (s *Store) Counts(ctx context.Context) (c Counts, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		c, _, err = find(ctx, tx, func(r Rows) (c Counts, err error) {
			err = r.Scan(&c.Memos, &c.Chunks, &c.Failed)
			return c, err
		}, countAll)
		if err != nil {
			return err
		}
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
