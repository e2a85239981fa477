package client

import (
	"context"
	"net/http"
	"time"
)

// A ServerStatus is what a server does for models, and what waits there.
type ServerStatus struct {
	Time    time.Time `json:"time"`
	Version string    `json:"version"`
	Uptime  float64   `json:"uptime_seconds"`
	Queue   Queue     `json:"queue"`
	Pools   []Pool    `json:"pools"`
}

// A Queue counts the memos of a server that are not yet, or not, processed.
type Queue struct {
	Pending int       `json:"pending"`         // memos not yet processed
	Errors  int       `json:"errors"`          // memos that failed
	Oldest  time.Time `json:"oldest,omitzero"` // since when the oldest waits
}

// A Pool is a line of calls and the lanes that serve it.
type Pool struct {
	Kind    string    `json:"kind"` // embed, generate or rerank
	Name    string    `json:"name"` // as [RAGConfig] asks for a generator
	Waiting Waiting   `json:"waiting"`
	Reason  string    `json:"reason"`       // why the first in line waits
	ETA     time.Time `json:"eta,omitzero"` // when the line is done; zero if unknown
	Lanes   []Lane    `json:"lanes"`
}

// Waiting is a line. Its projects are the caller's own, and all others as one.
type Waiting struct {
	Calls    int              `json:"calls"` // to embed: texts
	Tokens   int              `json:"tokens"`
	Projects []WaitingProject `json:"projects"`
}

// Others is the name of all projects but the caller's, together.
const Others = "others"

// A WaitingProject is a project's part of a line.
type WaitingProject struct {
	Project string `json:"project"` // its id, or [Others]
	Calls   int    `json:"calls"`
	Tokens  int    `json:"tokens"`
}

// A Lane is one way to a model: a provider, one of its keys, a model.
type Lane struct {
	Name     string `json:"name"`
	Provider string `json:"provider"`
	Model    string `json:"model"`
	Tier     int    `json:"tier"` // calls go to the lowest tier that works

	State     string    `json:"state"`          // open, paused, broken or probing
	Reason    string    `json:"reason"`         // why it is not open
	Until     time.Time `json:"until,omitzero"` // when it is tried again
	LastError string    `json:"last_error"`

	InFlight    int   `json:"in_flight"`
	Concurrency int   `json:"concurrency"` // the most in flight at once
	Requests    Limit `json:"requests_per_minute"`
	Tokens      Limit `json:"tokens_per_minute"`

	LatencyP50 float64   `json:"latency_p50_ms"` // of an answer, until its first word
	LatencyP95 float64   `json:"latency_p95_ms"`
	TokensPerS float64   `json:"tokens_per_second"` // of late
	Price      Price     `json:"price"`
	Counts     LaneCount `json:"counts"`
}

// A Limit is a rate that a provider allows; zero if none is known.
type Limit struct {
	PerMinute float64 `json:"limit"`
	Left      float64 `json:"left"`   // what may be used at once
	Source    string  `json:"source"` // configured, reported or learned
}

// A Price is what a million tokens cost, in dollars.
type Price struct {
	Input  float64 `json:"input"`
	Cached float64 `json:"cached"`
	Output float64 `json:"output"`
}

// A LaneCount counts requests since the server's start.
type LaneCount struct {
	Sent      int64 `json:"sent"`
	Failed    int64 `json:"failed"`
	Throttled int64 `json:"throttled"` // answered with 429
	Retried   int64 `json:"retried"`
	Hedged    int64 `json:"hedged"` // sent beside another that was late
}

// Status asks what the server does for models, what waits there and why.
func (c *Client) Status(ctx context.Context) (ServerStatus, error) {
	return fetch[ServerStatus](ctx, c, request{method: http.MethodGet, path: "/api/v1/status"})
}
