package office

import (
	"cmp"
	"slices"
	"strings"

	"kvasir/internal/memo"
	"kvasir/internal/parse/markdown"
)

// A sheet is the grid of a workbook's sheet. Its tables are written as they end, so
// that no more than one of them is held.
type sheet struct {
	out   *sink
	rows  [][]gridCell // of the rows that follow each other without an empty one
	last  int          // the number of the last of them
	bytes int          // of the rows
}

// A gridCell is a cell that is not empty.
type gridCell struct {
	column int
	text   string
	number bool
}

// beginSheet begins a part for a sheet.
func beginSheet(out *sink, number int, name string, hidden bool) *sheet {
	out.Part(memo.PartSheet, number, name)
	if hidden {
		name += " (hidden)"
	}
	out.Heading(1, name)
	return &sheet{out: out}
}

// cell adds a cell. They come row by row, and from left to right.
func (s *sheet) cell(row, column int, text string, number bool) error {
	if text = markdown.OneLine(text); text == "" {
		return nil
	}
	if s.bytes += len(text) + 3; s.bytes > s.out.Max {
		return tooLong()
	}
	if len(s.rows) == 0 || row != s.last {
		if len(s.rows) > 0 && row > s.last+1 {
			if err := s.end(); err != nil {
				return err
			}
			s.bytes += len(text) + 3
		}
		s.rows = append(s.rows, nil)
		s.last = row
	}
	at := &s.rows[len(s.rows)-1]
	*at = append(*at, gridCell{column, text, number})
	return nil
}

// end writes the rows since the last empty one: a table for each group of columns
// between empty columns.
func (s *sheet) end() error {
	rows := s.rows
	s.rows, s.bytes = nil, 0
	used := map[int]bool{}
	for _, row := range rows {
		for _, cell := range row {
			used[cell.column] = true
		}
	}
	for _, span := range spans(used) {
		var block [][]gridCell
		for _, row := range rows {
			var cells []gridCell
			for _, cell := range row {
				if cell.column >= span[0] && cell.column < span[1] {
					cells = append(cells, cell)
				}
			}
			if len(cells) > 0 {
				block = append(block, cells)
			}
		}
		writeBlock(s.out, block, span)
		if s.out.Over {
			return tooLong()
		}
	}
	return nil
}

// spans returns the groups of columns that follow each other, from the first up to
// but without the last.
func spans(used map[int]bool) [][2]int {
	var spans [][2]int
	for column := range used {
		if used[column-1] {
			continue
		}
		end := column
		for used[end] {
			end++
		}
		spans = append(spans, [2]int{column, end})
	}
	slices.SortFunc(spans, func(a, b [2]int) int { return cmp.Compare(a[0], b[0]) })
	return spans
}

// writeBlock writes one table of a sheet. What stands alone in the rows above it
// names it. A sheet with hardly a cell in each row is written as lines.
func writeBlock(out *sink, rows [][]gridCell, span [2]int) {
	width := span[1] - span[0]
	for len(rows) > 0 && (len(rows[0]) == 1 && (width > 1 || len(rows) == 1)) && !rows[0][0].number {
		out.Paragraph(rows[0][0].text)
		rows = rows[1:]
	}
	cells := 0
	for _, row := range rows {
		cells += len(row)
	}
	if len(rows) == 0 {
		return
	}
	if width*len(rows) > 50*cells+10_000 || width == 1 {
		var lines []string
		for _, row := range rows {
			var texts []string
			for _, cell := range row {
				texts = append(texts, cell.text)
			}
			lines = append(lines, strings.Join(texts, "; "))
		}
		out.Paragraph(strings.Join(lines, "\n"))
		return
	}
	var table [][]string
	if !header(rows[0], width) {
		table = append(table, make([]string, width))
	}
	for _, row := range rows {
		texts := make([]string, width)
		for _, cell := range row {
			texts[cell.column-span[0]] = cell.text
		}
		table = append(table, texts)
	}
	out.Table(table)
}

// header reports whether a row names the columns of a table: it has a text, or years,
// for most of them.
func header(row []gridCell, width int) bool {
	words := 0
	for _, cell := range row {
		if !cell.number || isYear(cell.text) {
			words++
		}
	}
	return words*2 > len(row) && len(row)*2 >= width
}

// isYear reports whether a number may be a year.
func isYear(text string) bool { return len(text) == 4 && (text[:2] == "19" || text[:2] == "20") }
