package layout

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"kvasir/internal/parse/markdown"
)

// A line is words on one baseline without a wide gap between them. A line of a
// page, a cell of a table and the number of a footnote are all lines here; what
// belongs together is found later.
type line struct {
	Box
	base, size float64
	words      []word
	bold, mono bool // all of it
	tied       bool // it ends within a word
}

// wide is the gap between words, in sizes, from which on they are two lines.
// Justified text has spaces of up to half of that.
const wide = 0.9

// newLine makes a line of words.
func newLine(words []word) *line {
	sortByX(words)
	l := &line{Box: words[0].Box, words: words, bold: true, mono: true}
	chars := map[float64]int{}
	for _, w := range words {
		l.Box = l.Union(w.Box)
		l.bold, l.mono = l.bold && w.bold, l.mono && w.mono
		chars[w.size] += len(w.text)
	}
	// The size of most characters; where two are equal, the larger.
	best := 0
	for size, n := range chars {
		if n > best || n == best && size > l.size {
			best, l.size = n, size
		}
	}
	for _, w := range words {
		if w.size == l.size {
			l.base = w.base
			break
		}
	}
	for i := range words {
		// What is small and high is a power or the mark of a note.
		if w := &words[i]; w.size < 0.85*l.size && w.base < l.base-0.2*l.size {
			w.text = markdown.Raised(w.text)
		}
	}
	l.Y0, l.Y1 = l.base-ascent*l.size, l.base+descent*l.size
	return l
}

// maxTogether bounds how many words are compared with each other. Only a page made
// to be slow has more.
const maxTogether = 10_000

// lines joins words that are next to each other.
func lines(words []word) []*line {
	var all []*line
	for chunk := range slices.Chunk(words, maxTogether) {
		all = append(all, linesOf(chunk)...)
	}
	return all
}

// linesOf is lines for words that are not too many.
func linesOf(words []word) []*line {
	// Words by their height on the page, to look for neighbours only nearby.
	slices.SortStableFunc(words, func(a, b word) int { return cmp.Compare(a.base, b.base) })
	group := newSets(len(words))
	for i := range words {
		w := &words[i]
		right, left := -1, -1
		reach := 0.9 * w.size
		for j := lowerBound(words, w.base-reach); j < len(words) && words[j].base <= w.base+reach; j++ {
			v := &words[j]
			if j != i && follow(w, v) && (right < 0 || v.X0 < words[right].X0) {
				right = j
			}
			if j != i && follow(v, w) && (left < 0 || v.X1 > words[left].X1) {
				left = j
			}
		}
		for _, j := range []int{right, left} {
			if j >= 0 {
				group.join(i, j)
			}
		}
	}
	byRoot := map[int][]word{}
	var roots []int
	for i, w := range words {
		root := group.find(i)
		if byRoot[root] == nil {
			roots = append(roots, root)
		}
		byRoot[root] = append(byRoot[root], w)
	}
	all := make([]*line, 0, len(roots))
	for _, root := range roots {
		all = append(all, newLine(byRoot[root]))
	}
	return all
}

// sets are disjoint sets of numbers, each known by its least member.
type sets []int

// newSets returns n sets of one number each.
func newSets(n int) sets {
	s := make(sets, n)
	for i := range s {
		s[i] = i
	}
	return s
}

// find returns the set of i.
func (s sets) find(i int) int {
	for s[i] != i {
		s[i] = s[s[i]]
		i = s[i]
	}
	return i
}

// join makes one of the sets of i and j.
func (s sets) join(i, j int) {
	i, j = s.find(i), s.find(j)
	s[max(i, j)] = min(i, j)
}

// lowerBound returns the first word whose baseline is not above base.
func lowerBound(words []word, base float64) int {
	i, _ := slices.BinarySearchFunc(words, base, func(w word, base float64) int { return cmp.Compare(w.base, base) })
	return i
}

// follow reports whether v is to the right of w in the same line.
func follow(w, v *word) bool {
	size := max(w.size, v.size)
	gap := v.X0 - w.X1
	if v.X0 < w.X0 || v.X0 == w.X0 && v.order <= w.order || gap > wide*size || gap < -0.5*size && v.X1 < w.X1-0.1*size {
		return false
	}
	if math.Abs(v.base-w.base) <= 0.25*min(w.size, v.size) {
		return true
	}
	// An index or a footnote's mark touches its word and is smaller.
	return gap < 0.2*size && min(w.size, v.size) < 0.85*size && math.Abs(v.base-w.base) < 0.6*size
}

// text returns the line's words with the spaces between them, in logical order.
func (l *line) text() string {
	if l.tied {
		return joinWords(l.words) + string(tie)
	}
	return joinWords(l.words)
}

