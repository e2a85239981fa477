package pdf

import (
	"context"
	"math"
	"slices"
	"unicode"

	"kvasir/internal/parse/pdf/layout"
)

// A textReader reads the characters of a page as pieces. Each call into the sandbox
// costs a microsecond, most of it for being able to stop, so it asks for as little
// as will do: for the text of the page at once, then for each word where its first
// and last character are and how its text object looks.
type textReader struct {
	*rawPage
	text  uint64 // PDFium's text page
	chars []rune
	last  uint64 // the text object that style is of
	style glyph
	// known are text objects of characters that were asked for, by their index.
	known [2]struct {
		index  int
		object uint64
	}
}

// readText reads all characters. PDFium puts spaces and line breaks where it sees
// gaps; they are part of no text object.
func (p *rawPage) readText(ctx context.Context) error {
	m, quick := p.d.m, context.WithoutCancel(ctx)
	text := m.call(ctx, "FPDFText_LoadPage", p.handle)
	if m.err != nil || text == 0 {
		return m.err
	}
	defer m.call(quick, "FPDFText_ClosePage", text)
	r := &textReader{rawPage: p, text: text, last: math.MaxUint64}
	if err := r.readChars(ctx, quick); err != nil {
		return err
	}
	for i := 0; i < len(r.chars); {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if isBlank(r.chars[i]) {
			r.blank(quick, i)
			i++
			continue
		}
		end := i + 1
		for end < len(r.chars) && !isBlank(r.chars[end]) {
			end++
		}
		for i < end && m.err == nil {
			i = r.piece(quick, i, end)
		}
		if m.err != nil {
			return m.err
		}
	}
	return m.err
}

// readChars reads the text of the page. Where it has other units than the page has
// characters, each is asked for.
func (r *textReader) readChars(ctx, quick context.Context) error {
	m := r.d.m
	count := max(min(m.number(quick, "FPDFText_CountChars", r.text), maxGlyphs), 0)
	buffer := m.call(quick, "malloc", uint64(2*count+2))
	if buffer == 0 {
		return m.err
	}
	defer m.call(quick, "free", buffer)
	n := m.number(ctx, "FPDFText_GetText", r.text, 0, uint64(count), buffer) - 1
	data, ok := m.memory.Read(uint32(buffer), uint32(2*max(n, 0)))
	r.chars = make([]rune, 0, count)
	for i := 0; ok && n == count && i+1 < len(data); i += 2 {
		unit := rune(data[i]) | rune(data[i+1])<<8
		if unit >= 0xd800 && unit < 0xe000 {
			break
		}
		r.chars = append(r.chars, unit)
	}
	if len(r.chars) == count {
		return m.err
	}
	r.chars = r.chars[:0]
	one := m.Fn("FPDFText_GetUnicode")
	for i := range uint64(count) {
		if i%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.chars = append(r.chars, rune(uint32(m.callFn(quick, "FPDFText_GetUnicode", one, r.text, i))))
	}
	return m.err
}

// object returns the text object of a character, 0 if PDFium made it up. It is asked
// for the same ones again: the end of a word and the start of the next piece.
func (r *textReader) object(quick context.Context, i int) uint64 {
	for _, k := range r.known {
		if k.index == i && k.object != 0 {
			return k.object
		}
	}
	object := r.d.m.call(quick, "FPDFText_GetTextObject", r.text, uint64(i))
	r.known[i%2].index, r.known[i%2].object = i, object
	return object
}

// blank adds a character that shows nothing. Whether it is in the file matters only
// at the end of a line of Korean; within a line see [textReader.add].
func (r *textReader) blank(quick context.Context, i int) {
	g := glyph{layout.Glyph{Gap: true}, r.style.turn}
	if i > 0 && unicode.Is(unicode.Hangul, r.chars[i-1]) && (i+1 == len(r.chars) || isBlank(r.chars[i+1])) {
		g.Drawn = r.object(quick, i) != 0
	}
	r.glyphs = append(r.glyphs, g)
}

