package telemetry

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
)

func newRequestMetrics(r prometheus.Registerer) *prometheus.HistogramVec {
	return promauto.With(r).NewHistogramVec(prometheus.HistogramOpts{
		Name:    "http_server_request_duration_seconds",
		Help:    "Time that requests took; streams until their end.",
		Buckets: []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 30},
	}, []string{"method", "route", "status"})
}

// A request is one being answered. It travels in the context from
// [Telemetry.Requests] to [Route].
type request struct {
	http.ResponseWriter
	status int    // 0 until the header is written
	route  string // a pattern; empty for a request that no router has seen
}

type requestKey struct{}

// Requests counts the requests to a server, and continues the trace that a client
// has begun (traceparent).
func (t *Telemetry) Requests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, req := time.Now(), &request{ResponseWriter: w}
		ctx := context.WithValue(r.Context(), requestKey{}, req)
		if t.tracer != nil {
			ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
			ctx, _ = t.tracer.Start(ctx, r.Method, trace.WithTimestamp(began), trace.WithSpanKind(trace.SpanKindServer))
		}
		defer func() {
			method, status := method(r.Method), req.status
			if status == 0 {
				status = http.StatusOK // net/http writes it
			}
			t.requests.WithLabelValues(method, req.route, strconv.Itoa(status)).Observe(time.Since(began).Seconds())
			if t.tracer != nil {
				answered(trace.SpanFromContext(ctx), method, req.route, status)
			}
		}()
		next.ServeHTTP(req, r.WithContext(ctx))
	})
}

// answered ends a request's span.
func answered(span trace.Span, method, route string, status int) {
	defer span.End()
	span.SetName(strings.TrimSpace(method + " " + route))
	span.SetAttributes(
		semconv.HTTPRequestMethodKey.String(method),
		semconv.HTTPRoute(route),
		semconv.HTTPResponseStatusCode(status))
	if status >= http.StatusInternalServerError {
		span.SetAttributes(semconv.ErrorTypeKey.String(strconv.Itoa(status)))
		span.SetStatus(codes.Error, "")
	}
}

// Route tells [Telemetry.Requests] which pattern a request has matched. It goes
// directly around the [http.ServeMux], which notes the pattern in its request:
// handlers further out hold another copy of that.
func Route(mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if req, ok := r.Context().Value(requestKey{}).(*request); ok {
				req.route = r.Pattern
				if _, path, ok := strings.Cut(r.Pattern, " "); ok {
					req.route = path
				}
			}
		}()
		mux.ServeHTTP(w, r)
	})
}

// method returns a method that is known: clients may send any word.
func method(m string) string {
	if slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, m) {
		return m
	}
	return "_OTHER"
}

// Unwrap is for [http.ResponseController].
func (r *request) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// WriteHeader notes the final status.
func (r *request) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}
