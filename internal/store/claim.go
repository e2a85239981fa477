package store

import (
	"context"
	"slices"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

// Which rows of memos are work is said once, by the column due: the time from
// which a row may be claimed, NULL when there is nothing to do. Its index is by
// project, so claiming looks at the head of each project's line only.
const (
	// Projects after $1 whose line has begun by $2. Each step of the recursion
	// is one look into the index, however long the lines are.
	waitingProjects = `
WITH RECURSIVE waiting (project) AS (
	SELECT (SELECT project FROM memos WHERE due IS NOT NULL AND project > $1 ORDER BY project LIMIT 1)
	UNION ALL
	SELECT (SELECT project FROM memos WHERE due IS NOT NULL AND project > waiting.project ORDER BY project LIMIT 1)
	FROM waiting WHERE waiting.project IS NOT NULL
)
SELECT project FROM waiting
WHERE project IS NOT NULL
	AND EXISTS (SELECT 1 FROM memos m WHERE m.project = waiting.project AND m.due <= $2)
LIMIT $3`
	// The comparison, true of every claim, keeps SQLite to the index of claims.
	claimedProjects = `SELECT project FROM memos WHERE claimed_by > ''`
	nextInLine      = `
SELECT m.id, m.due, g.bytes
FROM memos m JOIN generations g ON g.memo = m.id AND g.generation = m.generation
WHERE m.project = $1 AND m.due <= $2 AND (m.due, m.id) > ($3, $4)
ORDER BY m.due, m.id LIMIT $5`
	claimMemo = `
UPDATE memos SET claimed_by = $2, claimed_until = $3, attempt = attempt + 1, started = coalesce(started, $4),
	not_before = NULL, waiting_for = NULL,
	stage = (
		SELECT CASE
			WHEN g.length IS NULL AND g.file_blob IS NULL THEN 'fetching'
			WHEN g.length IS NULL THEN 'parsing'
			WHEN memos.stage = 'enriching' THEN 'enriching'
			WHEN g.bytes = (
				SELECT c.end_byte FROM chunks c WHERE c.memo = g.memo AND c.generation = g.generation
					AND c.cut = ` + liveCut + `
				ORDER BY c.position DESC LIMIT 1
			) THEN 'embedding'
			ELSE 'chunking' END
		FROM generations g WHERE g.memo = memos.id AND g.generation = memos.generation
	)
WHERE id = $1`
)

// Claim leases up to limit memos to the worker, together at most maxBytes of
// text and files unless the first alone is larger: the project with the fewest
// claims first, the longest waiting memo first inside it.
func (s *Store) Claim(
	ctx context.Context, worker string, limit int, maxBytes int64, now time.Time,
) ([]memo.Work, error) {
	var ids []memo.ID
	var last account.ProjectID
	err := s.db.Write(ctx, func(tx Tx) error {
		q, err := s.lineUp(ctx, tx, limit, now)
		if err != nil {
			return err
		}
		ids, last, err = q.pick(ctx, tx, limit, maxBytes)
		if err != nil {
			return err
		}
		each := make([][]any, len(ids))
		for i, id := range ids {
			each[i] = []any{id, worker, micros(now.Add(memo.Lease)), micros(now)}
		}
		_, err = tx.ExecEach(ctx, claimMemo, each)
		return err
	})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	s.turn.set(last)
	return s.loadWork(ctx, worker, ids)
}

// A queue is the lines of projects that have work, in the order of their turns.
type queue struct {
	now   time.Time
	page  int // how many memos of a line are looked at together
	lines []*line
}

// A line is a project's memos that may be claimed.
type line struct {
	project account.ProjectID
	served  int // claims it holds, those being picked included
	ahead   []candidate
	last    candidate // the last one read
}

// A candidate is a memo that may be claimed.
type candidate struct {
	id    memo.ID
	due   int64
	bytes int64
}

// lineUp returns the lines of at most limit projects. It goes on after the
// project at which the last claim has stopped, so that all have their turn even
// if there are more projects than claims.
func (s *Store) lineUp(ctx context.Context, tx Tx, limit int, now time.Time) (*queue, error) {
	last := s.turn.get()
	projects, err := collect(ctx, tx, scanString[account.ProjectID], waitingProjects, last, micros(now), limit)
	if err != nil {
		return nil, err
	}
	if len(projects) < limit && last != "" {
		before, err := collect(ctx, tx, scanString[account.ProjectID], waitingProjects, "", micros(now), limit)
		if err != nil {
			return nil, err
		}
		for _, p := range before[:min(limit-len(projects), len(before))] {
			if p <= last {
				projects = append(projects, p)
			}
		}
	}
	served := map[account.ProjectID]int{}
	claimed, err := collect(ctx, tx, scanString[account.ProjectID], claimedProjects)
	for _, p := range claimed {
		served[p]++
	}
	q := &queue{now: now, page: (limit + len(projects)) / max(1, len(projects))}
	for _, p := range projects {
		q.lines = append(q.lines, &line{project: p, served: served[p]})
	}
	return q, err
}

// pick chooses memos one by one from the line that is served least, and tells
// the project of the last one.
func (q *queue) pick(
	ctx context.Context, tx Tx, limit int, maxBytes int64,
) (ids []memo.ID, last account.ProjectID, err error) {
	for len(ids) < limit && len(q.lines) > 0 {
		least := 0
		for i, l := range q.lines {
			if l.served < q.lines[least].served {
				least = i
			}
		}
		l := q.lines[least]
		if err := l.refill(ctx, tx, q.page, q.now); err != nil {
			return nil, "", err
		}
		if len(l.ahead) == 0 {
			q.lines = slices.Delete(q.lines, least, least+1)
			continue
		}
		c := l.ahead[0]
		if len(ids) > 0 && c.bytes > maxBytes {
			break
		}
		maxBytes -= c.bytes
		ids, last = append(ids, c.id), l.project
		l.ahead = l.ahead[1:]
		l.served++
	}
	return ids, last, nil
}

// refill reads on in the line if nothing is ahead.
func (l *line) refill(ctx context.Context, tx Tx, page int, now time.Time) (err error) {
	if len(l.ahead) > 0 {
		return nil
	}
	l.ahead, err = collect(ctx, tx, func(r Rows) (c candidate, err error) {
		var id string
		err = r.Scan(&id, &c.due, &c.bytes)
		c.id = memo.ID(id)
		return c, err
	}, nextInLine, l.project, micros(now), l.last.due, l.last.id, page)
	if len(l.ahead) > 0 {
		l.last = l.ahead[len(l.ahead)-1]
	}
	return err
}

func (r *rotation) get() account.ProjectID {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

func (r *rotation) set(p account.ProjectID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = p
}
