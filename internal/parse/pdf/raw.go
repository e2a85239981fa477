package pdf

import (
	"context"
	"math"
)

// Bounds for one page. What is beyond them is left out.
const (
	maxGlyphs  = 200_000 // a page of the smallest print has 30,000
	maxObjects = 50_000  // drawings of maps have that many
	maxRules   = 5_000
	maxLinks   = 2_000
	maxDots    = 500
)

// A rawPage is a page as it is being read, in the PDF's coordinates.
type rawPage struct {
	d      *document
	handle uint64
	bounds box
	glyphs []glyph // boxes with y0 the lower edge
	rules  []box
	dots   []box
	links  []link
	images float64
}

// readText reads all characters. PDFium puts spaces and line breaks where it sees
// gaps; they come without an object of the page.
func (p *rawPage) readText(ctx context.Context) error {
	m, quick := p.d.m, context.WithoutCancel(ctx)
	text := m.call(ctx, "FPDFText_LoadPage", p.handle)
	if m.err != nil || text == 0 {
		return m.err
	}
	defer m.call(quick, "FPDFText_ClosePage", text)
	count := min(m.number(quick, "FPDFText_CountChars", text), maxGlyphs)
	var (
		unicodeOf, objectOf        = m.Fn("FPDFText_GetUnicode"), m.Fn("FPDFText_GetTextObject")
		boxOf, originOf            = m.Fn("FPDFText_GetCharBox"), m.Fn("FPDFText_GetCharOrigin")
		last                uint64 = math.MaxUint64
		style               glyph
	)
	for i := range uint64(max(count, 0)) {
		if i%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		g := glyph{r: rune(uint32(m.callFn(quick, "FPDFText_GetUnicode", unicodeOf, text, i)))}
		object := m.callFn(quick, "FPDFText_GetTextObject", objectOf, text, i)
		if object == 0 || isBlank(g.r) {
			// Only its place in the order counts.
			p.glyphs = append(p.glyphs, glyph{r: separator(g.r), turn: style.turn, drawn: object != 0})
			continue
		}
		if object != last {
			last, style = object, p.style(quick, text, object, i)
		}
		m.callFn(quick, "FPDFText_GetCharOrigin", originOf, text, i, m.at(64), m.at(72))
		m.callFn(quick, "FPDFText_GetCharBox", boxOf, text, i, m.at(0), m.at(8), m.at(16), m.at(24))
		g.box = box{m.float64(0), m.float64(2), m.float64(1), m.float64(3)}
		g.size, g.font, g.turn = style.size, style.font, style.turn
		// The origin is kept in base until the page is turned: base holds what is
		// across the line of text, whichever way it runs.
		g.base = m.float64(9)
		if g.turn%2 != 0 {
			g.base = m.float64(8)
		}
		p.glyphs = append(p.glyphs, g)
	}
	return m.err
}

// separator returns what a blank character stands for: a space, a line break or
// the hyphen that PDFium recognizes at the end of a line.
func separator(r rune) rune {
	switch r {
	case '\n', '\r':
		return '\n'
	case '-', 0x02, 0xad, 0xfffe:
		return '-'
	}
	return ' '
}

// style reads how the text of an object looks, by its character at index.
func (p *rawPage) style(quick context.Context, text, object, index uint64) glyph {
	m := p.d.m
	size := finite(math.Float64frombits(m.call(quick, "FPDFText_GetFontSize", text, index)))
	g := glyph{size: math.Abs(size), turn: 0}
	if m.number(quick, "FPDFText_GetMatrix", text, index, m.at(0)) != 0 {
		a, b, c, d := m.float32(0), m.float32(1), m.float32(2), m.float32(3)
		g.size = math.Abs(size) * math.Hypot(c, d)
		if size < 0 {
			a, b = -a, -b
		}
		if a != 0 || b != 0 {
			g.turn = turnOf(a, b)
		}
	}
	g.font = p.d.font(quick, m.call(quick, "FPDFTextObj_GetFont", object))
	return g
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
		where := box{m.float32(4), m.float32(7), m.float32(6), m.float32(5)}
		if url := webAddress(m.bytes(quick, "FPDFAction_GetURIPath", p.d.handle, action)); url != "" {
			p.links = append(p.links, link{where, url})
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

// upright turns the page so that most of its text is upright. A page without text
// turns as its file says.
func (p *rawPage) upright(rotation int) *page {
	var turns [4]int
	for _, g := range p.glyphs {
		if g.turn >= 0 && g.box.height() > 0 {
			turns[g.turn]++
		}
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
	out := &page{images: p.images, links: p.links}
	out.width, out.height = f.size()
	out.glyphs = p.turned(f)
	for t := range turns {
		if t != turn && turns[t] > 0 {
			out.asides = append(out.asides, p.turned(frame{p.bounds, t}))
		}
	}
	for i := range out.links {
		out.links[i].box = f.box(out.links[i].box)
	}
	for _, r := range p.dots {
		out.dots = append(out.dots, f.box(r))
	}
	for _, r := range p.rules {
		out.rules = append(out.rules, rule{f.box(r)})
	}
	return out
}

// turned returns the glyphs that a frame makes upright.
func (p *rawPage) turned(f frame) []glyph {
	var glyphs []glyph
	for _, g := range p.glyphs {
		if g.turn != f.turn {
			continue
		}
		if g.box != (box{}) {
			g.box = f.box(g.box)
			_, g.base = f.point(g.base, g.base)
		}
		glyphs = append(glyphs, g)
	}
	return glyphs
}
