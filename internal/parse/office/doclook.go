package office

import (
	"encoding/binary"
	"slices"
)

// A look is what the properties of a paragraph or of characters say of them.
type look struct {
	known   bool // there are any
	heading int  // its level, 0 if it is none
	list    bool
	depth   int // in its list
	inTable bool
	rowEnd  bool
	gone    bool // of characters: deleted or hidden
}

// looks are those of all paragraphs, and which characters are gone, by their places
// in the stream.
type looks struct {
	paragraphs []span
	runs       []span
}

// A span is a stretch of the stream, from the end of the one before.
type span struct {
	end  int64
	look look
}

// at returns the look of the paragraph that has a character at a place of the stream.
func (l *looks) at(place int64) look { return spanAt(l.paragraphs, place) }

// gone reports whether the character at a place of the stream was deleted while
// changes were tracked, or is hidden.
func (l *looks) gone(place int64) bool { return spanAt(l.runs, place).gone }

// spanAt returns the look of the span with a place in it.
func spanAt(spans []span, place int64) look {
	i, found := slices.BinarySearchFunc(spans, place, func(s span, place int64) int {
		return int(s.end - place)
	})
	if found {
		i++
	}
	if place < 0 || i >= len(spans) {
		return look{}
	}
	return spans[i].look
}

const (
	lookPage       = 512 // bytes of a page with properties
	paragraphEntry = 13  // bytes of a paragraph's line in it
	runEntry       = 1   // and of a run of characters
)

// readLooks reads the properties of paragraphs and characters from the pages that
// two tables list, and the styles. What is damaged is left out: text without its
// looks is better than none.
func readLooks(doc, paragraphs, runs, styles []byte) *looks {
	known := docStyles(styles)
	return &looks{
		paragraphs: readSpans(doc, paragraphs, paragraphEntry, func(page []byte, offset int) look {
			return lookOf(page, offset, known)
		}),
		runs: readSpans(doc, runs, runEntry, func(page []byte, offset int) look {
			l := look{}
			if size := int(page[offset]); offset > 0 && offset+1+size <= lookPage {
				l.apply(page[offset+1 : offset+1+size])
			}
			return l
		}),
	}
}

// readSpans reads the pages that a table lists. Each has places in the stream, and a
// line of some bytes for each stretch, which begins with where its properties are.
func readSpans(doc, table []byte, entry int, read func(page []byte, offset int) look) []span {
	le := binary.LittleEndian
	var spans []span
	n := (len(table) - 4) / 8 // n+1 places of 4 bytes, n numbers of pages of 4
	for i := range max(n, 0) {
		from := int64(le.Uint32(table[4*(n+1)+4*i:])&0x3fffff) * lookPage
		if from+lookPage > int64(len(doc)) {
			continue
		}
		page := doc[from : from+lookPage]
		count := int(page[lookPage-1])
		if 4*(count+1)+entry*count > lookPage-1 {
			continue
		}
		for j := range count {
			offset := 2 * int(page[4*(count+1)+entry*j])
			spans = append(spans, span{int64(le.Uint32(page[4*(j+1):])), read(page, offset)})
		}
	}
	slices.SortStableFunc(spans, func(a, b span) int { return int(a.end - b.end) })
	return spans
}

// lookOf reads the properties at an offset of a page: a style, and what differs.
func lookOf(page []byte, offset int, styles []look) look {
	if offset == 0 || offset+2 > lookPage {
		return look{known: true}
	}
	size := 2*int(page[offset]) - 1
	offset++
	if size < 0 {
		size = 2 * int(page[offset])
		offset++
	}
	if size < 2 || offset+size > lookPage {
		return look{known: true}
	}
	properties := page[offset : offset+size]
	result := look{}
	if style := int(binary.LittleEndian.Uint16(properties)); style < len(styles) {
		result = styles[style]
	}
	result.known = true
	result.apply(properties[2:])
	return result
}

