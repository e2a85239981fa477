package api

import (
	"cmp"
	"context"
	"slices"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/ledger"
	"kvasir/internal/memo"
)

// Usage sums entries as the ledger does.
func (b *backend) Usage(_ context.Context, q ledger.Query) ([]ledger.Entry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failing != nil {
		return nil, b.failing
	}
	sums := map[ledger.Account]*ledger.Sum{}
	for _, e := range b.entries {
		if e.Project != q.Project || e.Day < q.From || e.Day > q.To {
			continue
		}
		var a ledger.Account
		for _, d := range q.By {
			switch d {
			case ledger.ByDay:
				a.Day = e.Day
			case ledger.ByKey:
				a.Key = e.Key
			case ledger.ByMemo:
				a.Memo = e.Memo
			case ledger.ByKind:
				a.Kind = e.Kind
			case ledger.ByProvider:
				a.Provider = e.Provider
			case ledger.ByModel:
				a.Model = e.Model
			}
		}
		if sums[a] == nil {
			sums[a] = &ledger.Sum{}
		}
		sums[a].Add(e.Sum)
	}
	var out []ledger.Entry
	for a, sum := range sums {
		out = append(out, ledger.Entry{Account: a, Sum: *sum})
	}
	slices.SortFunc(out, func(a, b ledger.Entry) int { return cmp.Compare(b.Cost, a.Cost) })
	if q.Limit > 0 {
		out = out[:min(len(out), q.Limit)]
	}
	return out, nil
}

// budgets are a project's own and the server's.
func (b *backend) budgets(_ context.Context, p account.ProjectID) ([]BudgetState, error) {
	const dollar = ledger.Unit
	until := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	return []BudgetState{
		{ledger.Budget{Project: string(p), Period: ledger.Monthly, Soft: 4 * dollar, Hard: 5 * dollar}, dollar, until},
		{ledger.Budget{Organization: "o1", Period: ledger.Daily, Soft: dollar}, dollar / 2, until},
		{ledger.Budget{Period: ledger.Monthly, Hard: 9 * dollar}, 7 * dollar, until},
	}, nil
}

// estimate makes a token of four bytes.
func (b *backend) estimate(_ context.Context, _ account.ProjectID, p Plan) Estimate {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.planned = p
	return Estimate{Memos: p.Memos, Tokens: p.Bytes / 4, Requests: 1, Cost: 0.5, Lane: new("test/model")}
}

func (b *backend) waits(_ context.Context, _ account.ProjectID, _ memo.ID, at memo.Progress) Wait {
	b.mu.Lock()
	defer b.mu.Unlock()
	return cmp.Or(b.wait, Wait{Reason: at.WaitingFor})
}

func (b *backend) status(_ context.Context, p account.ProjectID) Status {
	return Status{Version: "test", Pools: []StatusPool{{
		Kind: "embed", Reason: new("test/model: 429 until 12:03:10"),
		Waiting: StatusWaiting{Calls: 3, Projects: []StatusProject{{p, 1, 10}, {Others, 2, 20}}},
		Lanes:   []StatusLane{{Name: "test/model", State: "paused", Requests: StatusLimit{Limit: new(60.0)}}},
	}}}
}
