package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Health is what the server says of itself. The first two keys are the wire's.
type Health struct {
	Status    string          `json:"status" enum:"ok,degraded" doc:"degraded: something below is wrong."`
	Checks    HealthChecks    `json:"checks"`
	Store     string          `json:"store" doc:"The database in use." example:"sqlite"`
	Queue     HealthQueue     `json:"queue"`
	Providers HealthProviders `json:"providers"`
	Version   string          `json:"version"`
	Uptime    float64         `json:"uptime_seconds"`
}

// HealthChecks are the parts without which nothing works.
type HealthChecks struct {
	Database bool `json:"database"`
}

// HealthQueue counts the memos on their way to being searchable.
type HealthQueue struct {
	Pending int        `json:"pending" doc:"Memos not yet processed."`
	Errors  int        `json:"errors" doc:"Memos that failed and can be retried."`
	Oldest  *time.Time `json:"oldest,omitempty" doc:"Since when the oldest of them waits."`
}

// HealthProviders are the models in use.
type HealthProviders struct {
	Embeddings HealthEmbeddings `json:"embeddings"`
	Answers    HealthProvider   `json:"answers"`
	Reranking  HealthProvider   `json:"reranking"`
}

// A HealthProvider is one model. Note says in words what a person should know
// of it: that it is missing, or how it is limited.
type HealthProvider struct {
	Provider string `json:"provider" example:"openai"`
	Model    string `json:"model,omitempty"`
	Note     string `json:"note,omitempty"`
}

// HealthEmbeddings is the embedding model, and how much of the index it covers.
type HealthEmbeddings struct {
	HealthProvider
	Dimensions     int `json:"dimensions,omitempty" doc:"Unknown until the model has answered once."`
	MissingVectors int `json:"missing_vectors" doc:"Chunks found by words only, until their vectors are made."`
}

// A healthOutput is never kept by caches.
type healthOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         Health
}

func (s *server) health(ctx context.Context, _ *struct{ request }) (*healthOutput, error) {
	return &healthOutput{"no-store", s.Health(ctx)}, nil
}

func (s *server) registerHealth() {
	register(s, huma.Operation{
		OperationID: "health", Method: http.MethodGet, Path: "/api/health", Tags: []string{"server"},
		Summary: "Ask how the server is", Security: public,
		Description: "200 as soon as requests are served, whatever it says.",
	}, nil, s.health)
}
