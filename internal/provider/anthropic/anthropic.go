// Package anthropic speaks Anthropic's Messages API.
//
// Its stream has an event for each thing that happens: the message starts, with
// the tokens that were read; blocks of content begin, grow and end, of which only
// texts are the answer; and the message ends with the reason for it and the tokens
// that were written. A stream that says nothing of its end was cut.
package anthropic

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"kvasir/internal/provider/exchange"
)

// DefaultBaseURL is Anthropic's own API.
const DefaultBaseURL = "https://api.anthropic.com"

// version is that of the protocol; there has been one since 2023.
const version = "2023-06-01"

// Config says which account to use.
type Config struct {
	// Name is the provider's name in errors; empty means "anthropic".
	Name string
	// BaseURL may include the version; empty means [DefaultBaseURL].
	BaseURL string
	// APIKey is sent in the header x-api-key.
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
	return &Client{endpoint: exchange.NewEndpoint(exchange.Config{
		Provider:    cmp.Or(cfg.Name, "anthropic"),
		BaseURL:     strings.TrimSuffix(base, "/v1"),
		Key:         cfg.APIKey,
		KeyHeader:   "X-Api-Key",
		Header:      http.Header{"Anthropic-Version": {version}},
		HTTPClient:  cfg.HTTPClient,
		IdleTimeout: cfg.IdleTimeout,
	})}
}
