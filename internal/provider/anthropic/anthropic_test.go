package anthropic_test

import (
	"context"
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
	"kvasir/internal/provider/anthropic"
	"kvasir/internal/provider/exchange"
)

var _ llm.Generator = (*anthropic.Generator)(nil)

const key = "sk-ant-test-4815162342"

// start serves handler and returns a client of it.
func start(t testing.TB, handler http.HandlerFunc) *anthropic.Client {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	shared := exchange.NewHTTPClient(exchange.HTTPOptions{})
	t.Cleanup(shared.CloseIdleConnections)
	return anthropic.New(anthropic.Config{BaseURL: srv.URL, APIKey: key, HTTPClient: shared, IdleTimeout: time.Minute})
}

// tell answers every request with the same events.
func tell(t testing.TB, events ...string) *anthropic.Client {
	return start(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		_, _ = io.WriteString(w, strings.Join(events, ""))
	})
}

// event is an event as the API writes it.
func event(name, data string) string {
	return fmt.Sprintf("event: %s\ndata: {\"type\": %q, %s}\n\n", name, name, strings.ReplaceAll(data, "\n", " "))
}

func text(s string) string {
	return event("content_block_delta", fmt.Sprintf(`"index": 0, "delta": {"type": "text_delta", "text": %q}`, s))
}

var (
	begin = event("message_start", `"message": {"id": "msg_1", "role": "assistant", "content": [], "usage":
		{"input_tokens": 12, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 100, "output_tokens": 1}}`)
	ping = "event: ping\ndata: {\"type\": \"ping\"}\n\n"
	end  = event("message_delta", `"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}`)
	stop = "event: message_stop\ndata: {\"type\": \"message_stop\"}\n\n"
)

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

func ask(t testing.TB, c *anthropic.Client) (string, llm.Usage, error) {
	g := c.Generator(anthropic.GenerateConfig{Model: "claude-sonnet-4-5"})
	messages := []llm.Message{{Role: llm.RoleUser, Text: "What?"}}
	return collect(g.Generate(t.Context(), llm.GenerateRequest{Messages: messages}))
}

func TestGenerateStreamsTextThenUsage(t *testing.T) {
	t.Parallel()
	c := tell(t, begin, event("content_block_start", `"index": 0, "content_block": {"type": "thinking", "thinking": ""}`),
		event("content_block_delta", `"index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}`),
		event("content_block_delta", `"index": 0, "delta": {"type": "signature_delta", "signature": "x"}`),
		event("content_block_stop", `"index": 0`), ping,
		event("content_block_start", `"index": 1, "content_block": {"type": "text", "text": ""}`),
		text("Ducks"), event("a kind to come", `"error": null`), text(" eat."),
		event("content_block_stop", `"index": 1`), end, stop)
	said, usage, err := ask(t, c)
	if err != nil || said != "Ducks eat." {
		t.Errorf("answer = %q, %v", said, err)
	}
	if want := (llm.Usage{InputTokens: 117, CachedTokens: 100, OutputTokens: 9}); usage != want {
		t.Errorf("usage = %+v, want %+v", usage, want)
	}
}

// A request is what the API gets.
type request struct {
	Model       string
	System      string
	Messages    []struct{ Role, Content string }
	MaxTokens   int `json:"max_tokens"`
	Temperature *float64
	Stream      bool
}

