// Package voyage speaks Voyage AI's HTTP API: embeddings that tell questions from
// passages, and a reranker.
package voyage

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"time"

	"kvasir/internal/llm"
	"kvasir/internal/provider/exchange"
)

// DefaultBaseURL is Voyage's own API.
const DefaultBaseURL = "https://api.voyageai.com/v1"

// The models used where none is named.
const (
	DefaultEmbedModel  = "voyage-3-large"
	DefaultRerankModel = "rerank-2-lite"
)

const (
	// maxItems and maxBatchTokens are below Voyage's limits of 1,000 texts and
	// 120,000 tokens a request.
	maxItems       = 256
	maxBatchTokens = 100_000
	// maxTokens is the longest text of all models since voyage-3.
	maxTokens = 32_000
)

// Config says which account to use.
type Config struct {
	// BaseURL includes the version; empty means [DefaultBaseURL].
	BaseURL string
	// APIKey is sent as a bearer token.
	APIKey string
	// HTTPClient is the process's shared client, see [exchange.NewHTTPClient].
	HTTPClient *http.Client
	// IdleTimeout is how long the next piece of an answer may take; 0 means 60 s.
	IdleTimeout time.Duration
}

// A Client speaks for one account. It is safe for concurrent use.
type Client struct {
	endpoint *exchange.Endpoint
}

// New returns a client. It contacts nobody.
func New(cfg Config) *Client {
	return &Client{endpoint: exchange.NewEndpoint(exchange.Config{
		Provider:    "voyage",
		BaseURL:     cmp.Or(cfg.BaseURL, DefaultBaseURL),
		Key:         cfg.APIKey,
		HTTPClient:  cfg.HTTPClient,
		IdleTimeout: cfg.IdleTimeout,
	})}
}

// EmbedConfig says which model embeds.
type EmbedConfig struct {
	// Model is the model's name; empty means [DefaultEmbedModel].
	Model string
	// Served is what the server calls Model, if that is something else.
	Served string
	// Identity is the vectors' [llm.EmbedSpec.Model], for lanes that stand for each
	// other; empty means one made of the server and the model.
	Identity string
	// Dimensions is the length of vectors to ask for; 0 takes what the model gives.
	Dimensions int
}

// An Embedder implements [llm.Embedder].
type Embedder struct {
	endpoint   *exchange.Endpoint
	cfg        EmbedConfig
	dimensions exchange.Dimensions
}

// Embedder returns an embedder of one model.
func (c *Client) Embedder(cfg EmbedConfig) *Embedder {
	cfg.Model = cmp.Or(cfg.Model, DefaultEmbedModel)
	identity := []string{cfg.Model}
	if cfg.Dimensions > 0 {
		identity = append(identity, strconv.Itoa(cfg.Dimensions))
	}
	cfg.Served = cmp.Or(cfg.Served, cfg.Model)
	cfg.Identity = cmp.Or(cfg.Identity, c.endpoint.Identity(identity...))
	e := &Embedder{endpoint: c.endpoint, cfg: cfg}
	e.dimensions.Given(cfg.Dimensions)
	return e
}

// Spec implements [llm.Embedder].
func (e *Embedder) Spec() llm.EmbedSpec {
	return llm.EmbedSpec{
		Model:          e.cfg.Identity,
		Dimensions:     e.dimensions.Known(),
		MaxTokens:      maxTokens,
		MaxItems:       maxItems,
		MaxBatchTokens: maxBatchTokens,
	}
}

type embedRequest struct {
	Model           string    `json:"model"`
	Input           []string  `json:"input"`
	InputType       llm.Input `json:"input_type,omitempty"`
	OutputDimension int       `json:"output_dimension,omitzero"`
	EncodingFormat  string    `json:"encoding_format"`
}

// Embed implements [llm.Embedder].
func (e *Embedder) Embed(ctx context.Context, req llm.EmbedRequest) (llm.EmbedResponse, error) {
	if err := e.endpoint.CheckTexts(req.Texts); err != nil {
		return llm.EmbedResponse{}, err
	}
	answer, err := exchange.Post[exchange.Embeddings](ctx, e.endpoint, "/embeddings", embedRequest{
		Model:           e.cfg.Served,
		Input:           req.Texts,
		InputType:       req.Input, // Voyage's words are ours
		OutputDimension: e.cfg.Dimensions,
		EncodingFormat:  "base64",
	})
	if err != nil {
		return llm.EmbedResponse{}, err
	}
	vectors, err := answer.Vectors(len(req.Texts), &e.dimensions)
	if err != nil {
		return llm.EmbedResponse{}, e.endpoint.Garbage(err)
	}
	return llm.EmbedResponse{Vectors: vectors, Usage: llm.Usage{InputTokens: answer.Tokens()}}, nil
}

// A Reranker implements [llm.Reranker].
type Reranker struct {
	endpoint *exchange.Endpoint
	model    string
}

// Reranker returns a reranker of one model; empty means [DefaultRerankModel].
func (c *Client) Reranker(model string) *Reranker {
	return &Reranker{endpoint: c.endpoint, model: cmp.Or(model, DefaultRerankModel)}
}

// Model implements [llm.Reranker].
func (r *Reranker) Model() string { return r.model }

type rerankRequest struct {
	Model     string   `json:"model"`
	Query     string   `json:"query"`
	Documents []string `json:"documents"`
	TopK      int      `json:"top_k"`
}

type rerankAnswer struct {
	Data  []exchange.Score `json:"data"`
	Usage struct {
		TotalTokens int `json:"total_tokens"`
	} `json:"usage"`
}

// Rerank implements [llm.Reranker].
func (r *Reranker) Rerank(ctx context.Context, req llm.RerankRequest) (llm.RerankResponse, error) {
	if err := r.endpoint.CheckTexts(req.Documents); err != nil {
		return llm.RerankResponse{}, err
	}
	answer, err := exchange.Post[rerankAnswer](ctx, r.endpoint, "/rerank", rerankRequest{
		Model:     r.model,
		Query:     req.Query,
		Documents: req.Documents,
		TopK:      len(req.Documents),
	})
	if err != nil {
		return llm.RerankResponse{}, err
	}
	scores, err := exchange.Scores(answer.Data, len(req.Documents))
	if err != nil {
		return llm.RerankResponse{}, r.endpoint.Garbage(err)
	}
	return llm.RerankResponse{Scores: scores, Usage: llm.Usage{InputTokens: answer.Usage.TotalTokens}}, nil
}
