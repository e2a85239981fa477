package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kvasir/internal/chat"
)

func TestCanonicalPaths(t *testing.T) {
	t.Parallel()
	routes := newRouter()
	for _, pattern := range []string{
		"GET /api/v1/memo", "POST /api/v1/memo", "GET /api/v1/memo/{id}", "POST /api/v1/memo/upload",
		"GET /api/v1/memo/{id}/status", "GET /docs/{file}",
	} {
		routes.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, pattern, " ", r.PathValue("id"))
		})
	}
	handler := routes.canonical(routes)
	for _, c := range []struct{ name, method, path, contentType, want string }{
		{"as registered", "GET", "/api/v1/memo", "", "GET /api/v1/memo "},
		{"trailing slash", "GET", "/api/v1/memo/", "", "GET /api/v1/memo "},
		{"two trailing slashes", "GET", "/api/v1/memo//", "", "404"},
		{"any case", "GET", "/Api/V1/MEMO/", "", "GET /api/v1/memo "},
		{"ids keep their case", "GET", "/API/v1/Memo/AbC/", "", "GET /api/v1/memo/{id} AbC"},
		{"ids may hold a slash", "GET", "/api/v1/memo/a%2FB%20c/STATUS", "", "GET /api/v1/memo/{id}/status a/B c"},
		{"ids may be dots", "GET", "/api/v1/memo/%2E%2E", "", "GET /api/v1/memo/{id} .."},
		{"ids may look like a route", "GET", "/api/v1/memo/Upload", "", "GET /api/v1/memo/{id} Upload"},
		{"ids may not be UTF-8", "GET", "/api/v1/memo/%FF", "", "GET /api/v1/memo/{id} \xff"},
		{"an upload", "POST", "/api/v1/memo/", "Multipart/Form-Data; boundary=x", "POST /api/v1/memo/upload "},
		{"text", "POST", "/api/v1/memo", "application/json", "POST /api/v1/memo "},
		{"dot segments", "GET", "/api/v1/../v1/memo", "", "404"},
		{"empty segments", "GET", "//api/v1/memo", "", "404"},
		{"HEAD", "HEAD", "/API/v1/memo/", "", "GET /api/v1/memo "},
		{"another method", "PUT", "/API/v1/memo/", "", "405"},
		{"nothing", "GET", "/nothing", "", "404"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(c.method, "http://host"+c.path, nil)
			r.Header.Set("Content-Type", c.contentType)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			got := w.Body.String()
			if w.Code != http.StatusOK {
				got = fmt.Sprint(w.Code)
			}
			if got != c.want {
				t.Errorf("%s %s reached %q, want %q", c.method, c.path, got, c.want)
			}
		})
	}
}

// speak sends raw bytes to the edge and returns the status of the answer.
func speak(t *testing.T, base, raw string) (*http.Response, net.Conn) {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp, conn
}

const rawHead = "POST /api/v1/%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + testKey + "\r\n" +
	"Content-Type: %s\r\n%s\r\n\r\n%s"

func TestBodiesThatDoNotArrive(t *testing.T) {
	t.Parallel()
	cfg := (&backend{}).config(t)
	cfg.Options.StallTimeout = 50 * time.Millisecond
	base := serve(t, cfg)
	const file = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nhel"
	for _, c := range []struct {
		name, raw string
		status    int
	}{
		{"a slow body", fmt.Sprintf(rawHead, "search", "application/json", "Content-Length: 100", `{"query"`), 408},
		{"a slow upload", fmt.Sprintf(rawHead, "memo", "multipart/form-data; boundary=b", "Content-Length: 1000", file), 408},
		{"bad chunks", fmt.Sprintf(rawHead, "search", "application/json", "Transfer-Encoding: chunked", "zz\r\n"), 400},
		{"a cut upload", fmt.Sprintf(rawHead, "memo", "multipart/form-data; boundary=b",
			fmt.Sprintf("Content-Length: %d", len(file)), file), 400},
		{"too large to begin with",
			fmt.Sprintf(rawHead, "search", "application/json", "Content-Length: 999999999999", `{`), 413},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if resp, _ := speak(t, base, c.raw); resp.StatusCode != c.status {
				t.Errorf("status %d, want %d", resp.StatusCode, c.status)
			}
		})
	}
}

// TestTheBodysDeadlineEndsWithTheBody holds a stream open for longer than its
// question was allowed to take.
func TestTheBodysDeadlineEndsWithTheBody(t *testing.T) {
	t.Parallel()
	cfg := (&backend{}).config(t)
	cfg.Options.StallTimeout = 30 * time.Millisecond
	cfg.Ask = func(context.Context, chat.Question) (Answer, error) {
		return func(ctx context.Context) iter.Seq[chat.Event] {
			return func(yield func(chat.Event) bool) {
				select {
				case <-ctx.Done():
				case <-time.After(150 * time.Millisecond):
				}
				yield(chat.Event{Token: fmt.Sprint("ended with ", ctx.Err())})
			}
		}, nil
	}
	_, body := post(t, serve(t, cfg)+"/api/v1/chat", `{"query":"q","stream":true}`)
	if !strings.Contains(body, "ended with \\u003cnil\\u003e") && !strings.Contains(body, "ended with <nil>") {
		t.Errorf("the stream was cut: %q", body)
	}
}

func TestGuardsAreInPlace(t *testing.T) {
	t.Parallel()
	cfg := (&backend{}).config(t)
	cfg.Options.SecurityHeaders, cfg.Options.HSTS = true, true
	cfg.Options.Rates = Rates{Address: 1000, AddressQuestions: 100, Key: 1500}
	cfg.Options.AllowedOrigins = []string{"https://app.example"}
	handler := New(cfg)
	ask := func(method, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader("{}"))
		r.Header.Set("Authorization", "Bearer "+testKey)
		r.Header.Set("Origin", "https://app.example")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	h := ask(http.MethodGet, "/api/v1/memo").Header()
	for _, key := range []string{
		"X-Request-Id", "X-Frame-Options", "Strict-Transport-Security", "RateLimit-Limit",
		"Access-Control-Allow-Origin", "ETag",
	} {
		if h.Get(key) == "" {
			t.Errorf("no header %s", key)
		}
	}
	if got := ask(http.MethodPost, "/API/v1/chat/").Header().Get("RateLimit-Limit"); got != "100" {
		t.Errorf("questions are limited to %q", got)
	}
	if page := ask(http.MethodGet, "/docs").Header().Get("Content-Security-Policy"); page != docsPolicy {
		t.Errorf("the documentation's policy is %q", page)
	}
}

func TestPatternsAreSeenAroundTheRoutes(t *testing.T) {
	t.Parallel()
	b := &backend{}
	cfg := b.config(t)
	patterns := make(chan string, 1)
	cfg.Routed = func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			patterns <- r.Pattern
		})
	}
	base := serve(t, cfg)
	for path, want := range map[string]string{
		"/API/v1/Memo/x/status/": "GET /api/v1/memo/{id}/status", "/api/v1/status": "GET /api/v1/status", "/nothing": "/",
	} {
		do(t, "GET", base+path, nil)
		if got := <-patterns; got != want {
			t.Errorf("the pattern of %s is %q, want %q", path, got, want)
		}
	}
}
