package store

import (
	"context"
	"time"

	"kvasir/internal/llm"
)

const (
	takeDuty = `
INSERT INTO duties (name, holder, until) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE duties.holder = excluded.holder OR duties.until < $4`
	leaveDuty   = `DELETE FROM duties WHERE name = $1 AND holder = $2`
	leaveDuties = `DELETE FROM duties`

	forgetShares = `DELETE FROM lane_shares WHERE until < $1`
	leaveShares  = `DELETE FROM lane_shares WHERE node = $1`
	readShares   = `SELECT lane, node, demand, share, until FROM lane_shares`
	putShare     = `
INSERT INTO lane_shares (lane, node, demand, share, until) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (lane, node) DO UPDATE SET demand = excluded.demand, share = excluded.share, until = excluded.until`
)

// TakeDuty makes the holder the one who does what one process at a time does for
// all, for so long, or lengthens that. It reports false if somebody else has it.
func (s *Store) TakeDuty(ctx context.Context, name, holder string, length time.Duration) (ok bool, err error) {
	now := time.Now()
	err = s.db.Write(ctx, func(tx Tx) error {
		n, err := tx.Exec(ctx, takeDuty, name, holder, micros(now.Add(length)), micros(now))
		ok = n > 0
		return err
	})
	return ok && err == nil, err
}

// LeaveDuty lets another process have it at once.
func (s *Store) LeaveDuty(ctx context.Context, name, holder string) error {
	return s.db.Write(ctx, func(tx Tx) error {
		_, err := tx.Exec(ctx, leaveDuty, name, holder)
		return err
	})
}

// ShareLanes stores what divide makes of the shares that all processes have now, for
// so long. Those that have lapsed are gone.
func (s *Store) ShareLanes(
	ctx context.Context, length time.Duration, divide func(all []llm.LaneShare) []llm.LaneShare,
) error {
	now := time.Now()
	return s.db.Write(ctx, func(tx Tx) error {
		if _, err := tx.Exec(ctx, forgetShares, micros(now)); err != nil {
			return err
		}
		all, err := collect(ctx, tx, scanShare, readShares)
		if err != nil {
			return err
		}
		for _, m := range divide(all) {
			if _, err := tx.Exec(ctx, putShare, m.Lane, m.Node, m.Demand, m.Share, micros(now.Add(length))); err != nil {
				return err
			}
		}
		return nil
	})
}

// LeaveLanes gives a process's shares back.
func (s *Store) LeaveLanes(ctx context.Context, node string) error {
	return s.db.Write(ctx, func(tx Tx) error {
		_, err := tx.Exec(ctx, leaveShares, node)
		return err
	})
}

func scanShare(r Rows) (l llm.LaneShare, err error) {
	var until int64
	err = r.Scan(&l.Lane, &l.Node, &l.Demand, &l.Share, &until)
	l.Until = timeOf(until)
	return l, err
}
