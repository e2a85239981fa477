// Package telemetry shows what the server does: metrics to Prometheus, traces to
// OpenTelemetry.
//
// Metrics are always counted, which costs a microsecond a model call. Spans are
// made only when the standard variables of OpenTelemetry name a collector (see
// [New]); without one nothing of its SDK runs.
//
// Two rules hold for both. No text of anybody leaves by this door, error messages
// included, since providers repeat what they refuse. And a label has few values
// (kinds, lanes, outcomes, routes): what is as many as the tenants would drown
// Prometheus, and is nobody else's business. A span may name its project.
package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
)

// closeWithin bounds how long a stop waits for a collector.
const closeWithin = 5 * time.Second

// A Telemetry counts and traces. It is an [kvasir/internal/llm.Observer], and it is
// safe for concurrent use.
type Telemetry struct {
	registry *prometheus.Registry
	models   modelMetrics
	requests *prometheus.HistogramVec
	log      *slog.Logger

	// Nil when no collector is named.
	tracer    trace.Tracer
	spans     *sdk.TracerProvider
	collector *collector
}

// New returns a telemetry whose traces go where OTEL_EXPORTER_OTLP_ENDPOINT or
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT says, if either is set. [Telemetry.Close]
// ends it.
func New(ctx context.Context, version string, log *slog.Logger) (*Telemetry, error) {
	t := &Telemetry{registry: prometheus.NewRegistry(), log: log}
	t.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	t.models = newModelMetrics(t.registry)
	t.requests = newRequestMetrics(t.registry)
	to, err := newCollector(log)
	if err != nil || to == nil {
		return t, err
	}
	if t.spans, err = to.provider(ctx, version); err != nil {
		return nil, err
	}
	t.collector = to
	t.tracer = t.spans.Tracer("kvasir", trace.WithInstrumentationVersion(version), trace.WithSchemaURL(semconv.SchemaURL))
	return t, nil
}

// Close sends the spans that are left. A collector that takes its time is left in
// the middle of it after a few seconds, or when ctx ends. Close is called once, when
// nothing is observed any more.
func (t *Telemetry) Close(ctx context.Context) {
	if t.spans == nil {
		return
	}
	within, cancel := context.WithTimeout(ctx, closeWithin)
	defer cancel()
	rest := context.WithoutCancel(ctx)
	// From then on no upload succeeds, and none takes any time.
	defer context.AfterFunc(within, func() { _ = t.collector.Stop(rest) })()
	if err := t.spans.Shutdown(rest); err != nil {
		t.log.WarnContext(ctx, "stop traces", "error", err)
	}
}

// Handler answers a scrape with the metrics and, beside them, the state that read
// returns at that moment.
func (t *Telemetry) Handler(read func(context.Context) State) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		both := prometheus.Gatherers{t.registry, read(r.Context()).registry()}
		promhttp.HandlerFor(both, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	})
}
