// Package rtf reads RTF documents as Markdown.
//
// RTF is a stream of groups in braces, control words and text. A group inherits the
// looks of the one around it and may be a destination: a place other than the text,
// such as the table of fonts. Readers skip the destinations they do not know, so new
// ones never break old readers; this one knows those that hold words.
//
// A document that is cut off is read as far as it goes.
package rtf

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse/charset"
	"kvasir/internal/parse/markdown"
)

// Limits bound what a document may take. The zero value works.
type Limits struct {
	// Depth is how many groups may be in each other; 0 means 1,000.
	Depth int
	// Text is the longest Markdown in bytes; 0 means 64 MiB.
	Text int
}

// checkEvery is after how many tokens the context is looked at.
const checkEvery = 4096

// Read reads the RTF document of size bytes in r.
func Read(ctx context.Context, r io.ReaderAt, size int64, limits Limits) (memo.Parsed, error) {
	limits.Depth = cmp.Or(max(limits.Depth, 0), 1000)
	limits.Text = cmp.Or(max(limits.Text, 0), 64<<20)
	lex := &lexer{r: bufio.NewReader(io.NewSectionReader(r, 0, size))}
	if start, _ := lex.r.Peek(len(signature)); string(start) != signature {
		return memo.Parsed{}, fault.New(fault.Invalid, "It does not begin as an RTF document does")
	}
	d := newDocument(limits)
	ended := false
	for i := 1; !ended; i++ {
		if i%checkEvery == 0 && ctx.Err() != nil {
			return memo.Parsed{}, context.Cause(ctx)
		}
		t, err := lex.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return memo.Parsed{}, fmt.Errorf("read the RTF document: %w", err)
		}
		if ended, err = d.token(t); err != nil {
			return memo.Parsed{}, err
		}
	}
	d.finish()
	parsed := d.out.Parsed(charset.Clean(d.title.String()))
	parsed.Text = charset.Clean(parsed.Text)
	switch {
	case d.out.Over:
		return memo.Parsed{}, fault.New(fault.TooLarge, "The RTF document has too much text")
	case parsed.Text == "" && !ended:
		return memo.Parsed{}, fault.New(fault.Invalid, "The RTF document is cut off before its text")
	}
	return parsed, nil
}

const signature = `{\rtf`

// newDocument returns a document of which nothing is read yet.
func newDocument(limits Limits) *document {
	return &document{
		limits: limits,
		out:    markdown.Writer{Max: limits.Text},
		fonts:  map[int]int{},
		styles: map[int]style{},
		page:   1252,
		now:    state{skipAfterUnicode: 1, outline: noOutline, font: -1},
	}
}

// A document is what was read so far.
type document struct {
	limits Limits
	out    markdown.Writer
	title  strings.Builder
	fonts  map[int]int // their code pages
	styles map[int]style
	page   int // the code page of text whose font names none

	stack []state
	now   state

	bytes     []byte // text in a code page that is not decoded yet
	surrogate rune   // the first half of a character
	skip      int    // characters that stand for the last one in older readers

	text    strings.Builder // of the paragraph
	marker  strings.Builder // of the item of a list
	field   strings.Builder // the instruction of the last field
	name    strings.Builder // of the style that is defined
	notes   []string        // footnotes of the paragraph
	noteNum int
	saved   []string // paragraphs that a footnote interrupted
	old     bool     // the last marker is one of old writers
	last    listItem
	table   table
}

// A listItem is an item of a list, and which list that is.
type listItem struct {
	list   int
	marker string
	old    bool
}

// A style is a named look of paragraphs.
type style struct {
	outline int
	base    int // the style it is made from
}

// noOutline is the outline of a paragraph that is no heading.
const noOutline = -1

// A destination is where the text of a group goes.
type destination int

const (
	toText destination = iota
	nowhere
	toFonts
	toStyles
	toInfo
	toTitle
	toMarker
	toField
	toNote
	toOld // what readers without Unicode show
)

// A state is what a group inherits.
type state struct {
	dest             destination
	starred          bool // the group may be skipped if its destination is unknown
	fresh            bool // nothing but a star stood in the group yet
	skipAfterUnicode int
	font             int
	hidden, deleted  bool
	raised           bool // above the line
	outline          int
	style            int
	inTable          bool
	list, level      int
}

// token takes the next token. It reports true at the end of the document.
func (d *document) token(t token) (ended bool, err error) {
	switch t.kind {
	case open:
		d.decode()
		d.skip = 0
		if len(d.stack) >= d.limits.Depth {
			return false, fault.New(fault.Invalid, "The RTF document nests its groups too deep")
		}
		d.now.fresh = false
		d.stack = append(d.stack, d.now)
		d.now.fresh, d.now.starred = true, false
	case closing:
		d.decode()
		d.skip = 0
		if len(d.stack) == 0 {
			return true, nil
		}
		before := d.now
		d.now = d.stack[len(d.stack)-1]
		d.stack = d.stack[:len(d.stack)-1]
		d.left(before)
		return len(d.stack) == 0, nil
	case char:
		if d.skip > 0 {
			d.skip--
		} else {
			d.bytes = append(d.bytes, t.char)
			if len(d.bytes) > 1<<16 {
				d.decode()
			}
		}
		d.now.fresh = false
	case word:
		if d.skip > 0 && t.name != "u" {
			d.skip--
			return false, nil
		}
		d.word(t)
	}
	return false, nil
}

// left does what the end of a group asks for.
func (d *document) left(before state) {
	if before.dest == toNote && d.now.dest != toNote {
		d.endNote()
	}
}

// finish writes what is not written yet.
func (d *document) finish() {
	d.decode()
	for len(d.saved) > 0 {
		d.endNote()
	}
	d.paragraph()
	d.endTable()
}
