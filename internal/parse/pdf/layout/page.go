package layout

// A Font is what the look of a font says about its text.
type Font struct{ Bold, Mono bool }

// A Glyph is characters that stand together on the page, often a word; or a gap
// between two.
type Glyph struct {
	Runes []rune
	Box   Box     // their ink; empty for a gap
	Base  float64 // y of their baseline
	Size  float64 // of the font as it appears, in points
	Font  *Font
	Gap   bool
	// Drawn is set for a gap that is a space in the file, as far as it matters: at the
	// end of a line and where it is narrow.
	Drawn bool
}

func (g *Glyph) first() rune { return g.Runes[0] }
func (g *Glyph) last() rune  { return g.Runes[len(g.Runes)-1] }

// A Link is a place on the page that leads to an address.
type Link struct {
	Box Box
	URL string
}

// A Page is what is on a page, turned so that most of its text is upright.
type Page struct {
	Height float64
	Glyphs []Glyph // in the order of the file, which is often that of reading
	Rules  []Box   // straight lines, level or upright
	Dots   []Box   // small and round or square, as bullets are; see [MaxDots]
	Links  []Link
	Asides [][]Glyph // text that is turned against the rest, each turn upright
}

// MaxDots is how many dots make a page a drawing, whose dots are no bullets.
const MaxDots = 500

// A rule is a straight line, level or upright. Its box has next to no height or
// width.
type rule struct{ Box }

func (r rule) level() bool { return r.Width() >= r.Height() }
