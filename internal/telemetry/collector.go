package telemetry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// A collector is where spans go: OTLP over HTTP. The SDK reads the variables of
// OpenTelemetry itself.
type collector struct {
	otlptrace.Client
	log     *slog.Logger
	failing bool // the last upload has failed; there is one at a time
}

// variable returns a variable of the exporter; that for traces alone wins.
func variable(name string) string {
	return cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_"+name), os.Getenv("OTEL_EXPORTER_OTLP_"+name))
}

// newCollector returns the collector that is named, nil if none is.
func newCollector(log *slog.Logger) (*collector, error) {
	if variable("ENDPOINT") == "" || os.Getenv("OTEL_TRACES_EXPORTER") == "none" ||
		strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return nil, nil
	}
	schemes := []string{"http", "https", "unix"}
	if u, err := url.Parse(variable("ENDPOINT")); err != nil || !slices.Contains(schemes, u.Scheme) {
		return nil, errors.New("OTEL_EXPORTER_OTLP_ENDPOINT: not an address such as http://localhost:4318")
	}
	if p := variable("PROTOCOL"); p != "" && !strings.HasPrefix(p, "http/") {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL=%s: set http/protobuf, and the port for it, mostly 4318", p)
	}
	return &collector{Client: otlptracehttp.NewClient(), log: log}, nil
}

// provider returns what makes spans for the collector.
func (c *collector) provider(ctx context.Context, version string) (*sdk.TracerProvider, error) {
	of, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(semconv.ServiceName("kvasir"), semconv.ServiceVersion(version)),
		resource.WithFromEnv(), // wins
	)
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	exporter, err := otlptrace.New(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	return sdk.NewTracerProvider(sdk.WithResource(of), sdk.WithBatcher(exporter)), nil
}

// UploadTraces sends spans. It logs when they begin to be lost and when they
// arrive again, and returns no error: the SDK would print one for each batch.
func (c *collector) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	err := c.Client.UploadTraces(ctx, spans)
	switch failing := err != nil; {
	case failing == c.failing:
	case failing:
		// What the collector says is left out: it may repeat the key that it was sent.
		words, _, _ := strings.Cut(err.Error(), " (body:")
		c.log.WarnContext(ctx, "traces are lost: the collector does not take them", "error", words)
	default:
		c.log.InfoContext(ctx, "traces arrive again")
	}
	c.failing = err != nil
	return nil
}
