package data

import (
	"fmt"
	"strings"

	"kvasir/internal/parse/markdown"
)

const (
	deepest = 6   // level of a heading
	oneLine = 120 // bytes of a nested value that stands on a line
	// longest is how many bytes of a value too deep for headings are kept on a line.
	longest = 8 << 10
)

// A writer writes values.
type writer struct {
	out *markdown.Writer
}

// value writes a value below a heading of the level before.
func (w *writer) value(n node, level int) {
	switch n.kind {
	case scalar:
		w.out.Paragraph(n.text)
	case object:
		w.fields(n.items, level)
	case array:
		w.list(n, level)
	}
}

// fields writes what an object has: what is short first, as a heading takes all
// that comes after it.
func (w *writer) fields(items []node, level int) {
	var nested []node
	for _, item := range items {
		switch text, fits := item.line(level); {
		case text == "" && item.kind == scalar, item.kind != scalar && len(item.items) == 0: // says nothing
		case fits:
			w.out.Item(0, "-", item.key+": "+text)
		case item.kind == scalar:
			w.out.Paragraph(item.key + ":\n" + item.text)
		default:
			nested = append(nested, item)
		}
	}
	for _, item := range nested {
		w.out.Heading(level, item.key)
		w.value(item, level+1)
	}
}

// line returns a value as it stands on a line, and whether it may.
func (n node) line(level int) (string, bool) {
	if n.kind == scalar {
		return n.text, n.short()
	}
	if level > deepest {
		return n.inline(longest), true
	}
	text := n.inline(oneLine)
	return text, len(text) <= oneLine && !strings.Contains(text, "\n") && n.flat()
}

// flat reports whether a value has scalars only.
func (n node) flat() bool {
	for _, item := range n.items {
		if item.kind != scalar {
			return false
		}
	}
	return true
}

// list writes an array: as a table if its items are records of one kind, as a list
// if they are short, else as a section for each.
func (w *writer) list(n node, level int) {
	if t := tableOf(n.items); t != nil {
		for i, item := range n.items {
			if t.add(item, w) {
				continue
			}
			t.flush(w)
			w.sections(n.items[i:], i, level)
			return
		}
		t.flush(w)
		return
	}
	for i, item := range n.items {
		if _, fits := item.line(level); !fits && item.kind != scalar {
			w.sections(n.items[i:], i, level)
			return
		}
		w.item(item, level)
	}
}

// item writes a value as an item of a list.
func (w *writer) item(n node, level int) {
	text, _ := n.line(level)
	w.out.Item(0, "-", strings.Join(strings.Fields(text), " "))
}

// sections writes values of which number come before as sections.
func (w *writer) sections(items []node, number, level int) {
	for i, item := range items {
		w.record(item, number+i+1, level)
	}
}

// record writes the value with a number as a section of a level.
func (w *writer) record(n node, number, level int) {
	if n.kind == scalar || level > deepest {
		w.item(n, level)
		return
	}
	title := n.title()
	if title == "" {
		title = fmt.Sprintf("Record %d", number)
	}
	w.out.Heading(level, title)
	w.value(n, level+1)
}