// piece adds the characters from i on that are of one text object, but none from
// end on. It returns where the next piece begins.
func (r *textReader) piece(quick context.Context, i, end int) int {
	object := r.object(quick, i)
	if object == 0 {
		// A hyphen that PDFium has recognized, or made up.
		r.glyphs = append(r.glyphs, glyph{layout.Glyph{Gap: true}, r.style.turn})
		return i + 1
	}
	if object != r.last {
		r.last, r.style = object, r.styleOf(quick, object, i)
	}
	stop := i + 1
	if stop < end && r.object(quick, stop) == object {
		stop++
		if r.object(quick, end-1) == object {
			stop = end
		}
	}
	for stop < end && r.object(quick, stop) == object {
		stop++
	}
	if !slices.ContainsFunc(r.chars[i:stop], layout.IsRightToLeft) && r.whole(quick, i, stop) {
		return stop
	}
	for ; i < stop; i++ {
		r.whole(quick, i, i+1)
	}
	return stop
}

// whole adds the characters from i to stop as one glyph, if they run forward without
// a gap that would have to be seen.
func (r *textReader) whole(quick context.Context, i, stop int) bool {
	g := r.style
	g.Runes = r.chars[i:stop]
	g.Box = r.boxOf(quick, i)
	if stop > i+1 {
		first, last := g.Box, r.boxOf(quick, stop-1)
		g.Box = first.Union(last)
		forward, extent := last.X0-first.X0, g.Box.Width()
		switch g.turn {
		case 1:
			forward, extent = last.Y0-first.Y0, g.Box.Height()
		case 2:
			forward = -forward
		case 3:
			forward, extent = first.Y0-last.Y0, g.Box.Height()
		}
		if forward < 0 || extent > 1.8*g.Size*float64(stop-i) {
			return false
		}
	}
	r.add(quick, g, i)
	return true
}

// add adds a glyph. PDFium sees a gap before an index where there is none: whether a
// space so narrow is in the file has to be asked.
func (r *textReader) add(quick context.Context, g glyph, i int) {
	if n := len(r.glyphs); n >= 2 && r.glyphs[n-1].Gap && !r.glyphs[n-2].Gap {
		before := r.glyphs[n-2].Box
		gap := max(g.Box.X0-before.X1, before.X0-g.Box.X1, g.Box.Y0-before.Y1, before.Y0-g.Box.Y1)
		if gap < 0.3*g.Size {
			r.glyphs[n-1].Drawn = r.object(quick, i-1) != 0
		}
	}
	r.glyphs = append(r.glyphs, g)
}

// boxOf returns where the ink of a character is.
func (r *textReader) boxOf(quick context.Context, i int) layout.Box {
	m := r.d.m
	m.call(quick, "FPDFText_GetCharBox", r.text, uint64(i), m.at(0), m.at(8), m.at(16), m.at(24))
	return rect(m.float64(0), m.float64(2), m.float64(1), m.float64(3))
}

// styleOf reads how the text of an object looks, and its baseline, by its character
// at index.
func (r *textReader) styleOf(quick context.Context, object uint64, index int) glyph {
	m, i := r.d.m, uint64(index)
	size := finite(math.Float64frombits(m.call(quick, "FPDFText_GetFontSize", r.text, i)))
	g := glyph{Glyph: layout.Glyph{Size: math.Abs(size)}}
	if m.number(quick, "FPDFText_GetMatrix", r.text, i, m.at(0)) != 0 {
		a, b, c, d := m.float32(0), m.float32(1), m.float32(2), m.float32(3)
		g.Size = math.Abs(size) * math.Hypot(c, d)
		if size < 0 {
			a, b = -a, -b
		}
		if a != 0 || b != 0 {
			g.turn = turnOf(a, b)
		}
	}
	m.call(quick, "FPDFText_GetCharOrigin", r.text, i, m.at(64), m.at(72))
	// Until the page is turned, base is the coordinate across the line of text,
	// whichever way that runs.
	g.Base = m.float64(9)
	if g.turn%2 != 0 {
		g.Base = m.float64(8)
	}
	g.Font = r.d.font(quick, m.call(quick, "FPDFTextObj_GetFont", object))
	return g
}
