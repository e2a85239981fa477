package layout

import (
	"cmp"
	"math"
	"slices"
)

// touch is how far apart two rules may end and still meet, in points.
const touch = 3.5

// A lattice is rules that hang together: the frame of a table, a box around text,
// or lines above and below each other that are equally wide.
type lattice struct {
	Box
	level, upright []rule
}

// lattices finds the rules of a page that belong together, from top to bottom.
func lattices(rules []Box) []lattice {
	var level, upright []rule
	for _, b := range rules {
		r := rule{b}
		if r.level() {
			level = append(level, r)
		} else {
			upright = append(upright, r)
		}
	}
	level, upright = mergeLevel(level), mergeUpright(upright)
	all := append(slices.Clone(level), upright...)
	if len(all) > 1500 {
		return nil // a drawing
	}
	group := components(all)
	byRoot := map[int]*lattice{}
	var roots []int
	for i, r := range all {
		g := byRoot[group[i]]
		if g == nil {
			g = &lattice{Box: r.Box}
			byRoot[group[i]] = g
			roots = append(roots, group[i])
		}
		g.Box = g.Union(r.Box)
		if i < len(level) {
			g.level = append(g.level, r)
		} else {
			g.upright = append(g.upright, r)
		}
	}
	found := make([]lattice, 0, len(roots))
	for _, root := range roots {
		found = append(found, *byRoot[root])
	}
	return stack(found)
}

// components returns, for each rule, the first of those it is connected with.
func components(all []rule) []int {
	group := newSets(len(all))
	for i, a := range all {
		for j := range i {
			b := all[j]
			if a.overlapX(b.Box) >= -touch && a.overlapY(b.Box) >= -touch && a.level() != b.level() {
				group.join(i, j)
			}
		}
	}
	for i := range group {
		group[i] = group.find(i)
	}
	return group
}

// stack joins what stands above each other and is equally wide: the rules of a
// table that has no upright ones.
func stack(parts []lattice) []lattice {
	slices.SortStableFunc(parts, func(a, b lattice) int { return cmp.Compare(a.Y0, b.Y0) })
	var out []lattice
	for _, p := range parts {
		joined := false
		for i := len(out) - 1; i >= 0 && !joined; i-- {
			if o := &out[i]; abs(o.X0-p.X0) <= touch && abs(o.X1-p.X1) <= touch && o.continues(&p) {
				o.level, o.upright, o.Box = append(o.level, p.level...), append(o.upright, p.upright...), o.Union(p.Box)
				joined = true
			}
		}
		if !joined {
			out = append(out, p)
		}
	}
	return out
}

// continues reports whether the part p below the lattice may belong to it: neither
// has columns, and both are lines or both are boxes, such as shaded rows.
func (g *lattice) continues(p *lattice) bool {
	return g.open() && p.open() && (len(g.upright) == 0) == (len(p.upright) == 0)
}

// open reports whether the lattice has no upright rule inside.
func (g *lattice) open() bool { return len(g.columnEdges()) <= 2 }

// mergeLevel joins level rules that continue each other.
func mergeLevel(rules []rule) []rule {
	slices.SortFunc(rules, func(a, b rule) int {
		return cmp.Or(cmp.Compare(a.midY(), b.midY()), cmp.Compare(a.X0, b.X0))
	})
	return merge(rules, func(a, b rule) bool { return abs(a.midY()-b.midY()) <= 2 && a.overlapX(b.Box) >= -touch-1 })
}

// mergeUpright joins upright rules that continue each other.
func mergeUpright(rules []rule) []rule {
	slices.SortFunc(rules, func(a, b rule) int {
		return cmp.Or(cmp.Compare(a.midX(), b.midX()), cmp.Compare(a.Y0, b.Y0))
	})
	return merge(rules, func(a, b rule) bool { return abs(a.midX()-b.midX()) <= 2 && a.overlapY(b.Box) >= -touch })
}

// merge joins each rule with the ones before it that it continues. Rules are in
// order, so that only the last few can be meant.
func merge(rules []rule, same func(a, b rule) bool) []rule {
	var out []rule
	for _, r := range rules {
		joined := false
		for i := len(out) - 1; i >= max(len(out)-40, 0); i-- {
			if same(out[i], r) {
				out[i].Box, joined = out[i].Union(r.Box), true
				break
			}
		}
		if !joined {
			out = append(out, r)
		}
	}
	return out
}

// columnEdges returns the x of the upright rules and of the lattice's sides.
func (g *lattice) columnEdges() []float64 {
	edges := []float64{g.X0, g.X1}
	for _, r := range g.upright {
		edges = append(edges, r.midX())
	}
	return distinct(edges)
}

// rowEdges returns the y of the level rules and of the lattice's ends.
func (g *lattice) rowEdges() []float64 {
	edges := []float64{g.Y0, g.Y1}
	for _, r := range g.level {
		edges = append(edges, r.midY())
	}
	return distinct(edges)
}

// distinct sorts values and drops those next to another.
func distinct(values []float64) []float64 {
	slices.Sort(values)
	out := values[:0]
	last := math.Inf(-1)
	for _, v := range values {
		if v-last > touch {
			out = append(out, v)
			last = v
		}
	}
	return out
}

// wallRight reports whether an upright rule at x divides rows between y0 and y1.
func (g *lattice) wallRight(x, y0, y1 float64) bool {
	mid := (y0 + y1) / 2
	return slices.ContainsFunc(g.upright, func(r rule) bool {
		return abs(r.midX()-x) <= touch && r.Y0-touch <= mid && r.Y1+touch >= mid
	})
}

// wallBelow reports whether a level rule at y divides columns between x0 and x1.
func (g *lattice) wallBelow(y, x0, x1 float64) bool {
	mid := (x0 + x1) / 2
	return slices.ContainsFunc(g.level, func(r rule) bool {
		return abs(r.midY()-y) <= touch && r.X0-touch <= mid && r.X1+touch >= mid
	})
}
