// Package openai speaks OpenAI's HTTP API, which vLLM, Ollama, LM Studio, Groq
// and many others speak, too: embeddings, chat completions, and a reranker that
// asks a chat model for scores.
//
// A [Client] stands for one account at one server. Its three methods return the
// small types that implement the interfaces of llm, one for each model used.
package openai

import (
	"cmp"
	"net/http"
	"time"

	"kvasir/internal/provider/exchange"
)

// DefaultBaseURL is OpenAI's own API.
const DefaultBaseURL = "https://api.openai.com/v1"

// Config says which server to speak to.
type Config struct {
	// Name is the provider's name in errors and identities: "openai" (the
	// default), or "local" for a compatible server.
	Name string
	// BaseURL includes the version; empty means [DefaultBaseURL].
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
}

// New returns a client. It contacts nobody.
func New(cfg Config) *Client {
	return &Client{endpoint: exchange.NewEndpoint(exchange.Config{
		Provider:    cmp.Or(cfg.Name, "openai"),
		BaseURL:     cmp.Or(cfg.BaseURL, DefaultBaseURL),
		Key:         cfg.APIKey,
		HTTPClient:  cfg.HTTPClient,
		IdleTimeout: cfg.IdleTimeout,
	})}
}
