package ground

import (
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
	around   map[string]bool // what stands above the passage says, too: title, headings, header rows
	inside   map[string]bool // keys of all pieces
	initials string          // of its words, by which abbreviations are known
}

// A piece is a sentence of a passage, a row of a table, or a line.
type piece struct {
	span
	tokens []token
	keys   map[string]bool
}

// read reads a passage in its language.
func read(p *memo.Passage, a *lexical.Analyzer) *evidence {
	lead := p.Title + "\n" + strings.Join(p.Headings, "\n") + "\n" + memo.PassageLead(&p.Chunk)
	e := &evidence{
		passage: p, lang: lexical.Detect(p.Content), capitals: !manyCapitals(p.Content), inside: map[string]bool{},
	}
	z := &tokenizer{analyzer: a, lang: e.lang, capitals: e.capitals}
	e.around = keysOf(z.tokens(lead))
	for _, s := range split(p.Content) {
		tokens := z.tokens(p.Content[s.start:s.end])
		x := piece{span: s, tokens: tokens, keys: keysOf(tokens)}
		for key := range x.keys {
			e.inside[key] = true
		}
		e.pieces = append(e.pieces, x)
	}
	e.initials = initialsOf(lead + "\n" + p.Content)
	return e
}

func keysOf(tokens []token) map[string]bool {
	keys := make(map[string]bool, len(tokens))
	for _, t := range tokens {
		keys[t.key] = true
		if t.pair != "" {
			keys[t.pair] = true
		}
	}
	return keys
}

// has reports whether a set has what a token stands for.
func has(keys map[string]bool, t *token) bool {
	if t.pair != "" {
		return keys[t.pair]
	}
	return keys[t.key]
}

// says reports whether the passage, or what stands above it, has a token anywhere.
func (e *evidence) says(t *token) bool { return has(e.inside, t) || has(e.around, t) }

// resembles reports whether a name stands in the passage in another form: with
// another ending, a letter written otherwise, or as the initials of words.
func (e *evidence) resembles(t *token) bool {
	name := []rune(t.key)
	if len(name) >= 2 && strings.Contains(e.initials, string(name)) {
		return true
	}
	if len(name) < 4 || strings.ContainsFunc(t.key, unicode.IsDigit) {
		return false
	}
	for _, keys := range []map[string]bool{e.inside, e.around} {
		for key := range keys {
			if near(name, []rune(key)) {
				return true
			}
		}
	}
	return false
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
