// Package lexical turns text into the terms by which words are found.
//
// Documents and queries go through the same [Analyzer]. Words are normalised
// (NFKC, lower case), stemmed by their language, and folded to plain letters.
// Stop words are dropped. Languages without spaces become pairs of characters.
// Names made of parts, such as max_body_bytes, readFile or v1.2.3, are kept
// whole and also split, so that both spellings find them.
package lexical

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// stemsKept bounds an analyzer's memory of stems; most words of a text are among
// the few thousand that it has seen.
const stemsKept = 1 << 15

// maxTerm is how many bytes of a term are kept; longer ones are base64 and the
// like, which nobody types.
const maxTerm = 64

// An Analyzer turns texts into terms. It remembers stems, and is for one
// goroutine at a time. The zero value is ready.
type Analyzer struct {
	stems map[stemKey]string
	terms []string
	lang  Language
}

type stemKey struct {
	lang Language
	word string
}

// Terms returns the terms of a text in order, repeated as often as they occur,
// stop words left out. The slice is valid until the next call.
func (a *Analyzer) Terms(text string, lang Language) []string {
	a.terms, a.lang = a.terms[:0], lang
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
			a.pairs(text[i:end])
			i = end
		case inWord(r):
			end := wordEnd(text, i)
			a.compound(text[i:end])
			i = end
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

// wordEnd returns the end of the compound that begins at i: letters and digits,
// joined by single . - @ between them.
func wordEnd(text string, i int) int {
	for i < len(text) {
		r, size := decode(text[i:])
		if inWord(r) && !unspaced(r) {
			i += size
			continue
		}
		if r != '.' && r != '-' && r != '@' || i+1 >= len(text) {
			return i
		}
		next, _ := decode(text[i+1:])
		if !inWord(next) || unspaced(next) {
			return i
		}
		i++
	}
	return i
}

// pairs adds every two neighbouring characters as a term, or the one there is.
func (a *Analyzer) pairs(run string) {
	_, size := utf8.DecodeRuneInString(run)
	if size == len(run) {
		a.terms = append(a.terms, run)
		return
	}
	for start, width := 0, size; start+width < len(run); {
		_, next := utf8.DecodeRuneInString(run[start+width:])
		a.terms = append(a.terms, run[start:start+width+next])
		start, width = start+width, next
	}
}

// compound adds a word, or a name with its parts.
func (a *Analyzer) compound(s string) {
	parts := split(s)
	if len(parts) == 1 {
		a.word(parts[0])
		return
	}
	if named(s) {
		a.add(strings.ToLower(s))
	}
	for _, p := range parts {
		a.word(p)
	}
}

// named reports whether a compound is a name rather than words with hyphens: it
// has a digit, a joint other than a hyphen, or a capital inside.
func named(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9', c == '_', c == '.', c == '@':
			return true
		case 'A' <= c && c <= 'Z' && i > 0 && 'a' <= s[i-1] && s[i-1] <= 'z':
			return true
		}
	}
	return false
}

// split cuts a compound at its joints and before its inner capitals.
func split(s string) []string {
	var parts []string
	start := 0
	cut := func(end, next int) {
		if end > start {
			parts = append(parts, s[start:end])
		}
		start = next
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c == '_' || c == '.' || c == '-' || c == '@':
			cut(i, i+1)
		case 'A' <= c && c <= 'Z' && i > start && 'a' <= s[i-1] && s[i-1] <= 'z':
			cut(i, i)
		}
	}
	cut(len(s), len(s))
	return parts
}

// word adds one word, stemmed, unless it is a stop word.
func (a *Analyzer) word(w string) {
	w = strings.ToLower(w)
	if stopWords(a.lang)[w] {
		return
	}
	a.add(a.stem(w))
}

func (a *Analyzer) add(term string) {
	if len(term) > maxTerm {
		term = strings.ToValidUTF8(term[:maxTerm], "")
	}
	if term != "" {
		a.terms = append(a.terms, term)
	}
}

// stem returns the stem of a word in plain letters.
func (a *Analyzer) stem(w string) string {
	key := stemKey{a.lang, w}
	if s, ok := a.stems[key]; ok {
		return s
	}
	s := fold(stemOf(a.lang, w))
	if a.stems == nil || len(a.stems) >= stemsKept {
		a.stems = make(map[stemKey]string, 1024)
	}
	key.word = strings.Clone(w) // w is a part of the text, which must not be kept
	a.stems[key] = strings.Clone(s)
	return a.stems[key]
}

// fold takes the marks off letters: é becomes e.
func fold(s string) string {
	if isASCII(s) {
		return s
	}
	var b strings.Builder
	for _, r := range norm.NFD.String(s) {
		switch {
		case r == 'ß':
			b.WriteString("ss")
		case !unicode.Is(unicode.Mn, r):
			b.WriteRune(r)
		}
	}
	return b.String()
}
