package html

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"kvasir/internal/parse/markdown"
)

// A row is a row of a table in the page.
type row struct {
	cells  []*html.Node
	header bool // marked as such
}

// tableOf writes a table of data, and what is in a table that only lays out a page
// one after the other.
func (w *writer) tableOf(n *html.Node) {
	w.glue = false
	w.flush()
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
	var grid [][]markdown.Cell
	headers, rowNames := 0, false
	for i, row := range rows {
		if i == 0 && w.captionRow(row, len(rows)) {
			continue
		}
		if row.header && headers == len(grid) {
			headers++
		}
		rowNames = rowNames || !row.header && len(row.cells) > 0 && row.cells[0].DataAtom == atom.Th
		cells := make([]markdown.Cell, len(row.cells))
		for j, cell := range row.cells {
			cells[j] = markdown.Cell{Text: w.inline(cell), Columns: number(cell, "colspan"), Rows: number(cell, "rowspan")}
		}
		grid = append(grid, cells)
	}
	if rowNames && headers == 0 {
		headers = -1
	}
	expanded, ok := markdown.Expand(grid, headers, w.max)
	if !ok {
		w.over = true
		return
	}
	if len(expanded) > 0 && len(expanded[0]) == 1 {
		for _, row := range expanded {
			w.block(escape(row[0]))
		}
		return
	}
	w.table(expanded)
}

// captionRow writes the first row of a table as its caption if it is one: a single
// cell over all columns.
func (w *writer) captionRow(r row, rows int) bool {
	if len(r.cells) != 1 || rows < 2 || number(r.cells[0], "rowspan") > 1 || number(r.cells[0], "colspan") < 2 {
		return false
	}
	if text := w.inline(r.cells[0]); text != "" {
		w.block(escape(text))
	}
	return true
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

// number returns the value of an attribute, 0 if it is no number.
func number(n *html.Node, key string) int {
	value, err := strconv.Atoi(strings.TrimSpace(attr(n, key)))
	if err != nil {
		return 0
	}
	return value
}
