package ground

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"kvasir/internal/lexical"
)

// A claim is a part of an answer that says something, with the passages that it names
// for it.
type claim struct {
	start, end int    // in bytes of the answer, marks included
	text       string // without marks
	numbers    []int  // as cited, in order
	tokens     []token
	form       form
	lang       lexical.Language
	read       map[manner][]token
}

// mark is how an answer cites a passage.
var mark = regexp.MustCompile(`\s*\[\[(\d{1,4})\]\]`)

// claims cuts an answer into what it says. Marks belong to what stands before them: a
// sentence with several is as many claims, and marks after its end are its own, too.
func claims(answer string) []claim {
	var out []claim
	last := -1 // the block of the last claim
	whole := lexical.Detect(answer)
	for _, s := range split(answer) {
		for _, c := range partsOf(answer, s) {
			if c.text == "" && last == s.block && len(out) > 0 {
				before := &out[len(out)-1]
				before.end, before.numbers = c.end, append(before.numbers, c.numbers...)
				continue
			}
			c.lang = cmp.Or(lexical.Detect(c.text), whole)
			out = append(out, c)
			last = s.block
		}
	}
	return out
}

// partsOf cuts a span after its marks.
func partsOf(answer string, s span) []claim {
	var out []claim
	at := s.start // of the part that is being read
	var open *claim
	for _, m := range mark.FindAllStringSubmatchIndex(answer[s.start:s.end], -1) {
		before := s.start + m[0]
		n, _ := strconv.Atoi(answer[s.start+m[2] : s.start+m[3]])
		if text := answer[at:before]; open == nil || says(text) {
			start := begin(answer, at, before)
			out = append(out, claim{start: start, text: answer[start:before], form: s.form})
			open = &out[len(out)-1]
		}
		at = s.start + m[1]
		open.end = at
		if !slices.Contains(open.numbers, n) {
			open.numbers = append(open.numbers, n)
		}
	}
	switch rest := answer[at:s.end]; {
	case open == nil:
		out = append(out, claim{start: s.start, end: s.end, text: rest, form: s.form})
	case says(rest):
		start := begin(answer, at, s.end)
		out = append(out, claim{start: start, end: s.end, text: answer[start:s.end], form: s.form})
	default:
		open.end = s.end // the full stop
	}
	return out
}

// says reports whether a piece of text between marks is more than punctuation.
func says(text string) bool { return strings.ContainsFunc(text, inWord) }

// begin returns where what a part says begins: after the comma that follows a mark.
func begin(text string, at, end int) int {
	for at < end {
		r, size := utf8.DecodeRuneInString(text[at:])
		if !unicode.IsSpace(r) && !strings.ContainsRune(",;.:!?，；。：！？、", r) {
			break
		}
		at += size
	}
	return at
}

// judged reports whether a claim can be right or wrong. Headings, questions and what
// announces the next lines cannot, nor what has no word that tells anything.
func (c *claim) judged() bool {
	plain := strings.TrimRight(c.text, " \t\r\n*_")
	if c.form == heading || c.form == code || strings.HasSuffix(plain, ":") || strings.HasSuffix(plain, "：") ||
		strings.HasSuffix(plain, "?") || strings.HasSuffix(plain, "？") {
		return false
	}
	return c.weight() > 0
}

func (c *claim) weight() float64 {
	sum := 0.0
	for i := range c.tokens {
		sum += c.tokens[i].weight()
	}
	return sum
}

// denies reports whether a claim says that something is not so.
func (c *claim) denies() bool {
	return slices.ContainsFunc(c.tokens, func(t token) bool { return t.negate })
}
