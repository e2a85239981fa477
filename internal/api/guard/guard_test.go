package guard

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// answers is a handler that answers with a status, a type and a body.
func answers(status int, contentType, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

// ask serves one request with headers given as pairs.
func ask(h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestChainKeepsItsOrder(t *testing.T) {
	t.Parallel()
	var order []string
	mark := func(name string) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				order = append(order, name)
				next.ServeHTTP(w, r)
			})
		}
	}
	ask(Chain(answers(200, "", ""), mark("first"), mark("second")), "GET", "/")
	if got := strings.Join(order, " "); got != "first second" {
		t.Errorf("order = %q", got)
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	panics := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") })
	for _, c := range []struct {
		name    string
		handler http.Handler
		id      string // the client's
		status  int
		line    []string
	}{
		{"a good request is for debugging", answers(200, "", "four"), "", 200,
			[]string{"level=DEBUG", "status=200", "bytes=4", "method=GET", "path=/p"}},
		{"a failed one is for the operator", answers(503, "", ""), "", 503, []string{"level=INFO", "status=503"}},
		{"a sane request id is kept", answers(200, "", ""), "abc-1", 200, []string{"request_id=abc-1"}},
		{"a panic is answered", panics, "", 500, []string{"level=ERROR", "panic=boom", "level=INFO", "status=500"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
			w := ask(Log(log)(c.handler), "GET", "/p", "X-Request-Id", c.id)
			if w.Code != c.status {
				t.Errorf("status = %d, want %d", w.Code, c.status)
			}
			for _, want := range c.line {
				if !strings.Contains(out.String(), want) {
					t.Errorf("the log has no %s:\n%s", want, out.String())
				}
			}
		})
	}
}

func TestLogReplacesStrangeRequestIDs(t *testing.T) {
	t.Parallel()
	handler := Log(slog.New(slog.DiscardHandler))(answers(200, "", ""))
	for _, id := range []string{"", "a b", "x\ny", strings.Repeat("x", 65)} {
		if got := ask(handler, "GET", "/", "X-Request-Id", id).Header().Get("X-Request-Id"); got == id || len(got) < 16 {
			t.Errorf("id %q became %q", id, got)
		}
	}
}

func TestAPanicHalfWayCutsTheConnection(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(Log(slog.New(slog.DiscardHandler))(http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic("boom")
		})))
	defer server.Close()
	resp, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("half an answer passed for a whole one: %q", body)
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	const ours, other = "https://app.example", "https://evil.example"
	handler := CORS([]string{ours})(answers(200, "text/plain", "hello"))
	for _, c := range []struct {
		name, method, origin string
		status               int
		allowed              string
	}{
		{"our page", "GET", ours, 200, ours},
		{"another page", "GET", other, 200, ""},
		{"no page", "GET", "", 200, ""},
		{"our page asks first", "OPTIONS", ours, 204, ours},
		{"another page asks first", "OPTIONS", other, 204, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := ask(handler, c.method, "/", "Origin", c.origin, "Access-Control-Request-Headers", "X-Csrftoken")
			h := w.Header()
			if w.Code != c.status || h.Get("Access-Control-Allow-Origin") != c.allowed || h.Get("Vary") != "Origin" {
				t.Errorf("%d %v", w.Code, h)
			}
			want := map[string]string{}
			if c.allowed != "" {
				want["Access-Control-Allow-Credentials"] = "true"
			}
			if c.allowed != "" && c.method == "OPTIONS" {
				want["Access-Control-Allow-Methods"] = "GET,HEAD,PUT,PATCH,POST,DELETE"
				want["Access-Control-Allow-Headers"] = "X-Csrftoken"
			}
			for _, key := range []string{
				"Access-Control-Allow-Credentials", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers",
			} {
				if got := h.Get(key); got != want[key] {
					t.Errorf("%s = %q, want %q", key, got, want[key])
				}
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	h := ask(HSTS(Headers(answers(200, "", ""))), "GET", "/").Header()
	for key, want := range map[string]string{
		"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
		"Referrer-Policy":            "strict-origin-when-cross-origin",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		"Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload",
	} {
		if got := h.Get(key); got != want {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
	if !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'self'") {
		t.Errorf("CSP = %q", h.Get("Content-Security-Policy"))
	}
}

func TestETag(t *testing.T) {
	t.Parallel()
	handler := ETag(answers(200, "application/json", `{"a":1}`))
	tag := ask(handler, "GET", "/").Header().Get("ETag")
	if !strings.HasPrefix(tag, `W/"7-`) {
		t.Fatalf("ETag = %q", tag)
	}
	for _, c := range []struct {
		name, method string
		handler      http.Handler
		headers      []string
		status       int
		tagged       bool
	}{
		{"known", "GET", handler, []string{"If-None-Match", tag}, 304, true},
		{"known in a list", "GET", handler, []string{"If-None-Match", `"x"`, "If-None-Match", `"y", ` + tag}, 304, true},
		{"known as a strong tag", "GET", handler, []string{"If-None-Match", strings.TrimPrefix(tag, "W/")}, 304, true},
		{"anything will do", "GET", handler, []string{"If-None-Match", "*"}, 304, true},
		{"known by HEAD", "HEAD", handler, []string{"If-None-Match", tag}, 304, true},
		{"known but to be fresh", "GET", handler, []string{"If-None-Match", tag, "Cache-Control", "no-cache"}, 200, true},
		{"another", "GET", handler, []string{"If-None-Match", `W/"x"`}, 200, true},
		{"no GET", "POST", handler, []string{"If-None-Match", tag}, 200, false},
		{"no JSON", "GET", ETag(answers(200, "text/plain", "x")), []string{"If-None-Match", "*"}, 200, false},
		{"an error", "GET", ETag(answers(404, "application/json", "{}")), []string{"If-None-Match", "*"}, 404, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := ask(c.handler, c.method, "/", c.headers...)
			if w.Code != c.status || (w.Header().Get("ETag") != "") != c.tagged {
				t.Errorf("%d, ETag %q", w.Code, w.Header().Get("ETag"))
			}
			if (w.Body.Len() == 0) != (c.status == 304) {
				t.Errorf("body %q", w.Body)
			}
		})
	}
}
