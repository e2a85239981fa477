package gemini_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/llm"
	"kvasir/internal/provider/exchange"
	"kvasir/internal/provider/gemini"
)

var (
	_ llm.Embedder  = (*gemini.Embedder)(nil)
	_ llm.Generator = (*gemini.Generator)(nil)
)

const key = "AIzaTest-4815162342"

// serve starts a server and returns its address.
func serve(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	return srv.URL
}

// client returns a client of the server at base.
func client(t testing.TB, base string) *gemini.Client {
	t.Helper()
	shared := exchange.NewHTTPClient(exchange.HTTPOptions{})
	t.Cleanup(shared.CloseIdleConnections)
	return gemini.New(gemini.Config{BaseURL: base, APIKey: key, HTTPClient: shared, IdleTimeout: time.Minute})
}

// tell answers every request with the same events.
func tell(t testing.TB, events ...string) *gemini.Client {
	t.Helper()
	return client(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		for _, e := range events {
			_, _ = io.WriteString(w, "data: "+strings.ReplaceAll(e, "\n", " ")+"\r\n\r\n")
		}
	}))
}

// collect reads a stream to its end.
func collect(stream iter.Seq2[llm.Event, error]) (said string, usage llm.Usage, err error) {
	for event, e := range stream {
		if e != nil {
			err = e
		}
		said += event.Text
		if event.Text == "" {
			usage = event.Usage
		}
	}
	return said, usage, err
}

func ask(t testing.TB, c *gemini.Client) (string, llm.Usage, error) {
	t.Helper()
	g := c.Generator(gemini.GenerateConfig{Model: "gemini-2.5-flash"})
	messages := []llm.Message{{Role: llm.RoleUser, Text: "What?"}}
	return collect(g.Generate(t.Context(), llm.GenerateRequest{Messages: messages}))
}

func piece(text, more string) string {
	return fmt.Sprintf(`{"candidates": [{"content": {"role": "model", "parts": [{"text": %q}]} %s}]}`, text, more)
}

func TestGenerateStreamsTextThenUsage(t *testing.T) {
	t.Parallel()
	c := tell(t,
		`{"candidates": [{"content": {"parts": [{"text": "Hm.", "thought": true}, {"text": "Ducks"}]}}],
			"usageMetadata": {"promptTokenCount": 12, "cachedContentTokenCount": 8, "thoughtsTokenCount": 30}}`,
		piece(" eat", ""),
		`{"candidates": [{"content": {"parts": [{"text": "."}, {"text": "", "thoughtSignature": "x"}]},
			"finishReason": "STOP"}],
			"usageMetadata": {"promptTokenCount": 12, "cachedContentTokenCount": 8, "candidatesTokenCount": 9,
			"thoughtsTokenCount": 30, "totalTokenCount": 51}}`)
	said, usage, err := ask(t, c)
	if err != nil || said != "Ducks eat." {
		t.Errorf("answer = %q, %v", said, err)
	}
	if want := (llm.Usage{InputTokens: 12, CachedTokens: 8, OutputTokens: 39}); usage != want {
		t.Errorf("usage = %+v, want %+v", usage, want)
	}
}

// A request is what the API gets.
type request struct {
	System   *content `json:"systemInstruction"`
	Contents []content
	Config   struct {
		Temperature     float64
		MaxOutputTokens int
	} `json:"generationConfig"`
}

type content struct {
	Role  string
	Parts []struct{ Text string }
}

func said(role string, texts ...string) content {
	c := content{Role: role}
	for _, text := range texts {
		c.Parts = append(c.Parts, struct{ Text string }{text})
	}
	return c
}

func TestRequestsAreInTheAPIsForm(t *testing.T) {
	t.Parallel()
	var got request
	var url string
	c := client(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		url, got = r.URL.String(), request{}
		if r.Header.Get("X-Goog-Api-Key") != key || r.Header.Get("Authorization") != "" {
			t.Errorf("the key came otherwise: %v", r.Header)
		}
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, "data: "+piece("", `, "finishReason": "STOP"`)+"\n\n")
	}))
	g := c.Generator(gemini.GenerateConfig{Model: "gemini-2.5-pro", Served: "models/pro", FastModel: "gemini-2.0-flash"})
	req := llm.GenerateRequest{
		Messages: []llm.Message{
			{Role: llm.RoleSystem, Text: "Be brief."}, {Role: llm.RoleUser, Text: "One."}, {Role: llm.RoleSystem, Text: "Cite."},
			{Role: llm.RoleAssistant, Text: ""}, {Role: llm.RoleUser, Text: "Two."}, {Role: llm.RoleAssistant, Text: "So."},
			{Role: llm.RoleUser, Text: "Why?"},
		},
		Temperature: 0.5, MaxTokens: 100,
	}
	if _, _, err := collect(g.Generate(t.Context(), req)); err != nil {
		t.Fatal(err)
	}
	system := said("", "Be brief.", "Cite.")
	want := request{
		System:   &system,
		Contents: []content{said("user", "One.", "Two."), said("model", "So."), said("user", "Why?")},
	}
	want.Config.Temperature, want.Config.MaxOutputTokens = 0.5, 100+16<<10
	if diff := cmp.Diff(want, got); diff != "" || url != "/v1beta/models/pro:streamGenerateContent?alt=sse" {
		t.Errorf("request to %s (-want +got):\n%s", url, diff)
	}
	req.Fast = true
	if _, _, err := collect(g.Generate(t.Context(), req)); err != nil {
		t.Fatal(err)
	}
	if url != "/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse" || got.Config.MaxOutputTokens != 100 ||
		g.Model() != "gemini-2.5-pro" {
		t.Errorf("a fast request of %s to %s: %+v", g.Model(), url, got)
	}
}

