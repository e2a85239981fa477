package markdown

import "strings"

// Markdown writes text that is Markdown already, as one block.
func (w *Writer) Markdown(text string) { w.block(strings.Trim(text, "\n"), false) }

// Deeper returns Markdown with its headings one level down, for use under a heading
// of its own. Those of level 6 stay, and lines of code are no headings.
func Deeper(text string) string {
	var b strings.Builder
	b.Grow(len(text) + len(text)/64)
	fence, above := "", ""
	for line := range strings.Lines(text) {
		bare := strings.TrimSpace(line)
		hashes := len(bare) - len(strings.TrimLeft(bare, "#"))
		switch mark := fenceOf(bare); {
		case fence != "":
			if strings.HasPrefix(mark, fence) && strings.Trim(bare, fence[:1]) == "" {
				fence = ""
			}
		case mark != "":
			fence = mark
		case hashes > 0 && hashes < 6 && strings.HasPrefix(bare[hashes:], " "):
			b.WriteByte('#')
		case above != "" && len(bare) >= 3 && strings.Trim(bare, "=") == "":
			line = strings.ReplaceAll(line, "=", "-") // an underline of the first level
		}
		b.WriteString(line)
		above = bare
	}
	return b.String()
}

// Fence returns the marks to put around code: more than it has in one place.
func Fence(code string) string {
	most, run := 2, 0
	for i := range len(code) {
		if run++; code[i] != '`' {
			run = 0
		}
		most = max(most, run)
	}
	return strings.Repeat("`", most+1)
}

// fenceOf returns the marks that a line opens or closes a block of code with.
func fenceOf(line string) string {
	for _, mark := range []string{"`", "~"} {
		n := len(line) - len(strings.TrimLeft(line, mark))
		if n >= 3 && !strings.Contains(line[n:], "`") {
			return line[:n]
		}
	}
	return ""
}
