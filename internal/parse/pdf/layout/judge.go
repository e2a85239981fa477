package layout

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
	c := columnLook{marks: true, width: b.Width()}
	whole := row{Box: b, column: b}
	for _, it := range column {
		if it.line == nil {
			c.tables, c.marks = true, false
			continue
		}
		whole.lines = append(whole.lines, it.line)
		c.marks = c.marks && (isMarker(it.line.text()) || utf8.RuneCountInString(it.line.text()) <= 2)
	}
	var chars []int
	var fills []float64
	numbers := 0
	for _, l := range oneLine(whole) {
		chars = append(chars, utf8.RuneCountInString(l.text))
		fills = append(fills, l.Width()/max(b.Width(), 1))
		if isNumeric(l.text) {
			numbers++
		}
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
func judge(g *group, columns [][]item, region Box) arrangement {
	looks := make([]columnLook, len(columns))
	tables := false
	texts, short, numeric := 0, 0, 0
	for i, column := range columns {
		looks[i] = look(column)
		tables = tables || looks[i].tables
		if looks[i].isText() {
			texts++
		}
		if looks[i].chars <= 25 {
			short++
		}
		if looks[i].numeric {
			numeric++
		}
	}
	rows := g.rows(columns)
	level, crowded := g.level(), crowdedness(rows)
	switch {
	case g.isCode(), len(textGutters(g, columns)) == 0, 2*numeric < len(columns) && g.justified(region):
		return loose
	case texts >= 2 && texts*2 >= len(columns):
		return prose
	case !tables && len(columns) >= 3 && len(rows) >= 2 && level >= 0.7 && crowded >= 0.5 && 2*short >= len(columns):
		return tabular
	case !tables && len(columns) == 2 && len(rows) >= 3 && level >= 0.8 && crowded >= 0.7 && looks[0].chars <= 30 &&
		(looks[1].numeric || looks[1].chars <= 30 || g.labelled(columns, rows)):
		return tabular
	case level < 0.6 && len(g.parts) >= 2 || texts >= 1 && len(columns) == 2 && sideBySide(columns):
		return prose
	}
	return loose
}

// isCode reports whether all of the group is set in type of one width, where gaps
// say little.
func (g *group) isCode() bool {
	return !slices.ContainsFunc(g.items, func(it item) bool { return it.line == nil || !it.line.mono })
}

// level returns the share of strips whose lines stand on one baseline.
func (g *group) level() float64 {
	leveled := 0
	for _, s := range g.parts {
		same := true
		for _, it := range s {
			same = same && it.line != nil && s[0].line != nil && abs(it.line.base-s[0].line.base) <= 0.35*it.line.size
		}
		if same {
			leveled++
		}
	}
	return float64(leveled) / float64(max(len(g.parts), 1))
}

// crowdedness returns the share of rows with more than one cell.
func crowdedness(rows [][][]*line) float64 {
	many := 0
	for _, row := range rows {
		filled := 0
		for _, cell := range row {
			if len(cell) > 0 {
				filled++
			}
		}
		if filled > 1 {
			many++
		}
	}
	return float64(many) / float64(max(len(rows), 1))
}

// labelled reports whether each row begins with a label in the first column, as in
// a list of terms and what they mean.
func (g *group) labelled(columns [][]item, rows [][][]*line) bool {
	for _, row := range rows {
		if len(row[0]) == 0 {
			return false
		}
	}
	return len(columns[1]) > len(columns[0])
}

// justified reports whether most strips are lines of text that are stretched to the
// width of the column: their gaps are as wide as those of a table, but all alike.
func (g *group) justified(region Box) bool {
	n, stretched := 0, 0
	for _, s := range g.parts {
		if len(s) < 2 {
			continue
		}
		n++
		if r := (row{Box: around(s), column: region, lines: s.lines()}); r.stretched() {
			stretched++
		}
	}
	return n > 0 && 5*stretched >= 3*n
}

// stretched reports whether a row reaches from one side of its column to the other
// with spaces that are all alike.
func (r row) stretched() bool {
	var words []word
	for _, l := range r.lines {
		if abs(l.base-r.lines[0].base) > 0.3*l.size {
			return false
		}
		words = append(words, l.words...)
	}
	if len(words) < 2 {
		return false
	}
	sortByX(words)
	size := words[0].size
	least, most := 1e6, 0.0
	for i := 1; i < len(words); i++ {
		if abs(words[i].base-words[0].base) > 0.3*size {
			return false
		}
		if spaced(&words[i-1], &words[i]) {
			gap := words[i].X0 - words[i-1].X1
			least, most = min(least, gap), max(most, gap)
		}
	}
	return most-least <= 0.45*size && abs(r.X0-r.column.X0) < size && abs(r.X1-r.column.X1) < size
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
