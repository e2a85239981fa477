package pdf

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// An arrangement is what a group of strips with gutters between them is.
type arrangement int

const (
	loose   arrangement = iota // lines with gaps in them
	prose                      // columns of text
	tabular                    // a table without rules
)

// A columnLook is what tells a column of text from one of a table.
type columnLook struct {
	lines   int
	chars   int     // of a line in the middle
	fill    float64 // how much of the column's width a line in the middle takes
	width   float64 // in points
	numeric bool    // most cells are numbers
	marks   bool    // all cells are marks of a list
	tables  bool
}

// look measures a column.
func look(column []item) columnLook {
	b := around(column)
	var chars []int
	var fills []float64
	c := columnLook{marks: true, width: b.width()}
	numbers := 0
	for _, it := range column {
		if it.line == nil {
			c.tables, c.marks = true, false
			continue
		}
		text := it.line.text()
		chars = append(chars, utf8.RuneCountInString(text))
		fills = append(fills, it.width()/max(b.width(), 1))
		if isNumeric(text) {
			numbers++
		}
		c.marks = c.marks && (isMarker(text) || utf8.RuneCountInString(text) <= 2)
	}
	c.lines = len(chars)
	if c.lines == 0 {
		return c
	}
	slices.Sort(chars)
	slices.Sort(fills)
	c.chars, c.fill = chars[len(chars)/2], fills[len(fills)/2]
	c.numeric = 2*numbers > c.lines
	return c
}

// isText reports whether it looks like running text: lines as long as a line of
// text is, most of which fill the column.
func (c columnLook) isText() bool {
	return c.tables || c.lines >= 3 && c.chars >= 18 && c.fill >= 0.7 && !c.numeric
}

// judge says what a group is. Where the signs are weak it is loose, which leaves the
// lines as they are.
func judge(g *group, columns [][]item) arrangement {
	looks := make([]columnLook, len(columns))
	texts, short := 0, 0
	for i, column := range columns {
		looks[i] = look(column)
		if looks[i].isText() {
			texts++
		}
		if looks[i].chars <= 40 {
			short++
		}
	}
	level, crowded := g.alignment()
	rows := len(g.parts)
	switch {
	case len(textGutters(g, columns)) == 0:
		return loose
	case texts >= 2 && texts*2 >= len(columns):
		return prose
	case len(columns) >= 3 && rows >= 2 && level >= 0.7 && crowded >= 0.5 && short == len(columns):
		return tabular
	case len(columns) == 2 && rows >= 3 && level >= 0.8 && crowded >= 0.7 && short == 2 &&
		(looks[1].numeric || looks[0].chars <= 25 && looks[1].chars <= 25):
		return tabular
	case level < 0.6 && rows >= 2 || texts >= 1 && len(columns) == 2 && sideBySide(columns):
		return prose
	}
	return loose
}

// alignment returns the share of strips whose lines stand on one baseline, and the
// share of those with more than one.
func (g *group) alignment() (level, crowded float64) {
	var leveled, many int
	for _, s := range g.parts {
		same := true
		for _, it := range s {
			same = same && it.line != nil && s[0].line != nil && abs(it.line.base-s[0].line.base) <= 0.35*it.line.size
		}
		if same {
			leveled++
		}
		if len(s) > 1 {
			many++
		}
	}
	n := float64(max(len(g.parts), 1))
	return float64(leveled) / n, float64(many) / n
}

// sideBySide reports whether both columns are blocks of several lines whose
// baselines do not agree, such as a picture's text beside its description.
func sideBySide(columns [][]item) bool {
	agree := 0
	for _, a := range columns[0] {
		for _, b := range columns[1] {
			if a.line != nil && b.line != nil && abs(a.line.base-b.line.base) <= 0.2*a.line.size {
				agree++
				break
			}
		}
	}
	return len(columns[0]) >= 3 && len(columns[1]) >= 3 && 2*agree < min(len(columns[0]), len(columns[1]))
}

// textGutters returns the gutters at which columns of text are divided: not those
// behind the marks of a list or the numbers of headings.
func textGutters(g *group, columns [][]item) []span {
	if len(columns) != len(g.gutters)+1 {
		return g.gutters
	}
	var gutters []span
	for i, gutter := range g.gutters {
		if !look(columns[i]).marks {
			gutters = append(gutters, gutter)
		}
	}
	return gutters
}

// isNumeric reports whether text is a number, with signs and units around it.
func isNumeric(text string) bool {
	digits, letters := 0, 0
	for _, r := range text {
		switch {
		case unicode.IsDigit(r):
			digits++
		case unicode.IsLetter(r):
			letters++
		}
	}
	return digits > 0 && letters <= digits || text == "-" || text == "–" || text == "—"
}

func abs(v float64) float64 {
	if v < 0 {
		return -v
	}
	return v
}
