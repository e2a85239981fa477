package cli

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sync/errgroup"

	"kvasir"
	"kvasir/client"
	"kvasir/client/clienttest"
	"kvasir/internal/config"
)

// newSession returns a session whose output is kept.
func newSession(srv *clienttest.Server) (*session, *client.Client, *bytes.Buffer) {
	var out bytes.Buffer
	env := config.NewEnvironment(nil)
	s := &session{env: env, out: newScreen(&out, env), err: newScreen(io.Discard, env), http: srv.HTTP}
	return s, client.New(srv.URL, clienttest.Key, &client.Options{HTTPClient: srv.HTTP}), &out
}

func TestTheSampleIsLoadedOnceAndAskedAbout(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	s, c, out := newSession(srv)
	if err := s.demonstrate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{" added\n", "> " + firstQuestion, "[[1]]\n\nSources\n  [1] "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the first start does not print %q:\n%s", want, out)
		}
	}
	first := len(srv.Memos())
	out.Reset()
	if err := s.demonstrate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.HasSuffix(got, " unchanged\n") || len(srv.Memos()) != first {
		t.Errorf("the second start prints %q, and there are %d memos, were %d", got, len(srv.Memos()), first)
	}
}

func TestTheSampleStaysOutOfAProjectInUse(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	put(t, srv, "Ducks", "Ducks eat seeds.")
	s, c, out := newSession(srv)
	if err := s.demonstrate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if out.String() != "There are 1 memos.\n" || len(srv.Memos()) != 1 {
		t.Errorf("printed %q, and there are %d memos", out, len(srv.Memos()))
	}
}

func TestASampleThatFailsIsTold(t *testing.T) {
	t.Parallel()
	docs := fstest.MapFS{"doc/a.md": {Data: []byte("This " + clienttest.FailingText + ".")}}
	items, err := sample(docs)
	if err != nil || len(items) != 1 || items[0].ref != "kvasir-docs/doc/a.md" {
		t.Fatalf("sample() = %+v, %v", items, err)
	}
	srv := clienttest.Start(t)
	s, c, _ := newSession(srv)
	sync := &syncer{client: c, session: s, jobs: 1}
	outcomes := sync.upload(t.Context(), "Loading", items)
	sync.wait(t.Context(), "Processing", outcomes)
	if outcomes[0].Action != actionFailed || outcomes[0].Error != clienttest.FailingText {
		t.Errorf("outcome %+v", outcomes[0])
	}
}

func TestTheSampleIsThisRepositorysDocumentation(t *testing.T) {
	t.Parallel()
	items, err := sample(kvasir.Docs)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, it := range items {
		found[it.path] = true
	}
	for _, name := range []string{"README.md", "doc/architecture.md", "doc/decisions/0001-the-house.md"} {
		if !found[name] {
			t.Errorf("%s is not in the sample", name)
		}
	}
}

// A running command is one that serves, and is watched.
type running struct {
	stdout *io.PipeReader
	stderr bytes.Buffer
	seen   strings.Builder
	stop   func() int
}

// start runs a command that serves on a port of its own.
func start(t *testing.T, data string, environ []string, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{}
	out, w := io.Pipe()
	r.stdout = out
	var g errgroup.Group
	status := 0
	g.Go(func() error {
		status = Main(ctx, Process{
			Args:    append(args, "--listen=127.0.0.1:0", "--data="+data),
			Environ: append([]string{"HOME=" + data, "EMBEDDING_PROVIDER=none"}, environ...),
			Stdout:  w, Stderr: &r.stderr,
		})
		return w.Close()
	})
	r.stop = func() int {
		cancel()
		rest, _ := io.ReadAll(out) // until the command has ended
		r.seen.Write(rest)
		_ = g.Wait() // closing a pipe does not fail
		return status
	}
	t.Cleanup(func() { r.stop() })
	return r
}

// until reads stdout up to a line with the text, and returns what comes after
// it in that line.
func (r *running) until(t *testing.T, text string) string {
	t.Helper()
	line := make([]byte, 0, 256)
	for one := make([]byte, 1); ; {
		if _, err := r.stdout.Read(one); err != nil {
			r.stop()
			t.Fatalf("%q never came; exit:\n%s%s", text, r.seen.String(), r.stderr.String())
		}
		r.seen.Write(one)
		if line = append(line, one[0]); one[0] != '\n' {
			continue
		}
		if _, after, found := strings.Cut(string(line), text); found {
			return strings.TrimSpace(after)
		}
		line = line[:0]
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	r := start(t, data, nil, "serve")
	address := r.until(t, "Kvasir serves at ")
	key := r.until(t, "API key, shown this once: ")
	if !strings.HasPrefix(key, "sk_proj_") {
		t.Errorf("key %q", key)
	}
	second := command(t.Context(), []string{"EMBEDDING_PROVIDER=none"}, "serve", "--listen=127.0.0.1:0", "--data="+data)
	if second.status != exitFailed || !strings.Contains(second.stderr, "pid ") {
		t.Errorf("a second process on the folder: %+v", second)
	}
	port := strings.TrimPrefix(address, "http://")
	second = command(t.Context(), []string{"EMBEDDING_PROVIDER=none"}, "serve", "--listen="+port, "--data="+t.TempDir())
	if second.status != exitFailed || !strings.Contains(second.stderr, "choose another") {
		t.Errorf("a second process on the port: %+v", second)
	}
	dir := write(t, map[string]string{"heron.md": "# Heron\n\nHerons eat fish and frogs."})
	environ := []string{"KVASIR_URL=" + address, "KVASIR_API_KEY=" + key}
	command(t.Context(), environ, "add", dir).succeed(t)
	if found := command(t.Context(), environ, "search", "frogs").succeed(t); !strings.HasPrefix(found.stdout, "Heron ") {
		t.Errorf("search: %+v", found)
	}
	if status := r.stop(); status != exitOK {
		t.Errorf("exit status %d:\n%s", status, r.stderr.String())
	}

	again := start(t, data, nil, "serve")
	again.until(t, "Kvasir serves at ")
	if again.stop() != exitOK || strings.Contains(again.seen.String(), "sk_proj_") {
		t.Errorf("the second start prints:\n%s", again.seen.String())
	}
}

func TestUp(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	r := start(t, data, nil, "up")
	r.until(t, "API key: sk_proj_")
	r.until(t, "> "+firstQuestion)
	r.until(t, "Sources")
	r.until(t, "kvasir ask")
	if status := r.stop(); status != exitOK || !strings.Contains(r.stderr.String(), "Stopped.") {
		t.Errorf("exit status %d:\n%s", status, r.stderr.String())
	}
	if info, err := os.Stat(filepath.Join(data, keyFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v", info, err)
	}

	again := start(t, data, nil, "up")
	key := "sk_proj_" + again.until(t, "API key: sk_proj_")
	again.until(t, " unchanged")
	address := again.until(t, "KVASIR_URL=")
	once := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	c := client.New(address, key, &client.Options{HTTPClient: once})
	if page, err := c.ListMemos(t.Context(), client.PageRequest{}); err != nil || page.Count == 0 {
		t.Errorf("after the second start: %+v, %v", page, err)
	}
	if again.stop() != exitOK || strings.Contains(again.seen.String(), firstQuestion) {
		t.Errorf("the second start asks again:\n%s", again.seen.String())
	}
}
