package telemetry_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"kvasir/internal/llm"
	"kvasir/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start returns a telemetry; it is closed by the test.
func start(t testing.TB, log io.Writer) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.New(t.Context(), "1.2.3", slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return tel
}

// exchange is an attempt of which everything is told.
func exchange() llm.Attempt {
	return llm.Attempt{
		Kind: llm.KindGenerate, Lane: "gemini#2/flash", Provider: "gemini", Model: "flash", Try: 2, Hedge: true,
		Call: llm.Call{Tenant: "the-project", Key: "the-key", Memo: "the-memo", Priority: llm.PriorityAnswer},
	}
}

// A received is what a collector got.
type received struct {
	request *coltracepb.ExportTraceServiceRequest
	header  http.Header
	body    []byte
}

// spans returns them by name.
func (r received) spans(t testing.TB) map[string]*tracepb.Span {
	t.Helper()
	if len(r.request.GetResourceSpans()) != 1 {
		t.Fatalf("spans of %d resources", len(r.request.GetResourceSpans()))
	}
	spans := map[string]*tracepb.Span{}
	for _, s := range r.request.ResourceSpans[0].ScopeSpans[0].Spans {
		spans[s.Name] = s
	}
	return spans
}

// collect runs a collector that answers with each of the statuses, the last for
// good, and names it in the environment.
func collect(t *testing.T, statuses ...int) <-chan received {
	t.Helper()
	got := make(chan received, 10)
	var served atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		in := received{new(coltracepb.ExportTraceServiceRequest), r.Header, body}
		if err != nil || proto.Unmarshal(body, in.request) != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v, and the body is no request", r.URL, err)
		}
		if len(statuses) > 0 {
			w.WriteHeader(statuses[min(int(served.Add(1)), len(statuses))-1])
		}
		got <- in
	}))
	t.Cleanup(srv.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", srv.URL)
	return got
}

// attributes are what a span says, in Go's words.
func attributes(pairs []*commonpb.KeyValue) map[string]any {
	said := map[string]any{}
	for _, a := range pairs {
		switch v := a.Value.Value.(type) {
		case *commonpb.AnyValue_StringValue:
			said[a.Key] = v.StringValue
		case *commonpb.AnyValue_IntValue:
			said[a.Key] = v.IntValue
		case *commonpb.AnyValue_BoolValue:
			said[a.Key] = v.BoolValue
		case *commonpb.AnyValue_DoubleValue:
			said[a.Key] = v.DoubleValue
		}
	}
	return said
}

// A sample is one value of a scrape: its labels in the order of their names.
type sample struct {
	name, labels string
}

// scrape reads the metrics as Prometheus does. Of a histogram it returns the count.
func scrape(t *testing.T, h http.Handler) map[sample]float64 {
	t.Helper()
	srv := httptest.NewServer(h)
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v: %s", res.Status, err, body)
	}
	for _, secret := range []string{"the-project", "the-key", "the-memo"} {
		if bytes.Contains(body, []byte(secret)) {
			t.Errorf("the metrics tell %s", secret)
		}
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	samples := map[sample]float64{}
	for name, f := range families {
		for _, m := range f.Metric {
			var labels strings.Builder
			for _, l := range m.Label {
				labels.WriteString(l.GetName() + "=" + l.GetValue() + " ")
			}
			at := sample{name, labels.String()}
			samples[at] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return samples
}

// within is the deadline for what should take no time.
const within = 10 * time.Second

func wait(t *testing.T, got <-chan received) received {
	t.Helper()
	select {
	case r := <-got:
		return r
	case <-time.After(within):
		t.Fatal("nothing has reached the collector")
		panic("unreachable")
	}
}
