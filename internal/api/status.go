package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kvasir/internal/account"
)

// A Status is what the server does for models, and what waits. It is as much as
// one project may know: other tenants show as one sum.
type Status struct {
	Time    time.Time    `json:"time" doc:"When all this was so."`
	Version string       `json:"version"`
	Uptime  float64      `json:"uptime_seconds"`
	Queue   HealthQueue  `json:"queue" doc:"The memos of the whole server."`
	Pools   []StatusPool `json:"pools" nullable:"false" doc:"The lanes, by what they stand in for."`
}

// A StatusPool is a line of calls and the lanes that serve it.
type StatusPool struct {
	Kind    string        `json:"kind" enum:"embed,generate,rerank"`
	Name    string        `json:"name" doc:"As llm_provider asks for it; empty for the other kinds."`
	Waiting StatusWaiting `json:"waiting"`
	Reason  *string       `json:"reason" doc:"Why the first in line waits."`
	ETA     *time.Time    `json:"eta" doc:"When the line is done at the present rate, if that is known."`
	Lanes   []StatusLane  `json:"lanes" nullable:"false"`
}

// StatusWaiting is a line.
type StatusWaiting struct {
	Calls    int             `json:"calls" doc:"Calls in line; to embed, texts."`
	Tokens   int             `json:"tokens"`
	Projects []StatusProject `json:"projects" nullable:"false" doc:"The caller's own, and all others together."`
}

// Others is the name under which a status sums up all projects but the caller's.
const Others account.ProjectID = "others"

// A StatusProject is a project's part of a line.
type StatusProject struct {
	Project account.ProjectID `json:"project" example:"others" doc:"The id of the caller's project, or others."`
	Calls   int               `json:"calls"`
	Tokens  int               `json:"tokens"`
}

// A StatusLane is one way to a model.
type StatusLane struct {
	Name     string `json:"name" example:"openai#2/text-embedding-3-small" doc:"Provider, which of its keys, model."`
	Provider string `json:"provider"`
	Model    string `json:"model"`
	Tier     int    `json:"tier" doc:"Calls go to the lowest tier that works."`

	State     string     `json:"state" enum:"open,paused,broken,probing"`
	Reason    *string    `json:"reason" doc:"Why it is not open."`
	Until     *time.Time `json:"until" doc:"When it is tried again."`
	LastError *string    `json:"last_error"`

	InFlight    int         `json:"in_flight" doc:"Requests under way."`
	Concurrency int         `json:"concurrency" doc:"The most under way at once; it follows the latency."`
	Requests    StatusLimit `json:"requests_per_minute"`
	Tokens      StatusLimit `json:"tokens_per_minute"`

	LatencyP50 float64     `json:"latency_p50_ms" doc:"Of a generation, until its first word."`
	LatencyP95 float64     `json:"latency_p95_ms"`
	TokensPerS float64     `json:"tokens_per_second" doc:"Of late."`
	Price      StatusPrice `json:"price"`
	Counts     StatusCount `json:"counts"`
}

// A StatusLimit is a rate that a provider allows.
type StatusLimit struct {
	Limit  *float64 `json:"limit" doc:"Null when none is known."`
	Left   *float64 `json:"left" doc:"How much of it may be used at once."`
	Source *string  `json:"source" example:"reported" doc:"configured, reported by the provider, or learned."`
}

// A StatusPrice is what a million tokens cost, in dollars.
type StatusPrice struct {
	Input  float64 `json:"input"`
	Cached float64 `json:"cached"`
	Output float64 `json:"output"`
}

// StatusCount counts requests since the start.
type StatusCount struct {
	Sent      int64 `json:"sent"`
	Failed    int64 `json:"failed"`
	Throttled int64 `json:"throttled" doc:"Answered with 429."`
	Retried   int64 `json:"retried"`
	Hedged    int64 `json:"hedged" doc:"Sent beside another that was late."`
}

// A serverStatusOutput is never kept by caches.
type serverStatusOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         Status
}

func (s *server) serverStatus(ctx context.Context, in *struct{ request }) (*serverStatusOutput, error) {
	return &serverStatusOutput{"no-store", s.Status(ctx, in.project)}, nil
}

func (s *server) registerStatus() {
	register(s, huma.Operation{
		OperationID: "status", Method: http.MethodGet, Path: "/api/v1/status", Tags: []string{"server"},
		Summary: "See what runs, what waits and why",
		Description: "The lanes to the models with their limits, what waits for them, and until when. " +
			"Of other projects only the sum shows.",
	}, nil, s.serverStatus)
}
