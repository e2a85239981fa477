// Package office reads office files as Markdown: those of Microsoft Office since 2007
// and of OpenDocument, which are ZIP archives of XML, and .doc, which is a file system
// of its own.
//
// The readers are small because they take what a person reads and leave looks:
// headings by style with their numbers, lists with their markers, tables, slides and
// sheets in order, notes. What a tracked change deleted, comments, and what stands at
// the top and bottom of every page are left out.
//
// All of it is hostile until proven otherwise. An archive may unpack to [Limits]
// and no further, what is repeated or merged a million times is not, and every length
// and offset in a .doc is checked. Errors are faults in words for the person who
// brought the file, without its name.
package office

import (
	"cmp"
	"context"
	"io"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse/archive"
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

// A Kind is a kind of office file that can be read.
type Kind string

// The kinds, by what each is called.
const (
	Word             Kind = "Word document"
	PowerPoint       Kind = "PowerPoint presentation"
	Excel            Kind = "Excel workbook"
	OldWord          Kind = "Word 97-2003 document"
	OpenText         Kind = "OpenDocument text"
	OpenSheet        Kind = "OpenDocument spreadsheet"
	OpenPresentation Kind = "OpenDocument presentation"
)

// Read reads the file of size bytes, which is of the given kind. If it has slides or
// sheets, they are parts, and progress is told how many of them are done; it may be
// nil.
func Read(
	ctx context.Context, kind Kind, r io.ReaderAt, size int64, limits Limits, progress func(done, total int),
) (memo.Parsed, error) {
	limits.Text = cmp.Or(max(limits.Text, 0), 64<<20)
	if progress == nil {
		progress = func(int, int) {}
	}
	out := &markdown.Writer{Max: limits.Text}
	title, err := read(ctx, kind, r, size, limits, &sink{out, progress})
	parsed := out.Parsed(title)
	switch {
	case ctx.Err() != nil:
		return memo.Parsed{}, context.Cause(ctx)
	case err != nil:
		return memo.Parsed{}, err
	case out.Over:
		return memo.Parsed{}, tooLong()
	case parsed.Text == "":
		return memo.Parsed{}, fault.New(fault.Invalid, "The document has no text")
	}
	return parsed, nil
}

// A sink takes what is read.
type sink struct {
	*markdown.Writer
	progress func(done, total int)
}

// read writes what a file says and returns its title.
func read(
	ctx context.Context, kind Kind, r io.ReaderAt, size int64, limits Limits, out *sink,
) (title string, err error) {
	if kind == OldWord {
		return "", readDoc(ctx, r, size, out.Writer)
	}
	a, err := archive.Open(ctx, r, size, archive.Limits{
		Entries: limits.Entries, Unpacked: limits.Unpacked, Ratio: limits.Ratio, Depth: limits.Depth,
	})
	if err != nil {
		return "", err
	}
	switch kind {
	case OpenText, OpenSheet, OpenPresentation:
		return readODF(a, kind, out)
	}
	p := &pack{Archive: a}
	switch kind {
	case PowerPoint:
		err = readPptx(p, out)
	case Excel:
		err = readXlsx(p, out)
	default:
		err = readDocx(p, out)
	}
	if err != nil {
		return "", err
	}
	return p.title()
}

// tooLong returns the fault of a file with too much text.
func tooLong() error { return fault.New(fault.TooLarge, "The document has more text than allowed") }

// damaged returns the fault of a file that cannot be read.
func damaged(cause error) error { return archive.Damaged(cause) }
