package ground

import (
	"hash/maphash"
	"strings"
	"unicode"
	"unicode/utf8"

	"kvasir/internal/lexical"
)

// A token is a word, a number, or a character of a script without spaces.
type token struct {
	key    string // what makes two tokens the same
	pair   string // this character and the next; empty for words
	id     uint64 // a hash of the key
	pairID uint64 // of the pair; 0 for none
	root   string // what a text that has it in any form contains; empty if that is not known
	kind   kind
	faint  bool // tells little by itself
	tall   bool // begins with a capital, and not because a sentence does
	negate bool
}

// A kind is what a token is by its form.
type kind int

const (
	word   kind = iota
	number      // its value must be there
	name        // a word with a capital that does not begin a sentence, or a code
	sign        // a character of a script without spaces
)

// A tokenizer reads tokens. It is for one goroutine.
type tokenizer struct {
	seed     maphash.Seed
	analyzer *lexical.Analyzer
	lang     lexical.Language
	// capitals says that words with capitals are names: that few words have one.
	capitals bool
}

// weight is how much a token says: names and numbers more than words, a pair of
// characters half a word.
func (t *token) weight() float64 {
	switch {
	case t.faint || t.kind == sign && t.pair == "":
		return 0
	case t.kind == sign:
		return 0.5
	case t.kind == word:
		return 1
	}
	return 2
}

// tokens reads a text.
func (z *tokenizer) tokens(text string) []token {
	var out []token
	first := true // the next word may have a capital for being the first
	bold := false // what is emphasised may have capitals like a heading
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case strings.HasPrefix(text[i:], "**"):
			bold, first = !bold, true
			i += 2
		case unspaced(r):
			out = append(out, character(r, text[i+size:]))
			first = false
			i += size
		case inWord(r):
			end := wordEnd(text, i)
			out = append(out, z.word(text[i:end], first || bold))
			first = false
			i = end
		default:
			first = first || strings.ContainsRune(".!?:;\"“”«»„'‘’()[]|*_", r)
			i += size
		}
	}
	for i := range out {
		t := &out[i]
		t.id = maphash.String(z.seed, t.key)
		if t.pair != "" {
			t.pairID = maphash.String(z.seed, t.pair)
		}
	}
	return out
}

// character reads a character. What counts is it with the next one: alone it is in
// too many words.
func character(r rune, rest string) token {
	t := token{key: string(r), kind: sign, negate: lexical.Negates(string(r))}
	if next, _ := utf8.DecodeRuneInString(rest); unspaced(next) {
		t.pair = string(r) + string(next)
		t.root = t.pair
	}
	return t
}

// beginning returns what the forms of a word have in common, mostly.
func beginning(word string) string {
	const long = 4 // characters
	n := 0
	for i := range word {
		if n == long {
			return word[:i]
		}
		n++
	}
	return word
}

// word reads a word or a number.
func (z *tokenizer) word(w string, first bool) token {
	if value, ok := valueOf(w); ok {
		return token{key: value, kind: number}
	}
	lower := strings.ToLower(w)
	t := token{key: lower, root: beginning(lower), negate: lexical.Negates(lower)}
	terms := z.analyzer.Terms(w, z.lang)
	t.faint = len(terms) == 0
	if !t.faint {
		t.key = terms[0]
	}
	switch {
	case t.faint:
	case strings.ContainsFunc(w, unicode.IsDigit):
		t.kind, t.key = name, lower
	case !first && isUpper(w):
		t.tall = true
		if z.capitals {
			t.kind = name
		}
	}
	return t
}

func isUpper(w string) bool {
	r, _ := utf8.DecodeRuneInString(w)
	return unicode.IsUpper(r)
}

// manyCapitals tells a text in which so many words have capitals, as in German, that
// these are no names.
func manyCapitals(text string) bool {
	words, capitals := 0, 0
	for w := range strings.FieldsSeq(text) {
		r, size := utf8.DecodeRuneInString(w)
		if !unicode.IsLetter(r) || len(w) == size {
			continue
		}
		words++
		if unicode.IsUpper(r) {
			capitals++
		}
	}
	return 4*capitals > words
}

// unspaced reports whether r is of a script that puts no spaces between words.
func unspaced(r rune) bool {
	return r >= 0xe00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao,
		unicode.Khmer, unicode.Myanmar)
}

func inWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || r == '½'
}

// wordEnd returns the end of the word or number at i. Points, commas, hyphens and
// the like belong to it between letters and digits.
func wordEnd(text string, i int) int {
	for i < len(text) {
		r, size := utf8.DecodeRuneInString(text[i:])
		if inWord(r) && !unspaced(r) {
			i += size
			continue
		}
		if !strings.ContainsRune(".,'’_", r) || i+size >= len(text) {
			break
		}
		next, _ := utf8.DecodeRuneInString(text[i+size:])
		if !inWord(next) || unspaced(next) || (r == '.' || r == ',') && !unicode.IsDigit(next) {
			break
		}
		i += size
	}
	return i
}

// valueOf returns a number in one form: without groups of thousands, with a point.
func valueOf(w string) (string, bool) {
	digits, points := 0, 0
	for _, r := range w {
		switch {
		case unicode.IsDigit(r) || r == '½':
			digits++
		case r == '.' || r == ',' || r == '\'' || r == '’':
			points++
		default:
			return "", false
		}
	}
	if digits == 0 {
		return "", false
	}
	var b strings.Builder
	last := strings.LastIndexAny(w, ".,")
	for i, r := range w {
		switch {
		case unicode.IsDigit(r):
			b.WriteRune('0' + r - zeroOf(r))
		case r == '½':
			b.WriteString(".5")
		case i == last && len(w)-last-1 != 3 && points == 1:
			b.WriteByte('.')
		case i == last && points > 1 && len(w)-last-1 != 3:
			b.WriteByte('.')
		}
	}
	return b.String(), true
}

// zeroOf returns the zero of a digit's row: digits are in rows of ten.
func zeroOf(r rune) rune {
	zero := r
	for zero > r-9 && unicode.IsDigit(zero-1) {
		zero--
	}
	return zero
}
