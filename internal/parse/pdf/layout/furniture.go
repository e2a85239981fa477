package layout

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An edge says whether a block stands at an end of the page, apart from the rest:
// there is where running headers, footers and page numbers are.
type edge int

const (
	inside edge = iota
	atTop
	atBottom
)

// trim takes the strips off both ends of a page that may be furniture: those in its
// outer parts with a gap to the rest.
func trim(strips []strip, height float64) (top, body, bottom []strip) {
	usual, apart := usualSize(strips), usualGap(strips)
	// At the top, type smaller than what follows needs no gap. At the bottom it may be
	// the end of a note.
	smaller := len(strips) > 1 && usualSize(strips[:1]) < 0.92*usualSize(strips[1:2])
	cut := 0
	for i := 0; i < min(len(strips)-1, 3); i++ {
		b, next := around(strips[i]), around(strips[i+1])
		if b.Y1 > 0.14*height || !furnishable(strips[i], usual) {
			break
		}
		if gap := next.Y0 - b.Y1; stands(strips[i], strips[i+1], gap, apart) || i == 0 && smaller {
			cut = i + 1
		}
	}
	top, body = strips[:cut], strips[cut:]
	cut = len(body)
	for i := len(body) - 1; i >= max(1, len(body)-4); i-- {
		b, next := around(body[i]), around(body[i-1])
		if b.Y0 < 0.86*height || !furnishable(body[i], usual) {
			break
		}
		if gap := b.Y0 - next.Y1; stands(body[i], body[i-1], gap, apart) {
			cut = i
		}
	}
	return top, body[:cut], body[cut:]
}

// stands reports whether a strip stands apart from the one next to it with a gap.
// Where there are several things side by side in both, they may be rows of a table,
// whose gaps are as wide.
func stands(s, next strip, gap, usual float64) bool {
	return gap > 0.9*lineHeight(s) && (len(s) == 1 || len(next) == 1 || gap > 1.6*usual)
}

// usualGap returns the gap in the middle, by width, of those between strips.
func usualGap(strips []strip) float64 {
	if len(strips) < 4 {
		return 0
	}
	var gaps []float64
	for i := 1; i < len(strips); i++ {
		gaps = append(gaps, around(strips[i]).Y0-around(strips[i-1]).Y1)
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

// usualSize returns the size of the line in the middle, by size.
func usualSize(strips []strip) float64 {
	var sizes []float64
	for _, s := range strips {
		for _, it := range s {
			if it.line != nil {
				sizes = append(sizes, it.line.size)
			}
		}
	}
	if len(sizes) == 0 {
		return 10
	}
	slices.Sort(sizes)
	return sizes[len(sizes)/2]
}

// furnishable reports whether a strip is small enough for a header or footer, in
// its type and its text.
func furnishable(s strip, usual float64) bool {
	chars := 0
	for _, it := range s {
		if it.line != nil && it.line.size > 1.3*usual {
			return false
		}
		if it.line != nil {
			chars += utf8.RuneCountInString(it.line.text())
		}
	}
	large := func(it item) bool { return it.table != nil && len(it.table.rows) > 3 }
	return len(s) <= 6 && chars <= 160 && !slices.ContainsFunc(s, large)
}

// lineHeight returns the least height of the strip's lines.
func lineHeight(s strip) float64 {
	height := math.Inf(1)
	for _, it := range s {
		height = min(height, it.Height())
	}
	return height
}

// A place is where furniture is and what it says, but for its numbers.
type place struct {
	edge edge
	y    int // where on the page, coarsely
	text string
}

// removeFurniture drops what repeats at the ends of pages. A document's only page
// has none, and large type is a title rather than a header.
func removeFurniture(pages [][]block, bodySize float64) {
	seen := map[place]int{}
	each := func(visit func(page int, b *block)) {
		for page := range pages {
			for i := range pages[page] {
				if b := &pages[page][i]; b.edge != inside && b.size <= 1.25*bodySize {
					visit(page, b)
				}
			}
		}
	}
	each(func(page int, b *block) {
		for _, p := range b.places(page) {
			seen[p]++
		}
	})
	enough := 3
	if len(pages) <= 5 {
		enough = 2
	}
	each(func(page int, b *block) {
		for _, p := range b.places(page) {
			wordless := !strings.ContainsFunc(p.text, unicode.IsLetter)
			if seen[p] >= enough || seen[p] >= 2 && wordless || b.text == strconv.Itoa(page+1) {
				b.furniture = true
			}
		}
	})
	for page := range pages {
		pages[page] = slices.DeleteFunc(pages[page], func(b block) bool { return b.furniture })
	}
}

// places returns the places of a block: by its text, and by its height on the page
// with how far the numbers in it are from the page's, as a chapter's title changes
// and the page number beside it does not.
func (b *block) places(page int) []place {
	text := b.text
	if b.table != nil {
		var all []string
		for _, row := range b.table.rows {
			all = append(all, row...)
		}
		text = strings.Join(all, " ")
	}
	plain := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsDigit(r):
			return '#'
		case unicode.IsSpace(r):
			return -1
		}
		return unicode.ToLower(r)
	}, text)
	for strings.Contains(plain, "##") {
		plain = strings.ReplaceAll(plain, "##", "#")
	}
	found := []place{{b.edge, 0, plain}}
	if utf8.RuneCountInString(text) > 80 || b.lines > 1 {
		return found
	}
	for _, field := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsDigit(r) }) {
		if n, err := strconv.Atoi(field); err == nil && n < 100_000 {
			// Two heights are tried, as one may fall on either side of a border.
			for _, y := range []float64{math.Floor(b.Y0 / 4), math.Floor(b.Y0/4 + 0.5)} {
				if p := (place{b.edge, int(y) + 1, "+" + strconv.Itoa(n-page)}); !slices.Contains(found, p) {
					found = append(found, p)
				}
			}
		}
	}
	return found
}
