package store

import (
	"context"
	"sync"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/event"
	"kvasir/internal/memo"
)

const (
	insertEvent = `
INSERT INTO events (project, kind, at, memo, reference_id, title, generation, error)
SELECT project, $2, $3, id, reference_id, title, generation,
	CASE WHEN stage = 'error' AND $2 = 'memo.failed' THEN coalesce(error, '') ELSE '' END
FROM memos WHERE id = $1`
	selectEvents = `
SELECT seq, project, kind, at, memo, coalesce(reference_id, ''), title, generation, error
FROM events WHERE project = $1 AND seq > $2 ORDER BY seq LIMIT $3`
	selectLog = `
SELECT coalesce(min(seq), 0), coalesce((SELECT max(seq) FROM events WHERE project = $1), 0)
FROM events WHERE project = $1`
	oldestEvents = `SELECT seq, at FROM events WHERE seq > $1 ORDER BY seq LIMIT $2`
	// The last event of a project tells where its log ends, and is kept.
	forgetEvents = `
DELETE FROM events WHERE seq > $1 AND seq <= $2
	AND EXISTS (SELECT 1 FROM events later WHERE later.project = events.project AND later.seq > events.seq)`
)

// pruneAtOnce bounds the events that one write looks at.
const pruneAtOnce = 512

// noteEvent appends to the log what has happened to a memo, as its row says it now.
func noteEvent(ctx context.Context, tx Tx, kind event.Kind, id memo.ID, now time.Time) error {
	_, err := tx.ExecAll(ctx, []Statement{eventOf(kind, id, now)})
	return err
}

// eventOf is noteEvent's statement.
func eventOf(kind event.Kind, id memo.ID, now time.Time) Statement {
	return Statement{Text: insertEvent, Args: []any{id, string(kind), micros(now)}}
}

func scanEvent(r Rows) (e event.Event, err error) {
	var project, kind, id string
	var at int64
	err = r.Scan(&e.Seq, &project, &kind, &at, &id, &e.ReferenceID, &e.Title, &e.Generation, &e.Error)
	e.Project, e.Kind, e.At, e.Memo = account.ProjectID(project), event.Kind(kind), timeOf(at), memo.ID(id)
	return e, err
}

// Events returns up to limit events of the project after the given one, in their
// order.
func (s *Store) Events(
	ctx context.Context, p account.ProjectID, after int64, limit int,
) (events []event.Event, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		events, err = collect(ctx, tx, scanEvent, selectEvents, p, after, limit)
		return err
	})
	return events, err
}

// EventLog returns where the project's log begins and ends. The last event of a
// project is never forgotten.
func (s *Store) EventLog(ctx context.Context, p account.ProjectID) (log event.Log, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		log, _, err = find(ctx, tx, func(r Rows) (l event.Log, err error) {
			err = r.Scan(&l.Oldest, &l.Newest)
			return l, err
		}, selectLog, p)
		return err
	})
	return log, err
}

// PruneEvents forgets events before a time, but the last of each project, and
// returns how many. It works in steps, so that no writer waits long.
func (s *Store) PruneEvents(ctx context.Context, before time.Time) (count int, err error) {
	for after, more := int64(0), true; more; {
		var last, n int64
		err := s.db.Write(ctx, func(tx Tx) (err error) {
			if last, more, err = lastBefore(ctx, tx, after, before); err == nil {
				n, err = tx.Exec(ctx, forgetEvents, after, last)
			}
			return err
		})
		if err != nil {
			return count, err
		}
		after, count = last, count+int(n)
	}
	return count, nil
}

// lastBefore returns the last of the next events that are before a time, and
// whether there may be more. Clocks may step back; the order of the log does not.
func lastBefore(ctx context.Context, tx Tx, after int64, before time.Time) (last int64, more bool, err error) {
	type entry struct{ seq, at int64 }
	page, err := collect(ctx, tx, func(r Rows) (e entry, err error) {
		err = r.Scan(&e.seq, &e.at)
		return e, err
	}, oldestEvents, after, pruneAtOnce)
	last = after
	for _, e := range page {
		if e.at >= micros(before) {
			return last, false, err
		}
		last = e.seq
	}
	return last, len(page) == pruneAtOnce, err
}

// listeners are woken by the next event.
type listeners struct {
	mu   sync.Mutex
	next chan struct{} // nil if nobody has asked
}

// EventSignal returns a channel that is closed after the next commit that appends
// an event. Who follows the log takes it before he reads, and waits on it after.
func (s *Store) EventSignal() <-chan struct{} {
	s.listeners.mu.Lock()
	defer s.listeners.mu.Unlock()
	if s.listeners.next == nil {
		s.listeners.next = make(chan struct{})
	}
	return s.listeners.next
}

// announce wakes those who wait for events.
func (s *Store) announce() {
	s.listeners.mu.Lock()
	defer s.listeners.mu.Unlock()
	if s.listeners.next != nil {
		close(s.listeners.next)
		s.listeners.next = nil
	}
}
