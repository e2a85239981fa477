package markdown

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Cell is a cell of a table that may span several columns and rows.
type Cell struct {
	Text          string
	Columns, Rows int // 0 and 1 mean one
}

// maxSpan is how many rows or columns a cell may span.
const maxSpan = 1000

// Expand returns a table in which each cell stands in every row and column that it
// spans, so that each row can be read alone. The first headers rows become one, which
// comes first; without any, a row that looks like names of columns does, else that row
// is empty, as it is if headers is below 0. Empty rows and columns are left out. It reports false if the table would
// be longer than limit bytes.
func Expand(rows [][]Cell, headers, limit int) ([][]string, bool) {
	g := grid{limit: limit, above: map[int]above{}}
	for i, row := range rows {
		if !g.add(row, i < headers) {
			return nil, false
		}
	}
	return g.table(headers), true
}

// A grid is a table of which every cell is one column wide and one row high.
type grid struct {
	limit int
	rows  [][]string
	above map[int]above // what rows above put into columns of the next
	bytes int
	cells int // of the grid
	given int // of the table
}

// An above is a cell that reaches into rows below.
type above struct {
	text string
	rows int
}

// put adds a cell to a row. It reports false if the grid is too large.
func (g *grid) put(row *[]string, text string) bool {
	*row = append(*row, text)
	g.cells++
	g.bytes += len(text) + 3
	return g.bytes <= g.limit && g.cells <= 100*g.given+10_000
}

// fill puts what rows above reach into the next columns of a row, and notes in below
// what reaches further.
func (g *grid) fill(row *[]string, below map[int]above) bool {
	for {
		a, ok := g.above[len(*row)]
		if !ok {
			return true
		}
		if a.rows > 1 {
			below[len(*row)] = above{a.text, a.rows - 1}
		}
		if !g.put(row, a.text) {
			return false
		}
	}
}

// add adds a row. It reports false if the grid is too large.
func (g *grid) add(cells []Cell, header bool) bool {
	g.given += len(cells)
	row, below := []string{}, map[int]above{}
	for _, cell := range cells {
		if !g.fill(&row, below) {
			return false
		}
		text := cell.Text
		for range min(max(cell.Columns, 1), maxSpan) {
			if cell.Rows > 1 {
				below[len(row)] = above{text, min(cell.Rows, maxSpan) - 1}
			}
			if !g.put(&row, text) {
				return false
			}
			if len(cells) == 1 && !header { // it names the rows below it
				text = ""
			}
		}
	}
	if !g.fill(&row, below) {
		return false
	}
	g.above = below
	g.rows = append(g.rows, row)
	return true
}

// table returns the grid's header and the rows below it.
func (g *grid) table(headers int) [][]string {
	var used []bool
	for _, row := range g.rows {
		for i, cell := range row {
			if i == len(used) {
				used = append(used, false)
			}
			used[i] = used[i] || cell != ""
		}
	}
	named := min(max(headers, 0), len(g.rows))
	header, body := joined(g.rows[:named], len(used)), g.rows[named:]
	if headers == 0 && namesColumns(body) {
		header, body = body[0], body[1:]
	}
	out := [][]string{pick(header, used)}
	for _, row := range body {
		if cells := pick(row, used); strings.Join(cells, "") != "" {
			out = append(out, cells)
		}
	}
	if len(out[0]) == 0 {
		return nil
	}
	return out
}

// joined returns several rows of headers as one.
func joined(rows [][]string, width int) []string {
	header := make([]string, width)
	for _, row := range rows {
		for i, cell := range row {
			if cell != header[i] && !strings.HasSuffix(header[i], " "+cell) {
				header[i] = strings.TrimSpace(header[i] + " " + cell)
			}
		}
	}
	return header
}

// pick returns the cells in used columns.
func pick(row []string, used []bool) []string {
	var cells []string
	for i, ok := range used {
		switch {
		case ok && i < len(row):
			cells = append(cells, row[i])
		case ok:
			cells = append(cells, "")
		}
	}
	return cells
}

// namesColumns reports whether the first of the rows looks like names of columns:
// short, different, without digits and the ends of sentences, and not the only row.
// The name of the first column may be missing.
func namesColumns(rows [][]string) bool {
	if len(rows) < 2 || len(rows[0]) != len(rows[1]) {
		return false
	}
	seen := map[string]bool{}
	for i, cell := range rows[0] {
		if cell == "" && (i > 0 || len(rows[0]) == 1) || seen[cell] || utf8.RuneCountInString(cell) > 40 || strings.HasSuffix(cell, ":") ||
			strings.HasSuffix(cell, ".") || strings.ContainsFunc(cell, unicode.IsDigit) {
			return false
		}
		seen[cell] = true
	}
	return true
}
