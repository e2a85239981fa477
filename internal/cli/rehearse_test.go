package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/client/clienttest"
)

// rehearse runs kvasir add --dry-run --json.
func rehearse(t *testing.T, srv *clienttest.Server, args ...string) rehearsal {
	t.Helper()
	res := on(t, srv, append([]string{"add", "--dry-run", "--json"}, args...)...).succeed(t)
	var r rehearsal
	if err := json.Unmarshal([]byte(res.stdout), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestARehearsalAddsNothing(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	dir := write(t, map[string]string{
		"a.md": "aaaa", "sub/b.txt": "bbbb", "c.md": "cccc", "bad.md": clienttest.FailingText,
	})
	exe := filepath.Join(write(t, map[string]string{"a.exe": "MZ"}), "a.exe")
	on(t, srv, "add", filepath.Join(dir, "a.md"), filepath.Join(dir, "c.md")).succeed(t)
	on(t, srv, "add", filepath.Join(dir, "bad.md"))
	change(t, filepath.Join(dir, "c.md"), "changed text")
	before := srv.Memos()
	got := rehearse(t, srv, dir, exe)
	if len(before) != 3 {
		t.Fatalf("%d memos before", len(before))
	}
	if diff := cmp.Diff(before, srv.Memos()); diff != "" {
		t.Errorf("a rehearsal changed memos (-before +after):\n%s", diff)
	}
	if got.Files != 3 || got.Added != 1 || got.Replaced != 1 || got.Retried != 1 || got.Unchanged != 1 ||
		got.Failed != 1 {
		t.Errorf("%+v", got)
	}
	bytes := int64(len("bbbb") + len("changed text") + len(clienttest.FailingText))
	if got.FileBytes != bytes || got.TextBytes != bytes || got.Estimate.Memos != 3 || got.Estimate.Tokens != bytes/4 {
		t.Errorf("%d bytes, want %d: %+v", got.TextBytes, bytes, got)
	}
}

func TestARehearsalReadsDocuments(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	files := map[string]string{"lie.docx": "no document", "lie2.docx": "none either"}
	for i := range 20 {
		files[fmt.Sprintf("page%d.html", i)] = "<html><head><style>" + strings.Repeat("p{color:red}", 100) +
			"</style></head><body><p>" + strings.Repeat("Herons eat fish. ", 30) + "</p></body></html>"
	}
	got := rehearse(t, srv, write(t, files))
	want := []string{
		"8 of 20 .html files were read beforehand; the others are taken to be like them",
		"no .docx file could be read beforehand; a tenth of their bytes is taken for text",
	}
	slicesEqualUnordered(t, want, got.Notes)
	text := 20 * 30 * len("Herons eat fish. ")
	if math.Abs(float64(got.TextBytes)/float64(text)-1) > 0.02 || got.FileBytes < 2*got.TextBytes {
		t.Errorf("%d bytes of text in %d, want about %d", got.TextBytes, got.FileBytes, text)
	}
}

// slicesEqualUnordered compares lists whose order does not matter.
func slicesEqualUnordered(t *testing.T, want, got []string) {
	t.Helper()
	count := map[string]int{}
	for _, s := range want {
		count[s]++
	}
	for _, s := range got {
		count[s]--
	}
	for s, n := range count {
		if n != 0 {
			t.Errorf("%+d of %q", -n, s)
		}
	}
}

func TestARehearsalOfNothing(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	dir := write(t, map[string]string{"a.md": "a"})
	on(t, srv, "add", dir).succeed(t)
	if r := on(t, srv, "add", "--dry-run", dir).succeed(t); r.stdout != "Nothing to add: 1 unchanged\n" {
		t.Errorf("stdout %q", r.stdout)
	}
	res := on(t, srv, "add", "--dry-run", write(t, map[string]string{"dear.md": clienttest.SpentText}))
	if res.status != exitFailed || !strings.Contains(res.stderr, "is spent until 2026-12-01") {
		t.Errorf("with a spent budget: %+v", res)
	}
}

// textSource is a source of a text in memory.
func textSource(text string) source {
	return source{int64(len(text)), func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func TestSamplesOfLittleAreAllOfIt(t *testing.T) {
	t.Parallel()
	got, err := samples([]source{textSource("caf\xe9"), {bytes: 1000}, textSource(""), textSource("a\x00b")})
	if diff := cmp.Diff([]string{"caf", "ab"}, got); err != nil || diff != "" {
		t.Errorf("samples() %v (-want +got):\n%s", err, diff)
	}
}

// TestSamplesOfMuchAreSpread mixes a few long texts of one letter with many short
// ones of another: the samples have both in the proportion of their bytes.
func TestSamplesOfMuchAreSpread(t *testing.T) {
	t.Parallel()
	sources := []source{textSource(strings.Repeat("ü", 1<<20))}
	for range 2000 {
		sources = append(sources, textSource(strings.Repeat("x", 500)))
	}
	got, err := samples(sources)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(got, "")
	if strings.Contains(all, "\ufffd") || len(all) > sampleBytes || len(got) > sampleBytes/windowBytes {
		t.Errorf("%d samples of %d bytes", len(got), len(all))
	}
	short := 0
	for _, text := range got {
		if strings.HasPrefix(text, "x") {
			short++
		}
	}
	if share := float64(short) / float64(len(got)); math.Abs(share-0.32) > 0.05 {
		t.Errorf("short texts are a share of %.2f, want 0.32", share)
	}
}

func TestSamplesOfAFileThatShrinks(t *testing.T) {
	t.Parallel()
	name := filepath.Join(write(t, map[string]string{"a.md": "short"}), "a.md")
	src := source{bytes: 10 << 20, open: func() (io.ReadCloser, error) { return os.Open(name) }}
	if _, err := samples([]source{src}); err == nil || !strings.Contains(err.Error(), "has changed meanwhile") {
		t.Errorf("samples() failed with %v", err)
	}
	src.open = func() (io.ReadCloser, error) { return nil, os.ErrNotExist }
	if _, err := samples([]source{src}); err == nil {
		t.Error("samples() of a file that is gone did not fail")
	}
}
