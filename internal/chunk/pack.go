package chunk

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A budget knows how much a piece may hold below each heading.
type budget struct {
	*document
	words, most int // the weight to aim at, and the most that stays whole
	least       int // the least weight that a sentence is cut off for
	maxBytes    int
	maxTokens   int // 0 for no limit

	count    func(string) int
	overhead int // tokens of an empty text: what a model puts around each
	prefix   func([]string) string
	cached   paths // of the section asked for last
}

// A paths holds the headings of one section, shortened to fit.
type paths struct {
	section  int
	headings []string
	tokens   int // of their prefix
}

// newBudget returns the budget for a document.
func newBudget(doc *document, o Options) *budget {
	b := &budget{
		document: doc,
		words:    o.Words * perWord, most: o.Words * perWord * 4 / 3, least: o.Words,
		maxBytes: o.MaxBytes, maxTokens: o.MaxTokens,
		count: o.CountTokens, prefix: o.Prefix, cached: paths{section: -1},
	}
	if b.maxTokens > 0 {
		b.overhead = b.count("")
	}
	return b
}

// tokens counts what text adds to a piece.
func (b *budget) tokens(text string) int {
	if b.maxTokens == 0 {
		return 0
	}
	return max(b.count(text)-b.overhead, 0)
}

// room returns the tokens that text in the section may have.
func (b *budget) room(section int) int {
	return max(b.maxTokens-b.path(section).tokens, b.maxTokens/2)
}

// path returns the headings of the section, its own included, and the tokens of
// their prefix. Outer headings go first when the prefix takes more than half.
func (b *budget) path(section int) paths {
	if b.cached.section == section {
		return b.cached
	}
	p := paths{section: section}
	for i := section; i > 0; i = b.sections[i].parent {
		if title := clip(b.sections[i].title, maxHeading); title != "" {
			p.headings = append(p.headings, title)
		}
	}
	slices.Reverse(p.headings)
	for b.maxTokens > 0 {
		p.tokens = b.count(b.prefix(p.headings))
		if p.tokens <= b.maxTokens/2 || len(p.headings) == 0 {
			break
		}
		last := p.headings[len(p.headings)-1]
		if shorter := clip(last, utf8.RuneCountInString(last)/2); len(p.headings) == 1 && shorter != "" {
			p.headings = []string{shorter}
			continue
		}
		p.headings = p.headings[1:]
	}
	b.cached = p
	return p
}

// maxHeading is the longest heading in a path, in characters.
const maxHeading = 100

// clip returns a heading as one line of valid text, of at most limit characters.
func clip(title string, limit int) string {
	title = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(title, ""))
	title = strings.Join(strings.Fields(title), " ")
	if utf8.RuneCountInString(title) <= limit {
		return title
	}
	if limit < 8 {
		return ""
	}
	return strings.TrimSpace(string([]rune(title)[:limit-1])) + "…"
}

// A packer joins units to pieces.
type packer struct {
	*budget
	units  []unit
	top    int // headings of this level or above divide the document
	pieces []Piece
}

// pack returns the pieces made of the units.
func pack(b *budget, units []unit) []Piece {
	p := &packer{budget: b, units: units, top: topLevel(b.sections)}
	for i := 0; i < len(units); {
		i = p.close(i, p.reach(i))
	}
	return p.pieces
}

// topLevel returns the level of the headings that divide the document: the
// highest that occurs more than once, as a single one is the document's title.
func topLevel(sections []section) int {
	var seen [7]int
	for _, s := range sections[1:] {
		seen[s.level]++
	}
	for level, n := range seen {
		if n > 1 {
			return level
		}
	}
	return 1
}

// above returns the section whose headings are above the unit.
func (p *packer) above(u unit) int {
	if u.heading {
		return p.sections[u.section].parent
	}
	return u.section
}

// reach returns the index after the last unit of the piece that starts with unit i.
func (p *packer) reach(i int) int {
	first := p.units[i]
	room := p.room(p.above(first)) - first.table.before(first.start).tokens
	words, tokens := first.words, first.tokens
	goal := p.goal(first.rest, first.restTokens, room)
	for j := i + 1; j < len(p.units); j++ {
		u, last := p.units[j], p.units[j-1]
		if u.end-first.start > p.maxBytes || tokens+u.tokens > room && p.maxTokens > 0 {
			return p.withoutHeadings(i, j)
		}
		switch {
		case last.heading && (!u.heading || p.level(u) > p.level(last)):
			// A heading goes with what it is above.
		case u.heading && !p.joins(words, u):
			return j
		case !u.heading && (words+u.words > p.most || 2*words+u.words > 2*goal):
			return j
		}
		if u.heading {
			goal = p.goal(words+u.rest, tokens+u.restTokens, room)
		}
		words += u.words
		tokens += u.tokens
	}
	return len(p.units)
}

// level returns the level of a heading unit.
func (p *packer) level(u unit) int { return p.sections[u.section].level }

// withoutHeadings returns j, or less if the units before j end with headings,
// which belong to what follows.
func (p *packer) withoutHeadings(i, j int) int {
	end := j
	for end > i+1 && p.units[end-1].heading {
		end--
	}
	if p.units[end-1].heading {
		return j
	}
	return end
}

// goal returns the weight to aim at so that text of the given weight and tokens
// comes out in pieces of equal size.
func (p *packer) goal(words, tokens, room int) int {
	n := max((words+p.words/2)/p.words, (words+p.most-1)/p.most, 1)
	if p.maxTokens > 0 {
		n = max(n, (tokens+room-1)/max(room, 1))
	}
	return (words + n - 1) / n
}

// joins reports whether the section that starts with heading u goes on in the
// piece before it, which has the given weight: small sections do, but over a
// heading that divides the document only if one of the two is tiny.
func (p *packer) joins(words int, u unit) bool {
	tiny := p.words / 6
	switch {
	case words < tiny:
		return true
	case u.rest < tiny:
		return words+u.rest <= p.most
	}
	return words < p.words/2 && words+u.rest <= p.words && p.level(u) > p.top
}

// close appends the piece of units i to j. The sum of the units' tokens is not
// quite their tokens together, so the piece is counted once more as it will be
// embedded; while it is too long it loses its last unit, or its second half. It
// returns the index of the unit that the next piece starts with.
func (p *packer) close(i, j int) int {
	start, end := p.units[i].start, p.units[j-1].end
	path, table := p.path(p.above(p.units[i])), p.units[i].table.before(start)
	for !p.within(path, table, start, end) {
		if j > i+1 {
			j--
			end = p.units[j-1].end
			continue
		}
		half := middle(p.text, start, end)
		if half == start {
			break // one character: no text is shorter
		}
		end = half
	}
	p.pieces = append(p.pieces, Piece{
		Start: start, End: end, Headings: path.headings, HeaderStart: table.start, HeaderEnd: table.end,
	})
	rest := &p.units[j-1]
	if end == rest.end {
		return j
	}
	rest.start, rest.heading = end, false
	rest.words, rest.tokens = weigh(p.text[end:rest.end]), p.tokens(p.text[end:rest.end])
	return j - 1
}

// within reports whether text[start:end] is within the tokens below these headings
// and the header of its table.
func (p *packer) within(path paths, table header, start, end int) bool {
	if p.maxTokens == 0 {
		return true
	}
	if path.tokens > p.maxTokens/2 {
		return p.tokens(p.text[table.start:table.end]+p.text[start:end]) <= p.maxTokens/2
	}
	return p.count(p.prefix(path.headings)+p.text[table.start:table.end]+p.text[start:end]) <= p.maxTokens
}
