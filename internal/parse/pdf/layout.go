package pdf

import (
	"slices"
	"strings"
	"unicode"
)

// layout reads what stands on a page: its blocks in reading order.
func layout(p *page) []block {
	tables, rest := ruledTables(p, words(p.glyphs))
	found := lines(rest)
	tieKorean(found)
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
