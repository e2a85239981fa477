package pdf

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// joint says how text continues in the next line: what before becomes and what
// comes between. gap is the usual space.
func joint(before, next, gap string) (string, string) {
	last, _ := utf8.DecodeLastRuneInString(before)
	first := firstRune(next)
	switch {
	case last == hyphen:
		return joinHyphen(strings.TrimSuffix(before, string(hyphen)), first)
	case last == '-' || last == '\u2010':
		trimmed := before[:len(before)-utf8.RuneLen(last)]
		if r, _ := utf8.DecodeLastRuneInString(trimmed); unicode.IsLetter(r) && unicode.IsLower(first) {
			return joinHyphen(trimmed, first)
		}
		if unicode.IsLetter(first) || unicode.IsDigit(first) {
			if r, _ := utf8.DecodeLastRuneInString(trimmed); unicode.IsLetter(r) || unicode.IsDigit(r) {
				return before, ""
			}
		}
	case isSpaceless(last) && isSpaceless(first):
		return before, ""
	}
	return before, gap
}

// joinHyphen joins a word that ends at a hyphen. The hyphen stays before a capital
// letter, after a single one ("d-dimensional") and after a part that has another
// ("state-of-the-"). Else the document's other words decide, once they are known.
func joinHyphen(before string, first rune) (string, string) {
	word := before[strings.LastIndexAny(before, " \n")+1:]
	if !unicode.IsLower(first) || strings.Contains(word, "-") || utf8.RuneCountInString(word) == 1 {
		return before + "-", ""
	}
	return before + string(hyphen), ""
}

// isSpaceless reports whether r is of a script that is written without spaces.
// Korean is not: whether a line of it ends within a word cannot be seen.
func isSpaceless(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai) ||
		r >= 0x3001 && r <= 0x303f || r >= 0xff01 && r <= 0xff60
}

// endsSentence reports whether the text ends as a sentence does.
func endsSentence(text string) bool {
	text = strings.TrimRight(text, "\"')]}»”’」』）】")
	last, _ := utf8.DecodeLastRuneInString(text)
	return strings.ContainsRune(".!?:。！？：…", last)
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}
