// Package gemini speaks Google's Gemini API: streamed answers and embeddings.
//
// The model is named in the path, and so is the method, as in
// models/gemini-2.5-flash:streamGenerateContent. Errors carry a status in words,
// and the wait that a throttled caller shall keep in their details; package
// exchange reads both.
package gemini

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kvasir/internal/provider/exchange"
)

// DefaultBaseURL is Google's own API.
const DefaultBaseURL = "https://generativelanguage.googleapis.com"

// Config says which account to use.
type Config struct {
	// Name is the provider's name in errors and identities; empty means "gemini".
	Name string
	// BaseURL may end with a version, as in …/v1beta, which is that where there is
	// none; empty means [DefaultBaseURL].
	BaseURL string
	// APIKey is sent in the header x-goog-api-key.
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
	base := strings.TrimRight(cmp.Or(cfg.BaseURL, DefaultBaseURL), "/")
	if last := base[strings.LastIndex(base, "/")+1:]; last != "v1" && !strings.HasPrefix(last, "v1beta") {
		base += "/v1beta"
	}
	return &Client{endpoint: exchange.NewEndpoint(exchange.Config{
		Provider:    cmp.Or(cfg.Name, "gemini"),
		BaseURL:     base,
		Key:         cfg.APIKey,
		KeyHeader:   "X-Goog-Api-Key",
		HTTPClient:  cfg.HTTPClient,
		IdleTimeout: cfg.IdleTimeout,
	})}
}

// resource is the full name of a model; people write it with and without.
func resource(model string) string {
	return "models/" + url.PathEscape(strings.TrimPrefix(model, "models/"))
}

// A content is a turn of a conversation, or a text to embed.
type content struct {
	Role  string `json:"role,omitempty"`
	Parts []part `json:"parts"`
}

type part struct {
	Text    string `json:"text"`
	Thought bool   `json:"thought,omitempty"` // it is no part of the answer
}
