package pdf

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// A word is a run of glyphs that stand close together on one baseline.
type word struct {
	box         // as wide as its ink, as high as its type
	base, size  float64
	text        string
	glued       bool // follows the word before it in the file without a space there
	spaced      bool // a space follows it in the file
	order       int  // in the file
	bold, mono  bool
	url         string
	rightToLeft bool
}

// The parts of a line of type above and below the baseline, in sizes. They are
// tighter than what a font claims, so that lines set solid do not touch.
const (
	ascent  = 0.72
	descent = 0.2
)

// words collects glyphs, in the order of the file, to words. The order is what
// keeps columns apart whose lines are level with each other.
func words(glyphs []glyph) []word {
	var c wordCollector
	for _, g := range glyphs {
		if g.box != (box{}) {
			c.add(g)
			continue
		}
		c.flush()
		c.glued = c.glued && !g.drawn
		if n := len(c.words); n > 0 && g.drawn {
			c.words[n-1].spaced = true
		}
	}
	c.flush()
	return c.words
}

// A wordCollector builds one word after the other.
type wordCollector struct {
	words  []word
	glyphs []glyph
	glued  bool // no space in the file since the last word
}

// add takes a glyph that is no space.
func (c *wordCollector) add(g glyph) {
	if g.size < 0.5 || g.size > 2000 {
		g.size = cmp.Or(min(max(g.box.height(), 1), 100), 1)
	}
	if n := len(c.glyphs); n > 0 {
		last := c.glyphs[n-1]
		if !follows(last, g) {
			c.flush()
		}
	}
	c.glyphs = append(c.glyphs, g)
}

// follows reports whether b continues the word that a ends.
func follows(a, b glyph) bool {
	size := max(a.size, b.size)
	gap := b.box.x0 - a.box.x1
	if (isRightToLeft(a.r) || isRightToLeft(b.r)) && b.box.x0 < a.box.x0 {
		gap = a.box.x0 - b.box.x1
	}
	// PDFium has put a space wherever it sees a gap, so that this is for the ends of
	// lines. Characters of full width stand in squares that they need not fill.
	limit := 0.6
	if isWide(a.r) || isWide(b.r) {
		limit = 1.1
	}
	return gap <= limit*size && gap >= -1.5*size && abs(a.base-b.base) <= 0.15*size &&
		min(a.size, b.size) >= 0.8*size
}

// flush ends the word.
func (c *wordCollector) flush() {
	if len(c.glyphs) == 0 {
		return
	}
	turnRightToLeft(c.glyphs)
	w := word{base: c.glyphs[0].base, glued: c.glued, order: len(c.words), box: c.glyphs[0].box}
	var text strings.Builder
	var bold, mono, rtl int
	for i, g := range c.glyphs {
		w.x0, w.x1 = min(w.x0, g.box.x0), max(w.x1, g.box.x1)
		w.size = max(w.size, g.size)
		switch r := g.r; {
		case r == 0x02 || r == 0xfffe || r == 0xad:
			if i == len(c.glyphs)-1 {
				text.WriteRune(hyphen)
			} else {
				text.WriteByte('-')
			}
		default:
			if r = clean(r); r >= 0 {
				text.WriteRune(r)
			}
		}
		if g.font != nil && g.font.bold {
			bold++
		}
		if g.font != nil && g.font.mono {
			mono++
		}
		if isRightToLeft(g.r) {
			rtl++
		}
	}
	n := len(c.glyphs)
	w.text, w.bold, w.mono, w.rightToLeft = text.String(), 2*bold > n, 2*mono > n, 2*rtl > n
	w.y0, w.y1 = w.base-ascent*w.size, w.base+descent*w.size
	c.glyphs, c.glued = c.glyphs[:0], true
	if w.text != "" {
		c.words = append(c.words, w)
	}
}

// turnRightToLeft puts the glyphs of a word that is written from the right into the
// order in which they are read. Some files have them as they are seen.
func turnRightToLeft(glyphs []glyph) {
	rtl := 0
	for _, g := range glyphs {
		if isRightToLeft(g.r) {
			rtl++
		}
	}
	if 2*rtl <= len(glyphs) {
		return
	}
	slices.SortStableFunc(glyphs, func(a, b glyph) int { return cmp.Compare(b.box.x0, a.box.x0) })
	for i := 0; i < len(glyphs); {
		j := i
		for j < len(glyphs) && unicode.IsDigit(glyphs[j].r) {
			j++
		}
		slices.Reverse(glyphs[i:j])
		i = max(j, i+1)
	}
}

// hyphen stands for a hyphen at which PDFium sees a word go on in the next line.
const hyphen = '\u00ad'

// clean maps a character of a page to what it stands for, or drops it.
func clean(r rune) rune {
	switch {
	case r == '\t' || r == 0xa0 || r == '\n':
		return ' '
	case r >= 0xf020 && r <= 0xf0ff && strings.ContainsRune("\u00b7\u00a7\u00a8\u00d8\u00fclnqvuw", r-0xf000):
		return '•' // of the fonts Symbol and Wingdings
	case unicode.IsControl(r) || r == 0xfeff || r == 0xffff || r == 0x200b || r < 0 || r > unicode.MaxRune,
		r >= 0xd800 && r < 0xe000:
		return -1
	}
	return r
}

// isWide reports whether r is of a script whose characters fill a square.
func isWide(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) ||
		r >= 0x3000 && r <= 0x303f || r >= 0xff00 && r <= 0xffef
}

// isRightToLeft reports whether r is of a script that is written from the right.
func isRightToLeft(r rune) bool {
	return r >= 0x590 && r <= 0x8ff || r >= 0xfb1d && r <= 0xfdff || r >= 0xfe70 && r <= 0xfeff ||
		r >= 0x10800 && r <= 0x10fff || r >= 0x1e800 && r <= 0x1efff
}

// sortByX orders words from left to right; those at one place as in the file.
func sortByX(words []word) {
	slices.SortStableFunc(words, func(a, b word) int {
		return cmp.Or(cmp.Compare(a.x0, b.x0), cmp.Compare(a.order, b.order))
	})
}