func TestRequestsAreInTheAPIsForm(t *testing.T) {
	t.Parallel()
	var got request
	c := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/messages" || r.Header.Get("X-Api-Key") != key || r.Header.Get("Authorization") != "" ||
			r.Header.Get("Anthropic-Version") != "2023-06-01" {
			t.Errorf("asked %s with %v", r.URL, r.Header)
		}
		got = request{}
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, begin+end+stop)
	})
	g := c.Generator(anthropic.GenerateConfig{Model: "claude-sonnet-4-5", Served: "sonnet", FastModel: "claude-opus-4-8"})
	req := llm.GenerateRequest{
		Messages: []llm.Message{
			{Role: llm.RoleSystem, Text: "Be brief."}, {Role: llm.RoleUser, Text: "One."}, {Role: llm.RoleSystem, Text: "Cite."},
			{Role: llm.RoleUser, Text: "Two."}, {Role: llm.RoleAssistant, Text: " \n"}, {Role: llm.RoleUser, Text: "Three."},
			{Role: llm.RoleAssistant, Text: "So."}, {Role: llm.RoleUser, Text: "Why?"},
		},
		Temperature: 1.7,
	}
	if _, _, err := collect(g.Generate(t.Context(), req)); err != nil {
		t.Fatal(err)
	}
	one := 1.0
	want := request{
		Model: "sonnet", System: "Be brief.\n\nCite.", MaxTokens: 4096, Temperature: &one, Stream: true,
		Messages: []struct{ Role, Content string }{
			{"user", "One.\n\nTwo.\n\nThree."}, {"assistant", "So."}, {"user", "Why?"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	req.Fast, req.MaxTokens = true, 50
	if _, _, err := collect(g.Generate(t.Context(), req)); err != nil {
		t.Fatal(err)
	}
	if got.Model != "claude-opus-4-8" || got.MaxTokens != 50 || got.Temperature != nil ||
		g.Model() != "claude-sonnet-4-5" {
		t.Errorf("a fast request of %s: %+v", g.Model(), got)
	}
}

func TestTheAPIIsToldWhatToKeep(t *testing.T) {
	t.Parallel()
	var got string
	c := start(t, func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Messages json.RawMessage }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		got = string(body.Messages)
		_, _ = io.WriteString(w, begin+end+stop)
	})
	g := c.Generator(anthropic.GenerateConfig{Model: "claude-haiku-4-5"})
	for range g.Generate(t.Context(), llm.GenerateRequest{Messages: []llm.Message{
		{Role: llm.RoleUser, Text: "A document.", Cache: true}, {Role: llm.RoleUser, Text: "Sum it up."},
	}}) {
	}
	want := `[{"role":"user","content":[` +
		`{"type":"text","text":"A document.","cache_control":{"type":"ephemeral"}},` +
		`{"type":"text","text":"Sum it up."}]}]`
	if got != want {
		t.Errorf("messages %s, want %s", got, want)
	}
}

func TestOnlyOlderModelsAreAskedForATemperature(t *testing.T) {
	t.Parallel()
	var temperature *float64
	c := start(t, func(w http.ResponseWriter, r *http.Request) {
		var got request
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		temperature = got.Temperature
		_, _ = io.WriteString(w, begin+end+stop)
	})
	for model, want := range map[string]bool{
		"claude-3-5-haiku-20241022": true, "claude-sonnet-4-20250514": true, "claude-opus-4-1-20250805": true,
		"claude-sonnet-4-0": true, "claude-haiku-4-5": true, "claude-opus-4-6": true, "another-vendors": true,
		"claude-opus-4-7": false, "claude-opus-4-8-20260601": false, "claude-fable-5": false, "claude-next": false,
	} {
		g := c.Generator(anthropic.GenerateConfig{Model: model})
		if _, _, err := collect(g.Generate(t.Context(), llm.GenerateRequest{})); err != nil {
			t.Fatal(err)
		}
		if got := temperature != nil; got != want {
			t.Errorf("%s is asked for a temperature: %v, want %v", model, got, want)
		}
	}
}

