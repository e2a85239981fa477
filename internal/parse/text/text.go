// Package text reads files that are text already: plain text and Markdown, source
// code and configuration, and light markup whose headings become those of Markdown.
//
// Plain text and Markdown stay as they are. Code becomes one block of code, fenced,
// so that its comments are not read as headings, and a chunk of it ends where a line
// does.
package text

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse/charset"
	"kvasir/internal/parse/markdown"
)

// Limits bound what a file may take. The zero value of a field means its default.
type Limits struct {
	Text int // bytes of the Markdown; 64 MiB
}

// Read reads a file of size bytes, whose name says in what language it is written.
func Read(ctx context.Context, name string, r io.ReaderAt, size int64, limits Limits) (memo.Parsed, error) {
	most := int64(cmp.Or(max(limits.Text, 0), 64<<20))
	decoded, err := charset.NewReader(r, size)
	if err != nil {
		return memo.Parsed{}, err
	}
	data, err := io.ReadAll(io.LimitReader(&reader{ctx.Err, decoded}, most+1))
	switch {
	case ctx.Err() != nil:
		return memo.Parsed{}, context.Cause(ctx)
	case err != nil:
		return memo.Parsed{}, fmt.Errorf("read the file: %w", err)
	case int64(len(data)) > most:
		return memo.Parsed{}, fault.New(fault.TooLarge, fmt.Sprintf("The file has more than %d MB of text", most>>20))
	}
	text := strings.Trim(charset.Clean(string(data)), "\n")
	if strings.TrimSpace(text) == "" {
		return memo.Parsed{}, fault.New(fault.Invalid, "The file has no text")
	}
	l := languageOf(path.Ext(name))
	switch l.kind {
	case code:
		return memo.Parsed{Text: fenced(l.name, text)}, nil
	case light:
		title, text := markup(l.name, text)
		return memo.Parsed{Title: title, Text: text}, nil
	case prose:
		return memo.Parsed{Title: titleOf(text), Text: text + "\n"}, nil
	}
	return memo.Parsed{Text: text + "\n"}, nil
}

// A reader stops when its context has ended.
type reader struct {
	ended func() error
	io.Reader
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if err := r.ended(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// fenced returns code as a block of code.
func fenced(language, text string) string {
	fence := markdown.Fence(text)
	return fence + language + "\n" + text + "\n" + fence + "\n"
}

// titleOf returns the title of Markdown: what a block of metadata at its top says, or
// the first heading of the first level.
func titleOf(text string) string {
	fence, front := "", strings.HasPrefix(text, "---\n")
	above := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case front:
			if value, ok := strings.CutPrefix(line, "title:"); ok {
				return strings.Trim(strings.TrimSpace(value), `"'`)
			}
			front = above == "" || line != "---" && line != "..."
			line = "---"
		case fence != "":
			if strings.HasPrefix(line, fence) {
				fence = ""
			}
		case strings.HasPrefix(line, "```"), strings.HasPrefix(line, "~~~"):
			fence = line[:3]
		case strings.HasPrefix(line, "# "):
			return strings.TrimSpace(strings.TrimRight(line[2:], "#"))
		case len(line) >= 3 && strings.Trim(line, "=") == "" && above != "":
			return above
		}
		above = line
	}
	return ""
}
