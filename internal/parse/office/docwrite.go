package office

import (
	"strings"

	"kvasir/internal/parse/markdown"
)

// A docWriter makes blocks of the characters of a Word 97-2003 document.
type docWriter struct {
	out   *markdown.Writer
	looks *looks
	most  int // bytes of text
	size  int

	paragraph strings.Builder
	fields    []bool // whether we are in the code of each field around us
	codes     int    // how many of them are true

	cell  []string // paragraphs of the open cell
	cells []string // of the open row
	rows  [][]string
}

// Marks that Word has between characters.
const (
	cellMark   = 0x07
	lineMark   = 0x0b
	pageMark   = 0x0c
	endMark    = 0x0d
	columnMark = 0x0e
	fieldMark  = 0x13 // a field begins with its code,
	shownMark  = 0x14 // goes on with what it shows,
	afterMark  = 0x15 // and ends
	hyphenMark = 0x1e // a hyphen that does not break
)

// put takes the next character, which is at a place of the stream. What a field
// shows stays; its code goes, and what was deleted.
func (w *docWriter) put(r rune, at int64) {
	w.size++
	switch n := len(w.fields); {
	case r == fieldMark:
		w.fields = append(w.fields, true)
		w.codes++
		return
	case (r == shownMark || r == afterMark) && n > 0:
		if w.fields[n-1] {
			w.codes--
		}
		w.fields[n-1] = false
		if r == afterMark {
			w.fields = w.fields[:n-1]
		}
		return
	case w.codes > 0, r != cellMark && w.looks.gone(at):
		return
	}
	switch {
	case r == cellMark:
		w.endCell(at)
	case r == endMark, r == pageMark, r == columnMark:
		w.end(at)
	case r == lineMark:
		w.paragraph.WriteByte('\n')
	case r == hyphenMark:
		w.paragraph.WriteByte('-')
	case r == '\t', r >= ' ':
		w.paragraph.WriteRune(r)
	}
}

// end ends a paragraph whose mark is at a place of the stream.
func (w *docWriter) end(at int64) {
	text := strings.TrimSpace(w.paragraph.String())
	w.paragraph.Reset()
	look := w.looks.at(at)
	if look.inTable {
		w.cell = append(w.cell, text)
		return
	}
	w.table()
	switch {
	case text == "":
	case look.heading > 0:
		w.out.Heading(look.heading, text)
	case look.list:
		w.out.Item(look.depth, "-", text)
	default:
		w.out.Paragraph(text)
	}
}

// endCell ends a cell, or a row, which ends with one more mark.
func (w *docWriter) endCell(at int64) {
	text := strings.TrimSpace(w.paragraph.String())
	w.paragraph.Reset()
	look := w.looks.at(at)
	if look.rowEnd || !look.known && text == "" && len(w.cell) == 0 && len(w.cells) > 0 {
		if len(w.cells) > 0 {
			w.rows = append(w.rows, w.cells)
		}
		w.cell, w.cells = nil, nil
		return
	}
	w.cells = append(w.cells, strings.TrimSpace(strings.Join(append(w.cell, text), "\n")))
	w.cell = nil
}

// table writes the rows before a paragraph outside of a table. A table of one column
// is only a frame.
func (w *docWriter) table() {
	if len(w.cell) > 0 {
		w.cells = append(w.cells, strings.Join(w.cell, "\n"))
	}
	if len(w.cells) > 0 {
		w.rows = append(w.rows, w.cells)
	}
	rows := w.rows
	w.cell, w.cells, w.rows = nil, nil, nil
	for _, row := range rows {
		if len(row) > 1 {
			w.out.Table(rows)
			return
		}
	}
	for _, row := range rows {
		w.out.Paragraph(row[0])
	}
}
