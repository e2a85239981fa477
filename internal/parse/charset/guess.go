package charset

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// A candidate is an encoding and the languages that are written in it.
type candidate struct {
	encoding encoding.Encoding
	// prior is added to what its best language scores. It keeps rare encodings from
	// winning by a hair on a word or two.
	prior     float64
	languages []profile
}

// candidates returns the encodings that are still met, the usual ones first.
func candidates() []candidate {
	return []candidate{
		{charmap.Windows1252, 0.1, western()},
		{charmap.Windows1251, 0, cyrillic()},
		{charmap.KOI8R, 0, cyrillic()},
		{charmap.KOI8U, -0.01, cyrillic()},
		{charmap.Windows1250, 0, central()},
		{charmap.ISO8859_2, -0.01, central()},
		{japanese.ShiftJIS, 0, []profile{kanji()}},
		{japanese.EUCJP, 0, []profile{kanji()}},
		{simplifiedchinese.GB18030, 0, []profile{simplified()}},
		{traditionalchinese.Big5, 0, []profile{traditional()}},
		{korean.EUCKR, 0, []profile{hangul()}},
		{charmap.Windows1254, -0.01, []profile{turkish()}},
		{charmap.Windows1253, 0, []profile{greek()}},
		{charmap.ISO8859_7, -0.01, []profile{greek()}},
		{charmap.Windows1255, 0, []profile{hebrew()}},
		{charmap.Windows1256, 0, []profile{arabic()}},
		{charmap.ISO8859_6, -0.01, []profile{arabic()}},
		{charmap.Windows874, 0, []profile{thai()}},
		{charmap.Windows1257, -0.02, baltic()},
		{charmap.ISO8859_15, -0.02, western()},
		{charmap.ISO8859_5, -0.01, cyrillic()},
		{charmap.CodePage866, -0.05, cyrillic()},
		{charmap.MacintoshCyrillic, -0.1, cyrillic()},
		{charmap.CodePage850, -0.15, western()},
		{charmap.CodePage852, -0.15, central()},
		{charmap.Macintosh, -0.15, western()},
	}
}

// leastScore is what a text must score to be believed. Windows-1252 is what all
// else is taken for.
const leastScore = 0.3

// guess returns the encoding in which the sample looks most like a language.
func guess(sample []byte) encoding.Encoding {
	best, most := encoding.Encoding(charmap.Windows1252), leastScore
	for _, c := range candidates() {
		text := decode(c.encoding, sample)
		score := -1.0
		for _, p := range c.languages {
			score = max(score, p.score(text)+c.prior)
		}
		if score > most {
			best, most = c.encoding, score
		}
	}
	return best
}

// A profile is what a language looks like beyond ASCII.
type profile struct {
	script  script
	letters string // in lower case, the usual ones first
}

// A script says how characters that a profile does not list are judged.
type script int

const (
	latin  script = iota // mixes with ASCII letters
	letter               // an alphabet of its own
	han                  // thousands of characters
)

// score says how much text looks like the language: 1 if every character beyond
// ASCII is one of its usual ones, 0 and less if none is.
func (p profile) score(text string) float64 {
	weights := map[rune]float64{}
	runes := []rune(p.letters)
	for i, r := range runes {
		weights[r] = 1
		if p.script != han {
			weights[r] = 1 - 0.6*float64(i)/float64(len(runes))
		}
	}
	sum, n := 0.0, 0
	before := ' '
	for i, r := range text {
		if r >= utf8.RuneSelf {
			after, _ := utf8.DecodeRuneInString(text[i+utf8.RuneLen(r):])
			sum += p.judge(weights, before, r, after)
			n++
		}
		before = r
	}
	return sum / float64(max(n, 1))
}

// judge weighs one character between its neighbours.
func (p profile) judge(weights map[rune]float64, before, r, after rune) float64 {
	weight, known := weights[unicode.ToLower(r)]
	switch {
	case r == utf8.RuneError, unicode.Is(unicode.Co, r):
		return -2
	case unicode.IsControl(r):
		return -1
	case p.script == han:
		return p.ideograph(weights, r)
	case !unicode.IsLetter(r) && !unicode.IsMark(r):
		return punctuation(before, r, after)
	case unicode.IsUpper(r) && unicode.IsLower(before):
		return -1
	case p.script == letter && (asciiLetter(before) || asciiLetter(after)):
		return -1
	case !known:
		return -0.5
	case unicode.IsUpper(r) && unicode.IsLetter(before):
		return weight * 0.95
	}
	return weight
}

// ideograph weighs a character of an East Asian text.
func (p profile) ideograph(weights map[rune]float64, r rune) float64 {
	kana := r >= 0x3041 && r <= 0x30fe
	switch weight, ok := weights[r]; {
	case ok:
		return weight
	case strings.ContainsRune("、。「」，？！：；（）『』《》〈〉【】・ー　～“”‘’…—", r):
		return 0.6
	case kana && weights['の'] > 0:
		return 0.9
	case r >= 0xac00 && r <= 0xd7a3 && weights['이'] > 0:
		return 0.5
	case r >= 0x4e00 && r <= 0x9fff && weights['이'] == 0:
		return 0.25
	case r >= 0xff01 && r <= 0xff5e: // full-width Latin
		return 0.3
	}
	return -0.4
}

// punctuation weighs what is no letter: quotes and dashes are found in every
// language, and hardly anything is between letters.
func punctuation(before, r, after rune) float64 {
	inside := unicode.IsLetter(before) && unicode.IsLetter(after)
	switch {
	case r == '’', r == 0xad:
		return 0.5
	case r >= 0x2500 && r <= 0x259f: // what tables are drawn with in a terminal
		return -1
	case inside && r != '–' && r != '—' && r != '·' && r != 0xa0 && r != '…':
		return -0.5
	case strings.ContainsRune("“”„‚‘«»‹›–—…•€£©®°§·№™×\u00a0", r):
		return 0.5
	}
	return -0.3
}

// asciiLetter reports whether r is one.
func asciiLetter(r rune) bool { return r < utf8.RuneSelf && unicode.IsLetter(r) }
