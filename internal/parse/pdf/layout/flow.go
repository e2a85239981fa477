package layout

import (
	"cmp"
	"math"
	"slices"
)

// An item is what is put into reading order: a line or a whole table.
type item struct {
	Box
	line  *line
	table *table
}

// A row is what stands side by side in one column of text: one line, several that
// belong together, or a table.
type row struct {
	Box
	column Box // the column it is in
	lines  []*line
	table  *table
}

// flow puts the items of a page into reading order.
//
// It is a recursive XY-cut (Nagy and Seth, 1984) that asks the other way around.
// The plain algorithm cuts at the widest gap and so takes two columns apart at a
// height where both happen to have a paragraph's end. Here the page is first cut
// into strips at every height that is free of text. Strips that follow each other
// and leave the same gutter free are one group, in which each column is read from
// top to bottom; a title or a footnote across the page ends the group.
func flow(items []item, depth int) []row {
	if len(items) == 0 {
		return nil
	}
	region := around(items)
	strips := cutStrips(items)
	var rows []row
	for i := 0; i < len(strips); {
		g := grow(strips[i:])
		if g.gutters == nil || depth > 12 {
			rows = append(rows, plainRows(strips[i], region)...)
			i++
			continue
		}
		kind := judge(&g, g.columns(g.gutters), region)
		i += len(g.parts)
		switch kind {
		case prose:
			rows = g.takeAbove(rows)
			i += g.absorb(strips[i:])
		case tabular:
			i += g.absorbTail(strips[i:])
		}
		rows = append(rows, g.read(kind, region, depth)...)
	}
	return rows
}

// takeAbove moves lines above the group into it, and returns the other rows: those in
// one of its columns and close, if the right one begins higher. Next to it is then a
// picture, or a line that is set a little lower.
func (g *group) takeAbove(rows []row) []row {
	from, top := len(rows), around(g.items).Y0
	for i := len(rows) - 1; i >= 0; i-- {
		r := &rows[i]
		outside := func(s span) bool { return r.X0 < s.X0 && r.X1 > s.X1 }
		if r.table != nil || slices.ContainsFunc(g.gutters, outside) || top-r.Y1 > 3*r.Height() {
			break
		}
		top = r.Y0
		if r.X0 >= g.gutters[0].X1 {
			from = i // the right column begins here, or higher
		}
	}
	for _, r := range rows[from:] {
		for _, l := range r.lines {
			g.items = append(g.items, item{Box: l.Box, line: l})
		}
	}
	return rows[:from]
}

// around returns the box around items.
func around(items []item) Box {
	b := items[0].Box
	for _, it := range items[1:] {
		b = b.Union(it.Box)
	}
	return b
}

// A strip is the items of a page between two heights that no item crosses, from
// left to right.
type strip []item

// cutStrips cuts items into strips from top to bottom. Lines may touch a little.
func cutStrips(items []item) []strip {
	slices.SortStableFunc(items, func(a, b item) int {
		return cmp.Or(cmp.Compare(a.Y0, b.Y0), cmp.Compare(a.X0, b.X0))
	})
	var strips []strip
	bottom := math.Inf(-1)
	for _, it := range items {
		slack := 0.15 * it.Height()
		if it.table != nil {
			slack = 1
		}
		if len(strips) == 0 || it.Y0 >= bottom-slack {
			strips = append(strips, nil)
			bottom = it.Y1
		}
		last := len(strips) - 1
		strips[last] = append(strips[last], it)
		bottom = max(bottom, it.Y1)
	}
	for _, s := range strips {
		slices.SortStableFunc(s, func(a, b item) int {
			return cmp.Or(cmp.Compare(a.X0, b.X0), cmp.Compare(a.Y0, b.Y0))
		})
	}
	return strips
}

// A span is a stretch of the horizontal.
type span struct{ X0, X1 float64 }

func (s span) width() float64 { return s.X1 - s.X0 }

// gaps returns where a strip is free, the sides included.
func (s strip) gaps() []span {
	free := []span{}
	right := math.Inf(-1)
	for _, it := range s {
		if it.X0 > right {
			free = append(free, span{right, it.X0})
		}
		right = max(right, it.X1)
	}
	return append(free, span{right, math.Inf(1)})
}

// common returns where both are free. Both are in order.
func common(a, b []span) []span {
	var free []span
	for i, j := 0, 0; i < len(a) && j < len(b); {
		if s := (span{max(a[i].X0, b[j].X0), min(a[i].X1, b[j].X1)}); s.width() > 0 {
			free = append(free, s)
		}
		if a[i].X1 < b[j].X1 {
			i++
		} else {
			j++
		}
	}
	return free
}

// minGutter is the least width of a gutter in points. What makes it a gutter is
// less its width than that it is free over many lines.
const minGutter = 5

// maxLone is how many strips in a row may have text in one column only.
const maxLone = 100

