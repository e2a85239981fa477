package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"kvasir/internal/fault"
)

func TestAPageIsLoaded(t *testing.T) {
	t.Parallel()
	server, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/start" {
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
			http.Redirect(w, r, "/paper/view?x=1", http.StatusMovedPermanently)
			return
		}
		for _, name := range []string{"Referer", "Cookie", "Authorization"} {
			if v := r.Header.Get(name); v != "" {
				t.Errorf("%s is sent: %s", name, v)
			}
		}
		if got := r.Header.Get("User-Agent"); got != "Kvasir/test" {
			t.Errorf("the client calls itself %q", got)
		}
		w.Header().Set("Content-Type", "text/html; charset=ISO-8859-1; version=4")
		_, _ = io.WriteString(w, "<p>Hello")
	})
	page, text, err := load(t, client(t, Options{Allow: loopback, UserAgent: "Kvasir/test"}, nil), server.URL+"/start#top")
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintln(page.URL, page.Name, page.MIMEType, page.Size, text)
	want := fmt.Sprintln(server.URL+"/paper/view?x=1", "view.html", "text/html; charset=ISO-8859-1", 8, "<p>Hello")
	if got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestPackedPagesAreUnpackedWithinTheLimit(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(make([]byte, 8<<20))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	server, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Encoding", strings.TrimPrefix(r.URL.Path, "/"))
		_, _ = w.Write(packed.Bytes())
	})
	c := client(t, Options{Allow: loopback, MaxBytes: 8 << 20}, nil)
	if page, text, err := load(t, c, server.URL+"/gzip"); err != nil || len(text) != 8<<20 || page.Size != -1 {
		t.Errorf("read %d bytes, %v", len(text), err)
	}
	small := client(t, Options{Allow: loopback, MaxBytes: 1 << 20}, nil)
	_, text, err := load(t, small, server.URL+"/gzip")
	wantFault(t, err, fault.TooLarge, "File size exceeds 1MB limit")
	if len(text) != 1<<20 {
		t.Errorf("read %d bytes of a bomb, want the limit", len(text))
	}
	_, _, err = load(t, c, server.URL+"/br")
	wantFault(t, err, fault.Invalid, "not asked for")
}

func TestSizesAreBounded(t *testing.T) {
	t.Parallel()
	server, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/endless" {
			w.(http.Flusher).Flush() // no Content-Length
		}
		for range 11 {
			_, _ = w.Write(make([]byte, 100))
		}
	})
	for _, path := range []string{"/told", "/endless"} {
		_, _, err := load(t, client(t, Options{Allow: loopback, MaxBytes: 1099}, nil), server.URL+path)
		wantFault(t, err, fault.TooLarge, "limit")
		if _, text, err := load(t, client(t, Options{Allow: loopback, MaxBytes: 1100}, nil), server.URL+path); err != nil {
			t.Errorf("%s of just the limit: %d bytes, %v", path, len(text), err)
		}
	}
}

func TestAnswersThatAreNoPage(t *testing.T) {
	t.Parallel()
	server, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(status)
	})
	c := client(t, Options{Allow: loopback}, nil)
	for status, kind := range map[int]fault.Kind{
		204: fault.Invalid, 206: fault.Invalid, 304: fault.Invalid, 400: fault.Invalid, 401: fault.Invalid,
		403: fault.Invalid, 404: fault.Invalid, 410: fault.Invalid, 451: fault.Invalid, 408: fault.Unavailable,
		425: fault.Unavailable, 429: fault.Unavailable, 500: fault.Unavailable, 503: fault.Unavailable,
		599: fault.Unavailable,
	} {
		_, _, err := load(t, c, fmt.Sprintf("%s/%d", server.URL, status))
		wantFault(t, err, kind, fmt.Sprint("127.0.0.1 answered ", status))
		var asked interface{ RetryAfter() time.Duration }
		if errors.As(err, &asked) != (kind == fault.Unavailable) || asked != nil && asked.RetryAfter() != 7*time.Second {
			t.Errorf("%d asks to wait: %v", status, asked)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-5": 0, "30": 30 * time.Second, "99999999": maxRetryAfter,
		"Mon, 23 Nov 2026 12:01:00 GMT": time.Minute, "Mon, 23 Nov 2026 11:00:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("Retry-After %q is %v, want %v", text, got, want)
		}
	}
}

