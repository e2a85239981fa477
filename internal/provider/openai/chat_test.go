package openai_test

import (
	"encoding/json"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/llm"
	"kvasir/internal/provider/openai"
	"kvasir/internal/provider/providertest"
)

func ask(question string) llm.GenerateRequest {
	return llm.GenerateRequest{Messages: []llm.Message{
		{Role: llm.RoleSystem, Text: "Be brief."},
		{Role: llm.RoleUser, Text: question},
	}}
}

// collect reads a stream to its end.
func collect(stream iter.Seq2[llm.Event, error]) (pieces []string, usage llm.Usage, err error) {
	for event, e := range stream {
		switch {
		case e != nil:
			err = e
		case event.Text != "":
			pieces = append(pieces, event.Text)
		default:
			usage = event.Usage
		}
	}
	return pieces, usage, err
}

func TestGenerateStreamsTextThenUsage(t *testing.T) {
	t.Parallel()
	srv, c := start(t, providertest.Options{Tokens: 9})
	g := c.Generator(openai.GenerateConfig{Model: "large", FastModel: "small"})
	req := ask("What do ducks eat?")
	pieces, usage, err := collect(g.Generate(t.Context(), req))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(providertest.Answer("What do ducks eat?", 9), pieces); diff != "" {
		t.Errorf("pieces (-want +got):\n%s", diff)
	}
	if want := (llm.Usage{InputTokens: 6, OutputTokens: 9}); usage != want {
		t.Errorf("usage = %+v, want %+v", usage, want)
	}
	req.Fast = true
	if _, _, err := collect(g.Generate(t.Context(), req)); err != nil {
		t.Fatal(err)
	}
	asked := srv.Requests(providertest.Chat)
	if asked[0].Model != "large" || asked[1].Model != "small" || g.Model() != "large" {
		t.Errorf("models asked: %q, %q; want large, then small", asked[0].Model, asked[1].Model)
	}
}

func TestGenerateStartsWithTheIteration(t *testing.T) {
	t.Parallel()
	srv, c := start(t, providertest.Options{})
	stream := c.Generator(openai.GenerateConfig{Model: "m"}).Generate(t.Context(), ask("Why?"))
	if n := srv.Totals(providertest.Chat).Requests; n != 0 {
		t.Fatalf("%d requests before the iteration", n)
	}
	for want := 1; want <= 2; want++ { // and each iteration is an exchange of its own
		if _, _, err := collect(stream); err != nil {
			t.Fatal(err)
		}
		if n := srv.Totals(providertest.Chat).Requests; n != want {
			t.Errorf("%d requests after %d iterations", n, want)
		}
	}
}

func TestGenerateEndsWhenTheConsumerDoes(t *testing.T) {
	t.Parallel()
	srv, c := start(t, providertest.Options{})
	srv.Always(providertest.Chat, providertest.Action{Fault: providertest.Stall, After: 2})
	for event, err := range c.Generator(openai.GenerateConfig{Model: "m"}).Generate(t.Context(), ask("Why?")) {
		if err != nil || event.Text == "" {
			t.Fatalf("first event = %+v, %v", event, err)
		}
		break
	}
	if err := srv.WaitFor(t.Context(), func() bool { return srv.Totals(providertest.Chat).HungUp == 1 }); err != nil {
		t.Errorf("the server never saw the client leave: %v", err)
	}
}

func TestGenerateReportsBrokenStreams(t *testing.T) {
	t.Parallel()
	overloaded := `{"error": {"message": "Overloaded, key ` + key + `", "type": "server_error"}}`
	tests := []struct {
		name   string
		action providertest.Action
		want   llm.Class
		says   string
	}{
		{"the connection breaks", providertest.Action{Fault: providertest.Cut, After: 3}, llm.ClassSick, "EOF"},
		{"the stream just ends", providertest.Action{Fault: providertest.End, After: 3}, llm.ClassSick, "stream cut"},
		{"garbage", providertest.Action{Fault: providertest.Garbage, After: 3}, llm.ClassSick, "decode"},
		{"half an event", providertest.Action{Fault: providertest.Truncate, After: 3}, llm.ClassSick, "decode"},
		{
			"an error as an event", providertest.Action{Fault: providertest.Report, After: 3, Body: overloaded}, llm.ClassSick,
			"Overloaded, key ***",
		},
	}
	srv, c := start(t, providertest.Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { // one after the other: they share the script
			srv.Next(providertest.Chat, tt.action)
			pieces, _, err := collect(c.Generator(openai.GenerateConfig{Model: "m"}).Generate(t.Context(), ask("Why?")))
			if llm.ClassOf(err) != tt.want || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Generate: %v, want %s and %q", err, tt.want, tt.says)
			}
			if len(pieces) != 3 {
				t.Errorf("%d pieces before the error, want 3", len(pieces))
			}
		})
	}
}

