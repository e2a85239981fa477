package openai_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"kvasir/internal/llm"
	"kvasir/internal/provider/exchange"
	"kvasir/internal/provider/openai"
)

// An asked is a request as a server saw it.
type asked struct {
	url, body string
	header    http.Header
}

// serve starts a server that answers every request in the same way, and returns
// its address and what it was asked last.
func serve(t *testing.T, status int, kind, answer string) (string, *asked) {
	t.Helper()
	last := &asked{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*last = asked{r.URL.String(), string(body), r.Header.Clone()}
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, last
}

const (
	asJSON   = "application/json"
	asEvents = "text/event-stream"
)

func TestAzureAddresses(t *testing.T) {
	t.Parallel()
	const embeddings, version = "/openai/deployments/mine/embeddings", "?api-version="
	tests := []struct {
		name, base, version string
		want                string
	}{
		{"a resource", "", "", embeddings + version + openai.DefaultAPIVersion},
		{"a resource with a slash", "/", "2025-01-01", embeddings + version + "2025-01-01"},
		{"a resource's API", "/openai/", "2025-01-01", embeddings + version + "2025-01-01"},
		{
			"a deployment", "/openai/deployments/other?api-version=2024-06-01", "",
			"/openai/deployments/other/embeddings" + version + "2024-06-01",
		},
		{
			"a deployment without a version", "/openai/deployments/other", "",
			"/openai/deployments/other/embeddings" + version + openai.DefaultAPIVersion,
		},
		{"the version in the resource", "?api-version=2024-06-01", "", embeddings + version + "2024-06-01"},
		{"the newer API", "/openai/v1/", "", "/openai/v1/embeddings"},
		{"the newer API, previewed", "/openai/v1", "preview", "/openai/v1/embeddings" + version + "preview"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			base, last := serve(t, http.StatusOK, asJSON, `{"data": [{"embedding": [1, 2]}]}`)
			c := openai.New(openai.Config{BaseURL: base + tt.base, APIKey: key, Azure: true, APIVersion: tt.version})
			e := c.Embedder(openai.EmbedConfig{Model: "text-embedding-3-small", Served: "mine"})
			if _, err := e.Embed(t.Context(), llm.EmbedRequest{Texts: []string{"a duck"}}); err != nil {
				t.Fatal(err)
			}
			if last.url != tt.want {
				t.Errorf("asked %s, want %s", last.url, tt.want)
			}
			if last.header.Get("Api-Key") != key || last.header.Get("Authorization") != "" {
				t.Errorf("the key came otherwise: %v", last.header)
			}
			if !strings.Contains(last.body, `"model":"mine"`) {
				t.Errorf("asked for another model: %s", last.body)
			}
		})
	}
}

func TestAzureChats(t *testing.T) {
	t.Parallel()
	// The first event has no choices, but what Azure's filter thinks of the prompt.
	const usageEvent = `data: {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 1, ` +
		`"prompt_tokens_details": {"cached_tokens": 4}}}`
	base, last := serve(t, http.StatusOK, asEvents, `data: {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]}

data: {"choices": [{"delta": {"content": "Ducks"}, "finish_reason": null}]}

data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}

`+usageEvent+"\n\ndata: [DONE]\n\n")
	c := openai.New(openai.Config{BaseURL: base, APIKey: key, Azure: true})
	g := c.Generator(openai.GenerateConfig{Model: "gpt-4o", Served: "large one", FastModel: "small"})
	pieces, usage, err := collect(g.Generate(t.Context(), ask("What?")))
	if err != nil || strings.Join(pieces, "") != "Ducks" || g.Model() != "gpt-4o" {
		t.Errorf("%s answers %q, %v", g.Model(), pieces, err)
	}
	if want := (llm.Usage{InputTokens: 9, CachedTokens: 4, OutputTokens: 1}); usage != want {
		t.Errorf("usage = %+v, want %+v", usage, want)
	}
	const path = "/openai/deployments/large%20one/chat/completions?api-version="
	if last.url != path+openai.DefaultAPIVersion {
		t.Errorf("asked %s, want %s%s", last.url, path, openai.DefaultAPIVersion)
	}
	req := ask("What?")
	req.Fast = true
	_, _, err = collect(g.Generate(t.Context(), req))
	if err != nil || !strings.Contains(last.url, "/deployments/small/") {
		t.Errorf("a fast answer: asked %s, %v", last.url, err)
	}
}

func TestAzureFailsUnderItsOwnName(t *testing.T) {
	t.Parallel()
	base, _ := serve(t, http.StatusUnauthorized, asJSON, `{"error": {"code": "401", "message": "invalid key `+key+`"}}`)
	for name, want := range map[string]string{"": "azure: dead key", "backup": "backup: dead key"} {
		c := openai.New(openai.Config{Name: name, BaseURL: base, APIKey: key, Azure: true})
		_, err := c.Embedder(openai.EmbedConfig{Model: "m"}).Embed(t.Context(), llm.EmbedRequest{Texts: []string{"a"}})
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), key) {
			t.Errorf("error = %v, want %s, and no key", err, want)
		}
	}
}

// Lanes that stand for each other share the space of their vectors.
func TestIdentityAndNameAreGiven(t *testing.T) {
	t.Parallel()
	c := openai.New(openai.Config{BaseURL: "https://me.openai.azure.com?api-version=1", Azure: true})
	for want, cfg := range map[string]openai.EmbedConfig{
		"shared": {Model: "m", Served: "mine", Dimensions: 64, Identity: "shared"},
		"azure|https://me.openai.azure.com/openai/deployments|m|64": {Model: "m", Served: "mine", Dimensions: 64},
	} {
		if got := c.Embedder(cfg).Spec().Model; got != want {
			t.Errorf("identity = %q, want %q", got, want)
		}
	}
}

// A deployment's name says nothing of the model behind it.
func TestModelsThatThinkAreKnownByTheirOwnName(t *testing.T) {
	t.Parallel()
	base, last := serve(t, http.StatusOK, asEvents, "data: [DONE]\n\n")
	c := openai.New(openai.Config{BaseURL: base, Azure: true})
	for model, tuned := range map[string]bool{"gpt-5-mini": false, "gpt-4o": true} {
		g := c.Generator(openai.GenerateConfig{Model: model, Served: "mine"})
		if _, _, err := collect(g.Generate(t.Context(), ask("What?"))); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(last.body, `"temperature"`); got != tuned {
			t.Errorf("%s is asked for a temperature: %v, want %v", model, got, tuned)
		}
	}
}

func TestStreamsReportQuotasAndWaits(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Ratelimit-Remaining-Tokens", "0")
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(w, `{"error": {"code": "429", "message": "Please retry after 6 seconds."}}`)
	}))
	t.Cleanup(srv.Close)
	client := exchange.NewHTTPClient(exchange.HTTPOptions{})
	t.Cleanup(client.CloseIdleConnections)
	var got llm.Quotas
	ctx := llm.WithQuotas(t.Context(), func(q llm.Quotas) { got = q })
	g := openai.New(openai.Config{BaseURL: srv.URL, HTTPClient: client}).Generator(openai.GenerateConfig{Model: "m"})
	_, _, err := collect(g.Generate(ctx, ask("What?")))
	if want := (llm.Quotas{Tokens: llm.Quota{Told: true}}); got != want {
		t.Errorf("quotas = %+v, want %+v", got, want)
	}
	if e, ok := errors.AsType[*llm.Error](err); !ok || e.Class != llm.ClassThrottled || e.RetryAfter.Seconds() != 6 {
		t.Errorf("error = %v, want throttled for 6 s", err)
	}
}
