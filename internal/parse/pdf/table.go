package pdf

import (
	"cmp"
	"slices"
)

// A table is cells in rows, each with its text. All rows are of one length.
type table struct {
	box
	rows [][]string
}

// cellText joins the lines of a cell, which are in order.
func cellText(lines []*line) string {
	slices.SortStableFunc(lines, func(a, b *line) int {
		if abs(a.base-b.base) <= 0.35*min(a.size, b.size) {
			return cmp.Compare(a.x0, b.x0)
		}
		return cmp.Compare(a.base, b.base)
	})
	var j joiner
	for _, l := range lines {
		j.add(l.text(), " ")
	}
	return j.text()
}

// table makes a table of a group: each strip is a row.
func (g *group) table(columns [][]item) *table {
	t := &table{box: around(g.items)}
	at := map[*line]int{}
	for i, column := range columns {
		for _, it := range column {
			if it.line != nil {
				at[it.line] = i
			}
		}
	}
	for _, s := range cutStrips(g.items) {
		cells := make([][]*line, len(columns))
		for _, it := range s {
			if it.line != nil {
				cells[at[it.line]] = append(cells[at[it.line]], it.line)
			}
		}
		texts := make([]string, len(columns))
		for i, lines := range cells {
			texts[i] = cellText(lines)
		}
		t.rows = append(t.rows, texts)
	}
	return t
}
