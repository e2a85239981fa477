package layout

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tie ends a line of Korean that breaks within a word.
const tie = '\u2060'

// A joiner joins lines of text, mending words that are divided between them.
type joiner struct{ b strings.Builder }

// add appends text with gap, or what fits better, before it.
func (j *joiner) add(text, gap string) {
	if text == "" {
		return
	}
	if j.b.Len() == 0 {
		j.b.WriteString(text)
		return
	}
	before := j.b.String()
	joined, gap := joint(before, text, gap)
	if joined != before {
		j.b.Reset()
		j.b.WriteString(joined)
	}
	j.b.WriteString(gap + text)
}

// addLine appends text as a line of its own.
func (j *joiner) addLine(text string) {
	before := j.text()
	j.b.Reset()
	j.b.WriteString(before + "\n" + text)
}

// text returns what was joined. What its end promises does not come.
func (j *joiner) text() string {
	text := strings.TrimSuffix(j.b.String(), string(tie))
	if rest, ok := strings.CutSuffix(text, string(hyphen)); ok {
		return rest + "-"
	}
	return text
}

// joint says how text continues in the next line: what before becomes and what
// comes between. gap is the usual space.
func joint(before, next, gap string) (string, string) {
	last, _ := utf8.DecodeLastRuneInString(before)
	first := firstRune(next)
	switch {
	case last == tie:
		before = strings.TrimSuffix(before, string(tie))
		if unicode.Is(unicode.Hangul, first) {
			return before, ""
		}
		return before, gap
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
// Korean is not.
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
