package blob_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"kvasir/internal/blob"
	"kvasir/internal/fault"
)

const key = "project/memo"

func open(t *testing.T) (*blob.Disk, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "blob")
	s, err := blob.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, dir
}

func read(t *testing.T, s *blob.Disk, key string) string {
	t.Helper()
	f, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// files lists all that is in the folder.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestFileIsReadAsWritten(t *testing.T) {
	t.Parallel()
	s, dir := open(t)
	for _, content := range []string{"", "hello", strings.Repeat("x", 100_000)} {
		size, hash, err := s.Put(t.Context(), key, strings.NewReader(content), 100_000)
		want := fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
		if err != nil || size != int64(len(content)) || hash != want {
			t.Errorf("Put of %d bytes = %d, %s, %v", len(content), size, hash, err)
		}
		if got := read(t, s, key); got != content {
			t.Errorf("read %d bytes, want %d", len(got), len(content))
		}
	}
	if n := files(t, dir); len(n) != 1 {
		t.Errorf("the folder holds %v, want one file", n)
	}
}

func TestFilesOutliveTheStore(t *testing.T) {
	t.Parallel()
	s, dir := open(t)
	if _, _, err := s.Put(t.Context(), key, strings.NewReader("kept"), 10); err != nil {
		t.Fatal(err)
	}
	again, err := blob.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := read(t, again, key); got != "kept" {
		t.Errorf("read %q, want %q", got, "kept")
	}
}

func TestFailedPutLeavesNothing(t *testing.T) {
	t.Parallel()
	broken := errors.New("the connection is gone")
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context
		body io.Reader
		want func(error) bool
	}{
		{"too large", t.Context(), strings.NewReader("12345678901"), func(err error) bool {
			return fault.Is(err, fault.TooLarge)
		}},
		{"broken off", t.Context(), io.MultiReader(strings.NewReader("12345"), iotest.ErrReader(broken)),
			func(err error) bool { return errors.Is(err, broken) }},
		{"cancelled", canceled, strings.NewReader("12345"), func(err error) bool {
			return errors.Is(err, context.Canceled)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, dir := open(t)
			if _, _, err := s.Put(tt.ctx, key, tt.body, 10); !tt.want(err) {
				t.Errorf("Put = %v", err)
			}
			if n := files(t, dir); len(n) != 0 {
				t.Errorf("the folder holds %v", n)
			}
		})
	}
}

func TestFailedPutKeepsWhatWasThere(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	if _, _, err := s.Put(t.Context(), key, strings.NewReader("old"), 10); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Put(t.Context(), key, strings.NewReader("much too large"), 10); err == nil {
		t.Error("a file over the limit was stored")
	}
	if got := read(t, s, key); got != "old" {
		t.Errorf("read %q, want %q", got, "old")
	}
}

func TestDeletedFileIsNotFound(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	if _, _, err := s.Put(t.Context(), key, strings.NewReader("x"), 10); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Open(t.Context(), key); !fault.Is(err, fault.NotFound) {
			t.Errorf("Open = %v, want NotFound", err)
		}
	}
}

func TestKeysCannotLeaveTheFolder(t *testing.T) {
	t.Parallel()
	s, dir := open(t)
	outside := filepath.Join(filepath.Dir(dir), "outside")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"../outside", "a/../../outside", outside, "link"} {
		if f, err := s.Open(t.Context(), bad); err == nil {
			t.Errorf("Open(%q) left the folder: %v", bad, f.Close())
		}
		// Replacing the link itself stays inside; following it would not.
		if _, _, err := s.Put(t.Context(), bad, strings.NewReader("x"), 10); err == nil && bad != "link" {
			t.Errorf("Put(%q) left the folder", bad)
		}
		_ = s.Delete(t.Context(), bad) // whatever it says, the file outside must stay
	}
	if b, err := os.ReadFile(outside); string(b) != "secret" || err != nil {
		t.Errorf("the file outside is %q, %v", b, err)
	}
}

func TestConcurrentPuts(t *testing.T) {
	t.Parallel()
	s, dir := open(t)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			content := fmt.Sprint("file ", i)
			for _, k := range []string{fmt.Sprint("project/", i), "project/same"} {
				if _, _, err := s.Put(t.Context(), k, strings.NewReader(content), 100); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for i := range 16 {
		if got := read(t, s, fmt.Sprint("project/", i)); got != fmt.Sprint("file ", i) {
			t.Errorf("file %d holds %q", i, got)
		}
	}
	if n := files(t, dir); len(n) != 17 {
		t.Errorf("the folder holds %d files, want 17", len(n))
	}
}
