package pdf

import (
	"context"
	"math"

	"kvasir/internal/parse/pdf/layout"
)

// The kinds of object on a page, as PDFium numbers them.
const (
	objectPath  = 2
	objectImage = 3
	objectForm  = 5
)

// A matrix turns the coordinates of an object into those of the page:
// x' = ax + cy + e, y' = bx + dy + f.
type matrix struct{ a, b, c, d, e, f float64 }

// then returns the matrix that does m first and n after it.
func (m matrix) then(n matrix) matrix {
	return matrix{
		m.a*n.a + m.b*n.c, m.a*n.b + m.b*n.d,
		m.c*n.a + m.d*n.c, m.c*n.b + m.d*n.d,
		m.e*n.a + m.f*n.c + n.e, m.e*n.b + m.f*n.d + n.f,
	}
}

// point applies the matrix.
func (m matrix) point(x, y float64) (float64, float64) {
	return finite(m.a*x + m.c*y + m.e), finite(m.b*x + m.d*y + m.f)
}

// box applies the matrix to the corners of a box.
func (m matrix) box(b layout.Box) layout.Box {
	x0, y0 := m.point(b.X0, b.Y0)
	x1, y1 := m.point(b.X1, b.Y1)
	x2, y2 := m.point(b.X0, b.Y1)
	x3, y3 := m.point(b.X1, b.Y0)
	return rect(min(x0, x1, x2, x3), min(y0, y1, y2, y3), max(x0, x1, x2, x3), max(y0, y1, y2, y3))
}

// readObjects reads the rules and images of the page.
func (p *rawPage) readObjects(quick context.Context) {
	count := p.d.m.number(quick, "FPDFPage_CountObjects", p.handle)
	r := &objectReader{p, maxObjects}
	r.read(quick, container{"FPDFPage_GetObject", p.handle, count, matrix{a: 1, d: 1}, 0})
}

// An objectReader reads objects and those inside of them.
type objectReader struct {
	*rawPage
	left int // how many more objects are read
}

// A container is what holds objects: a page or a form on it.
type container struct {
	get    string // the function that returns them
	handle uint64
	count  int
	at     matrix // turns their coordinates into the page's
	depth  int
}

// read reads the objects of a container.
func (r *objectReader) read(quick context.Context, c container) {
	m, at := r.d.m, c.at
	object, kind := m.Fn(c.get), m.Fn("FPDFPageObj_GetType")
	for i := range max(c.count, 0) {
		if r.left--; r.left < 0 || m.err != nil {
			return
		}
		handle := m.callFn(quick, c.get, object, c.handle, uint64(i))
		switch m.callFn(quick, "FPDFPageObj_GetType", kind, handle) {
		case objectPath:
			r.path(quick, handle, at)
		case objectImage:
			if b, ok := r.boundsOf(quick, handle, at); ok {
				area := max(min(b.X1, r.bounds.X1)-max(b.X0, r.bounds.X0), 0) *
					max(min(b.Y1, r.bounds.Y1)-max(b.Y0, r.bounds.Y0), 0)
				r.images = max(r.images, area/max(r.bounds.Width()*r.bounds.Height(), 1))
			}
		case objectForm:
			if c.depth < 4 {
				inner := at
				if own, ok := r.matrixOf(quick, handle); ok {
					inner = own.then(at)
				}
				n := m.number(quick, "FPDFFormObj_CountObjects", handle)
				r.read(quick, container{"FPDFFormObj_GetObject", handle, n, inner, c.depth + 1})
			}
		}
	}
}

// boundsOf returns where an object is.
func (r *objectReader) boundsOf(quick context.Context, handle uint64, at matrix) (layout.Box, bool) {
	m := r.d.m
	if m.number(quick, "FPDFPageObj_GetBounds", handle, m.at(0), m.at(4), m.at(8), m.at(12)) == 0 {
		return layout.Box{}, false
	}
	return at.box(rect(m.float32(0), m.float32(1), m.float32(2), m.float32(3))), true
}

// matrixOf returns the matrix of an object.
func (r *objectReader) matrixOf(quick context.Context, handle uint64) (matrix, bool) {
	m := r.d.m
	if m.number(quick, "FPDFPageObj_GetMatrix", handle, m.at(0)) == 0 {
		return matrix{}, false
	}
	return matrix{m.float32(0), m.float32(1), m.float32(2), m.float32(3), m.float32(4), m.float32(5)}, true
}

// thin is the most that a rule is thick, in points. Many programs draw rules as
// filled rectangles.
const thin = 3

// path adds the rules that a path draws: itself if it is thin, else its edges.
func (r *objectReader) path(quick context.Context, handle uint64, at matrix) {
	b, ok := r.boundsOf(quick, handle, at)
	if !ok || len(r.rules) >= maxRules {
		return
	}
	if w, h := b.Width(), b.Height(); w > 1 && w < 8 && math.Abs(w-h) < 0.3*w && len(r.dots) < layout.MaxDots {
		r.dots = append(r.dots, b)
		return
	}
	if b.Width() <= thin || b.Height() <= thin {
		if max(b.Width(), b.Height()) > 2*thin {
			r.rules = append(r.rules, b)
		}
		return
	}
	m := r.d.m
	segments := m.number(quick, "FPDFPath_CountSegments", handle)
	if segments < 2 || segments > 2000 {
		return
	}
	own, ok := r.matrixOf(quick, handle)
	if !ok {
		return
	}
	r.edges(quick, handle, segments, own.then(at))
}

// edges adds the level and upright lines of a path.
func (r *objectReader) edges(quick context.Context, handle uint64, segments int, at matrix) {
	const lineTo, moveTo = 0, 2
	m := r.d.m
	var x, y, startX, startY float64
	for i := range segments {
		segment := m.call(quick, "FPDFPath_GetPathSegment", handle, uint64(i))
		kind := m.number(quick, "FPDFPathSegment_GetType", segment)
		m.call(quick, "FPDFPathSegment_GetPoint", segment, m.at(0), m.at(4))
		nextX, nextY := at.point(m.float32(0), m.float32(1))
		switch kind {
		case moveTo:
			startX, startY = nextX, nextY
		case lineTo:
			r.edge(x, y, nextX, nextY)
		}
		x, y = nextX, nextY
		if m.number(quick, "FPDFPathSegment_GetClose", segment) != 0 {
			r.edge(x, y, startX, startY)
		}
	}
}

// edge adds a line if it is level or upright and long enough to matter.
func (r *objectReader) edge(x0, y0, x1, y1 float64) {
	w, h := math.Abs(x1-x0), math.Abs(y1-y0)
	if min(w, h) <= 1 && max(w, h) > 2*thin && len(r.rules) < maxRules {
		r.rules = append(r.rules, rect(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))
	}
}
