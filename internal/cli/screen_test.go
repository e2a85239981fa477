package cli

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"kvasir/internal/config"
)

// onTerminal returns a session whose stderr is taken for a terminal.
func onTerminal() (*session, *bytes.Buffer) {
	var out bytes.Buffer
	return &session{err: &screen{w: &out, terminal: true, color: true}}, &out
}

func TestABarOnATerminal(t *testing.T) {
	t.Parallel()
	s, out := onTerminal()
	p := s.progress("Adding 3 files", 3, unitItems)
	p.add(1)
	p.note("%s is waiting", "a.md")
	p.add(2)
	p.finish()
	if !strings.Contains(out.String(), "\ra.md is waiting\n") || !strings.Contains(out.String(), "Adding 3 files") {
		t.Errorf("the bar and the note are %q", out)
	}
	if !strings.HasSuffix(out.String(), "\r") {
		t.Errorf("the bar stays: %q", out)
	}
}

func TestLinesElsewhere(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &session{err: newScreen(&out, config.NewEnvironment(nil))}
	p := s.progress("Fetching", 1000, unitBytes)
	for done := int64(0); done <= 1000; done += 50 {
		p.set(done)
	}
	p.finish()
	if got := strings.Count(out.String(), "\n"); got != 11 || !strings.HasSuffix(out.String(), "Fetching: 100 %\n") {
		t.Errorf("%d lines, want one and ten:\n%s", got, out.String())
	}
	out.Reset()
	s.progress("Nobody knows how long", 0, unitItems).set(5)
	if out.String() != "Nobody knows how long\n" {
		t.Errorf("a progress without an end prints %q", out.String())
	}
}

func TestColors(t *testing.T) {
	t.Parallel()
	s, _ := onTerminal()
	if got := s.err.bold("a") + s.err.dim("") + s.err.red("b"); got != "\x1b[1ma\x1b[0m\x1b[31mb\x1b[0m" {
		t.Errorf("styles are %q", got)
	}
	plain := newScreen(&bytes.Buffer{}, config.NewEnvironment(nil))
	if got := plain.bold("a"); got != "a" || plain.width() != 80 {
		t.Errorf("a file gets %q, and has %d columns", got, plain.width())
	}
}

func TestWrapped(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want string
	}{
		{"", ""},
		{"a b", "  a b"},
		{"one two three four", "  one two\n  three four"},
		{"a-word-that-is-too-long b", "  a-word-that-is-too-long\n  b"},
		{"é é é é é é é", "  é é é é é\n  é é"},
		{"tabs\tand\nlines", "  tabs and\n  lines"},
	}
	for _, tt := range tests {
		if got := wrapped(tt.text, "  ", 12); got != tt.want {
			t.Errorf("wrapped(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestCleanKeepsLettersAndDropsControls(t *testing.T) {
	t.Parallel()
	if got := clean("a\x1b[2J\x00\u009bb\r\n\tc\u202e漢"); got != "a[2Jb\n\tc漢" {
		t.Errorf("clean() = %q", got)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	late := fmt.Errorf("GET: %w", context.DeadlineExceeded)
	if got := explain(late); !strings.HasPrefix(got, "the server took too long") {
		t.Errorf("explain(%v) = %q", late, got)
	}
}
