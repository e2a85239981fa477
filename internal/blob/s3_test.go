package blob_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"kvasir/internal/blob"
	"kvasir/internal/fault"
)

func TestWhatIsWrongWithABucketIsToldAtTheStart(t *testing.T) {
	t.Parallel()
	b := serveS3(t, nil)
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, tt := range map[string]struct {
		change func(o *blob.S3Options)
		want   string
	}{
		"no such bucket":   {func(o *blob.S3Options) { o.Bucket = "elsewhere" }, "there is no such bucket"},
		"an unknown key":   {func(o *blob.S3Options) { o.AccessKey = "somebody" }, "the access key is not known there"},
		"a wrong secret":   {func(o *blob.S3Options) { o.SecretKey = "guess" }, "the secret key is not that of the access key"},
		"nobody is there":  {func(o *blob.S3Options) { o.Endpoint = gone.URL }, "it cannot be reached"},
		"a crooked bucket": {func(o *blob.S3Options) { o.Bucket = "a b" }, "bucket a b at http://127.0.0.1"},
		"a crooked server": {func(o *blob.S3Options) { o.Endpoint = "https://x/y/z" }, "is not an address such as"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := b.options
			tt.change(&o)
			s, err := blob.OpenS3(t.Context(), o)
			if err == nil {
				t.Fatal(s.Close())
			}
			if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), o.SecretKey) {
				t.Errorf("told %q, want %q in it and no secret", err, tt.want)
			}
		})
	}
}

func TestKeysLieBelowThePrefix(t *testing.T) {
	t.Parallel()
	b := serveS3(t, nil)
	r := b.open(t)
	if _, _, err := r.Put(t.Context(), key, strings.NewReader("x"), 10); err != nil {
		t.Fatal(err)
	}
	if got := r.files(); len(got) != 1 || got[0] != "kvasir/"+key {
		t.Errorf("the bucket holds %v", got)
	}
	for _, bad := range []string{"", ".", "../x", "/x", "a//b", "a/../../b"} {
		if _, _, err := r.Put(t.Context(), bad, strings.NewReader("x"), 10); err == nil {
			t.Errorf("Put(%q) was taken", bad)
		}
		if f, err := r.Open(t.Context(), bad); err == nil {
			t.Errorf("Open(%q) was taken: %v", bad, f.Close())
		}
		if err := r.Delete(t.Context(), bad); err == nil {
			t.Errorf("Delete(%q) was taken", bad)
		}
	}
}

// failing refuses the requests that match.
func failing(match func(*http.Request) bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !match(r) {
				next.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
		})
	}
}

func TestAnUploadThatFailsInTheMiddleLeavesNoParts(t *testing.T) {
	t.Parallel()
	r := serveS3(t, failing(func(r *http.Request) bool { return r.URL.Query().Get("partNumber") == "2" })).open(t)
	_, _, err := r.Put(t.Context(), key, io.LimitReader(zeros{}, 20<<20), 20<<20)
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Message(err), "access is denied") {
		t.Errorf("Put = %v, want Unavailable and why", err)
	}
	if n := r.files(); len(n) != 0 {
		t.Errorf("the store holds %v", n)
	}
}

func TestAnUploadThatIsCutShortLeavesNoParts(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	r := serveS3(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("partNumber") == "2" {
				cancel()
			}
			next.ServeHTTP(w, r)
		})
	}).open(t)
	if _, _, err := r.Put(ctx, key, io.LimitReader(zeros{}, 20<<20), 20<<20); !fault.Is(err, fault.Canceled) {
		t.Errorf("Put = %v, want Canceled", err)
	}
	if n := r.files(); len(n) != 0 {
		t.Errorf("the store holds %v", n)
	}
}

func TestReadingThatIsRefusedMayPass(t *testing.T) {
	t.Parallel()
	r := serveS3(t, failing(func(r *http.Request) bool {
		return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, key)
	})).open(t)
	if _, _, err := r.Put(t.Context(), key, strings.NewReader("x"), 10); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Open(t.Context(), key); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Open = %v, want Unavailable", err)
	}
	if n := r.files(); len(n) != 1 {
		t.Errorf("the store holds %v, want the file alone", n)
	}
}

// zeros is an endless file.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A large file passes through without being in memory. The server here only counts:
// one that keeps would hide what the store takes.
func TestLargeFilesStayOutOfMemory(t *testing.T) {
	const size = 96 << 20
	var arrived atomic.Int64
	r := serveS3(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case !strings.HasSuffix(r.URL.Path, key):
				next.ServeHTTP(w, r)
			case r.Method == http.MethodPut:
				n, _ := io.Copy(io.Discard, r.Body)
				arrived.Add(n)
				w.Header().Set("ETag", `"part"`)
			case r.URL.Query().Has("uploads"):
				_, _ = io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>")
			default:
				_, _ = io.WriteString(w, "<CompleteMultipartUploadResult><Bucket>b</Bucket></CompleteMultipartUploadResult>")
			}
		})
	}).open(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, _, err := r.Put(t.Context(), key, io.LimitReader(zeros{}, size), size); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > size/2 || arrived.Load() < size {
		t.Errorf("%d bytes were allocated to send %d of %d", took, arrived.Load(), size)
	}
}