func TestFailuresHaveTheirClass(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, kind, message string
		status              int
		want                llm.Class
	}{
		{"wrong key", "authentication_error", "invalid x-api-key " + key, 401, llm.ClassDeadKey},
		{"forbidden", "permission_error", "no", 403, llm.ClassDeadKey},
		{"no credit", "invalid_request_error", "Your credit balance is too low", 400, llm.ClassDeadKey},
		{"billing", "billing_error", "pay", 402, llm.ClassDeadKey},
		{"throttled", "rate_limit_error", "slow down", 429, llm.ClassThrottled},
		{"overloaded", "overloaded_error", "Overloaded", 529, llm.ClassSick},
		{"broken", "api_error", "Internal server error", 500, llm.ClassSick},
		{"too long", "invalid_request_error", "prompt is too long: 3 tokens > 2 maximum", 400, llm.ClassTooLong},
		{"too large", "request_too_large", "Request exceeds the maximum size", 413, llm.ClassTooLong},
		{"a mistake", "invalid_request_error", "messages: at least one", 400, llm.ClassBadRequest},
		{"no model", "not_found_error", "model: x", 404, llm.ClassBadRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			body := fmt.Sprintf(`{"type": "error", "error": {"type": %q, "message": %q}}`, tt.kind, tt.message)
			atOnce := start(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "3")
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, body)
			})
			_, _, err := ask(t, atOnce)
			e, ok := errors.AsType[*llm.Error](err)
			if !ok || e.Class != tt.want || e.Status != tt.status || e.RetryAfter != 3*time.Second || e.Provider != "anthropic" {
				t.Errorf("error = %v, want class %q", err, tt.want)
			}
			if strings.Contains(err.Error(), key) {
				t.Errorf("error = %v holds the key", err)
			}
			said, _, err := ask(t, tell(t, begin, text("Du"), "event: error\ndata: "+body+"\n\n"))
			if llm.ClassOf(err) != tt.want || said != "Du" {
				t.Errorf("in a stream: %q and %v, want class %q", said, err, tt.want)
			}
		})
	}
}

func TestStreamsThatDoNotEndWell(t *testing.T) {
	t.Parallel()
	refused := event("message_delta", `"delta": {"stop_reason": "refusal"}, "usage": {"output_tokens": 2}`)
	tests := []struct {
		name, says string
		events     []string
		want       llm.Class
	}{
		{"cut", "stream cut", []string{begin, text("Du")}, llm.ClassSick},
		{"cut at once", "stream cut", nil, llm.ClassSick},
		{"refused", "safety filter", []string{begin, refused, stop}, llm.ClassBadRequest},
		{"garbage", "decode", []string{begin, "data: {\"type\": \"content\n\n"}, llm.ClassSick},
		{"without the last event", "", []string{begin, text("Du"), end}, ""},
		{"without a reason", "", []string{begin, text("Du"), stop}, ""},
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

// What breaks after the end of an answer is no loss.
func TestAnAnswerThatIsWholeStandsThoughTheConnectionBreaks(t *testing.T) {
	t.Parallel()
	c := start(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, begin+text("Ducks")+end)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	if said, usage, err := ask(t, c); err != nil || said != "Ducks" || usage.OutputTokens != 9 {
		t.Errorf("answer = %q, %+v, %v", said, usage, err)
	}
}

func TestCancellationReachesTheSocket(t *testing.T) {
	t.Parallel()
	left := make(chan struct{}, 2)
	c := start(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, begin+text("Ducks"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		left <- struct{}{}
	})
	g := c.Generator(anthropic.GenerateConfig{Model: "m"})
	for range g.Generate(t.Context(), llm.GenerateRequest{}) { // the consumer goes
		break
	}
	<-left
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range g.Generate(ctx, llm.GenerateRequest{}) { // the caller goes
		last = err
		cancel()
	}
	if <-left; last != context.Canceled {
		t.Errorf("error = %v, want %v", last, context.Canceled)
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	addresses := map[string]bool{}
	c := start(t, func(w http.ResponseWriter, r *http.Request) {
		addresses[r.RemoteAddr] = true
		_, _ = io.WriteString(w, begin+text("Ducks")+end+stop)
		_ = http.NewResponseController(w).Flush()
	})
	for range 4 {
		if _, _, err := ask(t, c); err != nil {
			t.Fatal(err)
		}
	}
	if len(addresses) > 2 { // a second one where this machine stood still
		t.Errorf("4 answers came over %d connections", len(addresses))
	}
}

func TestBaseURLWithAVersion(t *testing.T) {
	t.Parallel()
	var path string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.Path
		_, _ = io.WriteString(w, begin+end+stop)
	}))
	t.Cleanup(srv.Close)
	for _, base := range []string{"", "/", "/v1", "/v1/"} {
		_, _, err := ask(t, anthropic.New(anthropic.Config{Name: "n", BaseURL: srv.URL + base}))
		if err != nil || path != "/v1/messages" {
			t.Errorf("base %q: asked %s, %v", base, path, err)
		}
	}
}
