package text

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

func read(t testing.TB, name, data string, limits Limits) (memo.Parsed, error) {
	t.Helper()
	return Read(t.Context(), name, strings.NewReader(data), int64(len(data)), limits)
}

func TestRead(t *testing.T) {
	t.Parallel()
	tests := []struct{ what, name, data, title, want string }{
		{"plain text", "a.txt", "\r\n /\\_/\\\r\n( o.o )\r\n\r\n# x", "", " /\\_/\\\n( o.o )\n\n# x\n"},
		{"an unknown end", "a.xyz", "x", "", "x\n"},
		{"Windows-1252", "a.txt", "Gr\xfc\xdfe", "", "Grüße\n"},
		{"Markdown", "a.md", "x\n\n# The *title* #\n\n# y", "The *title*", "x\n\n# The *title* #\n\n# y\n"},
		{"Markdown that is underlined", "a.md", "Title\n===\nx", "Title", "Title\n===\nx\n"},
		{"Markdown with metadata", "a.MD", "---\ntags: x\ntitle: \"T: a\"\n---\n# x", "T: a",
			"---\ntags: x\ntitle: \"T: a\"\n---\n# x\n"},
		{"Markdown with other metadata", "a.md", "---\ntags: x\n---\n# x", "x", "---\ntags: x\n---\n# x\n"},
		{"Markdown with code", "a.md", "```sh\n# x\n```\n# y", "y", "```sh\n# x\n```\n# y\n"},
		{"Markdown without a title", "a.md", "x\n---\n## y", "", "x\n---\n## y\n"},
		{"code", "a.PY", "# x\nprint(1)\n", "", "```python\n# x\nprint(1)\n```\n"},
		{"code that is indented", "a.go", "\n\tx()\n\n", "", "```go\n\tx()\n```\n"},
		{"code with a fence", "a.rs", "/// ```\n/// ````\n", "", "`````rust\n/// ```\n/// ````\n`````\n"},
		{"configuration", "a.yml", "# x\na: 1", "", "```yaml\n# x\na: 1\n```\n"},
		{
			"reStructuredText", "a.rst",
			"=====\nTitle\n=====\n\nText\n\nPart\n====\n\n# no\n\nSub part\n--------\n\nPart 2\n======\n\n----\n\nx\n",
			"Title", "# Title\n\nText\n\n## Part\n\n\\# no\n\n### Sub part\n\n## Part 2\n\n----\n\nx\n",
		},
		{
			"AsciiDoc", "a.adoc", "= Title\n:toc:\n\n== Part\n\n[source,go]\n----\nx\n----\n\n====\n", "Title",
			"# Title\n:toc:\n\n## Part\n\n[source,go]\n```\nx\n```\n\n====\n",
		},
		{"Org", "a.org", "#+TITLE: x\n* One\n** Two\n*bold* x\n", "One", "#+TITLE: x\n# One\n## Two\n*bold* x\n"},
		{
			"LaTeX", "a.tex", "\\title{A {\\TeX} file}\n\\section*{One}\n\\subsection[s]{Two} \\label{x}\n\\sectionmark{x}\n# 5",
			"A {\\TeX} file", "# A {\\TeX} file\n## One\n### Two\n\\sectionmark{x}\n\\# 5\n",
		},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			t.Parallel()
			got, err := read(t, test.name, test.data, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(memo.Parsed{Title: test.title, Text: test.want}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestExtensions(t *testing.T) {
	t.Parallel()
	all := Extensions()
	slices.Sort(all)
	if twice := slices.Compact(slices.Clone(all)); len(twice) != len(all) {
		t.Errorf("%d of %d extensions are there twice", len(all)-len(twice), len(all))
	}
	for _, extension := range all {
		if !strings.HasPrefix(extension, ".") || extension != strings.ToLower(extension) {
			t.Errorf("extension %q", extension)
		}
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	if _, err := read(t, "a.txt", " \n\x00", Limits{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("no text: %v", err)
	}
	if _, err := read(t, "a.txt", strings.Repeat("x", 2000), Limits{Text: 1000}); !fault.Is(err, fault.TooLarge) {
		t.Errorf("too much text: %v", err)
	}
	if _, err := read(t, "a.txt", strings.Repeat("x", 1000), Limits{Text: 1000}); err != nil {
		t.Errorf("as much text as allowed: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if _, err := Read(ctx, "a.txt", strings.NewReader("x"), 1, Limits{}); !errors.Is(err, why) {
		t.Errorf("error = %v, want %v", err, why)
	}
	if _, err := Read(t.Context(), "a.txt", broken{}, 10, Limits{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error = %v, want that of the file", err)
	}
}

// broken is a file that cannot be read.
type broken struct{}

func (broken) ReadAt([]byte, int64) (int, error) { return 0, io.ErrClosedPipe }

func FuzzRead(f *testing.F) {
	for _, name := range []string{"a.md", "a.py", "a.rst", "a.adoc", "a.tex", "a.org"} {
		f.Add(name, []byte("---\ntitle: x\n---\n= a\n\nb\n==\n\\section{x}\n* y\n```\n# z"))
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		got, err := Read(t.Context(), name, bytes.NewReader(data), int64(len(data)), Limits{Text: 1 << 20})
		if err == nil && (strings.TrimSpace(got.Text) == "" || !utf8.ValidString(got.Text)) {
			t.Errorf("Read(%q) = %q", data, got.Text)
		}
		if _, ok := errors.AsType[*fault.Fault](err); err != nil && !ok {
			t.Errorf("Read(%q): %v, which is no fault", data, err)
		}
	})
}
