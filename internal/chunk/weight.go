package chunk

import (
	"unicode"
	"unicode/utf8"
)

// Sizes of text are counted in twelfths of a word, so that characters and signs
// can count for less than one.
const (
	perWord    = 12
	perHan     = 7  // a word is 1.7 characters in Chinese and Japanese
	perThai    = 3  // and about four in Thai, Lao, Khmer and Burmese
	perSign    = 2  // punctuation; a table or code has more of it than prose
	perSymbol  = 6  // emoji, box drawing, invalid bytes
	longWord   = 16 // letters a word may have before it counts for more
	perFurther = 1  // each letter after those
)

// A scale adds up the weight of text, character by character.
type scale struct {
	total int
	run   int // letters of the word we are in
}

// add weighs one character.
func (s *scale) add(r rune) {
	switch class := classify(r); {
	case class == letter && s.run == 0:
		s.run = 1
		s.total += perWord
	case class == letter:
		s.run++
		if s.run > longWord {
			s.total += perFurther
		}
	case class == joiner && s.run > 0:
	default:
		s.run = 0
		s.total += classWeight[class]
	}
}

// weigh returns the weight of text.
func weigh(text string) int {
	var s scale
	for _, r := range text {
		s.add(r)
	}
	return s.total
}

// A class is what matters about a character here.
type class uint8

const (
	space class = iota
	letter
	joiner // an apostrophe: part of a word that it is inside of
	sign
	han
	thai
	symbol
)

var classWeight = [...]int{joiner: perSign, sign: perSign, han: perHan, thai: perThai, symbol: perSymbol}

// classify returns the class of a character.
func classify(r rune) class {
	switch {
	case 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_':
		return letter
	case r == ' ' || '\t' <= r && r <= '\r':
		return space
	case r == '\'' || r == '’':
		return joiner
	case r < utf8.RuneSelf:
		return sign
	case unicode.IsSpace(r):
		return space
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
		return han
	case unicode.In(r, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
		return thai
	case unicode.In(r, unicode.L, unicode.M, unicode.N):
		return letter
	case unicode.IsPunct(r):
		return sign
	}
	return symbol
}

// estimateTokens returns about how many tokens text has, rather too many than too
// few. Tokenizers differ: the figures hold for WordPiece and for BPE alike, of
// which the latter also spends tokens on white space, if there is much of it.
func estimateTokens(text string) int {
	quarters := 0
	last := space
	for i, r := range text {
		c := classify(r)
		switch {
		case c == letter && r < utf8.RuneSelf && last != letter, '0' <= r && r <= '9':
			quarters += 3
		case c == letter && r < utf8.RuneSelf:
			quarters++
		case c == space && (last == space || r == '\n') && i > 0:
			quarters++
		case c == space:
		case c == letter || c == sign || c == joiner:
			quarters += 4
		default:
			quarters += 8
		}
		last = c
	}
	return (quarters + 3) / 4
}
