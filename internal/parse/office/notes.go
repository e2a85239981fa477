package office

import (
	"strconv"
	"strings"

	"kvasir/internal/parse/markdown"
)

// Notes are footnotes and endnotes, which stand at the end of the section that
// refers to them.
type notes struct {
	texts  map[noteKey]string
	labels map[noteKey]string // of those that the text refers to
	due    []noteKey          // those of the section
	feet   int                // footnotes so far
	ends   int                // endnotes so far
}

// A noteKey names a note in the file.
type noteKey struct{ kind, id string }

// mark returns what stands for a note in the text: its number as people see it,
// which is Roman for endnotes.
func (t *notes) mark(kind, id string) string {
	key := noteKey{kind, id}
	if t.texts[key] == "" {
		return ""
	}
	label := t.labels[key]
	if label == "" {
		if kind == "footnote" {
			t.feet++
			label = strconv.Itoa(t.feet)
		} else {
			t.ends++
			label = strings.ToLower(roman(t.ends))
		}
		t.labels[key] = label
		t.due = append(t.due, key)
	}
	return "[^" + label + "]"
}

// write writes the notes of a section.
func (t *notes) write(out *markdown.Writer) {
	for _, key := range t.due {
		out.Paragraph("[^" + t.labels[key] + "]: " + t.texts[key])
	}
	t.due = nil
}
