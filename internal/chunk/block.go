package chunk

import (
	"strings"
	"unicode/utf8"
)

// A kind says how a block may be cut when it is too long.
type kind uint8

const (
	paragraph kind = iota // at sentences and list items
	heading               // with its own line, setext underline included
	table                 // at rows
	code                  // at lines, fences included
)

// A block is a stretch of lines that belong together, with the blank lines after it.
type block struct {
	start, end int
	kind       kind
	section    int // index of the section it is in; a heading is in its own
}

// A section is the text from one heading to the next. Section 0 has no heading:
// it is what comes before the first.
type section struct {
	parent int
	level  int // 1 to 6; 0 for section 0
	title  string
}

// A document is a text read as blocks that tile it.
type document struct {
	text     string
	blocks   []block
	sections []section
}

const (
	// maxSections bounds the memory that a text of nothing but headings takes.
	// Further headings are read as paragraphs.
	maxSections = 1 << 16
	// maxTitle is the longest line in bytes that may be a heading.
	maxTitle = 400
	// smallBlock is how short a paragraph in bytes is that takes in the next one.
	smallBlock = 64
)

// A scanner reads lines into blocks.
type scanner struct {
	document
	open     bool   // the last block may take another line
	fence    string // the marker that opened the code block we are in
	first    int    // where the open paragraph starts: in the last block, but maybe not at its start
	last     int    // where the last line of the open paragraph starts
	frontEnd int    // where the metadata block at the top ends
}

// scan reads text as blocks.
func scan(text string) *document {
	s := scanner{document: document{text: text, sections: []section{{}}}}
	s.frontEnd = frontMatter(text)
	for pos := 0; pos < len(text); {
		end := lineEnd(text, pos)
		s.line(pos, end)
		pos = end
	}
	return &s.document
}

// line takes the next line, text[start:end].
func (s *scanner) line(start, end int) {
	line := strings.TrimRight(s.text[start:end], "\r\n")
	marker := fenceMarker(line)
	level, title := atxHeading(line)
	switch {
	case s.fence != "":
		s.extend(end)
		if marker != "" && closesFence(line, s.fence) {
			s.fence, s.open = "", false
		}
	case strings.TrimSpace(line) == "":
		s.extend(end)
		s.open = s.open && end < s.frontEnd
	case end <= s.frontEnd:
		s.plain(start, end)
		s.open = end < s.frontEnd
	case marker != "":
		s.add(code, start, end)
		s.fence = marker
	case level > 0 && len(s.sections) < maxSections:
		s.heading(start, end, level, title)
	case s.underlines(line):
		s.heading(s.splitOff(s.first), end, setextLevel(line), s.text[s.first:start])
	case s.openIs(paragraph) && isDelimiterRow(line) && strings.Contains(s.text[s.last:start], "|"):
		s.add(table, s.splitOff(s.last), end)
		s.open = true
	case s.openIs(table) && !strings.Contains(line, "|"):
		s.open = false
		s.plain(start, end)
	default:
		s.plain(start, end)
	}
}

// plain adds a line to the open block or starts a paragraph with it. A paragraph
// after a very short one joins its block.
func (s *scanner) plain(start, end int) {
	n := len(s.blocks)
	switch {
	case s.open:
		s.extend(end)
	case n > 0 && s.blocks[n-1].kind == paragraph && start-s.blocks[n-1].start < smallBlock:
		s.extend(end)
		s.open, s.first = true, start
	default:
		s.add(paragraph, start, end)
		s.open, s.first = true, start
	}
	s.last = start
}

// openIs reports whether the last block is of the kind and takes further lines.
func (s *scanner) openIs(k kind) bool {
	return s.open && s.blocks[len(s.blocks)-1].kind == k
}

// add appends a block. The first one takes the white space before it.
func (s *scanner) add(k kind, start, end int) {
	if len(s.blocks) == 0 {
		start = 0
	}
	s.blocks = append(s.blocks, block{start, end, k, len(s.sections) - 1})
	s.open = false
}

// extend lengthens the last block, if there is one.
func (s *scanner) extend(end int) {
	if n := len(s.blocks); n > 0 {
		s.blocks[n-1].end = end
	}
}

// splitOff cuts the last block at pos, so that a new one can start there, and
// returns where that one starts.
func (s *scanner) splitOff(pos int) int {
	b := &s.blocks[len(s.blocks)-1]
	b.end = pos
	if strings.TrimSpace(s.text[b.start:pos]) == "" {
		pos = b.start
		s.blocks = s.blocks[:len(s.blocks)-1]
	}
	return pos
}

