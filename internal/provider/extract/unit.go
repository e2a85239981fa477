package extract

import (
	"regexp"
	"strings"

	"kvasir/internal/lexical"
	"kvasir/internal/llm"
)

// A form is how a unit stands in its passage.
type form int

const (
	sentence form = iota // runs on with its neighbours
	item                 // a list item, or a sentence of a long one
	row                  // a row of a table
	code                 // a line of code
)

// A unit is what can be quoted: a sentence, a list item, a table row, a line of
// code.
type unit struct {
	number int    // of the passage
	text   string // as it is in the passage, on one line and without its list mark
	about  string // the title and the heading above it, a table's columns, the sentence before it
	form   form
}

var (
	heading  = regexp.MustCompile(`^#{1,6}\s+(.*?)\s*#*$`)
	quoted   = regexp.MustCompile(`^\s*(?:>\s?)+`)
	listItem = regexp.MustCompile(`^\s*(?:[-*+]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?`)
	rule     = regexp.MustCompile(`^[\s|:*_=-]+$`)
	under    = regexp.MustCompile(`^(?:=+|-+)$`) // below a line, makes it a heading
	// linkOnly is a line of nothing but links, pictures, addresses or tags.
	linkOnly = regexp.MustCompile(`^\W*(?:(?:!?\[[^\]]*\]\([^)]*\)|https?://\S+|<[^>]*>)\W*)+$`)
)

// longItem is the bytes from which a list item is quoted by sentence.
const longItem = 400

// units reads a passage. Wrapped lines of a paragraph, or of a list item, are
// joined.
func units(d llm.Document) []unit {
	r := &reader{number: d.Number, title: d.Title}
	for line := range strings.Lines(d.Text) {
		r.line(strings.TrimRight(line, "\r\n"))
	}
	r.flush()
	return r.out
}

// A reader collects units line by line.
type reader struct {
	number    int
	title     string
	heading   string
	columns   string // the head of the open table
	fenced    bool   // inside a fence
	continued bool   // the line of code before goes on in this one
	item      bool   // the open text is a list item
	open      []string
	out       []unit
}

func (r *reader) line(line string) {
	plain := strings.TrimSpace(line)
	if fence := strings.HasPrefix(plain, "```") || strings.HasPrefix(plain, "~~~"); fence || r.fenced {
		r.code(plain, fence)
		return
	}
	line = quoted.ReplaceAllString(line, "")
	plain = strings.TrimSpace(line)
	if !strings.HasPrefix(plain, "|") {
		r.columns = ""
	}
	switch {
	case rule.MatchString(plain) && strings.HasPrefix(plain, "|"):
		r.head()
	case under.MatchString(plain) && len(r.open) == 1 && !r.item:
		r.heading, r.open = r.open[0], nil
	case plain == "" || rule.MatchString(plain) || linkOnly.MatchString(plain):
		r.flush()
	case heading.MatchString(plain):
		r.flush()
		r.heading = heading.FindStringSubmatch(plain)[1]
	case strings.HasPrefix(plain, "|"):
		r.flush()
		r.add(plain, row)
	case listItem.MatchString(line):
		r.flush()
		r.item = true
		r.open = append(r.open, listItem.ReplaceAllString(line, ""))
	default:
		r.open = append(r.open, plain)
	}
}

// code reads a fence or a line between two of them. What goes on from the line
// before says little by itself and is not quoted.
func (r *reader) code(plain string, fence bool) {
	if fence {
		r.flush()
		r.fenced, r.continued = !r.fenced, false
		return
	}
	if !r.continued {
		r.add(plain, code)
	}
	r.continued = strings.HasSuffix(plain, `\`)
}

// head makes the row above the head of a table: it tells what is below.
func (r *reader) head() {
	r.flush()
	if n := len(r.out); n > 0 && r.out[n-1].form == row {
		r.columns = r.out[n-1].text
		r.out = r.out[:n-1]
	}
}

// flush ends the open paragraph or list item.
func (r *reader) flush() {
	text, as := strings.TrimSpace(strings.Join(r.open, " ")), sentence
	if r.item {
		as = item
	}
	r.open, r.item = nil, false
	if as == item && len(text) < longItem {
		r.add(text, item)
		return
	}
	before := ""
	for s := range lexical.Sentences(text) {
		s = strings.TrimSpace(s)
		if r.add(s, as) && before != "" {
			// A sentence may speak of what the one before it names.
			r.out[len(r.out)-1].about += "\n" + before
		}
		before = s
	}
}

// add reports whether the text is one to quote.
func (r *reader) add(text string, as form) bool {
	if text == "" || drawn(text) {
		return false
	}
	about := strings.TrimSpace(r.title + "\n" + r.heading + "\n" + r.columns)
	r.out = append(r.out, unit{number: r.number, text: text, about: about, form: as})
	return true
}

// drawn reports whether a line is a part of a picture made of characters.
func drawn(line string) bool {
	return strings.ContainsFunc(line, func(r rune) bool { return r >= '\u2500' && r <= '\u259f' })
}
