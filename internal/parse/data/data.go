// Package data reads JSON, and JSON of one value a line, as Markdown that people
// can read.
//
// Records with the same few keys become a table. Others become a section each, with
// a list of "key: value" for what is short, a paragraph for what is long, and
// headings for what has parts of its own, as deep as headings go; below that a value
// stands on one line. Numbers stay as they are spelled, and keys that come twice are
// there twice.
//
// The records of a file are read one after another, so a file of many small ones
// takes little memory.
package data

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse/charset"
	"kvasir/internal/parse/markdown"
)

// Limits bound what a file may take. The zero value of a field means its default.
type Limits struct {
	Text   int // bytes of the Markdown; 64 MiB
	Depth  int // of values in values; 500
	Values int // of one record, or of a file that is one; 2,000,000
}

// withDefaults returns l with every field set.
func (l Limits) withDefaults() Limits {
	l.Text = cmp.Or(max(l.Text, 0), 64<<20)
	l.Depth = cmp.Or(max(l.Depth, 0), 500)
	l.Values = cmp.Or(max(l.Values, 0), 2_000_000)
	return l
}

// Read reads a file of size bytes.
func Read(ctx context.Context, r io.ReaderAt, size int64, limits Limits) (memo.Parsed, error) {
	limits = limits.withDefaults()
	text, err := charset.NewReader(r, size)
	if err != nil {
		return memo.Parsed{}, err
	}
	decoder := json.NewDecoder(text)
	decoder.UseNumber()
	d := &document{
		source: &source{ended: func() error { return context.Cause(ctx) }, decoder: decoder, limits: limits, keys: map[string]string{}},
		w:      writer{out: &markdown.Writer{Max: limits.Text}},
	}
	if err := d.read(); err != nil {
		return memo.Parsed{}, err
	}
	switch {
	case d.w.out.Over:
		return memo.Parsed{}, fault.New(fault.TooLarge, fmt.Sprintf("The file has more than %d MB of text", limits.Text>>20))
	case d.w.out.String() == "":
		return memo.Parsed{}, fault.New(fault.Invalid, "The file has no values")
	}
	parsed := d.w.out.Parsed(d.title)
	parsed.Text = charset.Clean(parsed.Text)
	return parsed, nil
}

// A document is the file: one value, or records.
type document struct {
	source *source
	w      writer
	title  string
	held   []node // the first records, until it is known what they are like
	table  *table // of the records, if they are of that kind
	number int    // of records written
}

// heldRecords is how many records say what the others are like.
const heldRecords = 200

// read reads the file. An array at its top, and values one after another, are
// records.
func (d *document) read() error {
	first, err := d.source.next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	second, err := d.source.next()
	if errors.Is(err, io.EOF) && !d.source.array {
		d.single(first)
		return nil
	}
	d.held = append(d.held, first)
	for ; err == nil; second, err = d.source.next() {
		if d.w.out.Over {
			return nil
		}
		d.record(second)
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	d.decide()
	if d.table != nil {
		d.table.flush(&d.w)
	}
	return nil
}

// single writes a file that is one value.
func (d *document) single(n node) {
	level := 1
	if d.title = n.title(); d.title != "" {
		d.w.out.Heading(1, d.title)
		level = 2
	}
	d.w.value(n, level)
}

// record takes the next record.
func (d *document) record(n node) {
	if d.number == 0 {
		if d.held = append(d.held, n); len(d.held) >= heldRecords {
			d.decide()
		}
		return
	}
	d.write(n)
}

// decide writes the records that were held back, as the table they make or one by
// one.
func (d *document) decide() {
	held := d.held
	d.held = nil
	if len(held) > 0 {
		d.table = tableOf(held)
	}
	for _, n := range held {
		d.write(n)
	}
}

// write writes a record. One that does not fit ends the table.
func (d *document) write(n node) {
	d.number++
	if d.table != nil {
		if d.table.add(n, &d.w) {
			return
		}
		d.table.flush(&d.w)
		d.table = nil
	}
	d.w.record(n, d.number, 1)
}