// Properties of characters and paragraphs, from [MS-DOC].
const (
	propDeleted = 0x0800
	propHidden  = 0x083c
	propInTable = 0x2416
	propRowEnd  = 0x2417
	propLevel   = 0x2640 // in the outline; 9 is body text
	propDepth   = 0x260a // in a list
	propList    = 0x460b // the number of the list; 0 is none
	propTable   = 0xd608 // the one whose size has two bytes
)

// apply reads properties, each with its size in its number.
func (l *look) apply(properties []byte) {
	le := binary.LittleEndian
	for len(properties) >= 3 {
		id := le.Uint16(properties)
		properties = properties[2:]
		size := [...]int{1, 1, 2, 4, 2, 2, 0, 3}[id>>13]
		switch {
		case id == propTable && len(properties) >= 2:
			size = int(le.Uint16(properties)) + 1
		case size == 0:
			size = int(properties[0]) + 1
		}
		if size > len(properties) {
			return
		}
		switch v := properties[0]; id {
		case propDeleted, propHidden:
			l.gone = l.gone || v == 1
		case propInTable:
			l.inTable = v != 0
		case propRowEnd:
			l.rowEnd = v != 0
		case propLevel:
			if l.heading = int(v) + 1; v > 8 {
				l.heading = 0
			}
		case propDepth:
			l.depth = int(v)
		case propList:
			l.list = le.Uint16(properties) != 0
		}
		properties = properties[size:]
	}
}

// Styles that every document has, by their numbers.
const (
	styleHeading1 = 1
	styleHeading9 = 9
	styleTitle    = 62
	noStyle       = 0xfff
)

// docStyles returns what each style makes of a paragraph.
func docStyles(data []byte) []look {
	le := binary.LittleEndian
	if len(data) < 6 {
		return nil
	}
	count, fixed := int(le.Uint16(data[2:])), int(le.Uint16(data[4:]))
	data = data[min(len(data), 2+int(le.Uint16(data))):]
	var result []look
	var bases []int
	for len(data) >= 2 && len(result) < count {
		size := int(le.Uint16(data))
		data = data[2:]
		style := data[:min(len(data), size)]
		data = data[min(len(data), size+size%2):]
		l, base := look{}, noStyle
		if len(style) >= 4 {
			l, base = docStyle(style, fixed)
		}
		result, bases = append(result, l), append(bases, base)
	}
	return inherit(result, bases)
}

// docStyle returns what a style makes of a paragraph, and the style it is based on.
func docStyle(style []byte, fixed int) (l look, base int) {
	le := binary.LittleEndian
	base = int(le.Uint16(style[2:]) >> 4)
	l.apply(styleProperties(style, fixed))
	// The outline says of the title that it is none, as it is no part of it.
	switch number := int(le.Uint16(style) & 0xfff); {
	case number >= styleHeading1 && number <= styleHeading9:
		l.heading = number
	case number == styleTitle:
		l.heading = 1
	}
	return l, base
}

// styleProperties returns the properties of a style of paragraphs. They come after
// its name, which comes after the part of fixed size.
func styleProperties(style []byte, fixed int) []byte {
	le := binary.LittleEndian
	if fixed+2 > len(style) || le.Uint16(style[2:])&0xf != 1 {
		return nil
	}
	at := fixed + 2 + 2*int(le.Uint16(style[fixed:])) + 2
	if at+2 > len(style) {
		return nil
	}
	size := int(le.Uint16(style[at:]))
	if properties := style[at+2:]; size > 2 && size <= len(properties) {
		return properties[2:size]
	}
	return nil
}

// inherit adds to each style what those it is based on say.
func inherit(styles []look, bases []int) []look {
	for i := range styles {
		base := bases[i]
		for range 11 { // as deep as Word goes
			if base >= len(styles) {
				break
			}
			if styles[i].heading == 0 {
				styles[i].heading = styles[base].heading
			}
			if !styles[i].list {
				styles[i].list, styles[i].depth = styles[base].list, styles[base].depth
			}
			base = bases[base]
		}
	}
	return styles
}
