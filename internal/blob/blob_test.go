package blob_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
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

// open opens a stored file until the test ends.
func open(t *testing.T, s blob.Store, key string) blob.File {
	t.Helper()
	f, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func read(t *testing.T, s blob.Store, key string) string {
	t.Helper()
	f := open(t, s, key)
	b, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFileIsReadAsWritten(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r room) {
		for _, content := range []string{"", "hello", strings.Repeat("x", 20<<20)} {
			size, hash, err := r.Put(t.Context(), key, strings.NewReader(content), 20<<20)
			want := fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
			if err != nil || size != int64(len(content)) || hash != want {
				t.Errorf("Put of %d bytes = %d, %s, %v", len(content), size, hash, err)
			}
			if got := read(t, r, key); got != content {
				t.Errorf("read %d bytes, want %d", len(got), len(content))
			}
		}
		if n := r.files(); len(n) != 1 {
			t.Errorf("the store holds %v, want one file", n)
		}
	})
}

func TestAnOpenFileLiesOnDiskAndIsReadAnywhere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r room) {
		if _, _, err := r.Put(t.Context(), key, strings.NewReader("0123456789"), 10); err != nil {
			t.Fatal(err)
		}
		f := open(t, r, key)
		if b, err := os.ReadFile(f.Path()); string(b) != "0123456789" || err != nil {
			t.Errorf("its path holds %q, %v", b, err)
		}
		part := make([]byte, 3)
		if n, err := f.ReadAt(part, 4); n != 3 || string(part) != "456" || err != nil {
			t.Errorf("ReadAt = %q, %v", part[:n], err)
		}
		if end, err := f.Seek(0, io.SeekEnd); end != 10 || err != nil {
			t.Errorf("Seek = %d, %v", end, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if n := r.files(); len(n) != 1 {
			t.Errorf("after Close there is %v, want the stored file alone", n)
		}
	})
}

func TestFilesOutliveTheStore(t *testing.T) {
	t.Parallel()
	s, dir := openDisk(t)
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
	each(t, func(t *testing.T, r room) {
		for name, tt := range map[string]struct {
			ctx  context.Context
			body io.Reader
			want func(error) bool
		}{
			"too large": {t.Context(), strings.NewReader("12345678901"), func(err error) bool {
				return fault.Is(err, fault.TooLarge) && fault.Message(err) == "File size exceeds 0MB limit"
			}},
			"broken off": {t.Context(), io.MultiReader(strings.NewReader("12345"), iotest.ErrReader(broken)),
				func(err error) bool { return errors.Is(err, broken) }},
			"cancelled": {canceled, strings.NewReader("12345"), func(err error) bool {
				return errors.Is(err, context.Canceled)
			}},
		} {
			if _, _, err := r.Put(tt.ctx, key, tt.body, 10); !tt.want(err) {
				t.Errorf("%s: Put = %v", name, err)
			}
			if n := r.files(); len(n) != 0 {
				t.Errorf("%s: the store holds %v", name, n)
			}
		}
	})
}

func TestFailedPutKeepsWhatWasThere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r room) {
		if _, _, err := r.Put(t.Context(), key, strings.NewReader("old"), 10); err != nil {
			t.Fatal(err)
		}
		if _, _, err := r.Put(t.Context(), key, strings.NewReader("much too large"), 10); err == nil {
			t.Error("a file over the limit was stored")
		}
		if got := read(t, r, key); got != "old" {
			t.Errorf("read %q, want %q", got, "old")
		}
	})
}

func TestDeletedFileIsNotFound(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, r room) {
		if _, _, err := r.Put(t.Context(), key, strings.NewReader("x"), 10); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := r.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Open(t.Context(), key); !fault.Is(err, fault.NotFound) {
				t.Errorf("Open = %v, want NotFound", err)
			}
		}
		if n := r.files(); len(n) != 0 {
			t.Errorf("the store holds %v", n)
		}
	})
}

func TestKeysCannotLeaveTheFolder(t *testing.T) {
	t.Parallel()
	s, dir := openDisk(t)
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
	each(t, func(t *testing.T, r room) {
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				content := fmt.Sprint("file ", i)
				for _, k := range []string{fmt.Sprint("project/", i), "project/same"} {
					if _, _, err := r.Put(t.Context(), k, strings.NewReader(content), 100); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for i := range 16 {
			if got := read(t, r, fmt.Sprint("project/", i)); got != fmt.Sprint("file ", i) {
				t.Errorf("file %d holds %q", i, got)
			}
		}
		if n := r.files(); len(n) != 17 {
			t.Errorf("the store holds %d files, want 17", len(n))
		}
	})
}
