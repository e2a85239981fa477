package notebook

import (
	"strings"
	"unicode/utf8"

	"kvasir/internal/parse/charset"
)

// cut returns the beginning of an output that is too long, up to the end of a line.
func (w *writer) cut(text string) string {
	most := w.limits.Output
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	text = text[:most]
	if i := strings.LastIndexByte(text, '\n'); i > most/2 {
		text = text[:i]
	}
	return text + "\n…"
}

// printed returns what a terminal shows of text: without escapes, and of a line
// that was written again and again, as a progress bar is, the last.
func printed(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(text, "\r\n", "\n")) {
		line = strings.TrimRight(line, "\r\n")
		line = line[strings.LastIndexByte(line, '\r')+1:]
		b.WriteString(withoutEscapes(line) + "\n")
	}
	return charset.Clean(b.String())
}

// withoutEscapes drops the codes that colour a terminal.
func withoutEscapes(line string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(line, "\x1b")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		line = after
		if rest, ok := strings.CutPrefix(after, "["); ok {
			end := strings.IndexFunc(rest, func(r rune) bool { return r >= 0x40 && r <= 0x7e })
			line = rest[end+1:] // all of it, if there is no end
		}
	}
}

// withoutPictures drops what is written into the text as data: addresses, which is
// pictures, and keeps what they are called.
func withoutPictures(text string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(text, "data:")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		if !strings.Contains(after[:min(len(after), 100)], ";base64,") {
			b.WriteString("data:")
			text = after
			continue
		}
		end := strings.IndexFunc(after, func(r rune) bool {
			return r <= ' ' || strings.ContainsRune(`"'<>()`, r)
		})
		if end < 0 {
			end = len(after)
		}
		text = after[end:]
	}
}

// closed returns Markdown in which a block of code that was opened is closed, so
// that it ends with its cell.
func closed(text string) string {
	fence := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case fence == "" && strings.HasPrefix(line, "```"):
			fence = line[:len(line)-len(strings.TrimLeft(line, "`"))]
		case fence == "" && strings.HasPrefix(line, "~~~"):
			fence = line[:len(line)-len(strings.TrimLeft(line, "~"))]
		case fence != "" && strings.HasPrefix(line, fence) && strings.Trim(line, fence[:1]) == "":
			fence = ""
		}
	}
	if fence == "" {
		return text
	}
	return strings.TrimRight(text, "\n") + "\n" + fence
}
