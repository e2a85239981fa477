package pdf

import (
	"context"

	"kvasir/internal/parse/pdf/layout"
)

// Bounds for one page. What is beyond them is left out.
const (
	maxGlyphs  = 200_000 // a page of the smallest print has 30,000
	maxObjects = 50_000  // drawings of maps have that many
	maxRules   = 5_000
	maxLinks   = 2_000
)

// A rawPage is a page as it is being read, in the PDF's coordinates.
type rawPage struct {
	d      *document
	handle uint64
	bounds layout.Box
	glyphs []glyph // their boxes with y0 the lower edge
	rules  []layout.Box
	dots   []layout.Box
	links  []layout.Link
	images float64
}

// readLinks reads where the page leads to.
func (p *rawPage) readLinks(quick context.Context) {
	m := p.d.m
	m.memory.WriteUint32Le(m.scratch, 0) // the position, which PDFium moves on
	for range maxLinks {
		if m.number(quick, "FPDFLink_Enumerate", p.handle, m.at(0), m.at(8)) == 0 || m.err != nil {
			return
		}
		handle := uint64(m.uint32(2))
		action := m.call(quick, "FPDFLink_GetAction", handle)
		const uri = 3
		if action == 0 || m.number(quick, "FPDFAction_GetType", action) != uri ||
			m.number(quick, "FPDFLink_GetAnnotRect", handle, m.at(16)) == 0 {
			continue
		}
		where := rect(m.float32(4), m.float32(7), m.float32(6), m.float32(5))
		if url := webAddress(m.bytes(quick, "FPDFAction_GetURIPath", p.d.handle, action)); url != "" {
			p.links = append(p.links, layout.Link{Box: where, URL: url})
		}
	}
}

// webAddress returns an address that is safe to show as a link, else "".
func webAddress(raw []byte) string {
	for i, c := range raw {
		if c == 0 {
			raw = raw[:i]
			break
		}
		if c <= ' ' || c >= 0x7f || c == '(' || c == ')' || c == '<' || c == '>' {
			return ""
		}
	}
	url := string(raw)
	for _, scheme := range []string{"http://", "https://", "mailto:"} {
		if len(url) > len(scheme) && url[:len(scheme)] == scheme {
			return url
		}
	}
	return ""
}

// A glyph is a glyph and how many quarter turns clockwise make it upright; -1 if it
// is aslant.
type glyph struct {
	layout.Glyph
	turn int
}

// A page is what stands on a page, and the share of it that its largest image covers.
type page struct {
	layout.Page
	images float64
}

// upright turns the page so that most of its text is upright. A page without text
// turns as its file says.
func (p *rawPage) upright(rotation int) *page {
	turns := p.turns()
	if turns == [4]int{} {
		// Text aslant is a mark across the page, unless there is no other.
		for i := range p.glyphs {
			p.glyphs[i].turn = 0
		}
		turns = p.turns()
	}
	turn := rotation & 3
	if turns != [4]int{} {
		turn = 0
		for t, n := range turns {
			if n > turns[turn] {
				turn = t
			}
		}
	}
	f := frame{p.bounds, turn}
	out := &page{images: p.images, Page: layout.Page{
		Glyphs: p.turned(f), Rules: f.boxes(p.rules), Dots: f.boxes(p.dots), Links: p.links,
	}}
	_, out.Height = f.size()
	for t := range turns {
		if t != turn && turns[t] > 0 {
			out.Asides = append(out.Asides, p.turned(frame{p.bounds, t}))
		}
	}
	for i := range out.Links {
		out.Links[i].Box = f.box(out.Links[i].Box)
	}
	return out
}

// turns counts the characters that need each number of quarter turns.
func (p *rawPage) turns() (turns [4]int) {
	for _, g := range p.glyphs {
		if g.turn >= 0 {
			turns[g.turn] += len(g.Runes)
		}
	}
	return turns
}

// turned returns the glyphs that a frame makes upright.
func (p *rawPage) turned(f frame) []layout.Glyph {
	var glyphs []layout.Glyph
	for _, g := range p.glyphs {
		if g.turn != f.turn {
			continue
		}
		if !g.Gap {
			g.Box = f.box(g.Box)
			_, g.Base = f.point(g.Base, g.Base)
		}
		glyphs = append(glyphs, g.Glyph)
	}
	return glyphs
}
