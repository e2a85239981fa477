package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/client"
	"kvasir/client/clienttest"
)

func TestDocumentCommands(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	dir := write(t, map[string]string{"page.html": "<p>Ducks"})
	file := filepath.Join(dir, "page.html")
	add(t, srv, 0, file)
	id := srv.Memos()[0].ID
	target := filepath.Join(dir, "copy.html")
	steps := []struct {
		args   string
		status int
		want   string // of stdout, or of stderr after a failure
	}{
		{"memo original -o - " + id, 0, "<p>Ducks"},
		{"memo original -o " + target + " " + id, 0, target + ", 8 bytes\n"},
		{"memo original -o " + target + " " + id, 1, "is there already"},
		{"memo original --force --json -o " + target + " " + id, 0, `"name": "page.html"`},
		{"memo original nothing", 1, "memo nothing: Memo not found"},
		{"memo enrich --aspects summary,context " + id, 0, "enriching " + id},
		{"memo enrich --aspects poems " + id, 2, "must be one of"},
		{"processing", 0, "passages  as the server has it\nenrich    nothing\n"},
		{"processing --enrich tags", 0, "enrich    tags\n"},
		{"processing --chunk-words 60", 0, "passages  about 60 words\nenrich    tags\n"},
		{"processing --reset --json", 0, "{}\n"},
		{"webhook list", 0, ""},
		{"webhook add --kinds failed,memo.processed https://broken.example", 0, "secret  whsec_"},
		{"webhook list", 0, "told up to 2  memo.failed,memo.processed  https://broken.example\n"},
		{"webhook list --json", 0, `"url": "https://broken.example"`},
		{"webhook test nothing", 1, "Webhook not found"},
		{"webhook delete nothing", 1, "Webhook not found"},
		{"events", 0, "memo.created    " + id + "  page.html\n"},
		{"events --json", 0, `"type":"memo.processed"`},
		{"events --after 2", 0, ""},
	}
	for _, step := range steps {
		r := on(t, srv, strings.Fields(step.args)...)
		said := r.stdout
		if step.status != 0 {
			said = r.stderr
		}
		if r.status != step.status || !strings.Contains(said, step.want) {
			t.Errorf("kvasir %s: exit status %d, said %q, want %d, %q", step.args, r.status, r.stdout+r.stderr, step.status,
				step.want)
		}
	}
	if text, err := os.ReadFile(target); err != nil || string(text) != "<p>Ducks" {
		t.Errorf("the copy is %q, %v", text, err)
	}
	if got := srv.Memos()[0].Enriched; len(got) != 2 || got[1] != "context" {
		t.Errorf("enriched %v", got)
	}
}

func TestAddSaysHowMemosAreProcessed(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	dir := write(t, map[string]string{"a.md": "a", "b.html": "<p>b"})
	add(t, srv, 0, "--chunk-words=50", "--enrich=summary,tags", dir)
	add(t, srv, 0, "--enrich=none", filepath.Join(write(t, map[string]string{"c.md": "c"}), "c.md"))
	want := []map[string]any{
		{"chunk_words": 50.0, "enrich": []any{"summary", "tags"}},
		{"chunk_words": 50.0, "enrich": []any{"summary", "tags"}}, {"enrich": []any{}},
	}
	var got []map[string]any
	for _, m := range srv.Memos() {
		got = append(got, m.Processing)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAWebhooksLife(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	said := on(t, srv, "webhook", "add", "https://example.com").succeed(t).stdout
	id := strings.Fields(said)[1]
	on(t, srv, "webhook", "test", id).succeed(t)
	on(t, srv, "webhook", "delete", id).succeed(t)
	if r := on(t, srv, "webhook", "list").succeed(t); r.stdout != "" || !strings.Contains(r.stderr, "webhook add") {
		t.Errorf("%+v", r)
	}
}

// A reader is interrupted once it has read a word.
type reader struct {
	strings.Builder
	word      string
	interrupt func()
}

func (r *reader) Write(p []byte) (int, error) {
	n, err := r.Builder.Write(p)
	if strings.Contains(r.String(), r.word) {
		r.interrupt()
	}
	return n, err
}

func TestEventsAreFollowedUntilInterrupted(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	put(t, srv, "Before", "is not shown")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &reader{word: "memo.created", interrupt: cancel}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { // until it follows
		for ctx.Err() == nil {
			put(t, srv, "Duck", "Ducks eat seeds.")
			time.Sleep(20 * time.Millisecond)
		}
	})
	status := Main(ctx, Process{
		Args: []string{"events", "-f"}, Environ: []string{"KVASIR_URL=" + srv.URL, "KVASIR_API_KEY=" + clienttest.Key},
		Stdout: out, Stderr: io.Discard,
	})
	if status != exitInterrupted || !regexp.MustCompile(`memo.created .* Duck\n`).MatchString(out.String()) ||
		strings.Contains(out.String(), "created    Before") {
		t.Errorf("exit status %d: %s", status, out)
	}
}

func TestOriginalsAreWrittenIntoThisFolderOnly(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"report.pdf": "report.pdf", "../../etc/passwd": "passwd", `C:\x\a b.pdf`: "a b.pdf", "": "original",
		"..": "original", "-rf": "rf", ".bashrc": "bashrc", "a\x00\nb.txt": "a b.txt",
	} {
		if got := localName(name); got != want {
			t.Errorf("localName(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestSteps(t *testing.T) {
	t.Parallel()
	tests := []struct {
		at   client.Progress
		want string
	}{
		{client.Progress{Stage: "fetching"}, "fetching"},
		{client.Progress{Stage: "parsing", PagesDone: 3, PagesTotal: 1200}, "parsing, 3 of 1,200 pages"},
		{client.Progress{Stage: "enriching", EnrichDone: 3, EnrichTotal: 4, ChunksTotal: 9}, "enriching, 3 of 4 texts"},
		{client.Progress{Stage: "embedding", ChunksDone: 0, ChunksTotal: 9, PagesTotal: 4}, "embedding, 0 of 9 passages"},
	}
	for _, tt := range tests {
		if got := stepOf(&tt.at); got != tt.want {
			t.Errorf("%+v is %q, want %q", tt.at, got, tt.want)
		}
	}
}

func TestWaitingByEvents(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	res := on(t, srv, "add", write(t, map[string]string{
		"good.md": "a", "bad.md": clienttest.FailingText, "slow.md": clienttest.SlowText,
	}))
	if res.status != exitFailed || !strings.Contains(res.stdout, "2 added, 1 failed") ||
		!strings.Contains(res.stderr, "bad.md: "+clienttest.FailingText) {
		t.Errorf("%+v", res)
	}
}

func TestWhatBreaksOffIsAskedFor(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	id := put(t, srv, "Duck", "Ducks eat seeds.")
	s, c, _ := newSession(srv)
	y := &syncer{client: c, session: s, jobs: 2, watcher: &watcher{broken: true, news: make(chan struct{})}}
	outcomes := []outcome{{Path: "a", MemoID: id, Action: actionAdded, open: true}}
	y.wait(t.Context(), "Processing", outcomes)
	if asked := srv.Memos()[0].Asked; asked < 2 || outcomes[0].Action != actionAdded {
		t.Errorf("asked %d times: %+v", asked, outcomes)
	}
}
