package text

import (
	"slices"
	"strings"
)

// The languages of light markup.
const (
	rst      = "rst"
	asciidoc = "asciidoc"
	latex    = "latex"
	org      = "org"
)

// markup returns the title of a text in light markup, and the text with headings as
// Markdown has them. Other lines that look like headings of Markdown are none.
func markup(language, text string) (title, out string) {
	lines := strings.Split(text, "\n")
	var heading func(lines []string) (level int, name string, taken int)
	switch language {
	case rst:
		heading = (&underlines{}).heading
	case asciidoc:
		heading = func(lines []string) (int, string, int) { return marked(lines[0], "=") }
	case org:
		heading = func(lines []string) (int, string, int) { return marked(lines[0], "*") }
	default:
		heading = func(lines []string) (int, string, int) { return latexHeading(lines[0]) }
	}
	var b strings.Builder
	for len(lines) > 0 {
		level, name, taken := heading(lines)
		if taken == 0 {
			b.WriteString(other(language, lines[0]) + "\n")
			lines = lines[1:]
			continue
		}
		if title == "" && level == 1 {
			title = name
		}
		b.WriteString(strings.Repeat("#", min(level, 6)) + " " + name + "\n")
		lines = lines[taken:]
	}
	return title, b.String()
}

// other returns a line that is no heading as one that Markdown takes for none, and
// the line around a listing of AsciiDoc, which it would, as that of a block of code.
func other(language, line string) string {
	bare := strings.TrimLeft(line, " ")
	switch _, _, taken := marked(bare, "#"); {
	case taken > 0:
		return `\` + bare
	case language == asciidoc && len(bare) >= 4 && strings.Trim(bare, "- ") == "" && bare == line:
		return "```"
	}
	return line
}

// marked reads a heading whose level is how many marks it begins with.
func marked(line, mark string) (level int, name string, taken int) {
	bare := strings.TrimLeft(line, mark)
	level = len(line) - len(bare)
	name, ok := strings.CutPrefix(bare, " ")
	if name = strings.TrimSpace(name); level == 0 || level > 8 || !ok || name == "" {
		return 0, "", 0
	}
	return level, name, 1
}

// latexHeading reads a heading of LaTeX.
func latexHeading(line string) (level int, name string, taken int) {
	line = strings.TrimSpace(line)
	for i, command := range []string{"title", "chapter", "section", "subsection", "subsubsection", "paragraph"} {
		rest, ok := strings.CutPrefix(line, `\`+command)
		rest = strings.TrimPrefix(rest, "*")
		if short, after, found := strings.Cut(rest, "]"); found && strings.HasPrefix(short, "[") {
			rest = after
		}
		name, found := strings.CutPrefix(rest, "{")
		end := closing(name)
		if ok && found && end > 0 {
			return max(i, 1), strings.Join(strings.Fields(name[:end]), " "), 1
		}
	}
	return 0, "", 0
}

// closing returns where the brace is closed that was opened before text, -1 if it is
// not.
func closing(text string) int {
	depth := 1
	for i, c := range text {
		switch c {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// underlines reads the headings of reStructuredText, which are underlined with any
// mark: those met first are of the first level.
type underlines struct {
	marks []string // in the order of their levels
}

// heading reads a line with the one below it, and perhaps one above.
func (u *underlines) heading(lines []string) (level int, name string, taken int) {
	over := ""
	if mark := ruleOf(lines[0]); mark != "" && len(lines) >= 3 && ruleOf(lines[2]) == mark {
		over, lines, taken = mark, lines[1:], 1
	}
	if len(lines) < 2 {
		return 0, "", 0
	}
	mark := ruleOf(lines[1])
	name = strings.TrimSpace(lines[0])
	runes := len([]rune(name))
	if mark == "" || name == "" || ruleOf(lines[0]) != "" || len(strings.TrimSpace(lines[1])) < min(runes, 4) ||
		over == "" && strings.HasPrefix(lines[0], " ") {
		return 0, "", 0
	}
	mark += over
	i := slices.Index(u.marks, mark)
	if i < 0 {
		i = len(u.marks)
		u.marks = append(u.marks, mark)
	}
	return i + 1, name, taken + 2
}

// ruleOf returns the mark that a line is made of, if it is made of one.
func ruleOf(line string) string {
	line = strings.TrimRight(line, " ")
	if len(line) < 3 || !strings.ContainsAny(line[:1], "=-`:.'\"~^_*+#<>") || strings.Trim(line, line[:1]) != "" {
		return ""
	}
	return line[:1]
}
