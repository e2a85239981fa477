package pdf

import (
	"cmp"
	"math"
	"slices"
)

// openRows reads a table that has rules above and below its rows but none between
// its columns: the columns are where most lines leave a gap.
func openRows(inside []word, ys []float64) ([][]string, []float64) {
	found := cellLines(inside)
	gutters := votedGutters(found)
	if len(gutters) == 0 {
		return nil, ys
	}
	ys = trimBands(ys, func(y0, y1 float64) bool { return isWhole(found, gutters, y0, y1) })
	var rows [][]string
	for i := range len(ys) - 1 {
		var band []*line
		for _, l := range found {
			if l.midY() >= ys[i] && l.midY() < ys[i+1] {
				band = append(band, l)
			}
		}
		rows = append(rows, bandRows(band, gutters)...)
	}
	return rows, ys
}

// isWhole reports whether the lines between two heights go across the columns.
func isWhole(found []*line, gutters []span, y0, y1 float64) bool {
	n, crossing := 0, 0
	for _, l := range found {
		if l.midY() < y0 || l.midY() > y1 {
			continue
		}
		n++
		if slices.ContainsFunc(gutters, func(g span) bool { return l.x0 < g.x0 && l.x1 > g.x1 }) {
			crossing++
		} else if l.x0 > gutters[0].x0 {
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
		events = append(events, event{l.x0, 1}, event{l.x1, -1})
		extent = span{min(extent.x0, l.x0), max(extent.x1, l.x1)}
	}
	slices.SortFunc(events, func(a, b event) int { return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(b.delta, a.delta)) })
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
			if s := (span{from, e.x}); s.x0 >= extent.x0 && s.width() >= minGutter {
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

// bandRows makes rows of the lines between two rules: one for each baseline, but
// those without a first cell go on with what is above them if nothing else in the
// band begins a row.
func bandRows(band []*line, gutters []span) [][]string {
	var rows [][][]*line
	var base float64
	starts := 0
	for _, l := range band {
		if len(rows) == 0 || l.base-base > 0.4*l.size {
			rows = append(rows, make([][]*line, len(gutters)+1))
			base = l.base
		}
		c := 0
		for c < len(gutters) && l.midX() >= gutters[c].x1 {
			c++
		}
		if c == 0 && rows[len(rows)-1][0] == nil {
			starts++
		}
		last := rows[len(rows)-1]
		last[c] = append(last[c], l)
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
