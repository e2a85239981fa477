// Package chunk cuts a text into passages: short enough to embed and to quote,
// long enough to be understood alone.
//
// [Split] reads the text as Markdown, which plain text is too. It knows headings,
// paragraphs, tables and fenced code, and works in three steps: the text is read
// as blocks, a block that is too long is cut into sentences or lines (and what is
// still too long into words), and neighbours are packed into pieces of about equal
// size. A piece rarely crosses a heading and never ends with one.
//
// Two promises hold for every input, valid UTF-8 or not. The pieces tile the text:
// joined in order they are the text, byte for byte. And no piece is over the
// model's tokens, counted with the prefix that is embedded before it.
package chunk

import (
	"cmp"
	"strings"
)

// A Piece is one passage: the bytes Start to End of the text.
type Piece struct {
	Start, End int
	// Headings are those above the piece, outermost first. A heading inside the
	// piece, its first line included, is not among them. Each is one line of at
	// most 100 characters; the outer ones are missing if the prefix were too long.
	Headings []string
	// HeaderStart and HeaderEnd are where in the text the header rows of a table
	// stand if the piece goes on with that table; both 0 if it does not.
	HeaderStart, HeaderEnd int
}

// Options say how large a piece may be. The zero value cuts at about 180 words.
type Options struct {
	// Words is the size to aim at; 0 means 180. A block up to a third longer
	// stays whole. In languages without spaces a word is 1.7 characters; a word
	// of more than 16 letters counts as several.
	Words int
	// MaxBytes bounds a piece of whatever text; 0 means 4096.
	MaxBytes int
	// MaxTokens bounds the tokens of a piece with its prefix; 0 means no bound.
	MaxTokens int
	// CountTokens counts the tokens of a text as the model does; nil means an
	// estimate that is rather too high. It is called about twice for each byte.
	CountTokens func(text string) int
	// Prefix is what is embedded before a piece below these headings; nil means
	// nothing. Headings are left out until it takes at most half of MaxTokens. If
	// it takes more without any heading, pieces are cut as if it took half: what
	// else is in it, such as a title, is for the caller to shorten.
	Prefix func(headings []string) string
}

// withDefaults returns o with every field set.
func (o Options) withDefaults() Options {
	o.Words = cmp.Or(max(o.Words, 0), 180)
	o.MaxBytes = max(cmp.Or(max(o.MaxBytes, 0), 4096), minBytes)
	o.MaxTokens = max(o.MaxTokens, 0)
	if o.CountTokens == nil {
		o.CountTokens = estimateTokens
	}
	if o.Prefix == nil {
		o.Prefix = func([]string) string { return "" }
	}
	return o
}

// minBytes leaves room for one character of any length and the space after it.
const minBytes = 16

// Split cuts text into pieces that tile it, in order. White space belongs to the
// text before it, at the beginning to the text after it; only a run of it that is
// longer than half a piece may be a piece of its own. A text of nothing but white
// space has no pieces.
//
// Time and memory are linear in the text: 10 MB take about a second plus twice
// what CountTokens takes for them.
func Split(text string, opts Options) []Piece {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	o := opts.withDefaults()
	b := newBudget(scan(text), o)
	return pack(b, cut(b))
}
