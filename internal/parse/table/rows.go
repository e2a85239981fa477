package table

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"kvasir/internal/fault"
)

// maxStrays is how many quotes may open a cell and never close it before quotes
// mean nothing in this file.
const maxStrays = 4

// rows reads one row after another. A row is a line, or several if a cell in quotes
// has line breaks.
type rows struct {
	lines     *bufio.Reader
	delimiter byte
	limits    Limits
	number    int      // of lines read
	back      []string // lines that were read too far
	strays    int      // quotes that did not close
}

// next returns the cells of the next row, with io.EOF after the last.
func (r *rows) next() ([]string, error) {
	first, err := r.line()
	if err != nil {
		return nil, err
	}
	if r.strays >= maxStrays || !open(first, r.delimiter, false) {
		return split(first, r.delimiter, r.strays < maxStrays), nil
	}
	lines, size := []string{first}, len(first)
	for size <= r.limits.Row {
		line, err := r.line()
		switch {
		case errors.Is(err, io.EOF):
			return r.stray(lines), nil
		case err != nil:
			return nil, err
		}
		lines = append(lines, line)
		size += len(line)
		if !open(line, r.delimiter, true) {
			return split(strings.Join(lines, "\n"), r.delimiter, true), nil
		}
	}
	return r.stray(lines), nil
}

// stray returns the first of the lines as a row in which quotes are characters. The
// others are read again.
func (r *rows) stray(lines []string) []string {
	r.strays++
	r.back = append(lines[1:len(lines):len(lines)], r.back...)
	return split(lines[0], r.delimiter, false)
}

// line returns the next line without its line break.
func (r *rows) line() (string, error) {
	if len(r.back) > 0 {
		line := r.back[0]
		r.back = r.back[1:]
		return line, nil
	}
	r.number++
	var line []byte
	for {
		piece, err := r.lines.ReadSlice('\n')
		line = append(line, piece...)
		switch {
		case len(line) > r.limits.Row:
			return "", fault.New(fault.TooLarge,
				fmt.Sprintf("Line %d is longer than %d bytes", r.number, r.limits.Row))
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) > 0:
		case err != nil:
			return "", err
		}
		return strings.TrimRight(string(line), "\r\n"), nil
	}
}

// open reports whether a cell in quotes is open after a line, which may begin in one.
func open(line string, delimiter byte, quoted bool) bool {
	start := !quoted // of a cell
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quoted && c == '"' && i+1 < len(line) && line[i+1] == '"':
			i++
		case quoted && c == '"' && (i+1 == len(line) || line[i+1] == delimiter || line[i+1] == ' '):
			quoted = false
		case quoted:
		case c == delimiter:
			start = true
		case c == '"' && start:
			quoted, start = true, false
		case c != ' ':
			start = false
		}
	}
	return quoted
}

// split cuts a row into cells. A quote in the middle of a cell is a character.
func split(line string, delimiter byte, quotes bool) []string {
	var cells []string
	for {
		rest := strings.TrimLeft(line, " ")
		if !quotes || !strings.HasPrefix(rest, `"`) {
			cell, after, more := strings.Cut(line, string(delimiter))
			cells = append(cells, strings.TrimSpace(cell))
			if !more {
				return cells
			}
			line = after
			continue
		}
		cell, after := unquote(rest[1:], delimiter)
		cell2, after, more := strings.Cut(after, string(delimiter))
		cells = append(cells, strings.TrimSpace(cell+cell2))
		if !more {
			return cells
		}
		line = after
	}
}

// unquote returns what is before the closing quote, and what comes after it.
func unquote(text string, delimiter byte) (cell, after string) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '"' {
			b.WriteByte(text[i])
			continue
		}
		switch {
		case i+1 < len(text) && text[i+1] == '"':
			i++
		case i+1 == len(text) || text[i+1] == delimiter || text[i+1] == ' ' || text[i+1] == '\n':
			return b.String(), text[i+1:]
		}
		b.WriteByte('"')
	}
	return b.String(), ""
}
