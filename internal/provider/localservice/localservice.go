// Package localservice speaks the protocol of Skald's embedding service: a small
// server with sentence-transformers models, one text a request for embeddings,
// and a cross-encoder that ranks documents.
package localservice

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"kvasir/internal/llm"
	"kvasir/internal/provider/exchange"
)

// name stands for the service in errors and identities, and for its models, too:
// the protocol never says which ones it runs.
const name = "embedding-service"

// defaultMaxTokens is that of all-MiniLM-L6-v2 as the service loads it.
const defaultMaxTokens = 256

// Config says where the service is.
type Config struct {
	// URL is the service's address, without a path.
	URL string
	// MaxTokens is the longest text in tokens that the service's embedding model
	// reads; 0 means 256, as of its default model.
	MaxTokens int
	// HTTPClient is the process's shared client, see [exchange.NewHTTPClient].
	HTTPClient *http.Client
	// IdleTimeout is how long the next piece of an answer may take; 0 means 60 s.
	IdleTimeout time.Duration
}

// A Client implements [llm.Embedder] and [llm.Reranker]. It is safe for
// concurrent use.
type Client struct {
	endpoint   *exchange.Endpoint
	maxTokens  int
	dimensions exchange.Dimensions
}

// New returns a client. It contacts nobody.
func New(cfg Config) *Client {
	return &Client{
		endpoint: exchange.NewEndpoint(exchange.Config{
			Provider:    name,
			BaseURL:     cfg.URL,
			HTTPClient:  cfg.HTTPClient,
			IdleTimeout: cfg.IdleTimeout,
		}),
		maxTokens: cmp.Or(cfg.MaxTokens, defaultMaxTokens),
	}
}

// Spec implements [llm.Embedder].
func (c *Client) Spec() llm.EmbedSpec {
	return llm.EmbedSpec{
		Model:          c.endpoint.Identity(),
		Dimensions:     c.dimensions.Known(),
		MaxTokens:      c.maxTokens,
		MaxItems:       1, // the protocol has room for one text
		MaxBatchTokens: c.maxTokens,
	}
}

// Model implements [llm.Reranker].
func (c *Client) Model() string { return name }

type embedRequest struct {
	Content   string `json:"content"`
	Normalize bool   `json:"normalize"`
}

type embedAnswer struct {
	Embedding exchange.Vector `json:"embedding"`
	Dimension int             `json:"dimension"`
}

// Embed implements [llm.Embedder] for exactly one text. The service does not
// count tokens.
func (c *Client) Embed(ctx context.Context, req llm.EmbedRequest) (llm.EmbedResponse, error) {
	if err := c.endpoint.CheckTexts(req.Texts); err != nil {
		return llm.EmbedResponse{}, err
	}
	if len(req.Texts) > 1 {
		return llm.EmbedResponse{}, c.endpoint.Refuse("%d texts in a request for one", len(req.Texts))
	}
	answer, err := exchange.Post[embedAnswer](ctx, c.endpoint, "/embed", embedRequest{req.Texts[0], true})
	if err != nil {
		return llm.EmbedResponse{}, err
	}
	vectors := []llm.Vector{llm.Vector(answer.Embedding)}
	switch n := len(answer.Embedding); {
	case n == 0:
		err = errors.New("the answer has no vector")
	case answer.Dimension != 0 && answer.Dimension != n:
		err = fmt.Errorf("a vector of %d dimensions that claims %d", n, answer.Dimension)
	default:
		err = c.dimensions.Check(vectors)
	}
	if err != nil {
		return llm.EmbedResponse{}, c.endpoint.Garbage(err)
	}
	return llm.EmbedResponse{Vectors: vectors}, nil
}

type rerankRequest struct {
	Query     string   `json:"query"`
	Documents []string `json:"documents"`
	TopK      int      `json:"top_k"`
}

type rerankAnswer struct {
	Results []exchange.Score `json:"results"`
}

// Rerank implements [llm.Reranker].
func (c *Client) Rerank(ctx context.Context, req llm.RerankRequest) (llm.RerankResponse, error) {
	if err := c.endpoint.CheckTexts(req.Documents); err != nil {
		return llm.RerankResponse{}, err
	}
	answer, err := exchange.Post[rerankAnswer](ctx, c.endpoint, "/rerank", rerankRequest{
		Query: req.Query, Documents: req.Documents, TopK: len(req.Documents),
	})
	if err != nil {
		return llm.RerankResponse{}, err
	}
	scores, err := exchange.Scores(answer.Results, len(req.Documents))
	if err != nil {
		return llm.RerankResponse{}, c.endpoint.Garbage(err)
	}
	return llm.RerankResponse{Scores: scores}, nil
}
