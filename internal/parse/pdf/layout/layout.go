// Package layout finds out what the characters of a page mean by where they stand:
// words, lines, columns, paragraphs, headings, lists and tables. PDF knows none of
// them; it places glyphs. This package knows nothing of PDF in turn: it gets a
// [Page] of glyphs and rules, and a [Document] of pages becomes Markdown.
//
// It goes from small to large. Glyphs close to each other are words, words on one
// baseline are lines. Rules that hang together are tables, whose words are taken out
// first. What is left is put into reading order by cutting the page into strips and
// those into columns, where a group of strips with common gaps is judged to be
// columns of text, a table without rules, or lines with gaps. Lines become blocks by
// distance, indent and look. What a heading is, and what is repeated at the ends of
// all pages, shows only in the whole document, so that comes last.
//
// No rule is sure, as authors set pages as they like. Where signs are weak, lines
// stay as they are: a wrong table harms more than none.
package layout

import (
	"slices"
	"strings"
	"unicode"
)

// read reads what stands on a page: its blocks in reading order.
func read(p *Page) []block {
	all := words(p.Glyphs)
	follower(all, p.Links)
	tables, rest := ruledTables(p, all)
	found := lines(rest)
	tieKorean(found)
	addBullets(found, p.Dots)
	items := make([]item, 0, len(found)+len(tables))
	for _, t := range tables {
		items = append(items, item{Box: t.Box, table: t})
	}
	for _, l := range found {
		items = append(items, item{Box: l.Box, line: l})
	}
	top, body, bottom := trim(cutStrips(items), p.Height)
	out := edgeBlocks(top, atTop)
	out = append(out, blocks(textLines(flow(slices.Concat(body...), 0)))...)
	out = append(out, edgeBlocks(bottom, atBottom)...)
	for _, aside := range p.Asides {
		for _, l := range lines(words(aside)) {
			// Marks for the printer are no text.
			if text := cellText([]*line{l}); strings.ContainsFunc(text, unicode.IsLetter) {
				out = append(out, block{Box: l.Box, text: text, size: l.size, lines: 1})
			}
		}
	}
	return slices.DeleteFunc(out, func(b block) bool { return b.kind != tableBlock && b.text == "" })
}

// edgeBlocks reads strips at an end of the page.
func edgeBlocks(strips []strip, where edge) []block {
	rows := make([]row, 0, len(strips))
	for _, s := range strips {
		rows = append(rows, plainRows(s, around(s))...)
	}
	out := blocks(textLines(rows))
	for i := range out {
		out[i].edge = where
	}
	return out
}

// follower gives words the addresses of the links that cover them.
func follower(all []word, links []Link) {
	for _, l := range links {
		for i := range all {
			if l.Box.contains(all[i].midX(), all[i].midY()) {
				all[i].url = l.URL
			}
		}
	}
}

// addBullets puts a bullet before the lines that have one drawn beside them.
func addBullets(found []*line, dots []Box) {
	if len(dots) >= MaxDots {
		return // a drawing
	}
	for _, dot := range dots {
		var nearest *line
		for _, l := range found {
			gap := l.X0 - dot.X1
			if gap > 0 && gap < 2.5*l.size && dot.midY() < l.base && dot.midY() > l.base-0.7*l.size &&
				dot.Height() < 0.7*l.size && (nearest == nil || l.X0 < nearest.X0) {
				nearest = l
			}
		}
		if nearest != nil && !isItem(nearest.text()) {
			w := word{Box: Box{dot.X0, nearest.Y0, dot.X1, nearest.Y1}, base: nearest.base, size: nearest.size,
				text: "•", spaced: true, order: -1, bold: nearest.bold, mono: nearest.mono}
			nearest.words = append([]word{w}, nearest.words...)
			nearest.X0 = dot.X0
		}
	}
}
