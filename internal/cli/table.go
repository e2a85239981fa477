package cli

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// A table is rows of cells under a head, in columns as wide as they must be.
type table struct {
	columns []column
	rows    [][]string
}

// A column is a head and how its cells stand.
type column struct {
	head  string
	right bool // as numbers do
	least int  // columns of the screen it takes, at least
}

// add adds a row, a cell for each column.
func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// lines returns the head and the rows, each at most so wide: the widest text is
// cut until they are.
func (t *table) lines(width int) []string {
	widths := t.widths(width)
	heads := make([]string, len(t.columns))
	for i, c := range t.columns {
		heads[i] = c.head
	}
	lines := make([]string, 0, len(t.rows)+1)
	for _, row := range append([][]string{heads}, t.rows...) {
		var line strings.Builder
		for i, cell := range row {
			if i > 0 {
				line.WriteString(gap)
			}
			cell = ellipsis(cell, widths[i])
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if t.columns[i].right {
				line.WriteString(padding + cell)
			} else {
				line.WriteString(cell + padding)
			}
		}
		lines = append(lines, strings.TrimRight(line.String(), " "))
	}
	return lines
}

const gap = "  " // between columns

func (t *table) widths(most int) []int {
	widths := make([]int, len(t.columns))
	total := len(gap) * (len(widths) - 1)
	for i, c := range t.columns {
		widths[i] = max(c.least, utf8.RuneCountInString(c.head))
		for _, row := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
		total += widths[i]
	}
	for ; total > most; total-- {
		widest := 0
		for i, w := range widths {
			if !t.columns[i].right && (t.columns[widest].right || w > widths[widest]) {
				widest = i
			}
		}
		if widths[widest] <= 4 {
			break // a letter and three dots would say nothing
		}
		widths[widest]--
	}
	return widths
}

// ellipsis cuts a text to a width.
func ellipsis(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:max(width-1, 0)]) + "…"
}

// grouped writes a whole number with commas: 1,204.
func grouped[N int | int64](n N) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// compact writes a number in four letters at most: 950, 1.2k, 12k, 3.0M.
func compact(n float64) string {
	switch {
	case n < 999.5:
		return fmt.Sprintf("%.0f", n)
	case n < 999.5e3:
		return scaled(n/1e3) + "k"
	case n < 999.5e6:
		return scaled(n/1e6) + "M"
	}
	return scaled(n/1e9) + "G"
}

func scaled(n float64) string {
	if n < 9.95 {
		return fmt.Sprintf("%.1f", n)
	}
	return fmt.Sprintf("%.0f", n)
}

// spoken writes a duration in its two largest units: 3 h 12 min.
func spoken(d time.Duration) string {
	units := []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}}
	d = d.Round(time.Second)
	for i, u := range units[:3] {
		if d < u.of {
			continue
		}
		next := units[i+1]
		d = d.Round(next.of)
		text := fmt.Sprintf("%d %s", d/u.of, u.name)
		if rest := d % u.of / next.of; rest > 0 {
			text += fmt.Sprintf(" %d %s", rest, next.name)
		}
		return text
	}
	return fmt.Sprintf("%d s", max(d/time.Second, 0))
}

// latency writes milliseconds in five letters at most.
func latency(ms float64) string {
	switch {
	case ms <= 0:
		return "–"
	case ms < 9.95:
		return fmt.Sprintf("%.1fms", ms)
	case ms < 999.5:
		return fmt.Sprintf("%.0fms", ms)
	case ms < 9950:
		return fmt.Sprintf("%.1fs", ms/1000)
	}
	return fmt.Sprintf("%.0fs", math.Min(ms/1000, 9999))
}

// dollars writes money with the digits that small bills need.
func dollars(amount float64) string {
	if amount >= 100 {
		return fmt.Sprintf("$%.2f", amount)
	}
	return fmt.Sprintf("$%.4f", amount)
}
