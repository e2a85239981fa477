package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"kvasir/internal/llm"
	"kvasir/internal/telemetry"
)

// secret is a text of somebody, which providers repeat.
const secret = "my salary is 123"

func throttled() error {
	return fmt.Errorf("try 2: %w", &llm.Error{Class: llm.ClassThrottled, Status: 429, Message: secret})
}

func TestExchangesAreCounted(t *testing.T) {
	t.Parallel()
	tel := start(t, t.Output())
	for _, err := range []error{
		nil, nil, throttled(), &llm.Error{Class: llm.ClassDeadKey}, errors.New("what?"), context.DeadlineExceeded,
		&llm.Error{Class: llm.ClassSick, Err: context.Canceled},
	} {
		a := exchange()
		a.Hedge = err == nil
		_, end := tel.Begin(t.Context(), a)
		o := llm.Outcome{Err: err, Usage: llm.Usage{InputTokens: -1}}
		if err == nil {
			o.Usage = llm.Usage{InputTokens: 100, CachedTokens: 60, OutputTokens: 7}
			o.FirstToken = time.Second
		}
		end(o)
	}
	a := exchange()
	a.Kind, a.Try, a.Hedge, a.Lane = llm.KindEmbed, 1, false, "openai/small"
	_, end := tel.Begin(t.Context(), a)
	end(llm.Outcome{Usage: llm.Usage{InputTokens: 5}})

	got := scrape(t, tel.Handler(func(context.Context) telemetry.State { return telemetry.State{} }))
	const generate, embed = "kind=generate lane=gemini#2/flash ", "kind=embed lane=openai/small "
	want := map[sample]float64{
		{"kvasir_exchanges_total", generate + "outcome=ok "}:              2,
		{"kvasir_exchanges_total", generate + "outcome=throttled "}:       1,
		{"kvasir_exchanges_total", generate + "outcome=dead_key "}:        1,
		{"kvasir_exchanges_total", generate + "outcome=timeout "}:         1,
		{"kvasir_exchanges_total", generate + "outcome=canceled "}:        1,
		{"kvasir_exchanges_total", generate + "outcome=other "}:           1,
		{"kvasir_exchanges_total", embed + "outcome=ok "}:                 1,
		{"kvasir_retries_total", generate}:                                7,
		{"kvasir_hedges_total", generate}:                                 2,
		{"gen_ai_client_input_tokens_total", generate}:                    200,
		{"gen_ai_client_cached_tokens_total", generate}:                   120,
		{"gen_ai_client_output_tokens_total", generate}:                   14,
		{"gen_ai_client_input_tokens_total", embed}:                       5,
		{"gen_ai_client_cached_tokens_total", embed}:                      0,
		{"gen_ai_client_output_tokens_total", embed}:                      0,
		{"gen_ai_client_operation_duration_seconds", generate}:            2,
		{"gen_ai_client_operation_duration_seconds", embed}:               1,
		{"gen_ai_client_operation_time_to_first_chunk_seconds", generate}: 2,
	}
	for s := range got {
		if !strings.HasPrefix(s.name, "kvasir_") && !strings.HasPrefix(s.name, "gen_ai_") {
			delete(got, s)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("scraped (-want +got):\n%s", diff)
	}
}

func TestSpansReachTheCollector(t *testing.T) {
	collector := collect(t)
	t.Setenv("OTEL_SERVICE_NAME", "kvasir-blue")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-account=a%20b")
	tel := start(t, t.Output())
	ctx, outer := tel.Begin(t.Context(), exchange())
	a := exchange()
	a.Kind, a.Provider, a.Model, a.Texts = llm.KindEmbed, "openai", "small", 3
	_, inner := tel.Begin(ctx, a)
	inner(llm.Outcome{Err: throttled()})
	outer(llm.Outcome{
		Usage:      llm.Usage{InputTokens: 100, CachedTokens: 60, OutputTokens: 7},
		FirstToken: 1500 * time.Millisecond,
	})
	tel.Close(t.Context())

	got := wait(t, collector)
	if account := got.header.Get("X-Account"); account != "a b" {
		t.Errorf("the header of the environment is %q", account)
	}
	of := attributes(got.request.ResourceSpans[0].Resource.Attributes)
	if of["service.name"] != "kvasir-blue" || of["service.version"] != "1.2.3" {
		t.Errorf("the spans are of %v", of)
	}
	for _, private := range []string{secret, "the-key", "the-memo"} {
		if strings.Contains(string(got.body), private) {
			t.Errorf("the spans tell %q", private)
		}
	}
	spans := got.spans(t)
	chat, embeddings := spans["chat flash"], spans["embeddings small"]
	if chat == nil || embeddings == nil {
		t.Fatalf("the spans are %v", spans)
	}
	checkAnswered(t, chat)
	if chat.Kind != tracepb.Span_SPAN_KIND_CLIENT || string(embeddings.ParentSpanId) != string(chat.SpanId) {
		t.Errorf("kind %v, parent %x of %x", chat.Kind, embeddings.ParentSpanId, chat.SpanId)
	}
	failed := attributes(embeddings.Attributes)
	if failed["error.type"] != "throttled" || failed["http.response.status_code"] != int64(http.StatusTooManyRequests) ||
		embeddings.Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR || failed["kvasir.texts"] != int64(3) {
		t.Errorf("the throttled span says %v, %v", failed, embeddings.Status)
	}
}

// checkAnswered checks what the span of an answer says.
func checkAnswered(t *testing.T, chat *tracepb.Span) {
	t.Helper()
	want := map[string]any{
		"gen_ai.operation.name": "chat", "gen_ai.provider.name": "gcp.gemini", "gen_ai.request.model": "flash",
		"gen_ai.usage.input_tokens": int64(100), "gen_ai.usage.cache_read.input_tokens": int64(60),
		"gen_ai.usage.output_tokens": int64(7), "gen_ai.response.time_to_first_chunk": 1.5,
		"kvasir.lane": "gemini#2/flash", "kvasir.project": "the-project", "kvasir.priority": "answer",
		"kvasir.texts": int64(0), "kvasir.try": int64(2), "kvasir.hedge": true,
	}
	if diff := cmp.Diff(want, attributes(chat.Attributes)); diff != "" {
		t.Errorf("the answer's span (-want +got):\n%s", diff)
	}
	if len(chat.Events) != 1 || chat.Events[0].Name != "gen_ai.first_token" ||
		chat.Events[0].TimeUnixNano-chat.StartTimeUnixNano != uint64(1500*time.Millisecond) {
		t.Errorf("the events are %v", chat.Events)
	}
}

// TestWithoutACollectorAnExchangeIsCheap bounds what is allocated on the way of
// every call: the function that ends it.
func TestWithoutACollectorAnExchangeIsCheap(t *testing.T) {
	tel := start(t, t.Output())
	ctx, a := t.Context(), exchange()
	if inner, _ := tel.Begin(ctx, a); inner != ctx {
		t.Error("the context carries something")
	}
	allocations := testing.AllocsPerRun(100, func() {
		_, end := tel.Begin(ctx, a)
		end(llm.Outcome{FirstToken: time.Second})
	})
	if allocations > 1 {
		t.Errorf("%v allocations an exchange", allocations)
	}
}

func BenchmarkExchange(b *testing.B) {
	for _, to := range []string{"", "http://127.0.0.1:9"} {
		name := "traced"
		if to == "" {
			name = "counted"
		}
		b.Run(name, func(b *testing.B) {
			b.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", to)
			tel := start(b, b.Output())
			defer tel.Close(b.Context())
			ctx, a := b.Context(), exchange()
			b.ReportAllocs()
			for b.Loop() {
				_, end := tel.Begin(ctx, a)
				end(llm.Outcome{Usage: llm.Usage{InputTokens: 100, OutputTokens: 20}, FirstToken: time.Second})
			}
		})
	}
}
