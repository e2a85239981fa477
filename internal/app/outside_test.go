package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/blob"
	"kvasir/internal/config"
	"kvasir/internal/fault"
	"kvasir/internal/store/sqlite"
)

func TestOriginalsLieWhereTheConfigurationSays(t *testing.T) {
	t.Parallel()
	cfg := config.Config{Server: config.Server{Data: t.TempDir()}}
	files, err := openFiles(t.Context(), &cfg, filepath.Join(cfg.Data, "transit"))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := files.(*blob.Disk); !ok {
		t.Errorf("by default they lie in %T", files)
	}
	if err := files.Close(); err != nil {
		t.Error(err)
	}
	nobody := httptest.NewServer(nil)
	nobody.Close()
	cfg.Originals = config.Originals{
		S3Bucket: "originals", S3Endpoint: nobody.URL, S3Region: "r", S3AccessKey: "access", S3SecretKey: "topsecret",
	}
	files, err = openFiles(t.Context(), &cfg, filepath.Join(cfg.Data, "transit"))
	if files != nil || err == nil || !strings.Contains(err.Error(), "the bucket originals at "+nobody.URL) ||
		strings.Contains(err.Error(), "topsecret") {
		t.Errorf("a bucket that nobody serves: %v, %v", files, err)
	}
}

func TestVisitsAreConfigured(t *testing.T) {
	t.Parallel()
	agent := ""
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		agent = r.Header.Get("User-Agent")
	}))
	defer server.Close()
	cfg := config.Config{Web: config.Web{PublicURL: "https://kvasir.example"}}
	a := &App{fetch: newFetch(&cfg)}
	if _, err := a.load(t.Context(), server.URL); !fault.Is(err, fault.Invalid) {
		t.Errorf("a private page is loaded: %v", err)
	}
	cfg.AllowPrivate = []string{"127.0.0.1"}
	a.fetch = newFetch(&cfg)
	defer a.fetch.Close()
	page, err := a.load(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := page.Body.Close(); err != nil {
		t.Error(err)
	}
	if want := "Kvasir/" + Version + " (+https://kvasir.example)"; agent != want {
		t.Errorf("the server calls itself %q, want %q", agent, want)
	}
}

func TestFilesOfNoMemoAreRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	st, err := sqlite.Open(t.Context(), filepath.Join(dir, "data"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	key := account.NewKey()
	if _, err := st.EnsureProject(t.Context(), key, time.Now()); err != nil {
		t.Fatal(err)
	}
	caller, err := st.FindKey(t.Context(), key.Hash())
	if err != nil {
		t.Fatal(err)
	}
	disk, err := blob.Open(filepath.Join(dir, "blob"))
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	name := string(caller.Project) + "/orphan"
	if _, _, err := disk.Put(t.Context(), name, strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "blob", name)
	if err := os.Chtimes(path, time.Now(), time.Now().Add(-2*orphanAge)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	a := &App{files: disk, store: st, log: slog.New(slog.DiscardHandler)}
	wg.Go(func() {
		if err := a.sweepFiles(ctx); err != nil {
			t.Error(err)
		}
	})
	for range 5000 {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return
		}
		<-time.After(2 * time.Millisecond)
	}
	t.Error("the file is still there")
}
