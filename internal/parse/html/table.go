package html

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// A row is a row of a table in the page.
type row struct {
	cells  []*html.Node
	header bool // marked as such
}

// tableOf writes a table of data, and what is in a table that only lays out a page
// one after the other.
func (w *writer) tableOf(n *html.Node) {
	rows, others := rowsOf(n)
	for _, other := range others {
		w.node(other)
		w.flush()
	}
	if isLayout(n, rows) {
		for _, row := range rows {
			for _, cell := range row.cells {
				w.children(cell)
				w.flush()
			}
		}
		return
	}
	var grid grid
	headers := 0
	for i, row := range rows {
		texts := make([]string, len(row.cells))
		for j, cell := range row.cells {
			texts[j] = w.inline(cell)
		}
		if !grid.add(row.cells, texts, row.header, w.max) {
			w.over = true
			return
		}
		if row.header && headers == i {
			headers++
		}
	}
	w.gridTable(grid.rows, headers)
}

// rowsOf returns the rows of a table, and what else is in it, such as its caption.
func rowsOf(table *html.Node) (rows []row, others []*html.Node) {
	for child := range table.ChildNodes() {
		switch child.DataAtom {
		case atom.Thead, atom.Tbody, atom.Tfoot:
			for tr := range child.ChildNodes() {
				if tr.DataAtom == atom.Tr {
					rows = append(rows, rowOf(tr, child.DataAtom == atom.Thead))
				}
			}
		case atom.Colgroup, atom.Col:
		default:
			others = append(others, child)
		}
	}
	return rows, others
}

// rowOf returns a row.
func rowOf(tr *html.Node, inHead bool) row {
	r := row{}
	all := true
	for cell := range tr.ChildNodes() {
		if cell.DataAtom == atom.Td || cell.DataAtom == atom.Th {
			r.cells = append(r.cells, cell)
			all = all && (cell.DataAtom == atom.Th || oneLine(cell) == "")
		}
	}
	r.header = len(r.cells) > 0 && (inHead || all)
	return r
}

// isLayout reports whether a table only lays out a page: it says so, has no two
// columns, or holds what does not fit into a row.
func isLayout(table *html.Node, rows []row) bool {
	switch strings.ToLower(attr(table, "role")) {
	case "presentation", "none":
		return true
	case "grid", "table":
		return false
	}
	columns, cells, text := 0, 0, 0
	for _, row := range rows {
		columns = max(columns, len(row.cells))
		cells += len(row.cells)
		for _, cell := range row.cells {
			if first(cell, isLarge) != nil {
				return true
			}
			text += len(oneLine(cell))
		}
	}
	return columns < 2 || text > 400*cells && cells < 40
}

// isLarge reports whether an element does not fit into the row of a table.
func isLarge(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Table, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Blockquote, atom.Article, atom.Section:
		return true
	case atom.Pre:
		return strings.Contains(strings.TrimSpace(preformatted(n)), "\n")
	}
	return false
}

// A grid is a table whose cells that span rows and columns are repeated in each.
type grid struct {
	rows  [][]string
	below map[int]span // what rows above put into columns of the next
	size  int          // bytes of all cells
	cells int
	real  int // cells that the page has
}

// A span is a cell that reaches into rows below.
type span struct {
	text string
	rows int
}

// add adds a row. It reports false if the table is larger than limit.
func (g *grid) add(cells []*html.Node, texts []string, header bool, limit int) bool {
	var row []string
	put := func(text string) bool {
		row = append(row, text)
		g.cells++
		g.size += len(text) + 3
		return g.size <= limit && g.cells <= 100*g.real+10_000
	}
	next := map[int]span{}
	fromAbove := func() bool {
		for {
			s, ok := g.below[len(row)]
			if !ok {
				return true
			}
			if s.rows > 1 {
				next[len(row)] = span{s.text, s.rows - 1}
			}
			if !put(s.text) {
				return false
			}
		}
	}
	g.real += len(cells)
	for i, cell := range cells {
		if !fromAbove() {
			return false
		}
		width, height := spanOf(cell, "colspan"), spanOf(cell, "rowspan")
		whole := len(cells) == 1 && !header // a row that names those below it
		for j := range width {
			text := texts[i]
			if whole && j > 0 {
				text = ""
			}
			if height > 1 {
				next[len(row)] = span{text, height - 1}
			}
			if !put(text) {
				return false
			}
		}
	}
	if !fromAbove() {
		return false
	}
	g.below = next
	g.rows = append(g.rows, row)
	return true
}

// spanOf returns how many rows or columns a cell spans.
func spanOf(cell *html.Node, key string) int {
	n, err := strconv.Atoi(strings.TrimSpace(attr(cell, key)))
	if err != nil || n < 1 {
		return 1
	}
	return min(n, 1000)
}

// gridTable writes rows of which the first ones are headers. Rows and columns
// without text are left out.
func (w *writer) gridTable(rows [][]string, headers int) {
	width := 0
	for _, row := range rows {
		width = max(width, len(row))
	}
	used := make([]bool, width)
	for _, row := range rows {
		for i, cell := range row {
			used[i] = used[i] || cell != ""
		}
	}
	header := make([]string, width)
	for _, row := range rows[:headers] {
		for i, cell := range row {
			if cell != "" && cell != header[i] && !strings.HasSuffix(header[i], " "+cell) {
				header[i] = strings.TrimSpace(header[i] + " " + cell)
			}
		}
	}
	body := rows[headers:]
	if headers == 0 && namesColumns(rows) {
		header, body = rows[0], rows[1:]
	}
	out := [][]string{pick(header, used)}
	for _, row := range body {
		if cells := pick(row, used); strings.Join(cells, "") != "" {
			out = append(out, cells)
		}
	}
	if len(out[0]) > 0 {
		w.table(out)
	}
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

// namesColumns reports whether the first row of a table without headers looks like
// names of its columns: short, different, without digits, and not the only row.
func namesColumns(rows [][]string) bool {
	if len(rows) < 2 {
		return false
	}
	seen := map[string]bool{}
	for _, cell := range rows[0] {
		if cell == "" || utf8.RuneCountInString(cell) > 40 || seen[cell] || strings.ContainsFunc(cell, unicode.IsDigit) ||
			strings.HasSuffix(cell, ":") || strings.HasSuffix(cell, ".") {
			return false
		}
		seen[cell] = true
	}
	return len(rows[0]) == len(rows[1])
}
