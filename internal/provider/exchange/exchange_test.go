package exchange

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kvasir/internal/llm"
)

type ping struct {
	Text string `json:"text"`
}

// start serves handler and returns an endpoint for it.
func start(t *testing.T, cfg Config, handler http.HandlerFunc) *Endpoint {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	cfg.Provider, cfg.BaseURL = "test", srv.URL
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = NewHTTPClient(HTTPOptions{})
	}
	t.Cleanup(cfg.HTTPClient.CloseIdleConnections)
	return NewEndpoint(cfg)
}

func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.Copy(w, r.Body)
}

func TestPostSendsJSONAndKey(t *testing.T) {
	t.Parallel()
	var header http.Header
	e := start(t, Config{Key: "k-1\n"}, func(w http.ResponseWriter, r *http.Request) {
		header = r.Header.Clone()
		header.Set("Was", r.Method+" "+r.URL.Path)
		echo(w, r)
	})
	got, err := Post[ping](t.Context(), e, "/echo", ping{"hello"})
	if err != nil || got.Text != "hello" {
		t.Fatalf("Post = %q, %v", got.Text, err)
	}
	want := map[string]string{
		"Was": "POST /echo", "Authorization": "Bearer k-1", "Content-Type": "application/json", "Accept": "application/json",
	}
	for name, value := range want {
		if header.Get(name) != value {
			t.Errorf("header %s = %q, want %q", name, header.Get(name), value)
		}
	}
}

func TestIdentityHoldsNoCredentials(t *testing.T) {
	t.Parallel()
	e := NewEndpoint(Config{Provider: "local", BaseURL: "http://me:pass@host:1/v1/"})
	if got, want := e.Identity("model", "64"), "local|http://host:1/v1|model|64"; got != want {
		t.Errorf("Identity = %q, want %q", got, want)
	}
	_, err := Post[ping](t.Context(), NewEndpoint(Config{BaseURL: "http://me:pass@a b/"}), "/x", ping{})
	if llm.ClassOf(err) != llm.ClassBadRequest || strings.Contains(err.Error(), "pass") {
		t.Errorf("Post to a base URL that is none: %v", err)
	}
}

func TestRedirectsStayWithTheirHost(t *testing.T) {
	t.Parallel()
	var strangers atomic.Int32
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strangers.Add(1) }))
	t.Cleanup(stranger.Close)
	tests := []struct {
		name, to string
		status   int
		want     string // in the error; "" if it succeeds
	}{
		{"the same host", "/echo", http.StatusTemporaryRedirect, ""},
		{"another host", stranger.URL + "/echo", http.StatusTemporaryRedirect, strings.TrimPrefix(stranger.URL, "http://")},
		{"another method", "/echo", http.StatusFound, "check the base URL"},
		{"a circle", "/moved", http.StatusPermanentRedirect, "check the base URL"},
		{"nowhere", "http://[", http.StatusMovedPermanently, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			// A client of one's own does not open the door, either.
			e := start(t, Config{Key: "k-1", HTTPClient: &http.Client{Transport: &http.Transport{}}},
				func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/echo" {
						echo(w, r)
						return
					}
					w.Header().Set("Location", tt.to)
					w.WriteHeader(tt.status)
				})
			got, err := Post[ping](t.Context(), e, "/moved", ping{"hello"})
			switch {
			case tt.name == "nowhere":
				if llm.ClassOf(err) != llm.ClassSick {
					t.Errorf("Post: %v, want a sick upstream", err)
				}
			case tt.want == "" && (err != nil || got.Text != "hello"):
				t.Errorf("Post = %q, %v", got.Text, err)
			case tt.want != "" && (llm.ClassOf(err) != llm.ClassSick || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("Post: %v, want a sick upstream that names %q", err, tt.want)
			}
		})
	}
	t.Cleanup(func() {
		if n := strangers.Load(); n != 0 {
			t.Errorf("the other host got %d requests", n)
		}
	})
}

func TestSilenceEndsAnExchange(t *testing.T) {
	t.Parallel()
	silent := func(before string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if before != "" {
				_, _ = io.WriteString(w, before)
				_ = http.NewResponseController(w).Flush()
			}
			<-r.Context().Done()
		}
	}
	client := NewHTTPClient(HTTPOptions{HeaderTimeout: 20 * time.Millisecond})
	tests := []struct {
		name, before, want string
		cfg                Config
	}{
		{"before the headers", "", "timeout awaiting response headers", Config{HTTPClient: client}},
		{"in the body", `{"text": `, "stalled", Config{IdleTimeout: 20 * time.Millisecond}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := start(t, tt.cfg, silent(tt.before))
			_, err := Post[ping](t.Context(), e, "", ping{})
			if llm.ClassOf(err) != llm.ClassSick || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Post: %v, want a sick upstream and %q", err, tt.want)
			}
			if errors.Is(err, context.Canceled) {
				t.Errorf("Post: %v passes for the caller's own cancellation", err)
			}
		})
	}
}

