// Package table reads CSV and TSV files as Markdown tables.
//
// Nobody says how such a file is written, so its beginning is looked at: the
// delimiter is the one that cuts most rows into the same number of cells, and the
// first row is the header unless it has values in it as the rows below do. Rows
// that are too short or too long are kept, and quotes that never close are
// characters.
//
// The file is read as a stream: in memory are its beginning and the text made of it.
package table

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse/charset"
	"kvasir/internal/parse/markdown"
)

// Limits bound what a file may take. The zero value of a field means its default.
type Limits struct {
	Text    int // bytes of the Markdown; 64 MiB
	Row     int // bytes of a row; 4 MiB
	Columns int // cells of a row; 10,000
}

// withDefaults returns l with every field set.
func (l Limits) withDefaults() Limits {
	l.Text = cmp.Or(max(l.Text, 0), 64<<20)
	l.Row = cmp.Or(max(l.Row, 0), 4<<20)
	l.Columns = cmp.Or(max(l.Columns, 0), 10_000)
	return l
}

// sampleRows is how many rows say what the rest is like.
const sampleRows = 100

// Read reads a file of size bytes.
func Read(ctx context.Context, r io.ReaderAt, size int64, limits Limits) (memo.Parsed, error) {
	limits = limits.withDefaults()
	text, err := charset.NewReader(r, size)
	if err != nil {
		return memo.Parsed{}, err
	}
	buffered := bufio.NewReaderSize(text, headSize)
	head, _ := buffered.Peek(headSize) // what is wrong with it, reading it tells
	delimiter, told := sniff(string(head))
	rows := &rows{lines: buffered, delimiter: delimiter, limits: limits}
	if told {
		if _, err := rows.line(); err != nil {
			return memo.Parsed{}, err
		}
	}
	w := &writer{limits: limits}
	for {
		row, err := rows.next()
		if err == nil && rows.number%256 == 0 {
			err = context.Cause(ctx)
		}
		switch {
		case err == io.EOF:
			return w.parsed()
		case err != nil:
			return memo.Parsed{}, err
		}
		if err := w.add(row); err != nil {
			return memo.Parsed{}, err
		}
	}
}

// A writer writes rows as a table. It holds back the first ones until it knows how
// wide the table is and whether it has a header.
type writer struct {
	limits Limits
	held   [][]string
	begun  bool
	width  int
	b      strings.Builder
}

// add takes the next row. Rows of empty cells are left out.
func (w *writer) add(row []string) error {
	for len(row) > 0 && row[len(row)-1] == "" {
		row = row[:len(row)-1]
	}
	switch {
	case len(row) == 0:
		return nil
	case len(row) > w.limits.Columns:
		return fault.New(fault.TooLarge, fmt.Sprintf("A row has more than %d cells", w.limits.Columns))
	case w.begun:
		return w.write(row)
	}
	w.held = append(w.held, row)
	if len(w.held) < sampleRows {
		return nil
	}
	return w.begin()
}

// begin writes what was held back.
func (w *writer) begin() error {
	w.begun = true
	for _, row := range w.held {
		w.width = max(w.width, len(row))
	}
	rows := w.held
	w.held = nil
	// Rows of one cell above a table are its title and notes.
	for len(rows) > 1 && w.width > 1 && len(rows[0]) == 1 && !strings.ContainsAny(rows[0][0][:1], "#`~") {
		w.b.WriteString(markdown.OneLine(rows[0][0]) + "\n\n")
		rows = rows[1:]
	}
	header, rows := headerOf(rows, w.width)
	for i, name := range header {
		header[i] = cmp.Or(markdown.OneLine(name), fmt.Sprintf("Column %d", i+1))
	}
	if err := w.write(header); err != nil {
		return err
	}
	w.b.WriteString(strings.Repeat("| --- ", w.width) + "|\n")
	for _, row := range rows {
		if err := w.write(row); err != nil {
			return err
		}
	}
	return nil
}

// cheap is how many empty cells a row is filled up with, whatever it has.
const cheap = 64

// write writes a row.
func (w *writer) write(row []string) error {
	for _, cell := range row {
		w.b.WriteString("| ")
		if cell = markdown.OneLine(cell); cell != "" {
			w.b.WriteString(strings.ReplaceAll(cell, "|", `\|`) + " ")
		}
	}
	if missing := w.width - len(row); missing > 0 && missing <= max(cheap, 4*len(row)) {
		w.b.WriteString(strings.Repeat("| ", missing))
	}
	w.b.WriteString("|\n")
	if w.b.Len() > w.limits.Text {
		return fault.New(fault.TooLarge, fmt.Sprintf("The table has more than %d MB of text", w.limits.Text>>20))
	}
	return nil
}

// parsed returns what was written.
func (w *writer) parsed() (memo.Parsed, error) {
	if !w.begun && len(w.held) > 0 {
		if err := w.begin(); err != nil {
			return memo.Parsed{}, err
		}
	}
	if w.b.Len() == 0 {
		return memo.Parsed{}, fault.New(fault.Invalid, "The table has no cells")
	}
	return memo.Parsed{Text: charset.Clean(w.b.String())}, nil
}
