package exchange

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"kvasir/internal/llm"
)

// Parallel calls need a connection each over HTTP/1.1. When they are done, the next
// ones must find those connections: a handshake costs more than many an answer.
func TestParallelCallsShareConnections(t *testing.T) {
	t.Parallel()
	const parallel = 1000
	var opened, arrived atomic.Int32
	together := make(chan struct{})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := arrived.Add(1); n == parallel {
			close(together)
		} else if n < parallel {
			<-together // so that all are in flight at once
		}
		echo(w, r)
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	client := NewHTTPClient(HTTPOptions{})
	t.Cleanup(client.CloseIdleConnections)
	e := NewEndpoint(Config{Provider: "test", BaseURL: srv.URL, HTTPClient: client})
	for range 2 {
		var wg sync.WaitGroup
		for range parallel {
			wg.Go(func() {
				if _, err := Post[ping](t.Context(), e, "/echo", ping{"hello"}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	// A few more are dialled for calls that find one that was just freed after all.
	if n := opened.Load(); n > parallel+parallel/20 {
		t.Errorf("2 times %d calls opened %d connections", parallel, n)
	}
}

// serve answers every request with the same bytes.
func serve(b *testing.B, kind, answer string) *Endpoint {
	b.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", kind)
		w.Header().Set("X-Ratelimit-Remaining-Tokens", "1000")
		_, _ = io.WriteString(w, answer)
	}))
	client := NewHTTPClient(HTTPOptions{})
	b.Cleanup(srv.Close)
	b.Cleanup(client.CloseIdleConnections)
	return NewEndpoint(Config{Provider: "test", BaseURL: srv.URL, HTTPClient: client})
}

func BenchmarkPost(b *testing.B) {
	vector := base64Of(make([]float32, 1536)...)
	many := strings.Repeat(`{"embedding": `+vector+`},`, 63)
	for name, answer := range map[string]string{
		"1 of 1536":  `{"data": [{"embedding": ` + vector + `}]}`,
		"64 of 1536": `{"data": [` + many + `{"embedding": ` + vector + `}]}`,
	} {
		b.Run(name, func(b *testing.B) {
			e := serve(b, "application/json", answer)
			b.SetBytes(int64(len(answer)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Post[Embeddings](b.Context(), e, "/embeddings", ping{"hello"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkStream(b *testing.B) {
	const events = 200
	e := serve(b, eventStream, strings.Repeat(`data: {"id": "chatcmpl-1", "object": "chat.completion.chunk", `+
		`"choices": [{"index": 0, "delta": {"content": " duck"}, "finish_reason": null}]}`+"\n\n", events)+"data: [DONE]\n\n")
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range Stream(b.Context(), e, "/chat", ping{"hello"}) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != events+1 {
			b.Fatalf("%d events", n)
		}
	}
}

func TestKeysHeadersAndQueriesAsTheVendorWants(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, base, path string
		cfg              Config
		url              string
		header           map[string]string // "" for one that must not be sent
	}{
		{"a bearer", "/v1/", "/x", Config{Key: "k-1"}, "/v1/x", map[string]string{"Authorization": "Bearer k-1"}},
		{
			"a header of its own", "", "/x", Config{
				Key: "k-1", KeyHeader: "x-api-key", Header: http.Header{"Anthropic-Version": {"2023-06-01"}},
			},
			"/x", map[string]string{"X-Api-Key": "k-1", "Authorization": "", "Anthropic-Version": "2023-06-01"},
		},
		{"no key", "", "/x", Config{KeyHeader: "Api-Key"}, "/x", map[string]string{"Api-Key": "", "Authorization": ""}},
		{
			"queries", "/a/?api-version=1", "/x?alt=sse", Config{Query: map[string][]string{"b": {"2 3"}}},
			"/a/x?alt=sse&api-version=1&b=2+3", nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got *http.Request
			e := start(t, tt.cfg, func(w http.ResponseWriter, r *http.Request) {
				got = r.Clone(r.Context())
				echo(w, r)
			})
			client := e.client
			tt.cfg.BaseURL, tt.cfg.HTTPClient = e.base+tt.base, &client
			if _, err := Post[ping](t.Context(), NewEndpoint(tt.cfg), tt.path, ping{}); err != nil {
				t.Fatal(err)
			}
			if got.URL.String() != tt.url {
				t.Errorf("asked %s, want %s", got.URL, tt.url)
			}
			for name, want := range tt.header {
				if got.Header.Get(name) != want {
					t.Errorf("header %s = %q, want %q", name, got.Header.Get(name), want)
				}
			}
		})
	}
}

func TestQuotasAreReportedWithEveryAnswer(t *testing.T) {
	t.Parallel()
	e := start(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path != "/silent" {
			w.Header().Set("X-Ratelimit-Remaining-Requests", "7")
		}
		switch r.URL.Path {
		case "/bad":
			w.WriteHeader(http.StatusTooManyRequests)
		case "/stream":
			w.Header().Set("Content-Type", eventStream)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done() // the headers are enough
		default:
			fmt.Fprint(w, "{}")
		}
	})
	want := llm.Quotas{Requests: llm.Quota{Remaining: 7, Told: true}}
	for path, times := range map[string]int{"/good": 1, "/bad": 1, "/stream": 1, "/silent": 0} {
		seen := 0
		inner, cancel := context.WithCancel(t.Context())
		ctx := llm.WithQuotas(inner, func(q llm.Quotas) {
			if seen++; q != want {
				t.Errorf("%s reports %+v, want %+v", path, q, want)
			}
			if path == "/stream" {
				cancel()
			}
		})
		if path == "/stream" {
			for _, err := range Stream(ctx, e, path, ping{}) {
				if err != context.Canceled {
					t.Errorf("Stream = %v, want %v", err, context.Canceled)
				}
			}
		} else {
			_, _ = Post[ping](ctx, e, path, ping{}) // an error is as good
		}
		cancel()
		if seen != times {
			t.Errorf("%s reports %d times, want %d", path, seen, times)
		}
	}
}