func TestStreamsThatDoNotEndWell(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, says string
		events     []string
		want       llm.Class
	}{
		{"cut", "stream cut", []string{piece("Du", "")}, llm.ClassSick},
		{"cut at once", "stream cut", nil, llm.ClassSick},
		{"garbage", "decode", []string{`{"candidates": [{"content": {"pa`}, llm.ClassSick},
		{"at the bound", "", []string{piece("Du", `, "finishReason": "MAX_TOKENS"`)}, ""},
		{"unsafe", "stopped the answer: safety", []string{piece("Du", `, "finishReason": "SAFETY"`)}, llm.ClassBadRequest},
		{
			"quoted", "stopped the answer: prohibited content",
			[]string{`{"candidates": [{"finishReason": "PROHIBITED_CONTENT"}]}`}, llm.ClassBadRequest,
		},
		{"given up", "gave up: other", []string{piece("Du", `, "finishReason": "OTHER"`)}, llm.ClassSick},
		{
			"a question that is refused", "refuses the question: prohibited content",
			[]string{`{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 3}}`},
			llm.ClassBadRequest,
		},
		{
			"overloaded", "busy",
			[]string{`{"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}`}, llm.ClassSick,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := ask(t, tell(t, tt.events...))
			if llm.ClassOf(err) != tt.want || err != nil && (tt.want == "" || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("error = %v, want class %q and %q", err, tt.want, tt.says)
			}
		})
	}
}

func TestFailuresHaveTheirClass(t *testing.T) {
	t.Parallel()
	retry := `, "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}]`
	tests := []struct {
		name, status, message, more string
		code                        int
		want                        llm.Class
		wait                        time.Duration
	}{
		{
			"wrong key", "INVALID_ARGUMENT", "API key not valid: " + key, `, "details": [{"reason": "API_KEY_INVALID"}]`,
			400, llm.ClassDeadKey, 0,
		},
		{"forbidden", "PERMISSION_DENIED", "no", "", 403, llm.ClassDeadKey, 0},
		{"no identity", "UNAUTHENTICATED", "no", "", 401, llm.ClassDeadKey, 0},
		{"not free here", "FAILED_PRECONDITION", "enable billing", "", 400, llm.ClassDeadKey, 0},
		{"no credit", "RESOURCE_EXHAUSTED", "depleted", "", 402, llm.ClassDeadKey, 0},
		{"throttled", "RESOURCE_EXHAUSTED", "quota", retry, 429, llm.ClassThrottled, 34 * time.Second},
		{"overloaded", "UNAVAILABLE", "busy", "", 503, llm.ClassSick, 0},
		{"broken", "INTERNAL", "oops", "", 500, llm.ClassSick, 0},
		{"late", "DEADLINE_EXCEEDED", "late", "", 504, llm.ClassSick, 0},
		{"a mistake", "INVALID_ARGUMENT", "bad value", "", 400, llm.ClassBadRequest, 0},
		{"no model", "NOT_FOUND", "no such model", "", 404, llm.ClassBadRequest, 0},
		{
			"too long", "INVALID_ARGUMENT", "The input token count (3) exceeds the maximum number of tokens allowed (2).", "",
			400, llm.ClassTooLong, 0,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := client(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.code)
				const body = `{"error": {"code": %d, "message": %q, "status": %q%s}}`
				_, _ = fmt.Fprintf(w, body, tt.code, tt.message, tt.status, tt.more)
			}))
			_, _, generating := ask(t, c)
			_, embedding := c.Embedder(gemini.EmbedConfig{Model: "m"}).Embed(t.Context(), llm.EmbedRequest{Texts: []string{"a"}})
			for _, err := range []error{generating, embedding} {
				e, ok := errors.AsType[*llm.Error](err)
				if !ok || e.Class != tt.want || e.Status != tt.code || e.RetryAfter != tt.wait || e.Provider != "gemini" {
					t.Errorf("error = %v, want class %q and a wait of %v", err, tt.want, tt.wait)
				}
				if strings.Contains(err.Error(), key) {
					t.Errorf("error = %v holds the key", err)
				}
			}
		})
	}
}

func TestCancellationReachesTheSocket(t *testing.T) {
	t.Parallel()
	left := make(chan struct{}, 1)
	c := client(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "data: "+piece("Ducks", "")+"\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		left <- struct{}{}
	}))
	for range c.Generator(gemini.GenerateConfig{Model: "m"}).Generate(t.Context(), llm.GenerateRequest{}) {
		break
	}
	<-left
}

func TestBaseURLs(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"": "/v1beta/models/m:batchEmbedContents", "/": "/v1beta/models/m:batchEmbedContents",
		"/v1beta": "/v1beta/models/m:batchEmbedContents", "/v1/": "/v1/models/m:batchEmbedContents",
		"/proxy": "/proxy/v1beta/models/m:batchEmbedContents",
	} {
		t.Run(base, func(t *testing.T) {
			t.Parallel()
			var path string
			address := serve(t, func(w http.ResponseWriter, r *http.Request) {
				path = r.URL.String()
				_, _ = io.WriteString(w, `{"embeddings": [{"values": [1]}]}`)
			})
			e := client(t, address+base).Embedder(gemini.EmbedConfig{Model: "m"})
			if _, err := e.Embed(t.Context(), llm.EmbedRequest{Texts: []string{"a"}}); err != nil || path != want {
				t.Errorf("asked %s, %v; want %s", path, err, want)
			}
		})
	}
}
