package worker_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/fault"
	"kvasir/internal/parse"
	"kvasir/internal/parse/worker"
)

const child = "parse-worker"

func TestChildrenRead(t *testing.T) {
	t.Parallel()
	p := newPool(t, child, worker.Options{Workers: 2})
	var g errgroup.Group
	for i := range 10 {
		g.Go(func() error {
			want := fmt.Sprintf("# Page %d\n\nHello\n", i)
			got, err := read(t.Context(), p, "a.html", fmt.Sprintf("<title>Page %d</title><p>Hello", i))
			if err != nil || got.Text != want || got.Title != fmt.Sprint("Page ", i) {
				return fmt.Errorf("got %+v, %w; want %q", got, err, want)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

func TestPagesAndPartsComeFromChildren(t *testing.T) {
	t.Parallel()
	p := newPool(t, child, worker.Options{})
	const path = "../testdata/hello.pdf"
	absolute, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	body, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	info, err := body.Stat()
	if err != nil {
		t.Fatal(err)
	}
	var pages atomic.Int64
	got, err := p.Parse(t.Context(), parse.Input{
		Name: "hello.pdf", Content: body, Size: info.Size(), Path: absolute,
		Progress: func(done, total int) { pages.Store(int64(100*done + total)) },
	})
	if err != nil || !strings.Contains(got.Text, "Hello from a PDF.") || len(got.Parts) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	if pages.Load() != 101 {
		t.Errorf("progress = %d, want 101 for 1 of 1 pages", pages.Load())
	}
}

func TestTextNeedsNoChild(t *testing.T) {
	t.Parallel()
	p := newPool(t, "hang", worker.Options{})
	for _, name := range []string{"a.md", "a.txt", "a.go", "a.csv", "a.json"} {
		if _, err := read(t.Context(), p, name, `["hello", "there"]`); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := read(t.Context(), p, "a.pdf", "no PDF"); !fault.Is(err, fault.Invalid) {
		t.Errorf("error = %v, want one without a child", err)
	}
}

func TestWithoutACommandThereIsNoChild(t *testing.T) {
	t.Parallel()
	p := worker.New(worker.Options{})
	got, err := read(t.Context(), p, "a.html", "<p>Hello")
	if err != nil || got.Text != "Hello\n" {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestErrorsOfReadersComeAsTheyAre(t *testing.T) {
	t.Parallel()
	p := newPool(t, child, worker.Options{})
	for range 2 {
		_, err := read(t.Context(), p, "a.html", "<script>x</script>")
		if !fault.Is(err, fault.Invalid) || fault.Message(err) != "a.html has no text" {
			t.Errorf("error = %v", err)
		}
	}
}

// A child that goes wrong costs its document, which says so.
func TestChildrenThatGoWrong(t *testing.T) {
	t.Parallel()
	const crashed = "a.html cannot be read: the reader crashed"
	quick := worker.Options{Parse: parse.Options{Timeout: time.Millisecond}, Grace: 200 * time.Millisecond}
	for mode, test := range map[string]struct {
		opts  worker.Options
		kind  fault.Kind
		want  string
		cause string
	}{
		"hang":                {quick, fault.TooLarge, "a.html takes longer than 1ms to read", ""},
		"hangs-after-receipt": {quick, fault.TooLarge, "a.html takes longer than 1ms to read", ""},
		"overflow":            {worker.Options{}, fault.Invalid, crashed, "stack"},
		"nonsense":            {worker.Options{}, fault.Invalid, crashed, "not as agreed"},
		"huge":                {worker.Options{}, fault.Invalid, crashed, "not as agreed"},
		"ends":                {worker.Options{}, fault.Internal, "Internal error", "the parse worker is gone"},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, mode, test.opts)
			for range 2 {
				_, err := read(t.Context(), p, "a.html", "<p>Hello")
				if !fault.Is(err, test.kind) || fault.Message(err) != test.want || !strings.Contains(err.Error(), test.cause) {
					t.Errorf("error = %v, want %q because of %q", err, test.want, test.cause)
				}
			}
		})
	}
}

// A child that ends between two documents costs neither.
func TestChildrenThatEndWhileIdle(t *testing.T) {
	t.Parallel()
	p := newPool(t, "once", worker.Options{})
	for range 5 {
		if got, err := read(t.Context(), p, "a.html", "<p>Hello"); err != nil || got.Title != "once" {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

func TestAProgramThatIsNotThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := worker.New(worker.Options{Command: []string{filepath.Join(dir, "nothing"), child}, TempDir: dir})
	if _, err := read(t.Context(), p, "a.html", "<p>Hello"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("error = %v, want one to wait for", err)
	}
	if err := p.Close(t.Context()); err != nil || entries(t, dir) > 0 {
		t.Errorf("Close: %v, %d files left", err, entries(t, dir))
	}
}

func TestADocumentThatTakesTooMuchMemory(t *testing.T) {
	t.Parallel()
	p := newPool(t, child, worker.Options{Memory: 64 << 20})
	_, err := read(t.Context(), p, "a.html", strings.Repeat("<i>x</i> <b>y</b>\n", 400_000))
	if !fault.Is(err, fault.TooLarge) || fault.Message(err) != "a.html takes more memory than allowed (64 MiB)" {
		t.Errorf("error = %v", err)
	}
	if got, err := read(t.Context(), p, "b.html", "<p>Hello"); err != nil || got.Text != "Hello\n" {
		t.Errorf("after it: %+v, %v", got, err)
	}
}

// A child that is not needed goes.
func TestIdleChildrenLeave(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := worker.New(worker.Options{Command: []string{exe, child}, TempDir: dir, Idle: time.Millisecond})
	for range 2 {
		if _, err := read(t.Context(), p, "a.html", "<p>Hello"); err != nil {
			t.Fatal(err)
		}
		tick := time.NewTicker(10 * time.Millisecond)
		for entries(t, dir) > 0 { // each child has a folder
			select {
			case <-tick.C:
			case <-t.Context().Done():
				t.Fatal("the child stays")
			}
		}
		tick.Stop()
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// A child whose parent is gone ends, even if it is in the middle of a document that
// takes long.
func TestOrphansEnd(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "slow.html")
	slow := strings.Repeat("<i>x</i> <b>y</b>\n", 300_000)
	if err := os.WriteFile(path, []byte(slow), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, document := range []string{"", fmt.Sprintf(`{"Name":"slow.html","Path":%q,"Size":%d}`, path, len(slow))} {
		orphan := exec.CommandContext(t.Context(), exe, child)
		stdin, err := orphan.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := orphan.Start(); err != nil {
			t.Fatal(err)
		}
		frames := frame('s', `{"Memory":1073741824}`)
		if document != "" {
			frames += frame('d', document)
		}
		if _, err := io.WriteString(stdin, frames); err != nil {
			t.Fatal(err)
		}
		if err := stdin.Close(); err != nil {
			t.Fatal(err)
		}
		_ = orphan.Wait() // it ends, in whichever way
	}
}

// frame returns what a parent writes.
func frame(kind byte, data string) string {
	return string(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(data)))) + data
}

func TestChildrenSeeNoSecrets(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-secret")
	p := newPool(t, "environment", worker.Options{})
	_, err := read(t.Context(), p, "a.html", "<p>Hello")
	if err == nil || !strings.Contains(err.Error(), "environment:") || !strings.Contains(err.Error(), "TMPDIR=") {
		t.Fatalf("error = %v, want the environment", err)
	}
	for _, name := range []string{"OPENAI_API_KEY", "sk-secret"} {
		if strings.Contains(err.Error(), name) {
			t.Errorf("the child sees %s", name)
		}
	}
}

func TestParseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	p := newPool(t, "hangs-after-receipt", worker.Options{Workers: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var g errgroup.Group
	for range 3 { // one has the child, two wait for it
		g.Go(func() error {
			if _, err := read(ctx, p, "a.html", "<p>Hello"); !errors.Is(err, context.DeadlineExceeded) {
				return fmt.Errorf("error = %w, want the context's", err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

func TestADocumentThatCannotBeSpooled(t *testing.T) {
	t.Parallel()
	p := newPool(t, child, worker.Options{})
	bad := &failing{head: "<p>Hello", err: errors.New("disk on fire")}
	_, err := p.Parse(t.Context(), parse.Input{Name: "a.html", Content: bad, Size: 1 << 20})
	if !errors.Is(err, bad.err) || !fault.Is(err, fault.Internal) {
		t.Errorf("error = %v, want the reader's", err)
	}
}

// A failing file gives its first bytes and no more.
type failing struct {
	head string
	err  error
}

func (f *failing) ReadAt(p []byte, offset int64) (int, error) {
	if len(p) <= 4096 && offset == 0 {
		return copy(p, f.head+strings.Repeat(" ", len(p))), nil
	}
	return iotest.ErrReader(f.err).Read(p)
}

func TestAClosedPoolReadsNothing(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := worker.New(worker.Options{Command: []string{exe, child}, TempDir: t.TempDir()})
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := read(t.Context(), p, "a.html", "<p>Hello"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("error = %v", err)
	}
}

func BenchmarkStart(b *testing.B) {
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		p := worker.New(worker.Options{Command: []string{exe, child}})
		if _, err := read(b.Context(), p, "a.html", "<p>Hello"); err != nil {
			b.Fatal(err)
		}
		if err := p.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReuse(b *testing.B) {
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	p := worker.New(worker.Options{Command: []string{exe, child}})
	for b.Loop() {
		if _, err := read(b.Context(), p, "a.html", "<p>Hello"); err != nil {
			b.Fatal(err)
		}
	}
	if err := p.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}
