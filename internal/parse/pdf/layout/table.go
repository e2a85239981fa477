package layout

import (
	"unicode"

	"cmp"
	"slices"
)

// A table is cells in rows, each with its text. All rows are of one length.
type table struct {
	Box
	rows [][]string
}

// cellText joins the lines of a cell, which are in order.
func cellText(lines []*line) string {
	slices.SortStableFunc(lines, func(a, b *line) int {
		if abs(a.base-b.base) <= 0.35*min(a.size, b.size) {
			return cmp.Compare(a.X0, b.X0)
		}
		return cmp.Compare(a.base, b.base)
	})
	var j joiner
	for _, l := range lines {
		j.add(l.text(), " ")
	}
	return j.text()
}

// table makes a table of a group.
func (g *group) table(columns [][]item) *table {
	t := &table{Box: around(g.items)}
	for _, row := range g.rows(columns) {
		texts := make([]string, len(columns))
		for i, cell := range row {
			texts[i] = cellText(cell)
		}
		t.rows = append(t.rows, texts)
	}
	return t
}

// rows divides a group into the rows of a table, each with the lines of its cells. A
// strip is a row, unless it has no first cell and goes on with the row above.
func (g *group) rows(columns [][]item) [][][]*line {
	at := map[*line]int{}
	for i, column := range columns {
		for _, it := range column {
			if it.line != nil {
				at[it.line] = i
			}
		}
	}
	steps := g.steps()
	widest := slices.Max(append(slices.Clone(steps), 0))
	var rows [][][]*line
	for i, s := range g.parts {
		cells := make([][]*line, len(columns))
		for _, it := range s {
			if it.line != nil {
				cells[at[it.line]] = append(cells[at[it.line]], it.line)
			}
		}
		if i == 0 || len(cells[0]) > 0 || !wraps(rows[len(rows)-1], cells, steps[i], widest) {
			rows = append(rows, cells)
			continue
		}
		last := rows[len(rows)-1]
		for c := range last {
			last[c] = append(last[c], cells[c]...)
		}
	}
	return rows
}

// steps returns how far each strip of the group is below the one before it.
func (g *group) steps() []float64 {
	steps := make([]float64, len(g.parts))
	for i := 1; i < len(g.parts); i++ {
		a, b := g.parts[i-1][0], g.parts[i][0]
		if a.line != nil && b.line != nil {
			steps[i] = b.line.base - a.line.base
		}
	}
	return steps
}

// wraps reports whether cells are the next lines of those above them: they stand
// close below, and only where there is something to go on with.
func wraps(above, cells [][]*line, step, widest float64) bool {
	for c, cell := range cells {
		if len(cell) == 0 {
			continue
		}
		if len(above[c]) == 0 || step > 1.7*cell[0].size {
			return false
		}
		first := firstRune(cell[0].text())
		if step > 0.85*widest && !unicode.IsLower(first) {
			return false
		}
	}
	return true
}
