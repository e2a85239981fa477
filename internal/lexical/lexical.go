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

// wordsKept bounds an analyzer's memory of words in one language; most words of
// a text are among the few thousand that it has seen.
const wordsKept = 1 << 15

// maxTerm is how many bytes of a term are kept; longer ones are base64 and the
// like, which nobody types.
const maxTerm = 64

// An Analyzer turns texts into terms. It remembers words, and is for one
// goroutine at a time. The zero value is ready.
type Analyzer struct {
	known [languages]map[string]string // words as written, and their terms; empty for stop words
	terms []string
	parts []string
	lang  Language
}

// Terms returns the terms of a text in order, repeated as often as they occur,
// stop words left out. The slice is valid until the next call.
func (a *Analyzer) Terms(text string, lang Language) []string {
	if lang >= languages {
		lang = Unknown
	}
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
	if plain(s) {
		a.word(s)
		return
	}
	a.parts = split(a.parts[:0], s)
	if len(a.parts) > 1 && named(s) {
		a.add(strings.ToLower(s))
	}
	for _, p := range a.parts {
		a.word(p)
	}
}

// plain reports whether s is small letters but for the first, as most words are.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || 'z' < c) && (i > 0 || c < 'A' || 'Z' < c) {
			return false
		}
	}
	return true
}

// named reports whether a compound is a name rather than words with hyphens: it
// has a digit, a joint other than a hyphen, or a capital inside.
func named(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case isDigit(c), c == '_', c == '.', c == '@':
			return true
		case isUpper(c) && i > 0 && isLower(s[i-1]):
			return true
		}
	}
	return false
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

// split cuts a compound at its joints and where a capital begins a word: read|File,
// parse|HTTP|Request.
func split(parts []string, s string) []string {
	start := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '_' || c == '.' || c == '-' || c == '@':
			if i > start {
				parts = append(parts, s[start:i])
			}
			start = i + 1
		case i > start && isUpper(c) && (isLower(s[i-1]) || isUpper(s[i-1]) && beginsWord(s[i:])):
			parts = append(parts, s[start:i])
			start = i
		}
	}
	if start < len(s) {
		parts = append(parts, s[start:])
	}
	return parts
}

// beginsWord tells a capital before small letters. One small letter is a plural's:
// IDs is one word.
func beginsWord(s string) bool { return len(s) > 2 && isLower(s[1]) && isLower(s[2]) }

// word adds one word, stemmed, unless it is a stop word.
func (a *Analyzer) word(w string) {
	known := a.known[a.lang]
	term, ok := known[w]
	if !ok {
		if known == nil || len(known) >= wordsKept {
			known = make(map[string]string, 1024)
			a.known[a.lang] = known
		}
		term = termOf(a.lang, w)
		known[strings.Clone(w)] = term // w is a part of the text, which must not be kept
	}
	if term != "" {
		a.terms = append(a.terms, term)
	}
}

// termOf returns the term of a word, empty if it is a stop word.
func termOf(lang Language, w string) string {
	w = strings.ToLower(w)
	if isStop(lang, w) {
		return ""
	}
	return strings.Clone(cut(fold(stemOf(lang, w))))
}

func (a *Analyzer) add(term string) {
	if term = cut(fold(term)); term != "" {
		a.terms = append(a.terms, term)
	}
}

// cut keeps a term to its bound.
func cut(term string) string {
	if len(term) > maxTerm {
		term = strings.ToValidUTF8(term[:maxTerm], "")
	}
	return term
}

// unmarked are letters that no decomposition tells from their plain kin.
var unmarked = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ı': "i",
}

// fold takes the marks off Latin, Greek, Cyrillic, Hebrew and Arabic letters:
// é becomes e. The marks of other scripts are vowels, without which words differ.
func fold(s string) string {
	if isASCII(s) {
		return s
	}
	var b strings.Builder
	for _, r := range norm.NFD.String(s) {
		switch plain, ok := unmarked[r]; {
		case ok:
			b.WriteString(plain)
		case 0x300 <= r && r <= 0x36f, 0x591 <= r && r <= 0x5c7, 0x64b <= r && r <= 0x65f:
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
