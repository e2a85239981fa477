package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const usagePath = "/api/v1/usage"

// A Dimension is what sums of usage are told apart by.
type Dimension string

// The dimensions.
const (
	ByDay      Dimension = "day"
	ByKey      Dimension = "api_key"
	ByMemo     Dimension = "memo"
	ByKind     Dimension = "kind"
	ByProvider Dimension = "provider"
	ByModel    Dimension = "model"
)

// A UsageRequest asks what the project has spent. The zero value means the last
// 30 days by day, kind and model.
type UsageRequest struct {
	From  time.Time // its day in UTC
	To    time.Time // its day in UTC, included
	By    []Dimension
	Limit int // rows at most, 10,000 or less; 0 is 1,000
}

func (r UsageRequest) query() url.Values {
	q := url.Values{}
	for name, day := range map[string]time.Time{"from": r.From, "to": r.To} {
		if !day.IsZero() {
			q.Set(name, day.UTC().Format(time.DateOnly))
		}
	}
	if len(r.By) > 0 {
		names := make([]string, len(r.By))
		for i, d := range r.By {
			names[i] = string(d)
		}
		q.Set("group_by", strings.Join(names, ","))
	}
	if r.Limit != 0 {
		q.Set("limit", strconv.Itoa(r.Limit))
	}
	return q
}

// A UsageReport is what was spent.
type UsageReport struct {
	From      string      `json:"from"` // a day, as 2026-11-01
	To        string      `json:"to"`
	By        []Dimension `json:"group_by"`
	Rows      []UsageRow  `json:"rows"`
	Total     UsageSum    `json:"total"`     // also of rows left out
	Truncated bool        `json:"truncated"` // rows were left out, the cheapest
	Budgets   []Budget    `json:"budgets"`   // those that bind the project
}

// A UsageRow is a sum, with the dimensions that were asked for. Where calls have
// none, as a question has no memo, it is empty.
type UsageRow struct {
	Day      string `json:"day,omitzero"`
	Key      string `json:"api_key,omitzero"` // the first characters
	Memo     string `json:"memo,omitzero"`
	Kind     string `json:"kind,omitzero"` // embed, generate or rerank
	Provider string `json:"provider,omitzero"`
	Model    string `json:"model,omitzero"`
	UsageSum
}

// A UsageSum is what calls took together.
type UsageSum struct {
	Requests     int64   `json:"requests"`
	InputTokens  int64   `json:"input_tokens"`
	CachedTokens int64   `json:"cached_tokens"` // of the input
	OutputTokens int64   `json:"output_tokens"`
	Cost         float64 `json:"cost"` // in dollars
}

// A Budget bounds what may be spent in a period. Amounts are in dollars.
type Budget struct {
	Scope  string    `json:"scope"`  // project, organization or server
	Period string    `json:"period"` // day or month
	Until  time.Time `json:"until"`  // when the next period begins
	Spent  float64   `json:"spent"`
	Soft   float64   `json:"soft,omitzero"` // past it there is a warning; 0 for none
	Hard   float64   `json:"hard,omitzero"` // past it calls fail with status 402; 0 for none
}

// Usage asks what the project has spent.
func (c *Client) Usage(ctx context.Context, r UsageRequest) (UsageReport, error) {
	return fetch[UsageReport](ctx, c, request{method: http.MethodGet, path: usagePath, query: r.query()})
}

// An EstimateRequest describes an import that is thought of.
type EstimateRequest struct {
	Texts []string `json:"texts"`           // samples, at most 1000, spread over all of it
	Bytes int64    `json:"bytes,omitempty"` // of all texts; 0 for those of the samples
	Memos int      `json:"memos,omitempty"` // 0 for as many as there are samples
	Processing
}

// An Estimate is what an import would take.
type Estimate struct {
	Memos    int     `json:"memos"`
	Tokens   int64   `json:"tokens"`
	Requests int64   `json:"requests"`
	Cost     float64 `json:"cost"`    // in dollars, of everything
	Seconds  float64 `json:"seconds"` // until all can be found; 0 if unknown
	Lane     string  `json:"lane"`    // what embeds it; empty if nothing does
	Note     string  `json:"note"`    // what the figures rest on

	Enrichment WritingEstimate `json:"enrichment,omitzero"` // part of the cost; zero if nothing is written
}

// A WritingEstimate is what it would take to have a model write about memos.
type WritingEstimate struct {
	Requests     int64   `json:"requests"`
	InputTokens  int64   `json:"input_tokens"`
	CachedTokens int64   `json:"cached_tokens"` // of the input, that the provider keeps
	OutputTokens int64   `json:"output_tokens"`
	Cost         float64 `json:"cost"` // in dollars
	Lane         string  `json:"lane"`
}

// Estimate asks what an import would cost, and how long it would take. Nothing
// is added.
func (c *Client) Estimate(ctx context.Context, r EstimateRequest) (Estimate, error) {
	if r.Texts == nil {
		r.Texts = []string{}
	}
	return post[Estimate](ctx, c, usagePath+"/estimate", r)
}
