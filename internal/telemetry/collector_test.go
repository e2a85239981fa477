package telemetry_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"kvasir/internal/llm"
	"kvasir/internal/telemetry"
)

func TestWrongVariablesAreRefusedInWords(t *testing.T) {
	for variable, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT":        "collector:4318",
		"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc",
		"OTEL_RESOURCE_ATTRIBUTES":           "team",
	} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
			t.Setenv(variable, value)
			_, err := telemetry.New(t.Context(), "1", slog.New(slog.DiscardHandler))
			if err == nil || !strings.HasPrefix(err.Error(), strings.Replace(variable, "_TRACES", "", 1)) {
				t.Errorf("%s=%s: %v", variable, value, err)
			}
		})
	}
}

func TestTracesCanBeTurnedOff(t *testing.T) {
	for variable, value := range map[string]string{"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "none"} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
			t.Setenv(variable, value)
			tel := start(t, t.Output())
			if ctx, _ := tel.Begin(t.Context(), exchange()); ctx != t.Context() {
				t.Error("a span was made")
			}
			tel.Close(t.Context())
		})
	}
}

// TestABrokenCollectorIsToldOnce checks that the log tells of a change, not of
// every batch.
func TestABrokenCollectorIsToldOnce(t *testing.T) {
	collector := collect(t, http.StatusBadRequest, http.StatusBadRequest, http.StatusOK, http.StatusOK)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	var log bytes.Buffer
	tel := start(t, &log)
	for range 4 {
		_, end := tel.Begin(t.Context(), exchange())
		end(llm.Outcome{})
		wait(t, collector)
	}
	tel.Close(t.Context())
	lost, again := strings.Count(log.String(), "traces are lost"), strings.Count(log.String(), "arrive again")
	if lost != 1 || again != 1 {
		t.Errorf("the log tells of the loss %d times, of its end %d times:\n%s", lost, again, &log)
	}
}

// TestAStopDoesNotWaitForACollectorThatHangs relies on goleak, too: the upload has
// ended.
func TestAStopDoesNotWaitForACollectorThatHangs(t *testing.T) {
	hung := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or its end would not be seen
		close(hung)
		<-r.Context().Done()
	}))
	defer srv.Close() // waits for the request
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", srv.URL)
	var log bytes.Buffer
	tel := start(t, &log)
	_, end := tel.Begin(t.Context(), exchange())
	end(llm.Outcome{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-hung
		cancel()
	}()
	tel.Close(ctx)
	if !strings.Contains(log.String(), "traces are lost") {
		t.Errorf("the log says %s", &log)
	}
}
