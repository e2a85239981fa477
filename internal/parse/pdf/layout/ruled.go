package layout

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// ruledTables makes tables of the lattices that hold one and returns the words that
// are in none.
func ruledTables(p *Page, all []word) ([]*table, []word) {
	var tables []*table
	for _, g := range lattices(p.Rules) {
		if len(g.level)+len(g.upright) < 2 || g.Height() < 8 || g.Width() < 20 {
			continue
		}
		// Bounds of its text; the letters may stand on the rule itself.
		within := func(w word) bool { return g.Box.contains(w.midX(), w.midY()) }
		inside := slices.Collect(filter(all, within))
		if len(inside) < 4 {
			continue
		}
		t, used := g.table(inside, all)
		if t == nil {
			continue
		}
		tables = append(tables, t)
		orders := map[int]bool{}
		for _, w := range used {
			orders[w.order] = true
		}
		all = slices.DeleteFunc(slices.Clone(all), func(w word) bool { return orders[w.order] })
	}
	return tables, all
}

// filter yields the words that keep wants.
func filter(all []word, keep func(word) bool) func(yield func(word) bool) {
	return func(yield func(word) bool) {
		for _, w := range all {
			if keep(w) && !yield(w) {
				return
			}
		}
	}
}

// maxGrid bounds the cells of one table.
const maxGrid = 20_000

// table makes a table of the words in the lattice and returns the words it has; nil
// if it is none. all are those of the page.
func (g *lattice) table(inside, all []word) (*table, []word) {
	xs, ys := g.columnEdges(), g.rowEdges()
	if len(xs) < 2 || len(ys) < 2 || len(xs)*len(ys) > maxGrid {
		return nil, nil
	}
	var rows [][]string
	var used []word
	if len(xs) == 2 {
		above := func(w word) bool {
			return w.base < g.Y0+1 && w.base > g.Y0-40 && w.midX() > g.X0 && w.midX() < g.X1
		}
		o := openTable{ys: ys}
		rows, used = o.read(inside, slices.Collect(filter(all, above)))
		ys = o.ys
	} else {
		ys = trimBands(ys, func(y0, y1 float64) bool { return !g.divided(xs, y0, y1) })
		used = between(inside, ys)
		rows = g.gridRows(used, xs, ys)
	}
	rows = tidy(rows)
	if !isTable(rows, len(xs) > 2) {
		return nil, nil
	}
	return &table{Box: Box{g.X0, ys[0], g.X1, ys[len(ys)-1]}, rows: rows}, used
}

// trimBands drops the bands at both ends of a table that go across all its columns:
// a title above it, notes below it.
func trimBands(ys []float64, whole func(y0, y1 float64) bool) []float64 {
	for len(ys) > 3 && whole(ys[0], ys[1]) {
		ys = ys[1:]
	}
	for len(ys) > 3 && whole(ys[len(ys)-2], ys[len(ys)-1]) {
		ys = ys[:len(ys)-1]
	}
	return ys
}

// between returns the words inside the outer edges.
func between(words []word, ys []float64) []word {
	return slices.Collect(filter(words, func(w word) bool { return w.midY() >= ys[0] && w.midY() <= ys[len(ys)-1] }))
}

// divided reports whether any inner edge has a rule between two heights.
func (g *lattice) divided(xs []float64, y0, y1 float64) bool {
	return slices.ContainsFunc(xs[1:len(xs)-1], func(x float64) bool { return g.wallRight(x, y0, y1) })
}

// isTable reports whether rows are worth being called a table.
func isTable(rows [][]string, ruled bool) bool {
	if len(rows) < 2 || len(rows[0]) < 2 {
		return false
	}
	filled, several, chars, long := 0, 0, 0, 0
	for _, row := range rows {
		n := 0
		for _, cell := range row {
			if cell != "" {
				n++
				size := utf8.RuneCountInString(cell)
				chars += size
				long = max(long, size)
			}
		}
		filled += n
		if n >= 2 {
			several++
		}
	}
	if filled < 4 || several < 2 && len(rows) > 2 || several == 0 {
		return false
	}
	if ruled {
		return chars/filled < 400 && 3*several >= len(rows)
	}
	return chars/filled < 80 && 2*several >= len(rows) && long < 600
}

