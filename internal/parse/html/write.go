package html

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const softHyphen = "\u00ad"

// maxIndent is how many lists and quotations in each other are shown as such.
const maxIndent = 8

// A writer writes Markdown. Words collect in a line, which a block ends.
type writer struct {
	max  int // bytes
	over bool
	stop func() error // of the context

	b       strings.Builder
	line    strings.Builder
	pending bool // a space comes before the next word of the line
	glue    bool // the next block continues the line
	indents []indent
	tight   bool // the last block was the line of an item
}

// An indent is what stands before the lines of a list's item or a quotation.
type indent struct {
	first, rest string
	used        bool // a block was written in it
}

// String returns what was written.
func (w *writer) String() string { return w.b.String() }

// word adds text to the line, its white space made single spaces.
func (w *writer) text(text string) {
	if w.line.Len() > w.max {
		w.over = true
		return
	}
	for text != "" {
		r, _ := utf8.DecodeRuneInString(text)
		if unicode.IsSpace(r) {
			w.space()
			text = strings.TrimLeftFunc(text, unicode.IsSpace)
			continue
		}
		end := strings.IndexFunc(text, unicode.IsSpace)
		if end < 0 {
			end = len(text)
		}
		w.raw(strings.ReplaceAll(text[:end], softHyphen, ""))
		text = text[end:]
	}
}

// space puts a space before the next word.
func (w *writer) space() { w.pending = w.line.Len() > 0 }

// raw adds a word to the line as it is.
func (w *writer) raw(word string) {
	if word == "" || w.line.Len() == 0 && (word == "^" || word == "↑") { // leads back from a footnote
		return
	}
	if w.pending {
		w.pending = false
		if !strings.HasSuffix(w.line.String(), "\n") {
			w.line.WriteByte(' ')
		}
	}
	w.line.WriteString(word)
	w.glue = false
}

// lineBreak ends a line within a paragraph.
func (w *writer) lineBreak() {
	w.pending = false
	if w.line.Len() > 0 {
		w.line.WriteByte('\n')
	}
}

// flush writes the line as a paragraph.
func (w *writer) flush() {
	if w.glue {
		return
	}
	text := w.take()
	if text != "" {
		w.block(escape(text))
	}
}

// take returns the line, and empties it.
func (w *writer) take() string {
	text := strings.TrimSpace(w.line.String())
	w.line.Reset()
	w.pending, w.glue = false, false
	return text
}

// heading writes a heading.
func (w *writer) heading(level int, text string) {
	if text = strings.Join(strings.Fields(text), " "); text != "" {
		w.block(strings.Repeat("#", level) + " " + text)
	}
}

// indent puts what the function writes into a list's item or a quotation.
func (w *writer) indent(first, rest string, write func()) {
	w.flush()
	deep := len(w.indents) >= maxIndent
	if !deep {
		w.indents = append(w.indents, indent{first: first, rest: rest})
	}
	write()
	w.flush()
	if !deep {
		w.indents = w.indents[:len(w.indents)-1]
	}
}

// block writes lines as a block, a blank line before it unless it begins an item
// after another.
func (w *writer) block(text string) {
	if text == "" || w.over || w.stop() != nil {
		return
	}
	item := false
	var before, first, rest strings.Builder
	for i, in := range w.indents {
		if in.first != "" {
			item = true
			first.WriteString(in.first)
			w.indents[i].first = ""
		} else {
			first.WriteString(in.rest)
		}
		if !item && in.used {
			before.WriteString(in.rest)
		}
		w.indents[i].used = true
		rest.WriteString(in.rest)
	}
	if w.b.Len() > 0 {
		w.b.WriteByte('\n')
		if !item || !w.tight {
			w.b.WriteString(strings.TrimRight(before.String(), " "))
			w.b.WriteByte('\n')
		}
	}
	prefix := first.String()
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			w.b.WriteByte('\n')
			prefix = rest.String()
		}
		w.b.WriteString(strings.TrimRight(prefix+line, " "))
	}
	w.tight = item
	w.over = w.b.Len() > w.max
}

// fence writes code.
func (w *writer) fence(language, code string) {
	fence := "```"
	for strings.Contains(code, fence) {
		fence += "`"
	}
	w.block(fence + language + "\n" + code + "\n" + fence)
}

// table writes rows as a table. Its first row is its header.
func (w *writer) table(rows [][]string) {
	if len(rows) == 0 {
		return
	}
	var b strings.Builder
	for i, row := range rows {
		for _, cell := range row {
			b.WriteString("| " + strings.ReplaceAll(cell, "|", `\|`) + " ")
		}
		b.WriteString("|\n")
		if i == 0 {
			b.WriteString(strings.Repeat("| --- ", len(row)) + "|\n")
		}
		if b.Len() > w.max {
			w.over = true
			return
		}
	}
	w.block(strings.TrimSuffix(b.String(), "\n"))
}

// escape keeps lines of a paragraph from being read as headings or code fences, which
// would change what stands below them.
func escape(text string) string {
	if !strings.ContainsAny(text, "#`~") {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		hashes := len(line) - len(strings.TrimLeft(line, "#"))
		if hashes > 0 && hashes <= 6 && (len(line) == hashes || line[hashes] == ' ') ||
			strings.HasPrefix(line, "```") || strings.HasPrefix(line, "~~~") {
			lines[i] = `\` + line
		}
	}
	return strings.Join(lines, "\n")
}

// itemMarker returns what stands before an item of an ordered list.
func itemMarker(number int) string { return strconv.Itoa(number) + ". " }
