package layout

// A Box is a rectangle on an upright page: x grows to the right, y downwards, in
// points.
type Box struct{ X0, Y0, X1, Y1 float64 }

// Width returns the width.
func (b Box) Width() float64 { return b.X1 - b.X0 }

// Height returns the height.
func (b Box) Height() float64 { return b.Y1 - b.Y0 }
func (b Box) midX() float64   { return (b.X0 + b.X1) / 2 }
func (b Box) midY() float64   { return (b.Y0 + b.Y1) / 2 }

// Union returns the smallest box around both.
func (b Box) Union(c Box) Box {
	return Box{min(b.X0, c.X0), min(b.Y0, c.Y0), max(b.X1, c.X1), max(b.Y1, c.Y1)}
}

// contains reports whether the point is inside.
func (b Box) contains(x, y float64) bool { return x >= b.X0 && x <= b.X1 && y >= b.Y0 && y <= b.Y1 }

// overlapY returns how much of the vertical the boxes share.
func (b Box) overlapY(c Box) float64 { return min(b.Y1, c.Y1) - max(b.Y0, c.Y0) }

// overlapX returns how much of the horizontal the boxes share.
func (b Box) overlapX(c Box) float64 { return min(b.X1, c.X1) - max(b.X0, c.X0) }
