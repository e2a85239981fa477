package ground

import (
	"slices"
	"strings"
	"unicode"

	"kvasir/internal/lexical"
	"kvasir/internal/memo"
)

// evidence is a passage that is read for what it says.
type evidence struct {
	passage  *memo.Passage
	lang     lexical.Language
	capitals bool // words with capitals are names
	pieces   []piece
	above    []token // what stands above the passage says, too: title, headings, header rows
	around   keys    // its keys
	inside   keys    // of all pieces
	initials string  // of its words, by which abbreviations are known; see resembles
}

// A piece is a sentence of a passage, a row of a table, or a line.
type piece struct {
	span
	tokens []token
	keys   keys
}

// keys are those of tokens, sorted.
type keys []uint64

// readPassage reads a passage in its language.
func (c *check) readPassage(p *memo.Passage) *evidence {
	e := &evidence{passage: p, lang: lexical.Detect(p.Content), capitals: !manyCapitals(p.Content)}
	z := c.tokenizer(e.lang, e.capitals)
	e.above = z.tokens(p.Title + "\n" + strings.Join(p.Headings, "\n") + "\n" + memo.PassageLead(&p.Chunk))
	e.around = keysOf(e.above)
	for _, s := range split(p.Content) {
		x := piece{span: s, tokens: z.tokens(p.Content[s.start:s.end])}
		x.keys = keysOf(x.tokens)
		e.inside = append(e.inside, x.keys...)
		e.pieces = append(e.pieces, x)
	}
	slices.Sort(e.inside)
	return e
}

func keysOf(tokens []token) keys {
	out := make(keys, 0, len(tokens))
	for i := range tokens {
		out = append(out, tokens[i].id)
		if tokens[i].pairID != 0 {
			out = append(out, tokens[i].pairID)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// has reports whether a set has what a token stands for.
func has(k keys, t *token) bool {
	id := t.id
	if t.pairID != 0 {
		id = t.pairID
	}
	_, ok := slices.BinarySearch(k, id)
	return ok
}

// says reports whether the passage, or what stands above it, has a token anywhere.
func (e *evidence) says(t *token) bool { return has(e.inside, t) || has(e.around, t) }

// resembles reports whether a name stands in the passage in another form: with
// another ending, a letter written otherwise, or as the initials of words.
func (e *evidence) resembles(t *token) bool {
	name := []rune(t.key)
	if e.initials == "" {
		e.initials = " " + initialsOf(e.passage.Title+"\n"+strings.Join(e.passage.Headings, "\n")+"\n"+e.passage.Content)
	}
	if len(name) >= 2 && strings.Contains(e.initials, string(name)) {
		return true
	}
	if len(name) < 4 || strings.ContainsFunc(t.key, unicode.IsDigit) {
		return false
	}
	alike := func(o token) bool { return near(name, []rune(o.key)) }
	return slices.ContainsFunc(e.above, alike) || slices.ContainsFunc(e.pieces, func(p piece) bool {
		return slices.ContainsFunc(p.tokens, alike)
	})
}

// near reports whether two words share so long a beginning that one is a form of the
// other, or differ in one letter.
func near(a, b []rune) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(a) < 4 || len(b)-len(a) > 3 {
		return false
	}
	same := 0
	for same < len(a) && a[same] == b[same] {
		same++
	}
	if same >= len(a)-1 && same >= 4 {
		return true
	}
	rest, other := a[same:], b[same:]
	return len(a) == len(b) && len(a) > 5 && string(rest[1:]) == string(other[1:])
}

// initialsOf returns the first letters of a text's words, in small letters.
func initialsOf(text string) string {
	var b strings.Builder
	inside := false
	for _, r := range text {
		letter := unicode.IsLetter(r) || unicode.IsDigit(r)
		if letter && !inside {
			b.WriteRune(unicode.ToLower(r))
		}
		inside = letter || r == '\'' || r == '’'
	}
	return b.String()
}