// A group is strips that leave a gutter free.
type group struct {
	items   []item
	gutters []span
	parts   []strip
}

// grow collects strips from the first on as long as they share a gutter. What
// stands on one side of it only counts once there is text on both sides again.
func grow(strips []strip) group {
	var g group
	free := []span{{math.Inf(-1), math.Inf(1)}}
	extent := span{math.Inf(1), math.Inf(-1)}
	crowded := 0
	for i, s := range strips {
		free = common(free, s.gaps())
		for _, it := range s {
			extent = span{min(extent.X0, it.X0), max(extent.X1, it.X1)}
		}
		gutters := inner(free, extent)
		if len(s) == 1 && crowded >= 2 && len(gutters) < len(g.gutters) {
			break // a line across columns that several lines have
		}
		if len(gutters) == 0 || i-len(g.parts) > maxLone ||
			crowded >= 3 && len(g.gutters) >= 3 && 2*len(gutters) < len(g.gutters) {
			break
		}
		if len(s) > 1 {
			crowded++
			g.gutters, g.parts = gutters, strips[:i+1]
		}
	}
	for _, s := range g.parts {
		g.items = append(g.items, s...)
	}
	return g
}

// inner returns the gaps that have text on both sides and are wide enough.
func inner(free []span, extent span) []span {
	var gutters []span
	for _, s := range free {
		if s.X0 >= extent.X0 && s.X1 <= extent.X1 && s.width() >= minGutter {
			gutters = append(gutters, s)
		}
	}
	return gutters
}

// plainRows makes rows of a strip: one of its lines, and one of each table.
func plainRows(s strip, column Box) []row {
	var rows []row
	if lines := s.lines(); len(lines) > 0 {
		r := row{Box: lines[0].Box, column: column, lines: lines}
		for _, l := range lines {
			r.Box = r.Union(l.Box)
		}
		rows = append(rows, r)
	}
	for _, it := range s {
		if it.table != nil {
			rows = append(rows, row{Box: it.Box, column: column, table: it.table})
		}
	}
	return rows
}

// lines returns the lines of a strip.
func (s strip) lines() []*line {
	var all []*line
	for _, it := range s {
		if it.line != nil {
			all = append(all, it.line)
		}
	}
	return all
}

// read returns the rows of a group: a table's, those of its columns one after the
// other, or its strips as they are.
func (g *group) read(kind arrangement, region Box, depth int) []row {
	columns := g.columns(g.gutters)
	switch kind {
	case tabular:
		t := g.table(columns)
		return []row{{Box: t.Box, column: region, table: t}}
	case prose:
		var rows []row
		for _, column := range g.columns(textGutters(g, columns)) {
			rows = append(rows, flow(column, depth+1)...)
		}
		return rows
	}
	rows := make([]row, 0, len(g.parts))
	for _, s := range cutStrips(g.items) {
		rows = append(rows, plainRows(s, region)...)
	}
	return rows
}

// absorb takes further strips, each in one column and close below what stands there
// already: the rest of the longest column. It returns how many.
func (g *group) absorb(strips []strip) int {
	for n, s := range strips {
		here := g.columns(g.gutters)
		b := around(s)
		fits := false
		for _, column := range here {
			c := around(column)
			crosses := slices.ContainsFunc(g.gutters, func(gutter span) bool {
				return b.X0 < gutter.X0 && b.X1 > (gutter.X0+gutter.X1)/2
			})
			if b.overlapX(c) > 0 && !crosses && b.Y0-c.Y1 < 2.5*lineHeight(s) {
				fits = true
			}
		}
		if !fits {
			return n
		}
		g.items = append(g.items, s...)
	}
	return len(strips)
}

// absorbTail takes further strips that go on with a cell of a table's last row. It
// returns how many.
func (g *group) absorbTail(strips []strip) int {
	for n, s := range strips {
		last := g.parts[len(g.parts)-1]
		it := s[0]
		inColumn := func(above item) bool {
			return above.line != nil && abs(above.X0-it.X0) < it.Height() && above.X0 >= g.gutters[0].X1-1
		}
		if len(s) > 1 || it.line == nil || !slices.ContainsFunc(last, inColumn) ||
			it.line.base-last[0].line.base > 1.7*it.line.size ||
			slices.ContainsFunc(g.gutters, func(gutter span) bool { return it.X0 < gutter.X0 && it.X1 > gutter.X1 }) {
			return n
		}
		g.parts = append(slices.Clone(g.parts), s)
		g.items = append(g.items, s...)
	}
	return len(strips)
}

// columns divides the items at gutters.
func (g *group) columns(gutters []span) [][]item {
	columns := make([][]item, len(gutters)+1)
	for _, it := range g.items {
		i := 0
		for i < len(gutters) && it.X0 >= gutters[i].X1-0.01 {
			i++
		}
		columns[i] = append(columns[i], it)
	}
	return slices.DeleteFunc(columns, func(c []item) bool { return len(c) == 0 })
}
