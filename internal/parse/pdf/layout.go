package pdf

import (
	"slices"
	"strings"
	"unicode"
)

// layout reads what stands on a page: its blocks in reading order.
func layout(p *page) []block {
	all := words(p.glyphs)
	follower(all, p.links)
	tables, rest := ruledTables(p, all)
	found := lines(rest)
	tieKorean(found)
	addBullets(found, p.dots)
	items := make([]item, 0, len(found)+len(tables))
	for _, t := range tables {
		items = append(items, item{box: t.box, table: t})
	}
	for _, l := range found {
		items = append(items, item{box: l.box, line: l})
	}
	top, body, bottom := trim(cutStrips(items), p.height)
	out := edgeBlocks(top, atTop)
	out = append(out, blocks(textLines(flow(slices.Concat(body...), 0)))...)
	out = append(out, edgeBlocks(bottom, atBottom)...)
	for _, aside := range p.asides {
		for _, l := range lines(words(aside)) {
			// Marks for the printer are no text.
			if text := cellText([]*line{l}); strings.ContainsFunc(text, unicode.IsLetter) {
				out = append(out, block{box: l.box, text: text, size: l.size, lines: 1})
			}
		}
	}
	return slices.DeleteFunc(out, func(b block) bool { return b.kind != tableBlock && b.text == "" })
}

// edgeBlocks reads strips at an end of the page.
func edgeBlocks(strips []strip, where edge) []block {
	rows := make([]row, 0, len(strips))
	for _, s := range strips {
		rows = append(rows, plainRow(s, around(s)))
	}
	out := blocks(textLines(rows))
	for i := range out {
		out[i].edge = where
	}
	return out
}

// follower gives words the addresses of the links that cover them.
func follower(all []word, links []link) {
	for _, l := range links {
		for i := range all {
			if l.contains(all[i].midX(), all[i].midY()) {
				all[i].url = l.url
			}
		}
	}
}

// addBullets puts a bullet before the lines that have one drawn beside them.
func addBullets(found []*line, dots []box) {
	if len(dots) >= maxDots {
		return // a drawing
	}
	for _, dot := range dots {
		var nearest *line
		for _, l := range found {
			gap := l.x0 - dot.x1
			if gap > 0 && gap < 2.5*l.size && dot.midY() < l.base && dot.midY() > l.base-0.7*l.size &&
				dot.height() < 0.7*l.size && (nearest == nil || l.x0 < nearest.x0) {
				nearest = l
			}
		}
		if nearest != nil && !isItem(nearest.text()) {
			w := word{box: box{dot.x0, nearest.y0, dot.x1, nearest.y1}, base: nearest.base, size: nearest.size,
				text: "•", spaced: true, order: -1, bold: nearest.bold, mono: nearest.mono}
			nearest.words = append([]word{w}, nearest.words...)
			nearest.x0 = dot.x0
		}
	}
}