func TestRedirectsAreJudged(t *testing.T) {
	t.Parallel()
	var secret *httptest.Server
	server, hits := serve(t, func(w http.ResponseWriter, r *http.Request) {
		to := r.URL.Query().Get("to")
		if to == "" {
			to = r.URL.Path + "x"
		}
		http.Redirect(w, r, to, http.StatusFound)
	})
	secret, secretHits := serve(t, func(http.ResponseWriter, *http.Request) {})
	inside := strings.Replace(secret.URL, "127.0.0.1", "127.0.0.2", 1)
	c := client(t, Options{Allow: loopback}, nil)
	for _, to := range []string{
		inside, strings.Replace(secret.URL, "127.0.0.1", "[::ffff:127.0.0.2]", 1), "http://10.0.0.1/", "http://0x7f.2/",
		"file:///etc/passwd", "gopher://127.0.0.1/", "http://127.0.0.1:25/", "http://me:pw@127.0.0.1:8080/",
		"http://169.254.169.254/latest/",
	} {
		_, _, err := load(t, c, server.URL+"/?to="+url.QueryEscape(to))
		wantFault(t, err, fault.Invalid, "url: 127.0.0.1 redirects to an address that is not loaded")
	}
	if secretHits.Load() != 0 {
		t.Errorf("the server inside got %d requests", secretHits.Load())
	}
	hits.Store(0)
	_, _, err := load(t, c, server.URL+"/x")
	wantFault(t, err, fault.Invalid, "redirects too often")
	if hits.Load() != maxRedirects+1 {
		t.Errorf("%d requests for an endless redirect, want %d", hits.Load(), maxRedirects+1)
	}
}

func TestCertificatesAreChecked(t *testing.T) {
	t.Parallel()
	plain, _ := serve(t, func(http.ResponseWriter, *http.Request) {})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/down" {
			http.Redirect(w, r, plain.URL, http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "safe over "+r.Proto)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of clients that do not trust it
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	names := zone{"example.com": {{"127.0.0.1"}}, "other.example": {{"127.0.0.1"}}}
	c := client(t, Options{Allow: loopback, RootCAs: roots}, names)
	port := server.URL[strings.LastIndexByte(server.URL, ':'):]
	if _, text, err := load(t, c, "https://example.com"+port); err != nil || text != "safe over HTTP/2.0" {
		t.Errorf("with a certificate of its name: %q, %v", text, err)
	}
	_, _, err := load(t, c, "https://other.example"+port)
	wantFault(t, err, fault.Invalid, "other.example has no valid certificate")
	_, _, err = load(t, c, "https://example.com"+port+"/down")
	wantFault(t, err, fault.Invalid, "redirects from https to http")
	_, _, err = load(t, client(t, Options{Allow: loopback}, nil), server.URL)
	wantFault(t, err, fault.Invalid, "no valid certificate")
	_, _, err = load(t, c, strings.Replace(plain.URL, "http:", "https:", 1))
	wantFault(t, err, fault.Invalid, "does not speak https")
}

func TestServersThatFail(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	server, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/silent":
			<-released
		case "/reset":
			panic(http.ErrAbortHandler)
		case "/torn":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "/stalled":
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			<-released
		case "/drip":
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, "x")
				_ = http.NewResponseController(w).Flush()
				<-time.After(time.Millisecond)
			}
		case "/crooked":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, "this is not gzip at all")
		}
	})
	t.Cleanup(func() { close(released) })
	names := zone{"down.example": {}}
	c := client(t, Options{Allow: loopback, Stall: 100 * time.Millisecond, LeastRate: 1 << 20}, names)
	tests := []struct {
		url  string
		kind fault.Kind
		part string
	}{
		{server.URL + "/silent", fault.Unavailable, "takes too long"},
		{server.URL + "/reset", fault.Unavailable, "broke off"},
		{server.URL + "/torn", fault.Unavailable, "broke off"},
		{server.URL + "/stalled", fault.Unavailable, "takes too long"},
		{server.URL + "/drip", fault.Unavailable, "takes too long"},
		{server.URL + "/crooked", fault.Invalid, "cannot be unpacked"},
		{"http://nowhere.example/", fault.Invalid, "url: There is no host nowhere.example"},
		{"http://down.example/", fault.Unavailable, "cannot be looked up"},
		{"http://127.0.0.1:" + closedPort(t), fault.Unavailable, "cannot be reached"},
	}
	for _, tt := range tests {
		t.Run(tt.url[strings.LastIndexByte(tt.url, '/')+1:], func(t *testing.T) {
			t.Parallel()
			_, _, err := load(t, c, tt.url)
			wantFault(t, err, tt.kind, tt.part)
		})
	}
	slow := client(t, Options{Allow: loopback, Timeout: 200 * time.Millisecond, LeastRate: 1}, nil)
	_, _, err := load(t, slow, server.URL+"/drip")
	wantFault(t, err, fault.Unavailable, "takes too long")
}

// closedPort returns a port on which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(nil)
	server.Close()
	return server.URL[strings.LastIndexByte(server.URL, ':')+1:]
}

func TestAFetchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	started := make(chan struct{})
	server, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		close(started)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	page, err := client(t, Options{Allow: loopback}, nil).Fetch(ctx, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	<-started
	cancel()
	if _, err := io.ReadAll(page.Body); !errors.Is(err, context.Canceled) || !fault.Is(err, fault.Canceled) {
		t.Errorf("read on after the end: %v", err)
	}
	if err := page.Body.Close(); err != nil {
		t.Error(err)
	}
}

func TestAProxyIsUsedIfItIsNamed(t *testing.T) {
	t.Parallel()
	proxy, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "asked for "+r.URL.String())
	})
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, text, err := load(t, client(t, Options{Proxy: at}, nil), "http://example.com/page")
	if err != nil || text != "asked for http://example.com/page" {
		t.Errorf("through a proxy: %q, %v", text, err)
	}
}
