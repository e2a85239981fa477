package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kvasir/internal/account"
	"kvasir/internal/ledger"
)

// Ledger knows what was spent.
type Ledger interface {
	// Usage returns the sums that a query asks for.
	Usage(ctx context.Context, q ledger.Query) ([]ledger.Entry, error)
}

// A BudgetState is a budget and how much of it is spent.
type BudgetState struct {
	ledger.Budget
	Spent ledger.Money
	Until time.Time // when its period ends
}

// Budgets returns the budgets that bind a project.
type Budgets func(ctx context.Context, p account.ProjectID) ([]BudgetState, error)

const (
	usagePath = "/api/v1/usage"

	defaultUsageDays = 30
	maxUsageRows     = 10_000
	defaultUsageRows = 1_000
)

// dimensions are what usage may be told apart by. A project is none: a key
// speaks for one.
var dimensions = [...]ledger.Dimension{
	ledger.ByDay, ledger.ByKey, ledger.ByMemo, ledger.ByKind, ledger.ByProvider, ledger.ByModel,
}

// A usageInput asks for what was spent.
type usageInput struct {
	request
	From    string  `query:"from" format:"date" example:"2026-11-01" doc:"The first day, in UTC; by default 30 in all."`
	To      string  `query:"to" format:"date" example:"2026-11-30" doc:"The last day; today by default."`
	GroupBy groupBy `query:"group_by" example:"day,kind" doc:"What rows are told apart by; default day,kind,model."`
	Limit   string  `query:"limit" doc:"Rows at most, 1 to 10000, 1000 by default; the cheapest are left out."`
}

// A groupBy is a list of dimensions with commas between.
type groupBy string

// Schema documents the list.
func (groupBy) Schema(huma.Registry) *huma.Schema {
	names := make([]string, len(dimensions))
	for i, d := range dimensions {
		names[i] = string(d)
	}
	one := "(" + strings.Join(names, "|") + ")"
	return &huma.Schema{Type: "string", Pattern: "^" + one + "(," + one + ")*$"}
}

// query checks the parameters.
func (in *usageInput) query(now time.Time) (ledger.Query, error) {
	q := ledger.Query{Project: string(in.project), To: ledger.DayOf(now), Limit: defaultUsageRows}
	var err error
	if in.To != "" {
		if q.To, err = parseDay("to", in.To); err != nil {
			return q, err
		}
	}
	q.From = q.To - defaultUsageDays + 1
	if in.From != "" {
		if q.From, err = parseDay("from", in.From); err != nil {
			return q, err
		}
	}
	if q.To < q.From {
		return q, invalid("from must not be after to")
	}
	if q.By, err = parseDimensions(string(in.GroupBy)); err != nil {
		return q, err
	}
	if in.Limit != "" {
		q.Limit, err = strconv.Atoi(in.Limit)
		if err != nil || q.Limit < 1 || q.Limit > maxUsageRows {
			return q, invalid(fmt.Sprintf("limit must be a whole number from 1 to %d", maxUsageRows))
		}
	}
	return q, nil
}

func parseDay(name, text string) (ledger.Day, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < 1 {
		return 0, invalid(name + " must be a day such as 2026-11-30")
	}
	return ledger.DayOf(t), nil
}

func parseDimensions(text string) ([]ledger.Dimension, error) {
	if text == "" {
		return []ledger.Dimension{ledger.ByDay, ledger.ByKind, ledger.ByModel}, nil
	}
	var by []ledger.Dimension
	for name := range strings.SplitSeq(text, ",") {
		d := ledger.Dimension(strings.TrimSpace(name))
		if !slices.Contains(dimensions[:], d) {
			return nil, invalid("group_by must be of day, api_key, memo, kind, provider and model, with commas between")
		}
		if !slices.Contains(by, d) {
			by = append(by, d)
		}
	}
	return by, nil
}

// A usageReport is what was spent.
type usageReport struct {
	From    string             `json:"from" format:"date"`
	To      string             `json:"to" format:"date" doc:"This day included."`
	GroupBy []ledger.Dimension `json:"group_by" nullable:"false"`
	Rows    []usageRow         `json:"rows" nullable:"false" doc:"By day if they have one, the costliest first."`
	Total   UsageSum           `json:"total" doc:"Of all there is, also of rows left out."`
	// Truncated is told rather than paged: who wants less asks for less.
	Truncated bool         `json:"truncated" doc:"Whether rows were left out: the limit was reached."`
	Budgets   []budgetView `json:"budgets" nullable:"false" doc:"Those that bind this project."`
}

// A usageRow has the dimensions that were asked for. Where a call had none, as
// a question has no memo, it is empty.
type usageRow struct {
	Day      *string `json:"day,omitempty" format:"date"`
	Key      *string `json:"api_key,omitempty" example:"sk_proj_0123" doc:"The key's first characters."`
	Memo     *string `json:"memo,omitempty" format:"uuid"`
	Kind     *string `json:"kind,omitempty" enum:"embed,generate,rerank"`
	Provider *string `json:"provider,omitempty"`
	Model    *string `json:"model,omitempty"`
	UsageSum
}

