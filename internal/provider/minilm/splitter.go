package minilm

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxWordRunes is the longest word that is cut into pieces; longer ones are
// unknown.
const maxWordRunes = 100

// A splitter cleans a text as uncased BERT does and cuts it into words. Control
// characters vanish, accents are stripped, letters become small; punctuation
// marks and Chinese characters are words of their own.
//
// The names of special tokens get no special meaning: "[SEP]" in a text is three
// words, so that no document can forge the end of a sequence.
type splitter struct {
	// yield gets each word and returns false to stop. The word is valid during the
	// call only. One of more than maxWordRunes runes may come shortened, but not
	// to maxWordRunes.
	yield   func(word []byte) bool
	word    []byte
	runes   int // in word, those not stored included
	nfd     []byte
	stopped bool
}

// split gives every word of text to yield.
func split(text string, yield func(word []byte) bool) {
	s := splitter{yield: yield, word: make([]byte, 0, 64)}
	for i := 0; i < len(text) && !s.stopped; {
		if text[i] < utf8.RuneSelf {
			i += s.ascii(text[i:])
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		s.wide(r, text[i:i+size])
		i += size
	}
	s.flush()
}

// ascii takes a run of small letters and digits, or one other ASCII character,
// off the front of text and returns how many bytes it took.
func (s *splitter) ascii(text string) int {
	n := 0
	for n < len(text) && (text[n]-'a' < 26 || text[n]-'0' < 10) {
		n++
	}
	if n > 0 {
		if s.runes <= maxWordRunes {
			s.word = append(s.word, text[:min(n, maxWordRunes+1)]...)
		}
		s.runes += n
		return n
	}
	switch c := text[0]; {
	case c-'A' < 26:
		s.add(rune(c + 'a' - 'A'))
	case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		s.flush()
	case c > ' ' && c < 0x7f:
		s.alone(rune(c))
	}
	return 1
}

// wide takes one character outside ASCII, which is written as text.
func (s *splitter) wide(r rune, text string) {
	switch {
	case unicode.In(r, unicode.Z):
		s.flush()
	case r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co):
		// Dropped: control, format and private characters, and broken UTF-8.
	case isHan(r):
		s.flush()
		s.decompose(text)
		s.flush()
	default:
		s.decompose(text)
	}
}

// decompose takes the base characters of text, without their accents.
func (s *splitter) decompose(text string) {
	s.nfd = norm.NFD.AppendString(s.nfd[:0], text)
	for i := 0; i < len(s.nfd); {
		r, size := utf8.DecodeRune(s.nfd[i:])
		i += size
		switch {
		case unicode.Is(unicode.Mn, r):
		case isPunct(r):
			s.alone(r)
		default:
			s.add(unicode.ToLower(r))
		}
	}
}

// add appends a character to the word.
func (s *splitter) add(r rune) {
	if s.runes <= maxWordRunes {
		s.word = utf8.AppendRune(s.word, r)
	}
	s.runes++
}

// alone makes a character a word of its own.
func (s *splitter) alone(r rune) {
	s.flush()
	s.add(r)
	s.flush()
}

func (s *splitter) flush() {
	if s.runes > 0 && !s.stopped {
		s.stopped = !s.yield(s.word)
	}
	s.word, s.runes = s.word[:0], 0
}

// isPunct takes all of ASCII's symbols for punctuation, as BERT does.
func isPunct(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= '!' && r <= '/' || r >= ':' && r <= '@' || r >= '[' && r <= '`' || r >= '{' && r <= '~'
	}
	return unicode.IsPunct(r)
}

// isHan tells the Chinese characters that BERT sets apart. The gap before 2B920
// is in the tokenizer the model was made with.
func isHan(r rune) bool {
	switch {
	case r < 0x3400:
		return false
	case r <= 0x4DBF, r >= 0x4E00 && r <= 0x9FFF, r >= 0xF900 && r <= 0xFAFF:
		return true
	case r >= 0x20000 && r <= 0x2A6DF, r >= 0x2A700 && r <= 0x2B81F, r >= 0x2B920 && r <= 0x2CEAF:
		return true
	}
	return r >= 0x2F800 && r <= 0x2FA1F
}
