package pdf

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// reflow turns the lines of a page into paragraphs. PDF knows no paragraphs, so
// this goes by the look of the lines: one that is as long as most goes on in the
// next, and a shorter one ends its paragraph. Lists and tables, whose lines are
// short, keep them.
func reflow(page string) string {
	lines := splitLines(page)
	usual := usualLength(lines)
	var b strings.Builder
	for i, line := range lines {
		b.WriteString(strings.TrimSuffix(line, softHyphen))
		if i == len(lines)-1 {
			break
		}
		next := lines[i+1]
		full := utf8.RuneCountInString(line)*10 >= usual*7
		switch {
		case line == "" || next == "":
			b.WriteString("\n")
		case strings.HasSuffix(line, softHyphen):
			// The rest of the word comes next.
		case full && strings.HasSuffix(line, "-") && unicode.IsLower(firstRune(next)):
		case full && goesOn(line, next):
			if !isHan(lastRune(line)) || !isHan(firstRune(next)) {
				b.WriteString(" ")
			}
		case !full && endsSentence(line):
			b.WriteString("\n\n")
		default:
			b.WriteString("\n")
		}
	}
	return strings.TrimSpace(b.String())
}

// softHyphen stands for a hyphen at the end of a line that is not part of the
// word. It is the character that PDFium puts there.
const softHyphen = "\x02"

// splitLines returns the lines of a page, cleaned. Every hyphen at the end of a
// line that divides a word is a softHyphen.
func splitLines(page string) []string {
	var lines []string
	for line := range strings.Lines(strings.ReplaceAll(page, "\r", "")) {
		line = strings.TrimSpace(strings.Map(clean, line))
		// PDFium marks a hyphen wherever a line ends with one, and the character
		// it uses for it has no other meaning.
		end := strings.HasSuffix(line, softHyphen)
		line = strings.ReplaceAll(line, softHyphen, "")
		if end {
			line += softHyphen
		}
		if line == "" && len(lines) > 0 && lines[len(lines)-1] == "" {
			continue
		}
		lines = append(lines, line)
	}
	return lines
}

// clean maps a character of a page to what it stands for, or drops it.
func clean(r rune) rune {
	switch {
	case r == 0x02 || r == 0xfffe || r == 0xad:
		return 0x02
	case r == '\t' || r == 0xa0:
		return ' '
	case unicode.IsControl(r) || r == 0xfeff || r == 0xffff:
		return -1
	}
	return r
}

// usualLength returns the length in characters that a full line of the page has:
// that of the line at four fifths when they are sorted.
func usualLength(lines []string) int {
	var lengths []int
	for _, line := range lines {
		if line != "" {
			lengths = append(lengths, utf8.RuneCountInString(line))
		}
	}
	if len(lengths) == 0 {
		return 0
	}
	slices.Sort(lengths)
	return lengths[len(lengths)*4/5]
}

// goesOn reports whether next looks like the rest of a full line: it starts with
// a small letter, or its script has none. Where that is not so the line break
// stays, which to a reader of Markdown is a space anyway.
func goesOn(line, next string) bool {
	first := firstRune(next)
	if strings.HasSuffix(line, ",") {
		return true
	}
	return unicode.IsLower(first) || unicode.Is(unicode.Lo, first) && !endsSentence(line)
}

// endsSentence reports whether the line ends as a sentence does.
func endsSentence(line string) bool {
	line = strings.TrimRight(line, "\"')]}»”’」』）】")
	return strings.ContainsRune(".!?:。！？：…", lastRune(line))
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

func lastRune(s string) rune {
	r, _ := utf8.DecodeLastRuneInString(s)
	return r
}

// isHan reports whether r is of a script that is written without spaces.
func isHan(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
}
