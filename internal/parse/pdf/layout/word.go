package layout

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// A word is a run of glyphs that stand close together on one baseline.
type word struct {
	Box         // as wide as its ink, as high as its type
	base, size  float64
	text        string
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
func words(glyphs []Glyph) []word {
	var c wordCollector
	for _, g := range glyphs {
		if !g.Gap {
			c.add(g)
			continue
		}
		c.flush()
		if n := len(c.words); n > 0 && g.Drawn {
			c.words[n-1].spaced = true
		}
	}
	c.flush()
	return c.words
}

// A wordCollector builds one word after the other.
type wordCollector struct {
	words  []word
	glyphs []Glyph
}

// add takes a glyph that is no space.
func (c *wordCollector) add(g Glyph) {
	if g.Size < 0.5 || g.Size > 2000 {
		g.Size = cmp.Or(min(max(g.Box.Height(), 1), 100), 1)
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
func follows(a, b Glyph) bool {
	size := max(a.Size, b.Size)
	gap := b.Box.X0 - a.Box.X1
	if (IsRightToLeft(a.last()) || IsRightToLeft(b.first())) && b.Box.X0 < a.Box.X0 {
		gap = a.Box.X0 - b.Box.X1
	}
	// PDFium has put a space wherever it sees a gap, so that this is for the ends of
	// lines. Characters of full width stand in squares that they need not fill.
	limit := 0.6
	if isWide(a.last()) || isWide(b.first()) {
		limit = 1.1
	}
	return gap <= limit*size && gap >= -1.5*size && abs(a.Base-b.Base) <= 0.15*size &&
		min(a.Size, b.Size) >= 0.8*size
}

// flush ends the word.
func (c *wordCollector) flush() {
	if len(c.glyphs) == 0 {
		return
	}
	turnRightToLeft(c.glyphs)
	w := word{base: c.glyphs[0].Base, order: len(c.words), Box: c.glyphs[0].Box}
	var runes []rune
	var bold, mono, rtl int
	for _, g := range c.glyphs {
		w.X0, w.X1 = min(w.X0, g.Box.X0), max(w.X1, g.Box.X1)
		w.size = max(w.size, g.Size)
		runes = append(runes, g.Runes...)
		if g.Font != nil && g.Font.Bold {
			bold += len(g.Runes)
		}
		if g.Font != nil && g.Font.Mono {
			mono += len(g.Runes)
		}
		if slices.ContainsFunc(g.Runes, IsRightToLeft) {
			rtl += len(g.Runes)
		}
	}
	n := len(runes)
	w.text, w.bold, w.mono, w.rightToLeft = spell(runes), 2*bold > n, 2*mono > n, 2*rtl > n
	w.Y0, w.Y1 = w.base-ascent*w.size, w.base+descent*w.size
	c.glyphs = c.glyphs[:0]
	if w.text != "" {
		c.words = append(c.words, w)
	}
}

// spell returns characters as text.
func spell(runes []rune) string {
	var text strings.Builder
	for i, r := range runes {
		switch {
		case r != 0x02 && r != 0xfffe && r != 0xad:
			if r = Clean(r); r >= 0 {
				text.WriteRune(r)
			}
		case i == len(runes)-1:
			text.WriteRune(hyphen)
		default:
			text.WriteByte('-')
		}
	}
	return strings.TrimSpace(text.String())
}

// turnRightToLeft puts the glyphs of a word that is written from the right into the
// order in which they are read. Some files have them as they are seen.
func turnRightToLeft(glyphs []Glyph) {
	rtl := 0
	for _, g := range glyphs {
		if IsRightToLeft(g.first()) {
			rtl++
		}
	}
	if 2*rtl <= len(glyphs) {
		return
	}
	slices.SortStableFunc(glyphs, func(a, b Glyph) int { return cmp.Compare(b.Box.X0, a.Box.X0) })
	for i := 0; i < len(glyphs); {
		j := i
		for j < len(glyphs) && unicode.IsDigit(glyphs[j].first()) {
			j++
		}
		slices.Reverse(glyphs[i:j])
		i = max(j, i+1)
	}
}

// hyphen stands for a hyphen at which PDFium sees a word go on in the next line.
const hyphen = '\u00ad'

// Clean maps a character of a page to what it stands for, or drops it.
func Clean(r rune) rune {
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

// IsRightToLeft reports whether r is of a script that is written from the right.
func IsRightToLeft(r rune) bool {
	return r >= 0x590 && r <= 0x8ff || r >= 0xfb1d && r <= 0xfdff || r >= 0xfe70 && r <= 0xfeff ||
		r >= 0x10800 && r <= 0x10fff || r >= 0x1e800 && r <= 0x1efff
}

// sortByX orders words from left to right; those at one place as in the file.
func sortByX(words []word) {
	slices.SortStableFunc(words, func(a, b word) int {
		return cmp.Or(cmp.Compare(a.X0, b.X0), cmp.Compare(a.order, b.order))
	})
}