// heading opens a section with a heading block.
func (s *scanner) heading(start, end, level int, title string) {
	parent := len(s.sections) - 1
	for s.sections[parent].level >= level {
		parent = s.sections[parent].parent
	}
	s.sections = append(s.sections, section{parent, level, title})
	s.add(heading, start, end)
}

// underlines reports whether line makes a heading of the line above, which must
// be a paragraph of its own. Longer paragraphs are left alone: in plain text a
// line of dashes below one is more often a rule.
func (s *scanner) underlines(line string) bool {
	if setextLevel(line) == 0 || !s.openIs(paragraph) || s.first != s.last || len(s.sections) >= maxSections {
		return false
	}
	above := s.text[s.last:s.blocks[len(s.blocks)-1].end]
	return len(above) <= maxTitle && !startsItem(above) && !strings.ContainsAny(above[:1], ">|")
}

// lineEnd returns the position after the line that contains pos, its line break
// (LF, CRLF or CR) included.
func lineEnd(text string, pos int) int {
	i := strings.IndexAny(text[pos:], "\r\n")
	if i < 0 {
		return len(text)
	}
	pos += i
	if strings.HasPrefix(text[pos:], "\r\n") {
		return pos + 2
	}
	return pos + 1
}

// unindent drops up to three spaces, which Markdown ignores at the start of a line.
func unindent(line string) string {
	for range 3 {
		line = strings.TrimPrefix(line, " ")
	}
	return line
}

// fenceMarker returns the marker of a line that may open or close a code block.
func fenceMarker(line string) string {
	line = unindent(line)
	if line == "" || line[0] != '`' && line[0] != '~' {
		return ""
	}
	n := len(line) - len(strings.TrimLeft(line, line[:1]))
	if n < 3 || line[0] == '`' && strings.Contains(line[n:], "`") {
		return ""
	}
	return line[:n]
}

// closesFence reports whether line ends the code block that fence opened.
func closesFence(line, fence string) bool {
	marker := strings.TrimSpace(line)
	return len(marker) >= len(fence) && strings.Trim(marker, fence[:1]) == ""
}

// atxHeading returns level and text of a heading such as "## Title", else 0.
func atxHeading(line string) (int, string) {
	line = unindent(line)
	level := len(line) - len(strings.TrimLeft(line, "#"))
	rest := line[level:]
	if level < 1 || level > 6 || len(rest) > maxTitle || rest == "" || rest[0] != ' ' && rest[0] != '\t' {
		return 0, ""
	}
	title := strings.TrimSpace(rest)
	if bare := strings.TrimRight(title, "#"); bare == "" || strings.HasSuffix(bare, " ") {
		title = strings.TrimSpace(bare)
	}
	if title == "" {
		return 0, ""
	}
	return level, title
}

// setextLevel returns the level that an underline such as "-----" gives, else 0.
func setextLevel(line string) int {
	bar := strings.TrimRight(unindent(line), " \t")
	switch {
	case len(bar) < 3:
		return 0
	case strings.Trim(bar, "=") == "":
		return 1
	case strings.Trim(bar, "-") == "":
		return 2
	}
	return 0
}

// isDelimiterRow reports whether line is the second line of a Markdown table.
func isDelimiterRow(line string) bool {
	return strings.Contains(line, "-") && strings.Contains(line, "|") && strings.Trim(line, "|-: \t") == ""
}

// startsItem reports whether line starts a list item.
func startsItem(line string) bool {
	line = strings.TrimLeft(line, " \t")
	digits := len(line) - len(strings.TrimLeft(line, "0123456789"))
	if digits > 0 && digits < 10 {
		line = line[digits:]
		return strings.HasPrefix(line, ". ") || strings.HasPrefix(line, ") ")
	}
	r, size := utf8.DecodeRuneInString(line)
	return strings.ContainsRune("-*+•–", r) && strings.HasPrefix(line[size:], " ")
}

// frontMatter returns the end of a metadata block between lines of three dashes
// at the very start, else 0. Its last line would else be read as a heading.
func frontMatter(text string) int {
	pos := lineEnd(text, 0)
	if strings.TrimRight(text[:pos], " \t\r\n") != "---" {
		return 0
	}
	for range 100 {
		end := lineEnd(text, pos)
		if line := strings.TrimRight(text[pos:end], " \t\r\n"); line == "---" || line == "..." {
			return end
		}
		pos = end
	}
	return 0
}
