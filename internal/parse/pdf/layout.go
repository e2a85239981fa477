package pdf

import "slices"

// layout reads what stands on a page: its blocks in reading order.
func layout(p *page) []block {
	tables, rest := ruledTables(p, words(p.glyphs))
	found := lines(rest)
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
			out = append(out, block{box: l.box, text: l.text(), size: l.size, lines: 1})
		}
	}
	return slices.DeleteFunc(out, func(b block) bool { return b.kind != tableBlock && b.text == "" })
}

// edgeBlocks reads strips at an end of the page.
func edgeBlocks(strips []strip, where edge) []block {
	var out []block
	for _, s := range strips {
		for _, b := range blocks(textLines([]row{plainRow(s, around(s))})) {
			b.edge = where
			out = append(out, b)
		}
	}
	return out
}
