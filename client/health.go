package client

import (
	"context"
	"net/http"
)

// A Health is what a server says of itself.
type Health struct {
	Status string `json:"status"` // ok or degraded
	Checks struct {
		Database bool `json:"database"`
	} `json:"checks"`
	Store     string `json:"store"`
	Queue     Queue  `json:"queue"`
	Providers struct {
		Embeddings Embeddings `json:"embeddings"`
		Answers    Provider   `json:"answers"`
		Reranking  Provider   `json:"reranking"`
	} `json:"providers"`
	Version string  `json:"version"`
	Uptime  float64 `json:"uptime_seconds"`
}

// A Provider is a model in use. Note says in words what a person should know.
type Provider struct {
	Name  string `json:"provider"`
	Model string `json:"model"`
	Note  string `json:"note"`
}

// Embeddings is the embedding model, and how many passages lack its vectors.
type Embeddings struct {
	Provider
	Dimensions     int `json:"dimensions"`
	MissingVectors int `json:"missing_vectors"`
}

// Health asks how the server is. It needs no key.
func (c *Client) Health(ctx context.Context) (Health, error) {
	return fetch[Health](ctx, c, request{method: http.MethodGet, path: "/api/health"})
}
