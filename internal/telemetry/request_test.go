package telemetry_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"kvasir/internal/llm"
	"kvasir/internal/telemetry"
)

// serve answers as the real server does: a guard that hands on a copy of the
// request stands between the outermost handler and the routes.
func serve(t *testing.T, tel *telemetry.Telemetry) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /memo/{id}", func(w http.ResponseWriter, r *http.Request) {
		_, end := tel.Begin(r.Context(), exchange())
		end(llm.Outcome{})
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Errorf("streams cannot flush: %v", err)
		}
	})
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusInternalServerError)
	})
	routes := telemetry.Route(mux)
	type key struct{}
	srv := httptest.NewServer(tel.Requests(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		routes.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, 1)))
	})))
	t.Cleanup(srv.Close)
	return srv
}

func ask(t *testing.T, srv *httptest.Server, method, path string, header ...string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRequestsAreCountedByRoute(t *testing.T) {
	t.Parallel()
	tel := start(t, t.Output())
	srv := serve(t, tel)
	ask(t, srv, "GET", "/memo/the-memo", "Authorization", "the-key")
	ask(t, srv, "GET", "/memo/2", "Authorization", "the-key")
	ask(t, srv, "GET", "/memo/the-memo")
	ask(t, srv, "GET", "/the-project", "Authorization", "the-key")
	ask(t, srv, "BREW", "/broken", "Authorization", "the-key")
	srv.Close()
	want := map[string]float64{
		"method=GET route=/memo/{id} status=200 ": 2,
		"method=GET route= status=401 ":           1,
		"method=GET route= status=404 ":           1,
		"method=_OTHER route=/broken status=500 ": 1,
	}
	got := map[string]float64{}
	for s, value := range scrape(t, tel.Handler(func(context.Context) telemetry.State { return telemetry.State{} })) {
		if s.name == "http_server_request_duration_seconds" {
			got[s.labels] = value
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestATraceIsContinued(t *testing.T) {
	collector := collect(t)
	tel := start(t, t.Output())
	srv := serve(t, tel)
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	ask(t, srv, "GET", "/memo/the-memo", "Authorization", "x", "Traceparent", "00-"+trace+"-"+parent+"-01")
	ask(t, srv, "POST", "/broken", "Authorization", "x")
	srv.Close()
	tel.Close(t.Context())
	got := wait(t, collector)
	if strings.Contains(string(got.body), "the-memo") {
		t.Error("the spans tell the memo's id")
	}
	spans := got.spans(t)
	request, chat, broken := spans["GET /memo/{id}"], spans["chat flash"], spans["POST /broken"]
	if request == nil || chat == nil || broken == nil {
		t.Fatalf("the spans are %v", spans)
	}
	if hex.EncodeToString(request.TraceId) != trace || hex.EncodeToString(request.ParentSpanId) != parent ||
		!bytes.Equal(chat.ParentSpanId, request.SpanId) || request.Kind != tracepb.Span_SPAN_KIND_SERVER {
		t.Errorf("%v is not between the client's span and %v", request, chat)
	}
	if hex.EncodeToString(broken.TraceId) == trace || broken.Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR {
		t.Errorf("a request of its own that failed: %v", broken)
	}
	want := map[string]any{
		"http.request.method": "GET", "http.route": "/memo/{id}", "http.response.status_code": int64(http.StatusOK),
	}
	if diff := cmp.Diff(want, attributes(request.Attributes)); diff != "" {
		t.Errorf("the request's span (-want +got):\n%s", diff)
	}
}
