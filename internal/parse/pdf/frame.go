package pdf

import (
	"math"

	"kvasir/internal/parse/pdf/layout"
)

// rect returns a box.
func rect(x0, y0, x1, y1 float64) layout.Box { return layout.Box{X0: x0, Y0: y0, X1: x1, Y1: y1} }

// A frame turns coordinates of a PDF, whose y grows upwards from any corner, into
// those of an upright page.
type frame struct {
	bounds layout.Box // of the page in the PDF's coordinates, y0 the lower
	turn   int        // quarter turns clockwise
}

// size returns the width and height of the turned page.
func (f frame) size() (width, height float64) {
	if f.turn%2 == 1 {
		return f.bounds.Height(), f.bounds.Width()
	}
	return f.bounds.Width(), f.bounds.Height()
}

// point turns a point.
func (f frame) point(x, y float64) (float64, float64) {
	x, y = x-f.bounds.X0, y-f.bounds.Y0
	switch f.turn {
	case 1:
		return y, x
	case 2:
		return f.bounds.Width() - x, y
	case 3:
		return f.bounds.Height() - y, f.bounds.Width() - x
	}
	return x, f.bounds.Height() - y
}

// box turns a box whose corners may come in any order.
func (f frame) box(b layout.Box) layout.Box {
	x0, y0 := f.point(b.X0, b.Y0)
	x1, y1 := f.point(b.X1, b.Y1)
	return rect(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
}

// boxes turns several boxes.
func (f frame) boxes(all []layout.Box) []layout.Box {
	out := make([]layout.Box, len(all))
	for i, b := range all {
		out[i] = f.box(b)
	}
	return out
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
