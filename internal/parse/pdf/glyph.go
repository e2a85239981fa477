package pdf

import "math"

// A box is a rectangle on an upright page: x grows to the right, y downwards, in
// points.
type box struct{ x0, y0, x1, y1 float64 }

func (b box) width() float64  { return b.x1 - b.x0 }
func (b box) height() float64 { return b.y1 - b.y0 }
func (b box) midX() float64   { return (b.x0 + b.x1) / 2 }
func (b box) midY() float64   { return (b.y0 + b.y1) / 2 }

// union returns the smallest box around both.
func (b box) union(c box) box {
	return box{min(b.x0, c.x0), min(b.y0, c.y0), max(b.x1, c.x1), max(b.y1, c.y1)}
}

// contains reports whether the point is inside.
func (b box) contains(x, y float64) bool { return x >= b.x0 && x <= b.x1 && y >= b.y0 && y <= b.y1 }

// overlapY returns how much of the vertical the boxes share.
func (b box) overlapY(c box) float64 { return min(b.y1, c.y1) - max(b.y0, c.y0) }

// overlapX returns how much of the horizontal the boxes share.
func (b box) overlapX(c box) float64 { return min(b.x1, c.x1) - max(b.x0, c.x0) }

// A font is what the look of a font says about its text.
type font struct {
	bold, italic, mono bool
}

// A glyph is a character on the page.
type glyph struct {
	r    rune
	box  box     // its ink; without height for a space
	base float64 // y of its baseline
	size float64 // of its font as it appears, in points
	font *font
	turn int // quarter turns clockwise that make it upright; -1 if it is aslant
	// drawn is set for a space that is in the file, not one that PDFium saw in a gap.
	drawn bool
}

// A rule is a straight line drawn on the page, level or upright. Its box has next
// to no height or width.
type rule struct{ box }

func (r rule) level() bool { return r.width() >= r.height() }

// A link is a place on the page that leads to an address.
type link struct {
	box
	url string
}

// A page is what PDFium knows of a page, turned so that most of its text is
// upright.
type page struct {
	width, height float64
	glyphs        []glyph // in the order of the file, which is often that of reading
	rules         []rule
	dots          []box // small and round or square, as bullets are
	links         []link
	asides        [][]glyph // text that is turned against the rest, each turn upright
	images        float64   // the share of the page that the largest image covers
}

// A frame turns coordinates of a PDF, whose y grows upwards from any corner, into
// those of an upright page.
type frame struct {
	bounds box // of the page in the PDF's coordinates, y0 the lower
	turn   int // quarter turns clockwise
}

// size returns the width and height of the turned page.
func (f frame) size() (width, height float64) {
	if f.turn%2 == 1 {
		return f.bounds.height(), f.bounds.width()
	}
	return f.bounds.width(), f.bounds.height()
}

// point turns a point.
func (f frame) point(x, y float64) (float64, float64) {
	x, y = x-f.bounds.x0, y-f.bounds.y0
	switch f.turn {
	case 1:
		return y, x
	case 2:
		return f.bounds.width() - x, y
	case 3:
		return f.bounds.height() - y, f.bounds.width() - x
	}
	return x, f.bounds.height() - y
}

// box turns a box whose corners may come in any order.
func (f frame) box(b box) box {
	x0, y0 := f.point(b.x0, b.y0)
	x1, y1 := f.point(b.x1, b.y1)
	return box{min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)}
}

// turnOf returns the quarter turns clockwise that make text upright whose x axis
// points to (a, b), or -1 if none does.
func turnOf(a, b float64) int {
	angle := math.Atan2(b, a) / (math.Pi / 2)
	turn := math.Round(angle)
	if math.Abs(angle-turn) > 0.12 { // some ten degrees
		return -1
	}
	return (int(turn) + 4) % 4
}
