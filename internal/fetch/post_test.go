package fetch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"kvasir/internal/fault"
)

func TestPost(t *testing.T) {
	t.Parallel()
	server, hits := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got, err := io.ReadAll(r.Body)
		if err != nil || string(got) != `{"a":1}` || r.Header.Get("Webhook-Id") != "1" || r.Method != http.MethodPost {
			t.Errorf("%s arrived with %q, %v, %v", r.Method, got, r.Header, err)
		}
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		case "/busy":
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(http.StatusTooManyRequests)
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		}
	})
	c := client(t, Options{Allow: loopback}, nil)
	header := http.Header{"Webhook-Id": {"1"}}
	tests := []struct {
		path   string
		status int
		retry  time.Duration
	}{{"/", 200, 0}, {"/moved", 307, 0}, {"/busy", 429, 30 * time.Second}, {"/endless", 200, 0}}
	for _, tt := range tests {
		status, retry, err := c.Post(t.Context(), server.URL+tt.path, header, []byte(`{"a":1}`))
		if status != tt.status || retry != tt.retry || err != nil {
			t.Errorf("%s answered %d, %v, %v", tt.path, status, retry, err)
		}
	}
	if hits.Load() != 4 {
		t.Errorf("%d requests, want 4: redirects are not followed", hits.Load())
	}
	if len(header) != 1 {
		t.Errorf("the caller's header became %v", header)
	}
}

func TestAPostEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, _, err := client(t, Options{Allow: loopback}, nil).Post(ctx, server.URL, http.Header{}, nil)
	if !errors.Is(err, context.Canceled) || !fault.Is(err, fault.Canceled) {
		t.Errorf("Post ended with %v", err)
	}
}