// gridRows reads a lattice with upright rules inside: each cell of the grid holds
// what stands in it, and cells without a rule between them are one.
func (g *lattice) gridRows(inside []word, xs, ys []float64) [][]string {
	columns, bands := len(xs)-1, len(ys)-1
	cells := make([][]word, columns*bands)
	for _, w := range inside {
		c, r := slot(xs, w.midX()), slot(ys, w.midY())
		c, r = g.anchor(xs, ys, c, r)
		cells[r*columns+c] = append(cells[r*columns+c], w)
	}
	var rows [][]string
	for r := range bands {
		band := make([][]*line, columns)
		for c := range columns {
			band[c] = cellLines(cells[r*columns+c])
		}
		rows = append(rows, splitBand(band)...)
	}
	return rows
}

// slot returns between which edges v is.
func slot(edges []float64, v float64) int {
	i, _ := slices.BinarySearch(edges, v)
	return min(max(i-1, 0), len(edges)-2)
}

// anchor returns the first cell, to the left and above, of those that are one with
// the cell.
func (g *lattice) anchor(xs, ys []float64, c, r int) (int, int) {
	for c > 0 && !g.wallRight(xs[c], ys[r], ys[r+1]) {
		c--
	}
	for r > 0 && !g.wallBelow(ys[r], xs[c], xs[c+1]) {
		r--
	}
	return c, r
}

// cellLines puts the words of a cell into lines.
func cellLines(words []word) []*line {
	if len(words) == 0 {
		return nil
	}
	found := lines(words)
	slices.SortStableFunc(found, func(a, b *line) int {
		return cmp.Or(cmp.Compare(a.base, b.base), cmp.Compare(a.X0, b.X0))
	})
	return found
}

// splitBand makes rows of the cells between two rules: one, or several if most
// columns hold as many lines at the same heights, as tables with few rules do. A
// cell of one line beside them spans them and goes to the first.
func splitBand(band [][]*line) [][]string {
	most, several, numeric := 0, 0, 0
	for _, cell := range band {
		most = max(most, len(cell))
	}
	for _, cell := range band {
		if len(cell) == most && most > 1 {
			several++
			if slices.ContainsFunc(cell, func(l *line) bool { return isNumeric(l.text()) }) {
				numeric++
			}
		}
	}
	if several < 2 || 2*numeric < several || !agree(band, most) {
		row := make([]string, len(band))
		for i, cell := range band {
			row[i] = cellText(cell)
		}
		return [][]string{row}
	}
	rows := make([][]string, most)
	for i := range rows {
		rows[i] = make([]string, len(band))
		for c, cell := range band {
			if len(cell) == most {
				rows[i][c] = cellText(cell[i : i+1])
			} else if i == 0 {
				rows[i][c] = cellText(cell)
			}
		}
	}
	return rows
}

// agree reports whether all cells have one line or most lines, at the same heights.
func agree(band [][]*line, most int) bool {
	var first []*line
	for _, cell := range band {
		switch {
		case len(cell) <= 1:
			continue
		case len(cell) != most:
			return false
		case first == nil:
			first = cell
		}
		for i, l := range cell {
			if abs(l.base-first[i].base) > 0.4*l.size {
				return false
			}
		}
	}
	return true
}

// tidy drops columns and rows that are empty everywhere.
func tidy(rows [][]string) [][]string {
	rows = slices.DeleteFunc(rows, func(row []string) bool {
		return !slices.ContainsFunc(row, func(cell string) bool { return cell != "" })
	})
	if len(rows) == 0 {
		return nil
	}
	for c := len(rows[0]) - 1; c >= 0; c-- {
		if !slices.ContainsFunc(rows, func(row []string) bool { return row[c] != "" }) {
			for i := range rows {
				rows[i] = slices.Delete(rows[i], c, c+1)
			}
		}
	}
	return rows
}
