package store

import (
	"context"
	"slices"

	"kvasir/internal/ledger"
	"kvasir/internal/llm"
)

const (
	addUsage = `
INSERT INTO usage (day, project, api_key, memo, kind, provider, model,
	requests, input_tokens, cached_tokens, output_tokens, cost)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (project, day, kind, provider, model, api_key, memo) DO UPDATE SET
	requests = usage.requests + excluded.requests,
	input_tokens = usage.input_tokens + excluded.input_tokens,
	cached_tokens = usage.cached_tokens + excluded.cached_tokens,
	output_tokens = usage.output_tokens + excluded.output_tokens,
	cost = usage.cost + excluded.cost`
	projectExists = `SELECT 1 FROM projects WHERE id = $1`
	usageSums     = `sum(requests), sum(input_tokens), sum(cached_tokens), sum(output_tokens), sum(cost)`
	// Each dimension is asked for by a parameter, so that there is one statement.
	selectUsage = `
SELECT CASE WHEN $4 THEN day ELSE 0 END, CASE WHEN $5 THEN api_key ELSE '' END,
	CASE WHEN $6 THEN memo ELSE '' END, CASE WHEN $7 THEN kind ELSE '' END,
	CASE WHEN $8 THEN provider ELSE '' END, CASE WHEN $9 THEN model ELSE '' END,
	` + usageSums + `
FROM usage WHERE project = $1 AND day BETWEEN $2 AND $3
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY 11 DESC, 8 DESC, 1 DESC, 2, 3, 4, 5, 6 LIMIT $10`
	usageByProject = `
SELECT day, project, ` + usageSums + ` FROM usage WHERE day >= $1 GROUP BY day, project`
	organizationOf = `SELECT organization FROM projects WHERE id = $1`
)

// AddUsage adds entries to the sums of their accounts. What projects have spent
// that are gone is passed over.
func (s *Store) AddUsage(ctx context.Context, entries []ledger.Entry) error {
	return s.db.Write(ctx, func(tx Tx) error {
		known := map[string]bool{}
		var each [][]any
		for _, e := range entries {
			if _, asked := known[e.Project]; !asked {
				_, ok, err := find(ctx, tx, scanInt, projectExists, e.Project)
				if err != nil {
					return err
				}
				known[e.Project] = ok
			}
			if !known[e.Project] {
				continue
			}
			each = append(each, []any{
				int64(e.Day), e.Project, e.Key, e.Memo, string(e.Kind), e.Provider, e.Model,
				e.Requests, e.InputTokens, e.CachedTokens, e.OutputTokens, int64(e.Cost),
			})
		}
		_, err := tx.ExecEach(ctx, addUsage, each)
		return err
	})
}

// Usage returns the sums of one project, told apart by the query's dimensions,
// the costliest first.
func (s *Store) Usage(ctx context.Context, q ledger.Query) (entries []ledger.Entry, err error) {
	by := func(d ledger.Dimension) bool { return slices.Contains(q.By, d) }
	limit := int64(q.Limit)
	if limit <= 0 {
		limit = 1 << 62
	}
	err = s.db.Read(ctx, func(tx Tx) error {
		entries, err = collect(ctx, tx, func(r Rows) (e ledger.Entry, err error) {
			var day, cost int64
			var kind string
			err = r.Scan(&day, &e.Key, &e.Memo, &kind, &e.Provider, &e.Model,
				&e.Requests, &e.InputTokens, &e.CachedTokens, &e.OutputTokens, &cost)
			e.Day, e.Kind, e.Cost = ledger.Day(day), llm.Kind(kind), ledger.Money(cost)
			if by(ledger.ByProject) {
				e.Project = q.Project
			}
			return e, err
		}, selectUsage, q.Project, int64(q.From), int64(q.To), by(ledger.ByDay), by(ledger.ByKey), by(ledger.ByMemo),
			by(ledger.ByKind), by(ledger.ByProvider), by(ledger.ByModel), limit)
		return err
	})
	return entries, err
}

// UsageByProject returns what each project has spent from a day on, by day, and
// nothing else of the accounts.
func (s *Store) UsageByProject(ctx context.Context, from ledger.Day) (entries []ledger.Entry, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		entries, err = collect(ctx, tx, func(r Rows) (e ledger.Entry, err error) {
			var day, cost int64
			err = r.Scan(&day, &e.Project, &e.Requests, &e.InputTokens, &e.CachedTokens, &e.OutputTokens, &cost)
			e.Day, e.Cost = ledger.Day(day), ledger.Money(cost)
			return e, err
		}, usageByProject, int64(from))
		return err
	})
	return entries, err
}

// Organization returns the organization of a project.
func (s *Store) Organization(ctx context.Context, project string) (organization string, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		var ok bool
		organization, ok, err = find(ctx, tx, scanString[string], organizationOf, project)
		if err == nil && !ok {
			err = errNoProject()
		}
		return err
	})
	return organization, err
}
