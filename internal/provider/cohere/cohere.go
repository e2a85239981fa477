// Package cohere speaks the reranking protocol that Cohere began and others took
// over: Jina, vLLM, Infinity, LocalAI, llama.cpp. A query and documents go out, and a
// score comes back for each document. Hugging Face's Text Embeddings Inference, TEI
// for short, says the same in other words.
//
// Vendors give scores from 0 to 1. Servers of one's own may give what their model
// computes: cosines, or logits without bounds. A [Reranker] learns from the scores
// which of them they are, and brings them to 0 to 1 without changing their order.
package cohere

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"kvasir/internal/llm"
	"kvasir/internal/provider/exchange"
)

// The vendors' own APIs.
const (
	DefaultBaseURL = "https://api.cohere.com/v2"
	JinaBaseURL    = "https://api.jina.ai/v1"
)

// A Dialect is how the protocol is spoken.
type Dialect int

// The dialects.
const (
	Cohere Dialect = iota // by Cohere, and by servers of one's own
	Jina                  // which repeats the documents unless it is asked not to
	TEI                   // whose server has one model and no word for it
)

// Config says which server to speak to.
type Config struct {
	// Name is the provider's name in errors; empty means that of the dialect.
	Name string
	// Dialect is how it is spoken to.
	Dialect Dialect
	// BaseURL includes the version, if the server has one in its paths; empty means
	// the vendor's own. TEI has none.
	BaseURL string
	// APIKey is sent as a bearer token; empty sends none.
	APIKey string
	// HTTPClient is the process's shared client, see [exchange.NewHTTPClient].
	HTTPClient *http.Client
	// IdleTimeout is how long the next piece of an answer may take; 0 means 60 s.
	IdleTimeout time.Duration
}

// A Client speaks to one server. It is safe for concurrent use.
type Client struct {
	endpoint *exchange.Endpoint
	dialect  Dialect
}

// New returns a client. It contacts nobody.
func New(cfg Config) *Client {
	name, base := "cohere", DefaultBaseURL
	switch cfg.Dialect {
	case Jina:
		name, base = "jina", JinaBaseURL
	case TEI:
		name, base = "tei", ""
	}
	return &Client{
		endpoint: exchange.NewEndpoint(exchange.Config{
			Provider:    cmp.Or(cfg.Name, name),
			BaseURL:     cmp.Or(cfg.BaseURL, base),
			Key:         cfg.APIKey,
			HTTPClient:  cfg.HTTPClient,
			IdleTimeout: cfg.IdleTimeout,
		}),
		dialect: cfg.Dialect,
	}
}

// A Reranker implements [llm.Reranker].
type Reranker struct {
	*Client
	model string
	scale scale
}

// Reranker returns a reranker of one model. A server that has only one calls it as
// it likes; empty is "reranker".
func (c *Client) Reranker(model string) *Reranker {
	return &Reranker{Client: c, model: cmp.Or(model, "reranker")}
}

// Model implements [llm.Reranker].
func (r *Reranker) Model() string { return r.model }

type request struct {
	Model     string   `json:"model"`
	Query     string   `json:"query"`
	Documents []string `json:"documents"`
	TopN      int      `json:"top_n"`
	// Return is whether the documents are said again. Cohere does not, and does not
	// know the word.
	Return *bool `json:"return_documents,omitempty"`
}

type answer struct {
	Results []exchange.Score `json:"results"`
	Meta    struct {
		Billed struct {
			Searches float64 `json:"search_units"`
			Tokens   float64 `json:"total_tokens"`
		} `json:"billed_units"`
		Tokens struct {
			Input float64 `json:"input_tokens"`
		} `json:"tokens"`
	} `json:"meta"` // Cohere's
	Usage struct {
		Tokens int `json:"total_tokens"`
	} `json:"usage"` // everybody else's
}

func (a *answer) usage() llm.Usage {
	meta := cmp.Or(a.Meta.Billed.Tokens, a.Meta.Tokens.Input)
	return llm.Usage{InputTokens: cmp.Or(a.Usage.Tokens, int(meta)), Searches: int(a.Meta.Billed.Searches)}
}

// Rerank implements [llm.Reranker].
func (r *Reranker) Rerank(ctx context.Context, req llm.RerankRequest) (llm.RerankResponse, error) {
	if err := r.endpoint.CheckTexts(req.Documents); err != nil {
		return llm.RerankResponse{}, err
	}
	list, usage, err := r.ask(ctx, req)
	if err != nil {
		return llm.RerankResponse{}, err
	}
	scores, err := exchange.InOrder(list, len(req.Documents))
	if err != nil {
		return llm.RerankResponse{}, r.endpoint.Garbage(err)
	}
	r.scale.fit(scores)
	return llm.RerankResponse{Scores: scores, Usage: usage}, nil
}

// ask makes the exchange.
func (r *Reranker) ask(ctx context.Context, req llm.RerankRequest) ([]exchange.Score, llm.Usage, error) {
	if r.dialect == TEI {
		list, err := r.askTEI(ctx, req)
		return list, llm.Usage{}, err
	}
	body := request{Model: r.model, Query: req.Query, Documents: req.Documents, TopN: len(req.Documents)}
	if r.dialect == Jina {
		body.Return = new(false)
	}
	a, err := exchange.Post[answer](ctx, r.endpoint, "/rerank", body)
	return a.Results, a.usage(), err
}

type teiRequest struct {
	Query    string   `json:"query"`
	Texts    []string `json:"texts"`
	Truncate bool     `json:"truncate"` // what the model cannot read to its end
}

type teiScore struct {
	Index int     `json:"index"`
	Score float64 `json:"score"`
}

func (r *Reranker) askTEI(ctx context.Context, req llm.RerankRequest) ([]exchange.Score, error) {
	a, err := exchange.Post[[]teiScore](ctx, r.endpoint, "/rerank", teiRequest{req.Query, req.Documents, true})
	list := make([]exchange.Score, len(a))
	for i, s := range a {
		list[i] = exchange.Score(s)
	}
	return list, err
}
