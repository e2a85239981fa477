// Package markdown writes the Markdown that parsers produce.
package markdown

import (
	"strings"
	"unicode/utf8"

	"kvasir/internal/memo"
)

// A Writer joins blocks with one blank line between them. The zero value is ready
// for use.
type Writer struct {
	b     strings.Builder
	tight bool // the last block was a list item
	// Over is set once the text is longer than Max, if Max is not 0. What is
	// written after that is dropped.
	Over bool
	Max  int

	parts []memo.Part
	next  *memo.Part // begins with the next block
}

// Part says that what is written from now on belongs to the given part. A part
// without a block is left out.
func (w *Writer) Part(kind memo.PartKind, number int, name string) {
	w.next = &memo.Part{Kind: kind, Number: number, Name: OneLine(name)}
}

// Parsed returns what was written and its parts. Together they are the text from
// the first of them on.
func (w *Writer) Parsed(title string) memo.Parsed {
	text := w.String()
	if n := len(w.parts); n > 0 {
		w.parts[n-1].End = len(text)
	}
	return memo.Parsed{Title: OneLine(title), Text: text, Parts: w.parts}
}

// String returns what was written, with one line break at its end.
func (w *Writer) String() string {
	if w.b.Len() == 0 {
		return ""
	}
	return w.b.String() + "\n"
}

// Paragraph writes text as a paragraph. Its lines are kept.
func (w *Writer) Paragraph(text string) { w.block(escape(text), false) }

// Heading writes text, made one line, as a heading of level 1 to 6.
func (w *Writer) Heading(level int, text string) {
	if text = OneLine(text); text != "" {
		w.block(strings.Repeat("#", min(max(level, 1), 6))+" "+text, false)
	}
}

// Item writes text as an item of a list at depth 0 and more. The marker is "-" or
// a number with its point.
func (w *Writer) Item(depth int, marker, text string) {
	if text = strings.TrimSpace(text); text != "" {
		indent := strings.Repeat("  ", min(depth, 8))
		w.block(indent+marker+" "+strings.ReplaceAll(text, "\n", "\n"+indent+"  "), true)
	}
}

// Table writes rows as a table, the first as its header. Short rows are filled,
// unless that would make much of little.
func (w *Writer) Table(rows [][]string) {
	width, cells := 0, 0
	for _, row := range rows {
		width = max(width, len(row))
		cells += len(row)
	}
	if width == 0 {
		return
	}
	fill := width*len(rows) <= 4*cells+1000
	var b strings.Builder
	for i, row := range rows {
		for _, cell := range row {
			b.WriteString("| " + strings.ReplaceAll(OneLine(cell), "|", `\|`) + " ")
		}
		if fill {
			b.WriteString(strings.Repeat("|  ", width-len(row)))
		}
		b.WriteString("|\n")
		if i == 0 {
			b.WriteString(strings.Repeat("| --- ", width) + "|\n")
		}
	}
	w.block(strings.TrimSuffix(b.String(), "\n"), false)
}

// block writes one block. List items follow each other without a blank line.
func (w *Writer) block(text string, item bool) {
	text = strings.TrimRight(text, " \t\n")
	if strings.TrimSpace(text) == "" || w.Over {
		return
	}
	if w.Max > 0 && w.b.Len()+len(text)+2 > w.Max {
		w.Over = true
		return
	}
	switch {
	case w.b.Len() == 0:
	case item && w.tight:
		w.b.WriteString("\n")
	default:
		w.b.WriteString("\n\n")
	}
	if w.next != nil {
		w.next.Start = w.b.Len()
		if n := len(w.parts); n > 0 {
			w.parts[n-1].End = w.next.Start
		}
		w.parts, w.next = append(w.parts, *w.next), nil
	}
	w.b.WriteString(text)
	w.tight = item
}

// OneLine returns text with every run of white space made one space.
func OneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// escape keeps lines of plain text from being read as headings or code fences,
// which would change what stands below them.
func escape(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSpace(text)) {
		bare := strings.TrimLeft(line, " ")
		hashes := len(bare) - len(strings.TrimLeft(bare, "#"))
		next, _ := utf8.DecodeRuneInString(bare[hashes:])
		heading := hashes > 0 && hashes <= 6 && strings.ContainsRune(" \t\n", next)
		if heading || strings.HasPrefix(bare, "```") || strings.HasPrefix(bare, "~~~") {
			b.WriteString(`\`)
		}
		b.WriteString(bare)
	}
	return b.String()
}
