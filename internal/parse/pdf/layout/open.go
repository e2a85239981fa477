package layout

import (
	"cmp"
	"math"
	"slices"
)

// An openTable has rules above and below its rows but none between its columns: the
// columns are where most lines leave a gap.
type openTable struct {
	ys      []float64 // of the rules
	gutters []span
}

// read reads the rows of the table and returns the words they have. ys then lacks the
// bands that do not belong to the table, and has one above the first rule if a row of
// headings stands there, among the words near.
func (o *openTable) read(inside, near []word) ([][]string, []word) {
	found := cellLines(inside)
	o.gutters = votedGutters(found)
	if len(o.gutters) == 0 {
		return nil, nil
	}
	o.ys = trimBands(o.ys, func(y0, y1 float64) bool { return isWhole(found, o.gutters, y0, y1) })
	if head := headRow(cellLines(near), o.gutters, o.ys[0]); len(head) > 0 {
		found = append(head, found...)
		o.ys = append([]float64{o.ys[0]}, o.ys...)
		for _, l := range head {
			o.ys[0] = min(o.ys[0], l.Y0-1)
		}
	}
	var rows [][]string
	var used []word
	for i := range len(o.ys) - 1 {
		var band []item
		for _, l := range found {
			if l.midY() >= o.ys[i] && l.midY() < o.ys[i+1] {
				band = append(band, item{Box: l.Box, line: l})
				used = append(used, l.words...)
			}
		}
		if len(band) > 0 {
			rows = append(rows, bandRows(cutStrips(band), o.gutters)...)
		}
	}
	return rows, used
}

// headRow returns the lines right above a table that stand in its columns, if there
// are several side by side. near is what stands above, in order.
func headRow(near []*line, gutters []span, top float64) []*line {
	var items []item
	for _, l := range near {
		if l.midY() < top && top-l.Y1 < 3*l.size {
			items = append(items, item{Box: l.Box, line: l})
		}
	}
	if len(items) < 2 {
		return nil
	}
	strips := cutStrips(items)
	var head []*line
	columns := map[int]bool{}
	for i := len(strips) - 1; i >= 0 && len(columns) < 2; i-- {
		if top-around(strips[i]).Y1 > 1.2*lineHeight(strips[i]) {
			return nil
		}
		for _, it := range strips[i] {
			if slices.ContainsFunc(gutters, func(g span) bool { return it.X0 < g.X0 && it.X1 > g.X1 }) {
				return nil
			}
			columns[columnOf(it.line, gutters)] = true
			head = append(head, it.line)
			top = min(top, it.Y0)
		}
	}
	if len(columns) < 2 {
		return nil
	}
	return head
}

// columnOf returns in which column between gutters a line is.
func columnOf(l *line, gutters []span) int {
	c := 0
	for c < len(gutters) && l.midX() >= (gutters[c].X0+gutters[c].X1)/2 {
		c++
	}
	return c
}

// isWhole reports whether the lines between two heights go across the columns.
func isWhole(found []*line, gutters []span, y0, y1 float64) bool {
	n, crossing := 0, 0
	for _, l := range found {
		if l.midY() < y0 || l.midY() > y1 {
			continue
		}
		n++
		if slices.ContainsFunc(gutters, func(g span) bool { return l.X0 < g.X0 && l.X1 > g.X1 }) {
			crossing++
		} else if l.X0 > gutters[0].X0 {
			return false
		}
	}
	return 2*crossing > n
}

// votedGutters returns the gaps that nearly all lines of a table leave free. A
// heading over several columns may cross them.
func votedGutters(found []*line) []span {
	heights := baselines(found)
	type event struct {
		x     float64
		delta int
	}
	var events []event
	extent := span{math.Inf(1), math.Inf(-1)}
	for _, l := range found {
		events = append(events, event{l.X0, 1}, event{l.X1, -1})
		extent = span{min(extent.X0, l.X0), max(extent.X1, l.X1)}
	}
	slices.SortFunc(events, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(b.delta, a.delta))
	})
	allowed := len(heights) / 6
	var gutters []span
	depth, from := 0, math.Inf(1)
	for _, e := range events {
		was := depth
		depth += e.delta
		if was > allowed && depth <= allowed {
			from = e.x
		}
		if was <= allowed && depth > allowed {
			if s := (span{from, e.x}); s.X0 >= extent.X0 && s.width() >= minGutter {
				gutters = append(gutters, s)
			}
		}
	}
	return gutters
}

// baselines returns the distinct heights of lines, which are in order.
func baselines(found []*line) []float64 {
	var heights []float64
	for _, l := range found {
		if n := len(heights); n == 0 || l.base-heights[n-1] > 0.4*l.size {
			heights = append(heights, l.base)
		}
	}
	return heights
}

// bandRows makes rows of the strips between two rules: one of each, but those
// without a first cell go on with what is above them if nothing else in the band
// begins a row.
func bandRows(strips []strip, gutters []span) [][]string {
	rows := make([][][]*line, len(strips))
	starts := 0
	for i, s := range strips {
		rows[i] = make([][]*line, len(gutters)+1)
		for _, it := range s {
			c := columnOf(it.line, gutters)
			rows[i][c] = append(rows[i][c], it.line)
		}
		if len(rows[i][0]) > 0 {
			starts++
		}
	}
	if starts <= 1 && len(rows) > 1 {
		whole := make([][]*line, len(gutters)+1)
		for _, row := range rows {
			for c, cell := range row {
				whole[c] = append(whole[c], cell...)
			}
		}
		rows = [][][]*line{whole}
	}
	out := make([][]string, len(rows))
	for i, row := range rows {
		out[i] = make([]string, len(row))
		for c, cell := range row {
			out[i][c] = cellText(cell)
		}
	}
	return out
}
