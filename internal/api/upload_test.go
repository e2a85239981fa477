package api

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"kvasir/internal/account"
	"kvasir/internal/ingest"
	"kvasir/internal/memo"
)

// A sink takes uploads in and keeps their size alone.
type sink struct {
	*backend
	size int64
}

func (s *sink) Add(_ context.Context, _ account.ProjectID, _ memo.Draft, u *ingest.Upload) (memo.ID, error) {
	var err error
	s.size, err = io.Copy(io.Discard, u.Body)
	return memo.ID(s.id()), err
}

// zeros are a file of any length that is nowhere.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// uploadZeros posts a file of zeros past the network, and returns the answer and
// how many bytes were allocated meanwhile, all of them together.
func uploadZeros(handler http.Handler, size int64) (w *httptest.ResponseRecorder, allocated uint64) {
	const head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n"
	body := io.MultiReader(strings.NewReader(head), io.LimitReader(zeros{}, size), strings.NewReader("\r\n--b--\r\n"))
	r := httptest.NewRequest(http.MethodPost, "/api/v1/memo", body)
	r.Header.Set("Authorization", "Bearer "+testKey)
	r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	w = httptest.NewRecorder()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	handler.ServeHTTP(w, r)
	runtime.ReadMemStats(&after)
	return w, after.TotalAlloc - before.TotalAlloc
}

// TestUploadsAreNeverInMemory counts every byte that is allocated while large files
// come in: it is not parallel, so that nobody else's count. What is not allocated
// for 100 MiB is not for 1 GiB either.
func TestUploadsAreNeverInMemory(t *testing.T) {
	const wire, bound = 100 << 20, 2 << 20
	for _, c := range []struct {
		name        string
		limit, size int64
		status      int
		words       string
	}{
		{"the wire's limit", 0, wire, 201, `"ok":true`},
		{"over the wire's limit", 0, wire + 1, 400, `{"error":"File size exceeds 100MB limit"}`},
		{"a raised limit", 1 << 30, wire + 1, 201, `"ok":true`},
		{"a lower limit", 5 << 20, 5<<20 + 1, 400, `{"error":"File size exceeds 5MB limit"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			taken := &sink{backend: &backend{}}
			cfg := taken.config(t)
			cfg.Intake, cfg.Options.MaxUploadBytes = taken, c.limit
			w, allocated := uploadZeros(New(cfg), c.size)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.words) {
				t.Errorf("answered with %d %s", w.Code, w.Body)
			}
			if w.Code == 201 && taken.size != c.size {
				t.Errorf("%d bytes arrived", taken.size)
			}
			if allocated > bound {
				t.Errorf("%d bytes were allocated", allocated)
			}
		})
	}
}
