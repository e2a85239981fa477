package office

import (
	"strconv"
	"strings"

	"kvasir/internal/parse/markdown"
)

// A merger builds the rows of a table whose cells reach over several columns and
// rows.
type merger struct {
	rows [][]*markdown.Cell
	open map[int]*markdown.Cell // cells that may reach into the next row, by their column
}

// table writes a table. One with a single column is a frame around what is in it.
func (d *docx) table(n *node) {
	rows := n.Find("tr", "tbl")
	if frame(rows) {
		for _, row := range rows {
			for _, cell := range row.Find("tc", "tbl") {
				_ = d.block(cell) // it fails only when there is too much text
			}
		}
		return
	}
	headers := 0
	m := merger{open: map[int]*markdown.Cell{}}
	for _, row := range rows {
		if blank(row) {
			continue
		}
		if headers == len(m.rows) && on(row.Child("trPr", "tblHeader")) {
			headers++
		}
		d.row(row, &m)
	}
	look := n.Child("tblPr", "tblLook")
	if headers == 0 && len(rows) > 1 && (look.Attr("firstRow") == "1" || firstRow(look.Attr("val"))) {
		headers = 1
	}
	writeTable(d.out, m.cells(), min(headers, len(m.rows)-1))
}

// frame reports whether a table has only one column and is there for its looks.
func frame(rows []*node) bool {
	for _, row := range rows {
		if len(row.Find("tc", "tbl")) > 1 {
			return false
		}
	}
	return len(rows) == 1 || len(rows) > 1 && len(rows[0].Find("p")) > 2
}

// blank reports whether a row has no text, as what is left of one that a tracked
// change deleted.
func blank(row *node) bool { return strings.TrimSpace(row.Text()) == "" && row.Find("docPr") == nil }

// firstRow reports whether the bits of a table's look make its first row special.
func firstRow(look string) bool {
	bits, err := strconv.ParseUint(look, 16, 32)
	return err == nil && bits&0x20 != 0
}

// row adds one row of a table.
func (d *docx) row(row *node, m *merger) {
	cells, open := []*markdown.Cell{}, map[int]*markdown.Cell{}
	skip, _ := strconv.Atoi(row.Val("trPr", "gridBefore")) // absent means 0
	at := min(max(skip, 0), maxColumns)
	if at > 0 {
		cells = append(cells, &markdown.Cell{Columns: at})
	}
	for _, tc := range row.Find("tc", "tbl") {
		span, _ := strconv.Atoi(tc.Val("tcPr", "gridSpan")) // absent means 1
		span = min(max(span, 1), maxColumns)
		merge := tc.Child("tcPr", "vMerge")
		above := m.open[at]
		if merge != nil && merge.Attr("val") != "restart" && above != nil {
			above.Rows++
			open[at] = above
		} else {
			cell := &markdown.Cell{Text: d.cell(tc), Columns: span, Rows: 1}
			cells = append(cells, cell)
			if merge != nil {
				open[at] = cell
			}
		}
		at += span
	}
	m.rows, m.open = append(m.rows, cells), open
}

// maxColumns is how many columns a table may have that are merged into one.
const maxColumns = 64

// cells returns the rows.
func (m *merger) cells() [][]markdown.Cell {
	rows := make([][]markdown.Cell, len(m.rows))
	for i, row := range m.rows {
		rows[i] = make([]markdown.Cell, len(row))
		for j, cell := range row {
			rows[i][j] = *cell
		}
	}
	return rows
}

// writeTable writes a table of which the first rows are headers.
func writeTable(out *sink, rows [][]markdown.Cell, headers int) {
	table, ok := markdown.Expand(rows, headers, out.Max)
	if !ok {
		out.Over = true
		return
	}
	out.Table(table)
}

// cell returns the text of a table cell, of which a table has only one line.
func (d *docx) cell(n *node) string {
	var texts []string
	for _, child := range n.Children {
		text := ""
		switch child.Name {
		case "p":
			text = d.line(child)
		case "tbl":
			text = d.inner(child)
		case "tcPr", "":
		default:
			text = d.cell(child)
		}
		if text != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, " ")
}

// line returns a paragraph as one line, with its marker if it is an item of a list.
func (d *docx) line(n *node) string {
	r := runs{mark: d.notes.mark, links: d.links}
	r.read(n)
	text := markdown.OneLine(r.String())
	id := n.Val("pPr", "pStyle")
	if list, depth := d.listOf(n, id, d.styles[id]); list != "" && text != "" && d.lists != nil {
		text = d.lists.marker(list, depth) + " " + text
	}
	for _, box := range r.boxes {
		text = strings.TrimSpace(text + " " + d.cell(box))
	}
	return text
}

// inner returns a table in a cell of another one: rows end with a semicolon, cells
// with a comma.
func (d *docx) inner(n *node) string {
	var rows []string
	for _, row := range n.Find("tr", "tbl") {
		var cells []string
		for _, cell := range row.Find("tc", "tbl") {
			if text := d.cell(cell); text != "" {
				cells = append(cells, text)
			}
		}
		if len(cells) > 0 {
			rows = append(rows, strings.Join(cells, ", "))
		}
	}
	return strings.Join(rows, "; ")
}
