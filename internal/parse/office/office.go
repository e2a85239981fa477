// Package office reads the text of Word and PowerPoint files as Markdown: .docx and
// .pptx, which are ZIP archives of XML, and .doc, which is a file system of its own.
//
// The readers are small because they take text and leave looks: headings by style,
// lists, tables, slides in order, notes. What a tracked change deleted is left out.
//
// All of it is hostile until proven otherwise. An archive may unpack to [Limits]
// and no further, XML may nest so deep and no deeper, and every length and offset
// in a .doc is checked. Errors are faults in words for the person who brought the
// file, without its name.
package office

import (
	"cmp"
	"context"
	"io"

	"kvasir/internal/fault"
	"kvasir/internal/parse/markdown"
)

// Limits bound what a file may take. The zero value of a field means its default.
type Limits struct {
	Entries  int   // entries of an archive; 10,000
	Unpacked int64 // bytes of all entries that are read together; 256 MiB
	Ratio    int64 // unpacked bytes for each packed one, for entries over 1 MiB; 400
	Depth    int   // nesting of XML elements; 256
	Text     int   // bytes of the Markdown; 64 MiB
}

// withDefaults returns l with every field set.
func (l Limits) withDefaults() Limits {
	l.Entries = cmp.Or(max(l.Entries, 0), 10_000)
	l.Unpacked = cmp.Or(max(l.Unpacked, 0), 256<<20)
	l.Ratio = cmp.Or(max(l.Ratio, 0), 400)
	l.Depth = cmp.Or(max(l.Depth, 0), 256)
	l.Text = cmp.Or(max(l.Text, 0), 64<<20)
	return l
}

// A Kind is a kind of office file that can be read.
type Kind string

// The kinds, by what each is called.
const (
	Word       Kind = "Word document"
	PowerPoint Kind = "PowerPoint presentation"
	OldWord    Kind = "Word 97-2003 document"
)

// Text returns the text of the file of size bytes, which is of the given kind.
func Text(ctx context.Context, kind Kind, r io.ReaderAt, size int64, limits Limits) (string, error) {
	limits = limits.withDefaults()
	out := &markdown.Writer{Max: limits.Text}
	var err error
	switch kind {
	case OldWord:
		err = readDoc(ctx, r, size, out)
	default:
		var a *archive
		if a, err = openArchive(ctx, r, size, limits); err != nil {
			break
		}
		if kind == PowerPoint {
			err = readPptx(a, out)
		} else {
			err = readDocx(a, out)
		}
	}
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		return "", err
	case out.Over:
		return "", fault.New(fault.TooLarge, "The document has more text than allowed")
	case out.String() == "":
		return "", fault.New(fault.Invalid, "The document has no text")
	}
	return out.String(), nil
}

// damaged returns the fault of a file that cannot be read.
func damaged(cause error) error {
	return fault.Wrap(fault.Invalid, "The file is damaged and cannot be read", cause)
}