// Streams as servers other than OpenAI's end them.
func TestGenerateKnowsACompleteAnswer(t *testing.T) {
	t.Parallel()
	const (
		hello = `data: {"choices": [{"delta": {"content": "Hello"}, "finish_reason": null}], "error": null}` + "\n\n"
		stop  = `data: {"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"completion_tokens": 1}}` + "\n\n"
		done  = "data: [DONE]\n\n"
	)
	tests := []struct {
		name, body, want string
		class            llm.Class
	}{
		{"reason and closing event", hello + stop + done, "Hello", ""},
		{"a closing event alone", hello + done, "Hello", ""},
		{"a reason alone", hello + stop, "Hello", ""},
		{"garbage after the closing event", hello + done + "oops", "Hello", ""},
		{"neither", hello, "Hello", llm.ClassSick},
		{"nothing at all", "", "", llm.ClassSick},
		{
			"a refusal", `data: {"choices": [{"delta": {"refusal": "I can't."}, "finish_reason": "stop"}]}` + "\n\n",
			"I can't.", "",
		},
		{
			"a filter", hello + `data: {"choices": [{"delta": {}, "finish_reason": "content_filter"}]}` + "\n\n", "Hello",
			llm.ClassBadRequest,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				_, _ = io.WriteString(w, tt.body)
			}))
			t.Cleanup(srv.Close)
			c := openai.New(openai.Config{BaseURL: srv.URL, HTTPClient: srv.Client()})
			pieces, _, err := collect(c.Generator(openai.GenerateConfig{Model: "m"}).Generate(t.Context(), ask("Hi")))
			if got := strings.Join(pieces, ""); got != tt.want || llm.ClassOf(err) != tt.class {
				t.Errorf("Generate = %q, %v; want %q and class %q", got, err, tt.want, tt.class)
			}
		})
	}
}

func TestGenerateSendsWhatTheModelUnderstands(t *testing.T) {
	t.Parallel()
	var body map[string]any
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body = nil
		_ = json.NewDecoder(r.Body).Decode(&body)
		_, _ = io.WriteString(w, "data: [DONE]\n\n")
	}))
	t.Cleanup(srv.Close)
	c := openai.New(openai.Config{BaseURL: srv.URL, HTTPClient: srv.Client()})
	messages := []any{
		map[string]any{"role": "system", "content": "Be brief."},
		map[string]any{"role": "user", "content": "Why?"},
	}
	base := map[string]any{
		"messages": messages, "stream": true, "stream_options": map[string]any{"include_usage": true},
	}
	tests := []struct {
		model string
		req   func(*llm.GenerateRequest)
		want  map[string]any
	}{
		{"gpt-4o-mini", func(*llm.GenerateRequest) {}, map[string]any{"temperature": 0.0}},
		{
			"llama-3.1", func(r *llm.GenerateRequest) { r.Temperature, r.MaxTokens = 0.3, 200 },
			map[string]any{"temperature": 0.3, "max_tokens": 200.0},
		},
		{"gpt-5-mini", func(r *llm.GenerateRequest) { r.Temperature, r.MaxTokens = 0.3, 200 }, map[string]any{}},
	}
	for _, tt := range tests {
		req := ask("Why?")
		tt.req(&req)
		if _, _, err := collect(c.Generator(openai.GenerateConfig{Model: tt.model}).Generate(t.Context(), req)); err != nil {
			t.Fatal(err)
		}
		maps.Copy(tt.want, base)
		tt.want["model"] = tt.model
		if diff := cmp.Diff(tt.want, body); diff != "" {
			t.Errorf("request to %s (-want +got):\n%s", tt.model, diff)
		}
	}
}

func BenchmarkStream500Deltas(b *testing.B) {
	var answer strings.Builder
	answer.WriteString("data: {}\n\n")
	for range 500 {
		answer.WriteString(`data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m",` +
			`"choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}` + "\n\n")
	}
	answer.WriteString("data: [DONE]\n\n")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, answer.String())
	}))
	defer srv.Close()
	c := openai.New(openai.Config{BaseURL: srv.URL, HTTPClient: srv.Client()})
	g := c.Generator(openai.GenerateConfig{Model: "m"})
	b.ReportAllocs()
	for b.Loop() {
		pieces, _, err := collect(g.Generate(b.Context(), ask("Why?")))
		if err != nil || len(pieces) != 500 {
			b.Fatalf("%d pieces, %v", len(pieces), err)
		}
	}
}
