package extract

import (
	"iter"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"kvasir/internal/llm"
)

// A unit is what can be quoted: a sentence, a list item, a table row, a line of
// code.
type unit struct {
	number int    // of the passage
	text   string // as it is in the passage, on one line and without its list mark
	about  string // the title and the heading above it, a table's columns, the sentence before it
	item   bool   // it stands on a line of its own
	code   bool   // it is a line of code or a table row, which says less than prose
}

var (
	heading  = regexp.MustCompile(`^#{1,6}\s+(.*?)\s*#*$`)
	listItem = regexp.MustCompile(`^\s*(?:[-*+]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?`)
	rule     = regexp.MustCompile(`^[\s|:*_=-]+$`)
	linkOnly = regexp.MustCompile(`^\s*!?\[[^\]]*\]\([^)]*\)\s*$`)
)

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
	number  int
	title   string
	heading string
	columns string // the head of the open table
	code    bool   // inside a fence
	item    bool   // the open text is a list item
	open    []string
	out     []unit
}

func (r *reader) line(line string) {
	plain := strings.TrimSpace(line)
	if !strings.HasPrefix(plain, "|") {
		r.columns = ""
	}
	switch {
	case strings.HasPrefix(plain, "```") || strings.HasPrefix(plain, "~~~"):
		r.flush()
		r.code = !r.code
	case r.code:
		r.add(plain, true, true)
	case rule.MatchString(plain) && strings.HasPrefix(plain, "|") && len(r.out) > 0:
		// The row above was the table's head: it tells what is below.
		r.columns = r.out[len(r.out)-1].text
		r.out = r.out[:len(r.out)-1]
	case plain == "" || rule.MatchString(plain) || linkOnly.MatchString(plain):
		r.flush()
	case heading.MatchString(plain):
		r.flush()
		r.heading = heading.FindStringSubmatch(plain)[1]
	case strings.HasPrefix(plain, "|"):
		r.flush()
		r.add(plain, true, true)
	case listItem.MatchString(line):
		r.flush()
		r.item = true
		r.open = append(r.open, listItem.ReplaceAllString(line, ""))
	default:
		r.open = append(r.open, plain)
	}
}

// flush ends the open paragraph or list item.
func (r *reader) flush() {
	text := strings.Join(r.open, " ")
	item := r.item
	r.open, r.item = nil, false
	if item {
		r.add(strings.TrimSpace(text), true, false)
		return
	}
	before := ""
	for s := range sentences(text) {
		s = strings.TrimSpace(s)
		r.add(s, false, false)
		if n := len(r.out); n > 0 && before != "" {
			// A sentence may speak of what the one before it names.
			r.out[n-1].about += "\n" + before
		}
		before = s
	}
}

func (r *reader) add(text string, item, code bool) {
	if text == "" || drawn(text) {
		return
	}
	r.out = append(r.out, unit{
		number: r.number, text: text, about: strings.TrimSpace(r.title + "\n" + r.heading + "\n" + r.columns), item: item, code: code,
	})
}

// drawn reports whether a line is a part of a picture made of characters.
func drawn(line string) bool {
	return strings.ContainsFunc(line, func(r rune) bool { return r >= '\u2500' && r <= '\u259f' })
}

// abbreviations end with a dot that ends no sentence.
var abbreviations = map[string]bool{
	"e.g": true, "i.e": true, "etc": true, "vs": true, "cf": true, "dr": true, "mr": true, "mrs": true, "ms": true,
	"prof": true, "st": true, "no": true, "fig": true, "approx": true, "z.b": true, "d.h": true, "bzw": true,
	"usw": true, "ca": true, "nr": true, "p.ex": true,
}

// sentences yields the sentences of a text; joined they are the text.
func sentences(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		start := 0
		for i, r := range text {
			end := i + utf8.RuneLen(r)
			if r == utf8.RuneError || !ends(text, i, r, end) {
				continue
			}
			for end < len(text) && text[end] == ' ' {
				end++
			}
			if end <= start {
				continue
			}
			if !yield(text[start:end]) {
				return
			}
			start = end
		}
		if start < len(text) {
			yield(text[start:])
		}
	}
}

// ends reports whether the mark at i, which stops at end, ends a sentence.
func ends(text string, i int, r rune, end int) bool {
	switch r {
	case '。', '！', '？':
		return true
	case '.', '!', '?':
	default:
		return false
	}
	if end == len(text) {
		return true
	}
	if text[end] != ' ' {
		return false
	}
	next, _ := utf8.DecodeRuneInString(strings.TrimLeft(text[end:], " "))
	if unicode.IsLower(next) {
		return false
	}
	before := text[strings.LastIndexAny(text[:i], " (")+1 : i]
	single := utf8.RuneCountInString(before) == 1 && r == '.' && !unicode.IsDigit(rune(before[0]))
	return !single && !(r == '.' && abbreviations[strings.ToLower(before)])
}
