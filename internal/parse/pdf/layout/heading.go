package layout

import (
	"cmp"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A typeface is what most of a document is set in.
type typeface struct {
	size float64
	bold bool
}

// bodyType returns the size of most characters and whether they are bold.
func bodyType(pages [][]block) typeface {
	chars, bold := map[float64]int{}, map[float64]int{}
	for _, blocks := range pages {
		for _, b := range blocks {
			if b.size == 0 {
				continue // recognized
			}
			n := utf8.RuneCountInString(b.text)
			chars[rounded(b.size)] += n
			if b.bold {
				bold[rounded(b.size)] += n
			}
		}
	}
	best := typeface{size: 10}
	most := 0
	for _, size := range slices.Sorted(maps.Keys(chars)) {
		if chars[size] > most {
			most = chars[size]
			best = typeface{size, 2*bold[size] > most}
		}
	}
	return best
}

// rounded returns a size in half points.
func rounded(size float64) float64 { return math.Round(size*2) / 2 }

// markHeadings finds the headings of a document and gives them levels: by the
// outline where it names them, else by size, the largest first, and below all
// sizes those that are only bold.
func markHeadings(pages [][]block, body typeface, outline []Entry) {
	found := candidates(pages, body)
	levels := sizeLevels(found, body)
	for _, b := range found {
		b.kind, b.level = heading, levels[rounded(b.size)]
		if b.level == 0 {
			b.level = len(levels) + 1
		}
	}
	numberLevels(found)
	outlineLevels(pages, found, outline)
	for _, b := range found {
		b.level = min(max(b.level, 1), 6)
	}
}

// candidates returns what looks like a heading, after joining the lines of those
// that have several.
func candidates(pages [][]block, body typeface) []*block {
	var found []*block
	for page := range pages {
		blocks := pages[page]
		for i := range blocks {
			if b := &blocks[i]; b.isHeading(body) && !inList(blocks, i) {
				b.candidate = true
			}
		}
		pages[page] = joinTitles(blocks)
		for i := range pages[page] {
			if b := &pages[page][i]; b.candidate {
				found = append(found, b)
			}
		}
	}
	return found
}

// inList reports whether a block is an item with others of its look beside it.
func inList(blocks []block, i int) bool {
	alike := func(j int) bool {
		return j >= 0 && j < len(blocks) && blocks[j].kind == listItem && abs(blocks[j].size-blocks[i].size) < 0.3 &&
			blocks[j].bold == blocks[i].bold
	}
	return blocks[i].kind == listItem && (alike(i-1) || alike(i+1))
}

// joinTitles joins headings of several lines that are set alike.
func joinTitles(blocks []block) []block {
	out := blocks[:0]
	for _, b := range blocks {
		if n := len(out); n > 0 && b.candidate && out[n-1].candidate {
			last := &out[n-1]
			step := b.Y0 - last.Y1 // between the type of both
			if abs(last.size-b.size) < 0.5 && last.bold == b.bold && step > -0.5*b.size && step < 0.9*b.size &&
				last.overlapX(b.Box) > 0 && last.edge == b.edge && number.FindString(b.text) == "" && b.size > 0 &&
				last.lines+b.lines <= 4 && !strings.HasSuffix(last.text, ":") {
				var j joiner
				j.add(last.text, "")
				j.add(b.text, " ")
				last.text, last.Box, last.lines = j.text(), last.Union(b.Box), last.lines+b.lines
				continue
			}
		}
		out = append(out, b)
	}
	return out
}

// caption matches the beginning of what stands at tables and pictures.
var caption = regexp.MustCompile(
	`(?i)^[\[<(]?(?:table|figure|fig\.|tab\.|abb\.|tabelle|abbildung|tableau|listing` +
		`|표|그림|表|图|図)\s*\.?\s*[0-9]`)

// number matches the number of a section, with its parts.
var number = regexp.MustCompile(`^(?:[0-9]{1,2}(?:\.[0-9]{1,3})*|[A-Z](?:\.[0-9]{1,2})+)\.?\s`)

// isHeading reports whether a block may be a heading, by its look.
func (b *block) isHeading(body typeface) bool {
	if b.kind != paragraph && b.kind != listItem || b.lines > 3 {
		return false
	}
	length := utf8.RuneCountInString(b.text)
	letters := 0
	for _, r := range b.text {
		if unicode.IsLetter(r) {
			letters++
		}
	}
	if letters < 2 || 5*letters < 2*length || caption.MatchString(b.text) ||
		strings.Contains(b.text, " … ") || strings.Contains(b.text, "](") {
		return false
	}
	if b.gaps && !number.MatchString(b.text) {
		return false // cells
	}
	if b.kind == listItem && !startsWithNumber(b.text) {
		return false
	}
	last, _ := utf8.DecodeLastRuneInString(b.text)
	sized := b.size >= body.size*1.1 && b.size-body.size >= 0.7
	switch {
	case sized && b.size >= 1.35*body.size:
		return length <= 250
	case strings.ContainsRune(".,;。，、", last):
		return false
	case sized:
		return length <= 160
	}
	return b.bold && !body.bold && b.size >= 0.95*body.size && b.lines <= 2 && length <= 100
}

// startsWithNumber reports whether an item's mark is a number.
func startsWithNumber(text string) bool {
	text = strings.TrimPrefix(text, "(")
	return unicode.IsDigit(firstRune(text)) ||
		len(text) > 1 && unicode.IsUpper(firstRune(text)) && strings.ContainsRune(".)", rune(text[1]))
}

// sizeLevels gives each size of heading above that of the body a level from 1.
// Sizes that are next to each other share one.
func sizeLevels(found []*block, body typeface) map[float64]int {
	sizes := map[float64]bool{}
	for _, b := range found {
		if b.size >= body.size*1.1 {
			sizes[rounded(b.size)] = true
		}
	}
	levels := map[float64]int{}
	level, last := 0, math.Inf(1)
	for _, size := range slices.Backward(slices.Sorted(maps.Keys(sizes))) {
		if size < 0.96*last {
			level, last = level+1, size
		}
		levels[size] = min(level, 4)
	}
	return levels
}

// numberLevels moves headings down whose number has more parts than others that are
// set alike: 2.1 is below 2.
func numberLevels(found []*block) {
	depth := func(b *block) int { return strings.Count(strings.Trim(number.FindString(b.text), ". "), ".") + 1 }
	least := map[int]int{}
	for _, b := range found {
		if number.MatchString(b.text) {
			least[b.level] = min(cmp.Or(least[b.level], 9), depth(b))
		}
	}
	for _, b := range found {
		if number.MatchString(b.text) {
			b.level += min(depth(b)-least[b.level], 3)
		}
	}
}

// outlineLevels takes the levels of headings from the outline if it knows several
// of them. A title above all of them keeps level 1.
func outlineLevels(pages [][]block, found []*block, outline []Entry) {
	if len(outline) < 3 {
		return
	}
	wanted := map[string]int{}
	for _, e := range outline {
		for _, key := range titleKeys(e.Title) {
			wanted[key] = cmp.Or(wanted[key], e.Level)
		}
	}
	var matched []*block
	largest := 0.0
	for page := range pages {
		for i := range pages[page] {
			b := &pages[page][i]
			if b.kind == tableBlock || b.kind == code || b.lines > 3 || strings.Contains(b.text, " … ") {
				continue
			}
			for _, key := range titleKeys(b.text) {
				if b.named = cmp.Or(b.named, wanted[key]); b.named > 0 {
					matched = append(matched, b)
					largest = max(largest, b.size)
					break
				}
			}
		}
	}
	if len(matched) < 3 {
		return
	}
	shift := 0
	for _, b := range found {
		if b.size > largest+0.5 {
			shift = 1
		}
	}
	deepest := 0
	for _, b := range matched {
		b.kind, b.level = heading, min(b.named+shift, 6)
		deepest = max(deepest, b.level)
	}
	for _, b := range found {
		if b.named == 0 && b.size <= largest+0.5 {
			b.level = max(b.level, deepest)
		}
	}
}

// titleKeys returns what is compared of a title: its letters and digits, with the
// number at its start and without.
func titleKeys(text string) []string {
	key := func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				return unicode.ToLower(r)
			}
			return -1
		}, s)
	}
	keys := []string{key(text)}
	if bare := number.ReplaceAllString(text, ""); bare != text {
		keys = append(keys, key(bare))
	}
	return slices.DeleteFunc(keys, func(k string) bool { return strings.Trim(k, "0123456789") == "" })
}
