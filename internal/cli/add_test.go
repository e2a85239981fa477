package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/client/clienttest"
)

// add runs kvasir add --json and returns the report.
func add(t *testing.T, srv *clienttest.Server, wantStatus int, args ...string) report {
	t.Helper()
	res := on(t, srv, append([]string{"add", "--json"}, args...)...)
	if res.status != wantStatus {
		t.Fatalf("add %v: exit status %d:\n%s%s", args, res.status, res.stdout, res.stderr)
	}
	var r report
	if err := json.Unmarshal([]byte(res.stdout), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// contents returns the memos of a server, content by title.
func contents(srv *clienttest.Server) map[string]string {
	out := map[string]string{}
	for _, m := range srv.Memos() {
		out[m.Title] = m.Content
	}
	return out
}

func TestAddKeepsTheServerEqualToAFolder(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	put(t, srv, "Kept", "not from a file")
	dir := write(t, map[string]string{
		"heron.md": "# Heron\n\nHerons eat fish.", "sub/duck.txt": "# no heading", "sub/page.html": "<h1>Page</h1>",
		".hidden.md": "x", ".git/config.md": "x", "program.exe": "MZ", "empty.md": "",
	})
	summary := "3 added, 2 hidden skipped, 1 of other types skipped, 1 empty skipped\n"
	if r := on(t, srv, "add", dir).succeed(t); r.stdout != summary {
		t.Errorf("first: %q", r.stdout)
	}
	want := map[string]string{
		"Heron": "# Heron\n\nHerons eat fish.", "duck.txt": "# no heading", "page.html": "<h1>Page</h1>",
		"Kept": "not from a file",
	}
	if diff := cmp.Diff(want, contents(srv)); diff != "" {
		t.Errorf("after the first (-want +got):\n%s", diff)
	}
	if r := add(t, srv, 0, dir); r.Unchanged != 3 || len(r.Files) != 0 {
		t.Errorf("second: %+v", r)
	}
	change(t, filepath.Join(dir, "heron.md"), "# Heron\n\nHerons eat frogs.")
	if err := os.Remove(filepath.Join(dir, "sub", "duck.txt")); err != nil {
		t.Fatal(err)
	}
	if r := add(t, srv, 0, dir); r.Replaced != 1 || r.Unchanged != 1 || r.Pruned != 0 {
		t.Errorf("third: %+v", r)
	}
	// Only what lies below the given folder is pruned, and only memos of files.
	if r := add(t, srv, 0, "--prune", filepath.Join(dir, "heron.md")); r.Pruned != 0 {
		t.Errorf("pruned beside a file: %+v", r)
	}
	if r := add(t, srv, 0, "--prune", dir); r.Pruned != 1 || r.Unchanged != 2 {
		t.Errorf("fourth: %+v", r)
	}
	want = map[string]string{
		"Heron": "# Heron\n\nHerons eat frogs.", "page.html": "<h1>Page</h1>", "Kept": "not from a file",
	}
	if diff := cmp.Diff(want, contents(srv)); diff != "" {
		t.Errorf("at the end (-want +got):\n%s", diff)
	}
	for _, m := range srv.Memos() {
		if m.Title == "Heron" && (m.Writes != 2 || m.Type != "plaintext" || m.Source != "kvasir-add") {
			t.Errorf("the changed memo is %+v", m)
		}
		if m.Title == "page.html" && (m.Writes != 1 || m.Type != "document") {
			t.Errorf("the page is %+v", m)
		}
	}
}

func change(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestAddTellsOfFailures(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	dir := write(t, map[string]string{"good.md": "good", "bad.md": "This " + clienttest.FailingText + "."})
	exe := filepath.Join(write(t, map[string]string{"a.exe": "MZ", "empty.md": ""}), "a.exe")
	res := on(t, srv, "add", dir, exe, filepath.Join(filepath.Dir(exe), "empty.md"))
	if res.status != exitFailed || res.stdout != "1 added, 3 failed\n" {
		t.Errorf("exit status %d, stdout %q", res.status, res.stdout)
	}
	for _, want := range []string{
		"failed " + filepath.Join(dir, "bad.md") + ": " + clienttest.FailingText,
		"failed " + exe + ": Invalid file type. Allowed types: .pdf",
		"empty.md: the file is empty",
	} {
		if !strings.Contains(res.stderr, want) {
			t.Errorf("stderr lacks %q:\n%s", want, res.stderr)
		}
	}
	// A failed memo is tried again, though its file has not changed.
	if r := add(t, srv, exitFailed, dir); r.Unchanged != 1 || r.Failed != 1 {
		t.Errorf("again: %+v", r)
	}
	if r := add(t, srv, 0, "--no-wait", dir); r.Unchanged != 1 || r.Retried != 1 {
		t.Errorf("without waiting: %+v", r)
	}
}

func TestAddOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	res := on(t, srv, "add", filepath.Join(t.TempDir(), "nothing"))
	if res.status != exitFailed || !strings.Contains(res.stderr, "no such file") || res.stdout != "" {
		t.Errorf("%+v", res)
	}
	if r := on(t, srv, "add", t.TempDir()).succeed(t); r.stdout != "nothing to add\n" {
		t.Errorf("an empty folder: %q", r.stdout)
	}
}

func TestAddWithoutWaiting(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	add(t, srv, 0, "--no-wait", write(t, map[string]string{"a.md": "a"}))
	if m := srv.Memos()[0]; m.Asked != 0 {
		t.Errorf("the status was asked for %d times", m.Asked)
	}
}

func TestAddTellsWhyItTakesItsTime(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	srv.WithoutEvents() // it asks for each memo then
	files := map[string]string{}
	for i := range 20 {
		files[fmt.Sprintf("%d.md", i)] = clienttest.SlowText
	}
	res := on(t, srv, "add", write(t, files)).succeed(t)
	// All wait for one thing, which is told once: the figures alone differ.
	if n := strings.Count(res.stderr, " waits: openai/m: 429 until 12:03:10, "); n != 1 {
		t.Errorf("the reason is told %d times:\n%s", n, res.stderr)
	}
	if !strings.Contains(res.stderr, " texts ahead; done in about 0 s\n") {
		t.Errorf("it is not told when that is done:\n%s", res.stderr)
	}
}

func TestAddOfManyFiles(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	files := map[string]string{}
	for i := range 250 {
		files[strings.Repeat("x", i%50+1)+string(rune('a'+i/50))+".md"] = strings.Repeat("y", i+1)
	}
	dir := write(t, files)
	if r := add(t, srv, 0, dir, dir); r.Added != 250 {
		t.Errorf("first: %+v", r)
	}
	if r := add(t, srv, 0, "--jobs=64", dir); r.Unchanged != 250 {
		t.Errorf("second: %d unchanged", r.Unchanged)
	}
}

func TestTextsThatAreNoneAreUploaded(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	dir := write(t, map[string]string{
		"latin1.txt": "caf\xe9", "zero.md": "a\x00b", "bom.md": "\ufeff# A", "utf8.md": "café",
		"big.md": strings.Repeat("0123456789", maxInline/10+1),
	})
	if r := add(t, srv, 0, dir); r.Added != 5 {
		t.Errorf("first: %+v", r)
	}
	for _, m := range srv.Memos() {
		if want := map[bool]string{true: "plaintext", false: "document"}[m.Title == "utf8.md"]; m.Type != want {
			t.Errorf("%s is of type %s, want %s", m.Title, m.Type, want)
		}
	}
	if r := add(t, srv, 0, dir); r.Unchanged != 5 {
		t.Errorf("second: %+v", r)
	}
}

func TestTitles(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 300)
	tests := []struct{ name, text, want string }{
		{"a.md", "# Heron\n", "Heron"},
		{"a.md", "---\ntitle: x\n---\n\n#  The  *heron* ##\n# Second", "The *heron*"},
		{"a.md", "text\n## Second level", "a.md"},
		{"a.md", "#\n# \n", "a.md"},
		{"a.txt", "# not Markdown", "a.txt"},
		{"a.md", "# " + long, long[:127*2]},
		{"a.md", "# a\x1b[2Jb", "a[2Jb"},
	}
	for _, tt := range tests {
		if got := titleOf(tt.name, tt.text); got != tt.want {
			t.Errorf("titleOf(%q, %.20q) = %q, want %q", tt.name, tt.text, got, tt.want)
		}
	}
}

func TestReferencesOfLongPaths(t *testing.T) {
	t.Parallel()
	if got := pathRef("/a/ü.md"); got != "file:/a/ü.md" {
		t.Errorf("a short path: %q", got)
	}
	long := "/" + strings.Repeat("x", 300)
	a, b := pathRef(long+"a"), pathRef(long+"b")
	if a == b || len(a) > maxRef || !strings.HasPrefix(a, "file:sha256:") {
		t.Errorf("long paths: %q and %q", a, b)
	}
}

func TestNothingIsPrunedUnlessAllCouldBeRead(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	dir := write(t, map[string]string{"a.md": "a"})
	add(t, srv, 0, dir)
	s, c, _ := newSession(srv)
	sync := &syncer{client: c, session: s, jobs: 1}
	if err := sync.learn(t.Context()); err != nil {
		t.Fatal(err)
	}
	unread := &scanned{areas: []area{{folder: dir}}}
	if err := unread.walker(t.Context(), dir)(filepath.Join(dir, "closed"), nil, os.ErrPermission); err != nil {
		t.Fatal(err)
	}
	if got := sync.prune(t.Context(), unread); got != nil || len(srv.Memos()) != 1 {
		t.Errorf("pruned %+v", got)
	}
	if got := sync.prune(t.Context(), &scanned{areas: unread.areas}); len(got) != 1 || len(srv.Memos()) != 0 {
		t.Errorf("pruned %+v, want the one memo", got)
	}
}