// A UsageSum is what calls took together. The name is exported because huma
// documents no other embedded types.
type UsageSum struct {
	Requests     int64   `json:"requests" doc:"A batch counts for each project in it."`
	InputTokens  int64   `json:"input_tokens"`
	CachedTokens int64   `json:"cached_tokens" doc:"Of the input, what the provider had cached."`
	OutputTokens int64   `json:"output_tokens"`
	Cost         float64 `json:"cost" doc:"In dollars."`
}

func sumOf(s ledger.Sum) UsageSum {
	return UsageSum{s.Requests, s.InputTokens, s.CachedTokens, s.OutputTokens, s.Cost.Dollars()}
}

func rowOf(by []ledger.Dimension, e *ledger.Entry) usageRow {
	row := usageRow{UsageSum: sumOf(e.Sum)}
	for _, d := range by {
		switch d {
		case ledger.ByDay:
			row.Day = new(e.Day.String())
		case ledger.ByKey:
			row.Key = &e.Key
		case ledger.ByMemo:
			row.Memo = &e.Memo
		case ledger.ByKind:
			row.Kind = new(string(e.Kind))
		case ledger.ByProvider:
			row.Provider = &e.Provider
		case ledger.ByModel:
			row.Model = &e.Model
		}
	}
	return row
}

// A budgetView is a budget as the wire shows it.
type budgetView struct {
	Scope  string        `json:"scope" enum:"project,organization,server" doc:"Whose spending it bounds."`
	Period ledger.Period `json:"period" enum:"day,month"`
	Until  time.Time     `json:"until" doc:"When the next period begins."`
	Spent  float64       `json:"spent" doc:"In this period, in dollars."`
	Soft   *float64      `json:"soft" doc:"Past it there is a warning."`
	Hard   *float64      `json:"hard" doc:"Past it calls are refused with 402."`
}

func budgetOf(b BudgetState) budgetView {
	view := budgetView{Scope: "server", Period: b.Period, Until: b.Until.UTC(), Spent: b.Spent.Dollars()}
	switch {
	case b.Project != "":
		view.Scope = "project"
	case b.Organization != "":
		view.Scope = "organization"
	}
	if b.Soft != 0 {
		view.Soft = new(b.Soft.Dollars())
	}
	if b.Hard != 0 {
		view.Hard = new(b.Hard.Dollars())
	}
	return view
}

// A usageOutput is never kept by caches: every call changes it.
type usageOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         usageReport
}

func (s *server) usage(ctx context.Context, in *usageInput) (*usageOutput, error) {
	q, err := in.query(time.Now())
	if err != nil {
		return nil, err
	}
	entries, total, truncated, err := s.readUsage(ctx, q)
	if err != nil {
		return nil, err
	}
	out := usageReport{
		From: q.From.String(), To: q.To.String(), GroupBy: q.By, Total: sumOf(total), Truncated: truncated,
		Rows: make([]usageRow, len(entries)), Budgets: []budgetView{},
	}
	for i := range entries {
		out.Rows[i] = rowOf(q.By, &entries[i])
	}
	budgets, err := s.Budgets(ctx, in.project)
	if err != nil {
		return nil, err
	}
	for _, b := range budgets {
		out.Budgets = append(out.Budgets, budgetOf(b))
	}
	return &usageOutput{"no-store", out}, nil
}

// readUsage returns a query's entries in the order of the answer, and the sum of
// all there are.
func (s *server) readUsage(
	ctx context.Context, q ledger.Query,
) (entries []ledger.Entry, total ledger.Sum, truncated bool, err error) {
	limit := q.Limit
	q.Limit++ // one more tells whether there are more
	if entries, err = s.Ledger.Usage(ctx, q); err != nil {
		return nil, total, false, err
	}
	whole := entries
	if truncated = len(entries) > limit; truncated {
		q.By, q.Limit = nil, 0
		if whole, err = s.Ledger.Usage(ctx, q); err != nil {
			return nil, total, false, err
		}
		entries = cheapestLast(entries)[:limit]
	}
	for _, e := range whole {
		total.Add(e.Sum)
	}
	slices.SortStableFunc(cheapestLast(entries), func(a, b ledger.Entry) int { return cmp.Compare(a.Day, b.Day) })
	return entries, total, truncated, nil
}

// cheapestLast sorts entries by cost, and free ones by their tokens.
func cheapestLast(entries []ledger.Entry) []ledger.Entry {
	slices.SortFunc(entries, func(a, b ledger.Entry) int {
		return cmp.Or(
			cmp.Compare(b.Cost, a.Cost), cmp.Compare(b.InputTokens+b.OutputTokens, a.InputTokens+a.OutputTokens),
			cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Day, b.Day), cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Model, b.Model), cmp.Compare(a.Key, b.Key),
			cmp.Compare(a.Memo, b.Memo))
	})
	return entries
}

func (s *server) registerUsage() {
	register(s, huma.Operation{
		OperationID: "usage", Method: http.MethodGet, Path: usagePath, Tags: []string{"usage"},
		Summary: "Read what was spent", Description: "Tokens and money of this project, and the budgets that bind it.",
	}, []int{400}, s.usage)
	s.registerEstimate()
}
