package ocr

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// paragraphs joins the lines that tesseract writes for each paragraph. A line much
// shorter than its neighbours ends on purpose: it is a heading, an item, a row.
func paragraphs(text string) string {
	var b strings.Builder
	// Tesseract writes ligatures as one character.
	plain := strings.NewReplacer("ﬁ", "fi", "ﬂ", "fl", "ﬀ", "ff", "ﬃ", "ffi", "ﬄ", "ffl").
		Replace(strings.Map(clean, text))
	for block := range strings.SplitSeq(plain, "\n\n") {
		lines := strings.FieldsFunc(block, func(r rune) bool { return r == '\n' })
		longest := 0
		for i, line := range lines {
			lines[i] = strings.Join(strings.Fields(line), " ")
			longest = max(longest, utf8.RuneCountInString(lines[i]))
		}
		if longest == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(strings.TrimSpace(join(lines, longest)))
	}
	return b.String()
}

// join joins the lines of a paragraph.
func join(lines []string, longest int) string {
	var b strings.Builder
	for i, line := range lines {
		if i == len(lines)-1 {
			b.WriteString(line)
			break
		}
		next, _ := utf8.DecodeRuneInString(lines[i+1])
		head, divided := strings.CutSuffix(line, "-")
		last, _ := utf8.DecodeLastRuneInString(head)
		switch {
		case divided && unicode.IsLetter(last) && unicode.IsLower(next):
			b.WriteString(head)
		case utf8.RuneCountInString(line)*4 >= longest*3:
			b.WriteString(line + " ")
		default:
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// clean drops control characters.
func clean(r rune) rune {
	if r != '\n' && unicode.IsControl(r) {
		return -1
	}
	return r
}
