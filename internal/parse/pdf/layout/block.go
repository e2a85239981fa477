package layout

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A block is a paragraph, an item of a list, a heading, some code or a table.
type block struct {
	Box
	kind  blockKind
	text  string
	size  float64
	bold  bool
	lines int
	table *table
	// source is the text of code with its lines as they are.
	source string
	level  int // of a heading, from 1
	edge   edge

	named int // its level in the outline; 0 if it is not there

	furniture, candidate, gaps bool
}

// length returns how many bytes of text the block has.
func (b *block) length() int {
	n := len(b.text)
	if b.table != nil {
		for _, row := range b.table.rows {
			for _, cell := range row {
				n += len(cell)
			}
		}
	}
	return n
}

type blockKind int

const (
	paragraph blockKind = iota
	heading
	listItem
	code
	tableBlock
)

// A textLine is a row of a column as text.
type textLine struct {
	row
	base, size float64
	text       string
	bold, mono bool
	firstWord  float64 // its width
	words      []word
	rtl        bool // it is written from the right
	fence      bool // a table stands here
	parts      int  // with gaps between them
}

// textLines writes rows as text. What stands apart in a row stays apart.
func textLines(rows []row) []textLine {
	lines := make([]textLine, 0, len(rows))
	for _, r := range rows {
		if r.table != nil {
			lines = append(lines, textLine{row: r, fence: true})
			continue
		}
		lines = append(lines, oneLine(r)...)
	}
	return lines
}

// oneLine writes a row: as one line if its parts share a baseline, else as several.
func oneLine(r row) []textLine {
	var out []textLine
	stretched := r.stretched()
	for _, l := range levelled(r.lines) {
		if n := len(out); n > 0 && sameLevel(out[n-1].base, out[n-1].size, l) {
			last := &out[n-1]
			gap := " "
			if !stretched && l.X0-last.X1 > 2*l.size && !isMarker(last.text) && !number.MatchString(last.text+" ") {
				last.parts++
				gap = "  "
			}
			last.text = strings.TrimSuffix(last.text, string(tie)) + gap + l.text()
			last.Box, last.words = last.Union(l.Box), append(last.words, l.words...)
			last.bold, last.mono = last.bold && l.bold, last.mono && l.mono
			if l.size > last.size {
				last.size, last.base = l.size, l.base
			}
			continue
		}
		out = append(out, textLine{
			row: row{Box: l.Box, column: r.column}, base: l.base, size: l.size, text: l.text(),
			bold: l.bold, mono: l.mono, firstWord: l.words[0].Width(), words: slices.Clone(l.words), parts: 1,
			rtl: l.words[len(l.words)-1].rightToLeft,
		})
	}
	return out
}

// sameLevel reports whether a line continues one of the given baseline and size
// after a gap. Type of another size is something else, but for marks and indices.
func sameLevel(base, size float64, l *line) bool {
	return abs(base-l.base) <= 0.45*max(size, l.size) && max(size, l.size) <= 1.6*min(size, l.size) ||
		abs(base-l.base) <= 0.6*max(size, l.size) && len(l.words) == 1 && len(l.words[0].text) <= 4
}

// levelled orders lines by their baselines, those on one level from left to right.
func levelled(lines []*line) []*line {
	lines = slices.Clone(lines)
	slices.SortStableFunc(lines, func(a, b *line) int { return cmp.Compare(a.base, b.base) })
	for i := 0; i < len(lines); {
		j := i + 1
		for j < len(lines) && abs(lines[j].base-lines[i].base) <= 0.45*max(lines[i].size, lines[j].size) {
			j++
		}
		slices.SortStableFunc(lines[i:j], func(a, b *line) int { return cmp.Compare(a.X0, b.X0) })
		i = j
	}
	return lines
}

