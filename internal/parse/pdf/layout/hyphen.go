package layout

import (
	"strings"
	"unicode"
)

// A vocabulary counts the words of a document that have a hyphen in the middle of a
// line, where it is certainly their own.
type vocabulary map[string]int

// maxVocabulary bounds how many words are remembered.
const maxVocabulary = 100_000

// learn takes the hyphenated words of a text.
func (v vocabulary) learn(text string) {
	if !strings.Contains(text, "-") || len(v) > maxVocabulary {
		return
	}
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return unicode.IsSpace(r) || r == '/' }) {
		if word = hyphenKey(word); strings.Contains(strings.Trim(word, "-"), "-") {
			v[word]++
		}
	}
}

// mend resolves the hyphens at which words were divided between lines: those of
// words that have one elsewhere stay.
func (v vocabulary) mend(text string) string {
	head, rest, found := strings.Cut(text, string(hyphen))
	if !found {
		return text
	}
	var b strings.Builder
	for found {
		b.WriteString(head)
		var next string
		next, rest, found = strings.Cut(rest, string(hyphen))
		before := head[strings.LastIndexFunc(head, unicode.IsSpace)+1:]
		after, _, _ := strings.Cut(next, " ")
		if with := before + "-" + after; v[hyphenKey(with)] > 0 || v.knowsPart(with) {
			b.WriteByte('-')
		}
		head = next
	}
	b.WriteString(head)
	return b.String()
}

// knowsPart reports whether the word with its hyphen is known in the plural or
// singular.
func (v vocabulary) knowsPart(word string) bool {
	key := hyphenKey(word)
	return v[key+"s"] > 0 || strings.HasSuffix(key, "s") && v[strings.TrimSuffix(key, "s")] > 0
}

// hyphenKey returns a word as it is counted: without marks around it, in small
// letters.
func hyphenKey(word string) string {
	return strings.ToLower(strings.TrimFunc(word, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}))
}
