package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"kvasir/client"
	"kvasir/client/clienttest"
)

var update = flag.Bool("update", false, "rewrite testdata")

// A result is what a command left.
type result struct {
	status         int
	stdout, stderr string
}

// command runs a command line with a home of its own and no server.
func command(ctx context.Context, environ []string, args ...string) result {
	var stdout, stderr bytes.Buffer
	status := Main(ctx, Process{
		Args: args, Environ: append([]string{"HOME=/home/me"}, environ...),
		Stdin: strings.NewReader("What do ducks eat?\n"), Stdout: &stdout, Stderr: &stderr,
	})
	return result{status, stdout.String(), stderr.String()}
}

// on runs a command line against a server.
func on(t *testing.T, srv *clienttest.Server, args ...string) result {
	t.Helper()
	return command(t.Context(), []string{"KVASIR_URL=" + srv.URL, "KVASIR_API_KEY=" + clienttest.Key}, args...)
}

// succeed fails the test unless the command went well.
func (r result) succeed(t *testing.T) result {
	t.Helper()
	if r.status != exitOK {
		t.Fatalf("exit status %d:\n%s%s", r.status, r.stdout, r.stderr)
	}
	return r
}

// put adds a memo to a server, past the command line.
func put(t *testing.T, srv *clienttest.Server, title, content string) string {
	t.Helper()
	c := client.New(srv.URL, clienttest.Key, &client.Options{HTTPClient: srv.HTTP})
	id, err := c.CreateMemo(t.Context(), client.NewMemo{
		Title: title, Content: content, MemoOptions: client.MemoOptions{ReferenceID: "ref " + title, Source: "farm"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestHelp compares the help of every command with testdata/help.txtar; -update
// rewrites that.
func TestHelp(t *testing.T) {
	t.Parallel()
	const golden = "testdata/help.txtar"
	got := &txtar.Archive{}
	for _, line := range []string{
		"", "up", "serve", "add", "search", "ask", "status", "usage", "memo", "memo list", "memo get", "memo rm",
		"memo status", "memo retry", "memo original", "memo enrich", "processing", "events", "webhook", "webhook list",
		"webhook add", "webhook delete", "webhook test", "eval", "model", "model install", "model status", "bench", "bench provider",
		"bench dispatch", "version",
	} {
		r := command(t.Context(), nil, append(strings.Fields(line), "--help")...).succeed(t)
		if r.stderr != "" {
			t.Errorf("help of %q on stderr: %s", line, r.stderr)
		}
		got.Files = append(got.Files, txtar.File{Name: strings.TrimSpace("kvasir " + line), Data: []byte(r.stdout)})
	}
	compareGolden(t, golden, got)
}

// compareGolden compares texts with those of a file; -update rewrites that.
func compareGolden(t *testing.T, golden string, got *txtar.Archive) {
	t.Helper()
	text := txtar.Format(got)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(text)); diff != "" {
		t.Errorf("%s differs; go test -update rewrites it (-want +got):\n%s", golden, diff)
	}
}

func TestWithoutACommandThereIsHelp(t *testing.T) {
	t.Parallel()
	r := command(t.Context(), nil).succeed(t)
	if !strings.Contains(r.stdout, "Usage: kvasir <command>") {
		t.Errorf("stdout %q", r.stdout)
	}
}

func TestWrongCommandLines(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		environ []string
		args    []string
		want    []string
	}{
		{"no such command", nil, []string{"frobnicate"}, []string{"unexpected argument frobnicate", "See kvasir --help"}},
		{"nothing to look for", nil, []string{"search"}, []string{`expected "<query>"`}},
		{"no such option", nil, []string{"serve", "--fast"}, []string{"unknown flag --fast"}},
		{
			"a wrong configuration", []string{"LOG_LEVEL=loud", "EMBEDDING_VECTOR_DIMENSION=many", "OPENAI_BASE_URL=x"},
			[]string{"serve"},
			[]string{"EMBEDDING_VECTOR_DIMENSION: ", "\n        LOG_LEVEL: ", "\n        OPENAI_BASE_URL: "},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := command(t.Context(), tt.environ, tt.args...)
			if r.status != exitUsage || r.stdout != "" {
				t.Errorf("exit status %d, stdout %q", r.status, r.stdout)
			}
			for _, want := range tt.want {
				if !strings.Contains(r.stderr, want) {
					t.Errorf("stderr lacks %q:\n%s", want, r.stderr)
				}
			}
		})
	}
}

func TestAWrongVariableOfTheServerHindersNoOtherCommand(t *testing.T) {
	t.Parallel()
	command(t.Context(), []string{"LOG_LEVEL=loud", "EMBEDDING_VECTOR_DIMENSION=many"}, "version").succeed(t)
}

func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := taken.Addr().String()
	taken.Close()
	srv := clienttest.Start(t)
	tests := []struct {
		name    string
		environ []string
		want    string
	}{
		{
			"nobody listens", []string{"KVASIR_URL=http://" + nobody},
			"kvasir: no server at http://" + nobody + ": start one with kvasir serve, or set KVASIR_URL\n",
		},
		{"no such host", []string{"KVASIR_URL=http://kvasir.invalid"}, "http://kvasir.invalid cannot be reached"},
		{"no key", []string{"KVASIR_URL=" + srv.URL}, "set KVASIR_API_KEY"},
		{"a wrong key", []string{"KVASIR_URL=" + srv.URL, "KVASIR_API_KEY=sk_proj_0"}, "set KVASIR_API_KEY"},
		{"no address", []string{"KVASIR_URL=kvasir"}, "unsupported protocol scheme"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := command(t.Context(), tt.environ, "search", "ducks")
			if r.status != exitFailed || !strings.Contains(r.stderr, tt.want) || r.stdout != "" {
				t.Errorf("exit status %d, stdout %q, stderr %q, want %q", r.status, r.stdout, r.stderr, tt.want)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	if r := command(t.Context(), nil, "version").succeed(t); !strings.HasPrefix(r.stdout, "kvasir ") {
		t.Errorf("stdout %q", r.stdout)
	}
	if r := command(t.Context(), nil, "version", "--json").succeed(t); !strings.Contains(r.stdout, `"go": "go1.`) {
		t.Errorf("stdout %q", r.stdout)
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	id := put(t, srv, "Ducks\x1b[31m", "Ducks eat seeds.\x1b]0;owned\a\n\nThey also eat grass.")
	r := on(t, srv, "search", "ducks").succeed(t)
	want := "Ducks[31m (distance 0.500, memo " + id + ")\n  Ducks eat seeds.]0;owned They also eat grass.\n"
	if r.stdout != want {
		t.Errorf("stdout %q, want %q: without what changes a terminal", r.stdout, want)
	}
	if r := on(t, srv, "search", "--json", "ducks").succeed(t); !strings.Contains(r.stdout, `"memo_uuid": "`+id) {
		t.Errorf("JSON %s", r.stdout)
	}
	if r := on(t, srv, "search", "herons").succeed(t); r.stdout != "" || r.stderr != "Nothing fits.\n" {
		t.Errorf("for nothing: %+v", r)
	}
	if r := on(t, srv, "search", "--json", "herons").succeed(t); r.stdout != "{\n  \"results\": []\n}\n" {
		t.Errorf("JSON for nothing: %s", r.stdout)
	}
}

func TestMemoCommands(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	if r := on(t, srv, "memo", "list").succeed(t); r.stdout != "" || !strings.Contains(r.stderr, "kvasir add") {
		t.Errorf("list of nothing: %+v", r)
	}
	duck := put(t, srv, "Duck", "Ducks eat seeds.")
	bad := put(t, srv, "Bad", clienttest.FailingText)
	steps := []struct {
		args   string
		status int
		want   string // of stdout, or of stderr after a failure
	}{
		{"memo list", 0, duck + "  processing"},
		{"memo list --limit 1 --json", 0, `"title": "Bad"`},
		{"memo status " + duck, 0, "processing: processing, 0 of 1 passages\n"},
		{"memo status --wait " + duck, 0, "processed\n"},
		{"memo status --wait " + bad, 1, "process memo " + bad + ": " + clienttest.FailingText},
		{"memo status " + bad, 0, "error: " + clienttest.FailingText + "\n"},
		{"memo status --json " + bad, 0, `"error_reason": "` + clienttest.FailingText},
		{"memo retry " + bad, 0, "retrying " + bad + "\n"},
		{"memo retry " + duck, 1, "Memo is not in error"},
		{"memo get " + duck, 0, "Duck\nprocessed, 1 passages, farm, ref Duck\n\nDucks eat seeds.\n"},
		{"memo get --json " + duck, 0, `"content": "Ducks eat seeds."`},
		{"memo get --reference nothing", 1, "memo nothing: Memo not found"},
		{"memo rm " + duck + " " + bad, 0, "deleted " + duck + "\ndeleted " + bad + "\n"},
		{"memo rm " + duck, 1, "Memo not found"},
	}
	for _, step := range steps {
		r := on(t, srv, strings.Fields(step.args)...)
		said := r.stdout
		if step.status != 0 {
			said = r.stderr
		}
		if r.status != step.status || !strings.Contains(said, step.want) {
			t.Errorf("kvasir %s: exit status %d, said %q, want %d, %q", step.args, r.status, said, step.status,
				step.want)
		}
	}
}

func TestOutputThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	status := Main(t.Context(), Process{Args: []string{"version"}, Stdout: fullDisk{}, Stderr: &stderr})
	if status != exitFailed || !strings.Contains(stderr.String(), "disk is full") {
		t.Errorf("exit status %d, stderr %q", status, stderr.String())
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk is full") }

func TestInterrupted(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	dir := write(t, map[string]string{"a.md": "a"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := command(ctx, []string{"KVASIR_URL=" + srv.URL, "KVASIR_API_KEY=" + clienttest.Key}, "add", dir)
	if r.status != exitInterrupted || !strings.HasSuffix(r.stderr, "interrupted\n") {
		t.Errorf("%+v", r)
	}
}

// write makes a folder of files and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
