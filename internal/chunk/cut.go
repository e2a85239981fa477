package chunk

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A unit is what pieces are packed from: a block, or a part of one that was too
// long for a piece.
type unit struct {
	start, end int
	words      int // weight, in twelfths of a word
	tokens     int // 0 if nothing limits them
	section    int
	heading    bool
	table      header // of the table that the unit is a part of
	// rest and restTokens sum up this unit and those after it in its section.
	rest, restTokens int
}

// A header is the head of a table that is cut: the rows start to end of the text
// say what the columns of its later parts mean. The zero value is none.
type header struct {
	start, end int
	tokens     int
}

// before returns the header if it stands before pos, where a piece begins that it
// is repeated for.
func (h header) before(pos int) header {
	if pos < h.end {
		return header{}
	}
	return h
}

// A cutter makes units of blocks.
type cutter struct {
	*budget
	units   []unit
	section int    // of the block at work
	heading bool   // the block at work is one
	table   header // of the block at work, if that is a table
}

// cut returns units that tile the budget's document, each within the budget.
func cut(b *budget) []unit {
	c := &cutter{budget: b}
	for _, block := range b.blocks {
		c.block(block)
	}
	for i := len(c.units) - 1; i >= 0; i-- {
		u := &c.units[i]
		u.rest, u.restTokens = u.words, u.tokens
		if i+1 < len(c.units) && !c.units[i+1].heading {
			u.rest += c.units[i+1].rest
			u.restTokens += c.units[i+1].restTokens
		}
	}
	return c.units
}

// block adds a block as a unit, or as several.
func (c *cutter) block(b block) {
	c.section, c.heading, c.table = b.section, b.kind == heading, header{}
	if u := c.measure(b.start, b.end); c.fits(u) {
		c.units = append(c.units, u)
		return
	}
	if b.kind == table {
		c.table = c.head(b)
	}
	from, prev, weight := b.start, b.start, 0
	for pos := range breaks(c.text[b.start:b.end], b.kind) {
		pos += b.start
		weight += weigh(c.text[prev:pos])
		prev = pos
		if weight >= c.least || pos == b.end {
			c.part(from, pos)
			from, weight = pos, 0
		}
	}
}

// head returns the header of a table: the row with the names of the columns and
// the line below it. One that would take much of every piece is not repeated.
func (c *cutter) head(b block) header {
	start := b.end - len(strings.TrimLeft(c.text[b.start:b.end], "\r\n"))
	end := lineEnd(c.text, lineEnd(c.text, start))
	h := header{start: start, end: end}
	if end >= b.end || end-start > c.maxBytes/4 || weigh(c.text[h.start:end]) > c.words/3 {
		return header{}
	}
	if h.tokens = c.tokens(c.text[h.start:end]); h.tokens > c.maxTokens/4 && c.maxTokens > 0 {
		return header{}
	}
	return h
}

// measure returns the unit of text[start:end]. Tokens are not counted when it is
// too long anyway.
func (c *cutter) measure(start, end int) unit {
	u := unit{start: start, end: end, section: c.section, heading: c.heading, table: c.table}
	text := c.text[start:end]
	u.words = weigh(text)
	if u.words <= c.most && len(text) <= c.maxBytes {
		u.tokens = c.tokens(text)
	}
	return u
}

// fits reports whether a unit may be a piece.
func (c *cutter) fits(u unit) bool {
	return u.words <= c.most && u.end-u.start <= c.maxBytes && u.tokens <= c.left(u)
}

// left returns the tokens that a unit may have beside the header of its table.
func (c *cutter) left(u unit) int { return c.room(u.section) - u.table.before(u.start).tokens }

// part adds a sentence or line as a unit, or as several.
func (c *cutter) part(start, end int) {
	if u := c.measure(start, end); c.fits(u) {
		c.units = append(c.units, u)
		return
	}
	for from, to := range c.spans(start, end) {
		c.halve(from, to)
	}
}

// spans cuts text[start:end] between words, or within a word where it has no
// spaces, so that each part is within words and bytes.
func (c *cutter) spans(start, end int) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		// The white space at the end goes with the last part. A run of it longer
		// than half a part is cut like text.
		tail := end - start - len(strings.TrimRightFunc(c.text[start:end], unicode.IsSpace))
		if tail > c.maxBytes/2 {
			tail = 0
		}
		var s scale
		from, afterSpace := start, start
		for pos := start; pos < end-tail; {
			r, size := utf8.DecodeRuneInString(c.text[pos:end])
			s.add(r)
			if pos > from && (s.total > c.words || pos+size-from > c.maxBytes-tail) {
				at := pos
				if afterSpace-from >= (pos-from)/2 && afterSpace > from {
					at = afterSpace
				}
				if !yield(from, at) {
					return
				}
				from, afterSpace, pos, s = at, at, at, scale{}
				continue
			}
			pos += size
			if unicode.IsSpace(r) {
				afterSpace = pos
			}
		}
		yield(from, end)
	}
}

// halve adds text[start:end] as a unit if its tokens fit, else in halves.
func (c *cutter) halve(start, end int) {
	u := c.measure(start, end)
	mid := middle(c.text, start, end)
	if u.tokens <= c.left(u) || mid == start {
		c.units = append(c.units, u)
		return
	}
	c.halve(start, mid)
	c.halve(mid, end)
}

// middle returns where to cut text[start:end] in two: after the space nearest
// before its middle if there is one in the second quarter, else between two
// characters. The white space at the end does not count, unless one character is
// all there is before it. It returns start if the whole is one character.
func middle(text string, start, end int) int {
	body := start + len(strings.TrimRightFunc(text[start:end], unicode.IsSpace))
	if body == start {
		body = end
	}
	mid, quarter := start+(body-start)/2, start+(body-start)/4
	if i := strings.LastIndexFunc(text[quarter:mid], unicode.IsSpace); i > 0 {
		_, size := utf8.DecodeRuneInString(text[quarter+i:])
		return quarter + i + size
	}
	if mid = charStart(text, mid, start); mid > start {
		return mid
	}
	if _, size := utf8.DecodeRuneInString(text[start:end]); start+size < end {
		return start + size
	}
	return start
}

// charStart moves pos back to the start of the character it is in, if that is a
// valid one.
func charStart(text string, pos, start int) int {
	for i := pos; i >= start && pos-i < utf8.UTFMax; i-- {
		if !utf8.RuneStart(text[i]) {
			continue
		}
		if _, size := utf8.DecodeRuneInString(text[i:]); i+size > pos {
			return i
		}
		break
	}
	return pos
}

// breaks yields the positions after each sentence or line of a block, the end
// included. Blank lines belong to the line before them.
func breaks(text string, k kind) iter.Seq[int] {
	if k == paragraph {
		return sentences(text)
	}
	return func(yield func(int) bool) {
		for pos := lineEnd(text, 0); pos < len(text); {
			next := lineEnd(text, pos)
			if strings.TrimSpace(text[pos:next]) != "" && !yield(pos) {
				return
			}
			pos = next
		}
		yield(len(text))
	}
}
