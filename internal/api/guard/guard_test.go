package guard

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
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

func TestRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		isAsk := func(r *http.Request) bool { return r.URL.Path == "/ask" }
		handler := RateLimit(Limit{Requests: 2, Window: time.Minute, Applies: isAsk})(answers(200, "", ""))
		for want := 1; want >= 0; want-- {
			w := ask(handler, "GET", "/ask", "X-Forwarded-For", fmt.Sprint("10.0.0.", want))
			if got := w.Header().Get("RateLimit-Remaining"); w.Code != 200 || got != fmt.Sprint(want) {
				t.Errorf("%d, remaining %s, want %d", w.Code, got, want)
			}
		}
		time.Sleep(20500 * time.Millisecond)
		w := ask(handler, "GET", "/ask")
		if w.Code != 429 || w.Body.String() != "Too many requests from this IP, please try again later." {
			t.Errorf("%d %q", w.Code, w.Body)
		}
		for key, want := range map[string]string{
			"RateLimit-Policy": "2;w=60", "RateLimit-Limit": "2", "RateLimit-Remaining": "0",
			"RateLimit-Reset": "40", "Retry-After": "40", "Content-Type": "text/html; charset=utf-8",
		} {
			if got := w.Header().Get(key); got != want {
				t.Errorf("%s = %q, want %q", key, got, want)
			}
		}
		if w := ask(handler, "GET", "/else"); w.Code != 200 || w.Header().Get("RateLimit-Limit") != "" {
			t.Errorf("a request that does not count: %d %v", w.Code, w.Header())
		}
		time.Sleep(40 * time.Second)
		if w := ask(handler, "GET", "/ask"); w.Code != 200 {
			t.Errorf("after the window: %d", w.Code)
		}
	})
}

func TestLimiterForgetsAndStaysBounded(t *testing.T) {
	t.Parallel()
	l := &limiter{limit: Limit{Requests: 1, Window: time.Minute}, windows: map[netip.Prefix]window{}}
	now := time.Now()
	address := func(i int) netip.Prefix {
		return addressOf(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1).String())
	}
	for i := range maxAddresses + 10 {
		l.count(address(i), now)
	}
	if len(l.windows) > maxAddresses+1 {
		t.Errorf("%d addresses are remembered", len(l.windows))
	}
	if used, _ := l.count(address(maxAddresses+20), now); used < 10 {
		t.Errorf("an address beyond the bound counts %d, want it to share a counter", used)
	}
	if used, _ := l.count(address(0), now); used != 2 {
		t.Errorf("a known address counts %d, want 2", used)
	}
	l.count(address(maxAddresses+30), now.Add(time.Hour))
	if len(l.windows) != 1 {
		t.Errorf("%d windows are kept after their end", len(l.windows))
	}
}

func TestAddressOf(t *testing.T) {
	t.Parallel()
	for peer, want := range map[string]string{
		"192.0.2.7:80": "192.0.2.7/32", "[::ffff:192.0.2.7]:80": "192.0.2.7/32",
		"[2001:db8::1%eth0]:80": "2001:db8::/64", "nonsense": "invalid Prefix", "x:1": "invalid Prefix",
	} {
		if got := addressOf(peer).String(); got != want {
			t.Errorf("addressOf(%q) = %s, want %s", peer, got, want)
		}
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
