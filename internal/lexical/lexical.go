// Package lexical turns text into the terms by which words are found.
//
// Documents and queries go through the same [Analyzer]. Words are normalised
// (NFKC, lower case), stemmed by their language, and folded to plain letters.
// Languages without spaces become pairs of characters. Names made of parts, such
// as max_body_bytes, readFile or v1.2.3, are kept whole and also split, so that
// both spellings find them; so are numbers, codes, paths and addresses.
//
// Not all terms are equal: each has a [Kind]. Stop words are terms as well, but
// faint ones: whoever searches may leave them out as long as there are others, and
// has them for the query that is made of nothing else.
package lexical

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// wordsKept bounds an analyzer's memory of words in one language; most words of
// a text are among the few thousand that it has seen.
const wordsKept = 1 << 15

// maxTerm is how many bytes of a term are kept; longer ones are base64 and the
// like, which nobody types.
const maxTerm = 64

// A Kind says what a term stands for.
type Kind uint8

// The kinds of term.
const (
	// Word is a word, a number or a pair of characters. A text is as long as it has
	// these.
	Word Kind = iota
	// Spelling is another form of what stands there as words, too: a name as a whole,
	// a number without its commas.
	Spelling
	// Faint terms tell little: stop words, and the single characters of pairs. They
	// are for queries that find nothing else.
	Faint
)

// A Term is what texts are found by.
type Term struct {
	Text string
	Kind Kind
	// At is where in the normalised text the term's word or name begins. It is the
	// same in whatever language the text is read.
	At int
}

// An Analyzer turns texts into terms. It remembers words, and is for one
// goroutine at a time. The zero value is ready.
type Analyzer struct {
	known [languages]map[string]wordTerm // by words as written
	names [languages]map[string][]Term   // of tokens that are more than a word
	terms []Term
	texts []string
	lang  Language
	at    int // where the present word begins

	row    int       // how many stop words stand in a row up to here
	before [2]string // the last two of them
	phrase []byte
	joined map[string]string // pairs of stop words
}

// phraseWords is how many stop words in a row may be a phrase, which is known by
// its pairs: to be or not to be. Fewer are grammar.
const phraseWords = 3

// A wordTerm is the term of a word.
type wordTerm struct {
	text string
	stop bool
}

// Terms returns the terms of a text that are not faint, in order, repeated as often
// as they occur. The slice is valid until the next call.
func (a *Analyzer) Terms(text string, lang Language) []string {
	a.texts = a.texts[:0]
	for _, t := range a.Read(text, lang) {
		if t.Kind != Faint {
			a.texts = append(a.texts, t.Text)
		}
	}
	return a.texts
}

// Read returns the terms of a text, as far as possible in order, repeated as often
// as they occur. The slice is valid until the next call.
func (a *Analyzer) Read(text string, lang Language) []Term {
	if lang >= languages {
		lang = Unknown
	}
	a.terms, a.lang, a.row = a.terms[:0], lang, 0
	if !isASCII(text) {
		text = norm.NFKC.String(text)
	}
	for i := 0; i < len(text); {
		r, size := decode(text[i:])
		switch {
		case unspaced(r):
			end := i + size
			for end < len(text) {
				r, size := decode(text[end:])
				if !unspaced(r) {
					break
				}
				end += size
			}
			a.at = i
			a.pairs(text[i:end])
			i = end
		case inWord(r):
			i = a.token(text, i)
		default:
			i += size
		}
	}
	return a.terms
}

func decode(s string) (rune, int) {
	if s[0] < utf8.RuneSelf {
		return rune(s[0]), 1
	}
	return utf8.DecodeRuneInString(s)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func inWord(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// unspaced reports whether the rune belongs to a script that puts no spaces
// between words.
func unspaced(r rune) bool {
	return r >= 0xe00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai,
		unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// pairs adds every two neighbouring characters as a term, and each of them
// faintly; or the one there is.
func (a *Analyzer) pairs(run string) {
	_, size := utf8.DecodeRuneInString(run)
	if size == len(run) {
		a.add(run, Word)
		return
	}
	a.add(run[:size], Faint)
	for start, width := 0, size; start+width < len(run); {
		_, next := utf8.DecodeRuneInString(run[start+width:])
		a.add(run[start:start+width+next], Word)
		a.add(run[start+width:start+width+next], Faint)
		start, width = start+width, next
	}
}

// add adds a term that is a part of the text, or kept elsewhere.
func (a *Analyzer) add(text string, kind Kind) {
	if kind != Faint {
		a.row = 0
	}
	if text != "" {
		a.terms = append(a.terms, Term{Text: text, Kind: kind, At: a.at})
	}
}

// word adds a word, stemmed, faintly if it is a stop word.
func (a *Analyzer) word(w string) {
	t := a.lookup(w)
	if !t.stop {
		a.add(t.text, Word)
		return
	}
	a.add(t.text, Faint)
	if a.row++; a.row >= phraseWords {
		if a.row == phraseWords {
			a.pair(a.before[0], a.before[1])
		}
		a.pair(a.before[1], t.text)
	}
	a.before[0], a.before[1] = a.before[1], t.text
}

// pair adds two stop words as one term.
func (a *Analyzer) pair(first, second string) {
	a.phrase = append(append(append(a.phrase[:0], first...), ' '), second...)
	term, ok := a.joined[string(a.phrase)]
	if !ok {
		if a.joined == nil || len(a.joined) >= wordsKept {
			a.joined = make(map[string]string, 256)
		}
		term = string(a.phrase)
		a.joined[term] = term
	}
	a.add(term, Faint)
}

// lookup returns the term of a word.
func (a *Analyzer) lookup(w string) wordTerm {
	known := a.known[a.lang]
	t, ok := known[w]
	if !ok {
		if known == nil || len(known) >= wordsKept {
			known = make(map[string]wordTerm, 1024)
			a.known[a.lang] = known
		}
		t = termOf(a.lang, w)
		known[strings.Clone(w)] = t // w is a part of the text, which must not be kept
	}
	return t
}

// termOf returns the term of a word.
func termOf(lang Language, w string) wordTerm {
	w = normalise(strings.ToLower(w))
	stop := isStop(lang, w)
	if !stop {
		w = stemOf(lang, w)
	}
	return wordTerm{text: strings.Clone(cut(fold(w))), stop: stop}
}

// cut keeps a term to its bound.
func cut(term string) string {
	if len(term) > maxTerm {
		term = strings.ToValidUTF8(term[:maxTerm], "")
	}
	return term
}