func TestOwnCancellationIsNoFailure(t *testing.T) {
	t.Parallel()
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	e := start(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel(stopped)
		<-r.Context().Done() // the cancellation reaches the socket
	})
	if _, err := Post[ping](ctx, e, "", ping{}); err != context.Canceled {
		t.Errorf("Post = %v, want %v", err, context.Canceled)
	}
	for _, err := range Stream(ctx, e, "", ping{}) {
		if err != context.Canceled {
			t.Errorf("Stream = %v, want %v", err, context.Canceled)
		}
	}
}

func TestEndlessAnswersAreCut(t *testing.T) {
	t.Parallel()
	w := watch(zeros{}, time.Minute, func(error) {})
	n, err := io.Copy(io.Discard, w)
	if !errors.Is(err, errTooLarge) || n != maxAnswer {
		t.Errorf("read %d bytes, %v; want %d and %v", n, err, maxAnswer, errTooLarge)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	var addresses []string
	e := start(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
		addresses = append(addresses, r.RemoteAddr)
		switch r.URL.Path {
		case "/stream":
			w.Header().Set("Content-Type", eventStream)
			fmt.Fprint(w, "data: a\n\n")
			_ = http.NewResponseController(w).Flush()
			fmt.Fprint(w, "data: [DONE]\n\n")
		case "/bad":
			http.Error(w, "no", http.StatusBadRequest)
		default:
			echo(w, r)
		}
	})
	for range 3 {
		if _, err := Post[ping](t.Context(), e, "/echo", ping{}); err != nil {
			t.Fatal(err)
		}
		if _, err := Post[ping](t.Context(), e, "/bad", ping{}); err == nil {
			t.Fatal("Post to /bad succeeds")
		}
		for event, err := range Stream(t.Context(), e, "/stream", ping{}) {
			if err != nil || string(event.Data) == Done {
				break
			}
		}
	}
	slices.Sort(addresses)
	// One connection, and perhaps a second one where this machine stood still while
	// a stream was read to its end. Without reuse there would be three at least.
	if n := len(slices.Compact(addresses)); n > 2 {
		t.Errorf("9 requests came over %d connections", n)
	}
}

func TestStreamWantsEvents(t *testing.T) {
	t.Parallel()
	tests := []struct {
		body  string
		class llm.Class
		want  string
	}{
		{`{"error": {"message": "slow down", "code": 429}}`, llm.ClassThrottled, "slow down"},
		{`{"choices": []}`, llm.ClassSick, "one document instead of events"},
	}
	for _, tt := range tests {
		e := start(t, Config{}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			fmt.Fprint(w, tt.body)
		})
		for _, err := range Stream(t.Context(), e, "", ping{}) {
			if llm.ClassOf(err) != tt.class || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Stream of %s: %v, want %s and %q", tt.body, err, tt.class, tt.want)
			}
		}
	}
}

// The vendors speak HTTP/2, where an exchange is a stream of a connection that
// others use, too: it must end alone.
func TestHTTP2StreamsEndAlone(t *testing.T) {
	t.Parallel()
	left := make(chan struct{}, 2)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("the request came by %s", r.Proto)
		}
		if r.URL.Path == "/echo" {
			echo(w, r)
			return
		}
		w.Header().Set("Content-Type", eventStream)
		fmt.Fprint(w, "data: a\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		left <- struct{}{}
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	client := NewHTTPClient(HTTPOptions{})
	client.Transport.(*http.Transport).TLSClientConfig = srv.Client().Transport.(*http.Transport).TLSClientConfig
	t.Cleanup(client.CloseIdleConnections)
	e := NewEndpoint(Config{BaseURL: srv.URL, HTTPClient: client, IdleTimeout: 20 * time.Millisecond})
	for event, err := range Stream(t.Context(), e, "/stalls", ping{}) { // ended by the consumer
		if err != nil || string(event.Data) != "a" {
			t.Errorf("first event = %q, %v", event.Data, err)
		}
		break
	}
	<-left
	var last error
	for _, err := range Stream(t.Context(), e, "/stalls", ping{}) { // ended by silence
		last = err
	}
	if !errors.Is(last, errStalled) {
		t.Errorf("a stalled stream ends with %v, want %v", last, errStalled)
	}
	<-left
	if got, err := Post[ping](t.Context(), e, "/echo", ping{"hello"}); err != nil || got.Text != "hello" {
		t.Errorf("Post after broken streams = %q, %v", got.Text, err)
	}
}
