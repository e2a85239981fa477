// Package openai speaks OpenAI's HTTP API, which vLLM, Ollama, LM Studio, Groq
// and many others speak, too: embeddings and chat completions. Azure sells the same
// models behind addresses of its own, one for each deployment of a model.
//
// A [Client] stands for one account at one server. Its two methods return the
// small types that implement the interfaces of llm, one for each model used.
package openai

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
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
	// BaseURL includes the version; empty means [DefaultBaseURL]. That of Azure is a
	// resource (https://NAME.openai.azure.com), which is asked for the deployment
	// that bears the name of the model served, or one deployment's own address (…/openai/deployments/NAME),
	// or the newer API (…/openai/v1), which finds the deployment by the name in the
	// request.
	BaseURL string
	// APIKey is sent as a bearer token, to Azure as it is; empty sends none.
	APIKey string
	// Azure says that the server is Azure's.
	Azure bool
	// APIVersion is Azure's version of the protocol; empty means
	// [DefaultAPIVersion]. The newer API needs none.
	APIVersion string
	// HTTPClient is the process's shared client, see [exchange.NewHTTPClient].
	HTTPClient *http.Client
	// IdleTimeout is how long the next piece of an answer may take; 0 means 60 s.
	IdleTimeout time.Duration
}

// DefaultAPIVersion is the last version of Azure's API that is not a preview.
const DefaultAPIVersion = "2024-10-21"

// A Client speaks to one server. It is safe for concurrent use.
type Client struct {
	endpoint *exchange.Endpoint
	// deployments says that paths begin with the deployment of the model.
	deployments bool
}

// New returns a client. It contacts nobody.
func New(cfg Config) *Client {
	to := exchange.Config{
		Provider:    cmp.Or(cfg.Name, "openai"),
		BaseURL:     cmp.Or(cfg.BaseURL, DefaultBaseURL),
		Key:         cfg.APIKey,
		HTTPClient:  cfg.HTTPClient,
		IdleTimeout: cfg.IdleTimeout,
	}
	c := &Client{}
	if cfg.Azure {
		to.Provider = cmp.Or(cfg.Name, "azure")
		c.deployments = azure(&to, cfg.APIVersion)
	}
	c.endpoint = exchange.NewEndpoint(to)
	return c
}

// azure makes to one of Azure's endpoints, and reports whether the deployment is
// still to be named in each path.
func azure(to *exchange.Config, version string) (deployments bool) {
	to.KeyHeader = "Api-Key"
	base, query, _ := strings.Cut(to.BaseURL, "?")
	base = strings.TrimRight(base, "/")
	newer := strings.HasSuffix(base, "/v1")
	if version == "" && !newer && !strings.Contains(query, "api-version=") {
		version = DefaultAPIVersion
	}
	if version != "" {
		to.Query = url.Values{"api-version": {version}}
	}
	if newer || strings.Contains(base, "/deployments/") {
		return false
	}
	base = strings.TrimSuffix(base, "/openai") + "/openai/deployments"
	if query != "" {
		base += "?" + query
	}
	to.BaseURL = base
	return true
}

// path returns the path of an operation on the model that is called served.
func (c *Client) path(served, operation string) string {
	if c.deployments {
		return "/" + url.PathEscape(served) + operation
	}
	return operation
}
