package telemetry

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"

	"kvasir/internal/llm"
)

// modelMetrics are the figures of model calls.
type modelMetrics struct {
	exchanges, retries, hedges *prometheus.CounterVec
	input, cached, output      *prometheus.CounterVec
	duration, firstToken       *prometheus.HistogramVec
}

// newModelMetrics makes them under the names of OpenTelemetry's conventions for
// generative AI, as Prometheus spells them; under kvasir_ what these do not have.
func newModelMetrics(r prometheus.Registerer) modelMetrics {
	with := promauto.With(r)
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return with.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append(labels, "kind", "lane"))
	}
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return with.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets},
			[]string{"kind", "lane"})
	}
	return modelMetrics{
		exchanges: counter("kvasir_exchanges_total", "Requests to models, by how they ended.", "outcome"),
		retries:   counter("kvasir_retries_total", "Requests to models that repeat one that failed."),
		hedges:    counter("kvasir_hedges_total", "Requests to models beside another that was late."),
		input:     counter("gen_ai_client_input_tokens_total", "Tokens sent, as providers count them."),
		cached:    counter("gen_ai_client_cached_tokens_total", "Tokens sent that a provider's prompt cache had."),
		output:    counter("gen_ai_client_output_tokens_total", "Tokens received, as providers count them."),
		duration: histogram("gen_ai_client_operation_duration_seconds",
			"Time that requests took that succeeded; streams until their end.",
			prometheus.ExponentialBuckets(0.01, 2, 14)),
		firstToken: histogram("gen_ai_client_operation_time_to_first_chunk_seconds",
			"Time until the first word of an answer.",
			[]float64{.01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 30}),
	}
}

// Begin counts an exchange, and makes its span if there is a collector.
func (t *Telemetry) Begin(ctx context.Context, a llm.Attempt) (context.Context, func(llm.Outcome)) {
	began, kind, lane := time.Now(), string(a.Kind), a.Lane
	if a.Try > 1 {
		t.models.retries.WithLabelValues(kind, lane).Inc()
	}
	if a.Hedge {
		t.models.hedges.WithLabelValues(kind, lane).Inc()
	}
	if t.tracer == nil {
		return ctx, func(o llm.Outcome) { t.models.count(kind, lane, time.Since(began), o) }
	}
	ctx, span := t.tracer.Start(ctx, operation(a.Kind)+" "+a.Model, trace.WithTimestamp(began),
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes(&a)...))
	return ctx, func(o llm.Outcome) {
		t.models.count(kind, lane, time.Since(began), o)
		finish(span, began, o)
	}
}

func (m *modelMetrics) count(kind, lane string, took time.Duration, o llm.Outcome) {
	m.exchanges.WithLabelValues(outcome(o.Err), kind, lane).Inc()
	if o.Err == nil {
		m.duration.WithLabelValues(kind, lane).Observe(took.Seconds())
	}
	if o.FirstToken > 0 {
		m.firstToken.WithLabelValues(kind, lane).Observe(o.FirstToken.Seconds())
	}
	// A counter panics if it is to go down, and a provider may say anything.
	m.input.WithLabelValues(kind, lane).Add(max(float64(o.Usage.InputTokens), 0))
	m.cached.WithLabelValues(kind, lane).Add(max(float64(o.Usage.CachedTokens), 0))
	m.output.WithLabelValues(kind, lane).Add(max(float64(o.Usage.OutputTokens), 0))
}

// finish ends a span. What went wrong is told by its class alone.
func finish(span trace.Span, began time.Time, o llm.Outcome) {
	defer span.End()
	if o.Usage != (llm.Usage{}) {
		span.SetAttributes(
			semconv.GenAIUsageInputTokens(o.Usage.InputTokens),
			semconv.GenAIUsageCacheReadInputTokens(o.Usage.CachedTokens),
			semconv.GenAIUsageOutputTokens(o.Usage.OutputTokens))
	}
	if o.FirstToken > 0 {
		span.SetAttributes(semconv.GenAIResponseTimeToFirstChunk(o.FirstToken.Seconds()))
		span.AddEvent("gen_ai.first_token", trace.WithTimestamp(began.Add(o.FirstToken)))
	}
	if o.Err == nil {
		return
	}
	class := outcome(o.Err)
	span.SetAttributes(semconv.ErrorTypeKey.String(class))
	if e, ok := errors.AsType[*llm.Error](o.Err); ok && e.Status != 0 {
		span.SetAttributes(semconv.HTTPResponseStatusCode(e.Status))
	}
	if class != canceled {
		span.SetStatus(codes.Error, class)
	}
}

func attributes(a *llm.Attempt) []attribute.KeyValue {
	return []attribute.KeyValue{
		semconv.GenAIOperationNameKey.String(operation(a.Kind)),
		semconv.GenAIProviderNameKey.String(provider(a.Provider)),
		semconv.GenAIRequestModel(a.Model),
		attribute.String("kvasir.lane", a.Lane),
		attribute.String("kvasir.project", a.Call.Tenant),
		attribute.String("kvasir.priority", priority(a.Call.Priority)),
		attribute.Int("kvasir.texts", a.Texts),
		attribute.Int("kvasir.try", a.Try),
		attribute.Bool("kvasir.hedge", a.Hedge),
	}
}

// operation returns the conventions' name for a kind.
func operation(k llm.Kind) string {
	switch k {
	case llm.KindEmbed:
		return "embeddings"
	case llm.KindGenerate:
		return "chat"
	}
	return string(k)
}

// provider returns the conventions' name for a provider.
func provider(name string) string {
	if name == "gemini" {
		return "gcp.gemini"
	}
	return name
}

func priority(p llm.Priority) string {
	names := [...]string{"answer", "rerank", "query", "ingest", "enrich"}
	if p < 0 || int(p) >= len(names) {
		return "unknown"
	}
	return names[p]
}

const canceled = "canceled"

// outcome returns how an exchange ended, as one of few words.
func outcome(err error) string {
	switch class := llm.ClassOf(err); {
	case err == nil:
		return "ok"
	case errors.Is(err, context.Canceled):
		return canceled // an adapter may have called it a sick upstream
	case class != "":
		return strings.ReplaceAll(string(class), " ", "_")
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	return "other"
}