// blocks divides lines in reading order into blocks. PDF knows no paragraphs, so
// this goes by what a reader sees: distance, indent, size, weight, and whether the
// first word of a line would have had room at the end of the one before.
func blocks(lines []textLine) []block {
	var out []block
	var b builder
	for i := range lines {
		l := &lines[i]
		if l.fence {
			out = b.flush(out)
			out = append(out, block{Box: l.Box, kind: tableBlock, table: l.table})
			continue
		}
		if b.n > 0 {
			switch b.relation(l, lines, i) {
			case apart:
				out = b.flush(out)
			case broken:
				b.add(l, "\n")
				continue
			case joined:
				b.add(l, " ")
				continue
			}
		}
		b.start(l)
	}
	return b.flush(out)
}

// A relation is how a line stands to the one before it.
type relation int

const (
	apart  relation = iota // begins a new block
	broken                 // a new line of the same block
	joined                 // the same sentence
)

// A builder collects the lines of one block.
type builder struct {
	text        joiner
	first, last textLine
	kind        blockKind
	n           int
	bold        bool
	Box         Box
	pitch       float64 // between its lines
	code        []*textLine
}

func (b *builder) start(l *textLine) {
	*b = builder{first: *l, last: *l, n: 1, bold: l.bold, Box: l.Box, code: []*textLine{l}}
	b.text.add(l.text, "")
	switch {
	case l.mono:
		b.kind = code
	case isItem(l.text):
		b.kind = listItem
	}
}

func (b *builder) add(l *textLine, gap string) {
	b.code = append(b.code, l)
	if gap == "\n" {
		b.text.addLine(l.text)
	} else {
		b.text.add(l.text, gap)
	}
	if l.base > b.last.base {
		b.pitch = l.base - b.last.base
	}
	b.last, b.n, b.bold, b.Box = *l, b.n+1, b.bold && l.bold, b.Box.Union(l.Box)
}

// flush appends the block, if there is one, and empties the builder.
func (b *builder) flush(out []block) []block {
	if b.n == 0 {
		return out
	}
	made := block{
		Box: b.Box, kind: b.kind, text: leaders.ReplaceAllString(b.text.text(), " … "),
		size: b.first.size, bold: b.bold, lines: b.n, gaps: b.first.parts > 1,
	}
	if b.kind == code {
		made.source = listing(b.code)
	}
	*b = builder{}
	return append(out, made)
}

// maxLines bounds a block.
const maxLines = 500

// relation says how the i-th line stands to the block.
func (b *builder) relation(l *textLine, lines []textLine, i int) relation {
	size := max(l.size, b.last.size)
	step := l.base - b.last.base
	switch {
	case b.n >= maxLines, abs(l.size-b.last.size) > 0.055*size, l.mono != b.last.mono,
		l.rtl != b.last.rtl, isItem(l.text):
		return apart
	case step > 0 && step < 2*size && leaders.MatchString(b.last.text):
		return broken // of a table of contents
	case step > 0 && step < 2*size && b.kind == paragraph && (l.parts > 1 || b.last.parts > 1):
		return broken
	case l.bold != b.last.bold && (b.bold || l.bold && endsSentence(b.last.text)):
		return apart
	case b.kind == code:
		if step > 0 && step < 2*size {
			return broken
		}
		return apart
	case step <= 0 || step > 6*size:
		// The next column. A sentence may go on there.
		if l.bold == b.last.bold && full(&b.last, lines, i-1) && goesOn(b.last.text, l.text) {
			return joined
		}
		return apart
	case step > 2.2*size, b.pitch > 0 && step > 1.25*b.pitch+0.5, b.n == 1 && step > 1.25*usual(lines, i)+0.5:
		return apart
	}
	return b.near(l, lines, i)
}

// near is relation for a line right below.
func (b *builder) near(l *textLine, lines []textLine, i int) relation {
	indent := l.X0 - b.last.X0
	isFull := full(&b.last, lines, i-1)
	switch {
	case b.kind == listItem:
		// Its lines hang below its text; what is left of that is outside.
		if l.X0 < b.first.X0-0.5*l.size {
			return apart
		}
		if !isFull && endsSentence(b.last.text) && indent > 0.8*l.size && b.n > 1 {
			return apart
		}
		if isFull || l.X0 > b.first.X0+0.5*l.size && !endsSentence(b.last.text) {
			return joined
		}
		if l.X0 > b.first.X0+0.5*l.size {
			return broken
		}
		return apart
	case indent > 0.8*l.size && indent < 5*l.size && (b.n > 1 || !hanging(lines, i)):
		// The first line of a paragraph is set in.
		if isFull || endsSentence(b.last.text) {
			return apart
		}
		return broken
	case isFull:
		return joined
	case endsSentence(b.last.text) && b.n > 1, b.bold, number.MatchString(l.text):
		return apart
	}
	return broken
}

