package ground

import (
	"regexp"
	"strings"

	"kvasir/internal/lexical"
)

// A form is how a piece of Markdown stands in its text.
type form int

const (
	prose   form = iota
	heading      // says what is below it
	item         // of a list
	row          // of a table
	code         // a line of code
)

// A span is a sentence, a line of code or a row of a table, by its bytes in the text.
type span struct {
	start, end int
	form       form
	block      int // spans of one paragraph or item have the same
}

var (
	headingLine = regexp.MustCompile(`^\s{0,3}#{1,6}\s`)
	itemMark    = regexp.MustCompile(`^\s*(?:>\s*)*(?:[-*+]|\d{1,3}[.)])\s+`)
	ruleLine    = regexp.MustCompile(`^[\s|:*_=-]+$`)
)

// A splitter cuts Markdown into spans.
type splitter struct {
	text   string
	open   int // where the open paragraph begins, -1 for none
	form   form
	block  int
	fenced bool
	spans  []span
}

// split returns the spans of a text in their order. Headings are among them; rules,
// empty lines and the marks of lists are not.
func split(text string) []span {
	s := &splitter{text: text, open: -1}
	at := 0
	for line := range strings.Lines(text) {
		s.line(at, line)
		at += len(line)
	}
	s.flush(len(text))
	return s.spans
}

func (s *splitter) line(at int, line string) {
	plain := strings.TrimSpace(line)
	end := at + len(line)
	if strings.HasPrefix(plain, "```") || strings.HasPrefix(plain, "~~~") {
		s.flush(at)
		s.fenced = !s.fenced
		return
	}
	switch {
	case s.fenced:
		s.single(at, end, code)
	case plain == "" || ruleLine.MatchString(plain):
		s.flush(at)
	case headingLine.MatchString(line):
		s.single(at, end, heading)
	case strings.HasPrefix(plain, "|"):
		s.single(at, end, row)
	case itemMark.MatchString(line) && !strings.HasPrefix(itemMark.ReplaceAllString(line, ""), "[["):
		s.flush(at)
		s.open, s.form = at+len(itemMark.FindString(line)), item
	case s.open < 0:
		s.open, s.form = at, prose
	}
}

// single ends the open paragraph, and adds a line that stands for itself.
func (s *splitter) single(start, end int, as form) {
	s.flush(start)
	s.block++
	s.add(start, end, as)
}

// flush ends the open paragraph or item.
func (s *splitter) flush(end int) {
	if s.open < 0 {
		return
	}
	s.block++
	at := s.open
	for sentence := range lexical.Sentences(s.text[s.open:end]) {
		s.add(at, at+len(sentence), s.form)
		at += len(sentence)
	}
	s.open = -1
}

// add adds a span without the white space around it.
func (s *splitter) add(start, end int, as form) {
	text := s.text[start:end]
	start += len(text) - len(strings.TrimLeft(text, " \t\r\n"))
	end = start + len(strings.TrimSpace(text))
	if start < end {
		s.spans = append(s.spans, span{start: start, end: end, form: as, block: s.block})
	}
}