// tieKorean finds the lines that end within a word of Korean, which is divided
// anywhere and without a hyphen. A space at the end of a line is in the file though
// nobody sees it: where many lines have one, those without end within a word.
func tieKorean(found []*line) {
	var ends []*line
	spaces := 0
	for _, l := range found {
		last := l.words[len(l.words)-1]
		if r, _ := utf8.DecodeLastRuneInString(last.text); len(l.words) > 1 && unicode.Is(unicode.Hangul, r) {
			ends = append(ends, l)
			if last.spaced {
				spaces++
			}
		}
	}
	if spaces < 3 || 3*spaces < len(ends) {
		return
	}
	for _, l := range ends {
		l.tied = !l.words[len(l.words)-1].spaced
	}
}

// joinWords writes words that are in order from left to right.
func joinWords(words []word) string {
	if slices.ContainsFunc(words, func(w word) bool { return w.rightToLeft }) {
		words = logical(words)
	}
	var b strings.Builder
	from := 0 // where the link begins
	for i, w := range words {
		if i > 0 && spaced(&words[i-1], &w) {
			b.WriteByte(' ')
		}
		text := w.text
		if i < len(words)-1 {
			text = strings.ReplaceAll(text, string(hyphen), "-")
		}
		if w.url == "" {
			b.WriteString(text)
			continue
		}
		if i == 0 || words[i-1].url != w.url {
			from = b.Len()
			b.WriteByte('[')
		}
		b.WriteString(text)
		if i == len(words)-1 || words[i+1].url != w.url {
			closeLink(&b, from, w.url)
		}
	}
	return b.String()
}

// closeLink ends the text of a link, which began at from, before the mark that ends
// its sentence. An address that shows itself needs no link.
func closeLink(b *strings.Builder, from int, url string) {
	text := b.String()
	label := text[from+1:]
	bare := strings.TrimRight(label, ".,;:")
	linked := "[" + bare + "](" + url + ")"
	if strings.Contains(url, strings.TrimSuffix(bare, "/")) {
		linked = bare
	}
	b.Reset()
	b.WriteString(text[:from] + linked + label[len(bare):])
}

// spaced reports whether there is a space between neighbours: one that the file has,
// or a gap. PDFium takes the step to an index for a gap, so that is measured anew.
func spaced(w, v *word) bool {
	if w.spaced && v.order == w.order+1 || v.spaced && w.order == v.order+1 {
		return true
	}
	gap := v.X0 - w.X1
	if w.X0 > v.X0 {
		gap = w.X0 - v.X1
	}
	if isMark(w.text) || isMark(v.text) {
		return gap > 0.3*max(w.size, v.size)
	}
	return gap > 0.13*max(w.size, v.size)
}

// isMark reports whether text is a mark that stands close to a word.
func isMark(text string) bool { return len(text) <= 3 && strings.Trim(text, ",.;:!?،؛。、") == "" }

// logical puts words, ordered as they are seen, into the order in which they are
// read, if some are written from the right. It is the reordering of the Unicode
// bidirectional algorithm (UAX #9, rule L2) run backwards, for two levels.
func logical(words []word) []word {
	rtl, ltr := 0, 0
	for _, w := range words {
		if w.rightToLeft {
			rtl += utf8.RuneCountInString(w.text)
		} else if strings.ContainsFunc(w.text, unicode.IsLetter) {
			ltr += utf8.RuneCountInString(w.text)
		}
	}
	ordered := slices.Clone(words)
	against := func(w word) bool { return w.rightToLeft }
	if rtl >= ltr {
		slices.Reverse(ordered)
		against = func(w word) bool { return !w.rightToLeft }
	}
	if rtl >= ltr {
		for i := range ordered {
			ordered[i].text = mirrorMarks(ordered[i].text)
		}
	}
	// Runs that go against the line's direction are turned around.
	for i := 0; i < len(ordered); {
		j := i
		for j < len(ordered) && against(ordered[j]) {
			j++
		}
		slices.Reverse(ordered[i:j])
		i = max(j, i+1)
	}
	return ordered
}

// mirrorMarks moves the marks beside a number to its other side: in a line that is
// written from the right, the point that is seen before a number stands after it.
func mirrorMarks(text string) string {
	if strings.ContainsFunc(text, unicode.IsLetter) {
		return text
	}
	isDigit := func(r rune) bool { return unicode.IsDigit(r) }
	first, last := strings.IndexFunc(text, isDigit), strings.LastIndexFunc(text, isDigit)
	if first < 0 {
		return text
	}
	_, n := utf8.DecodeRuneInString(text[last:])
	last += n
	return text[last:] + text[first:last] + text[:first]
}