// hanging reports whether the lines after the i-th stand where it does: then the
// line before it stands out, and it is not set in.
func hanging(lines []textLine, i int) bool {
	return i+1 < len(lines) && abs(lines[i+1].X0-lines[i].X0) < 0.5*lines[i].size && lines[i+1].base > lines[i].base
}

// full reports whether the i-th line is as long as the lines around it allow: the
// first word of the next one would have had no room. Lines that are all short are
// not broken for want of room.
func full(l *textLine, lines []textLine, i int) bool {
	ends := []float64{l.X1}
	for j := i + 1; j <= min(i+8, len(lines)-1) && continues(&lines[j-1], &lines[j]); j++ {
		ends = append(ends, lines[j].X1)
	}
	for j := i - 1; j >= max(i-8, 0) && continues(&lines[j], &lines[j+1]); j-- {
		ends = append(ends, lines[j].X1)
	}
	right := slices.Max(ends)
	next := 3 * l.size
	if i+1 < len(lines) && !lines[i+1].fence {
		next = lines[i+1].firstWord + 0.2*l.size
	}
	if right+next < l.column.X1 {
		// Short of the column's end: then several lines must agree on where theirs is.
		agree := 0
		for _, x := range ends {
			if x > right-2.5*l.size {
				agree++
			}
		}
		if agree < 2 || right-l.column.X0 < 0.6*l.column.Width() && (len(ends) < 6 || l.Width() < 15*l.size) {
			return false
		}
	}
	return l.X1+next > right
}

// continues reports whether two lines are of one run: set alike and close.
func continues(a, b *textLine) bool {
	step := b.base - a.base
	return !a.fence && !b.fence && step > 0 && step < 2*a.size && abs(a.size-b.size) <= 0.055*a.size &&
		a.overlapX(b.Box) > 0
}

// usual returns the step between lines around the i-th that are of its size.
func usual(lines []textLine, i int) float64 {
	best := math.Inf(1)
	for j := max(i-1, 1); j <= min(i+4, len(lines)-1); j++ {
		alike := abs(lines[j].size-lines[i].size) < 0.5 && abs(lines[j-1].size-lines[i].size) < 0.5
		if step := lines[j].base - lines[j-1].base; alike && step > 0.5*lines[j].size {
			best = min(best, step)
		}
	}
	return best
}

// goesOn reports whether next may be the rest of a sentence that ends in text.
func goesOn(text, next string) bool {
	return !endsSentence(text) && utf8.RuneCountInString(text) > 10 && !isItem(next) &&
		!unicode.IsUpper(firstRune(next))
}

// marker matches the mark at the start of a list's item.
var marker = regexp.MustCompile(`^(?:[•‣◦▪●○■□◆▶►➢➤✓✔∙·※❖–—*-]` +
	`|[0-9]{1,3}(?:\.[0-9]{1,3}){0,4}[.)]` +
	`|\([0-9a-zA-Z]{1,3}\)|[a-zA-Z][.)]|[ivx]{2,4}[.)]|[①-⑳])$`)

// isMarker reports whether text is the mark of a list's item and nothing else.
func isMarker(text string) bool { return len(text) < 20 && marker.MatchString(text) }

// isItem reports whether text begins with the mark of a list's item.
func isItem(text string) bool {
	mark, rest, found := strings.Cut(text, " ")
	if found && isMarker(mark) && strings.TrimSpace(rest) != "" {
		return true
	}
	first, size := utf8.DecodeRuneInString(text)
	const marks = "•‣▪●■◆►➢✓✔❖①②③④⑤⑥⑦⑧⑨⑩"
	return strings.ContainsRune(marks, first) && len(text) > size
}
