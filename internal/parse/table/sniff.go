package table

import (
	"bufio"
	"slices"
	"strconv"
	"strings"
)

// headSize is how much of a file is looked at, in bytes of its text.
const headSize = 64 << 10

// sniff returns the delimiter that the beginning of a file is written with, and
// whether its first line says so, as Excel writes it: "sep=;".
func sniff(head string) (delimiter byte, told bool) {
	head = strings.TrimPrefix(head, "\ufeff")
	first, _, _ := strings.Cut(head, "\n")
	if first = strings.TrimSpace(first); len(first) == 5 && strings.EqualFold(first[:4], "sep=") {
		return first[4], true
	}
	if strings.TrimRight(strings.ToLower(head[:min(len(head), 6)]), "\r\n") == "sep=\t" {
		return '\t', true
	}
	best, most := byte(','), 0.0
	for _, candidate := range []byte{',', ';', '\t', '|'} {
		if score := fitness(head, candidate); score > most {
			best, most = candidate, score
		}
	}
	return best, false
}

// fitness says how well a delimiter cuts rows into the same number of cells, two at
// least: the share of rows that do, and a little for more cells.
func fitness(head string, delimiter byte) float64 {
	r := &rows{
		lines: bufio.NewReader(strings.NewReader(head)), delimiter: delimiter,
		limits: Limits{Row: headSize}.withDefaults(),
	}
	var counts []int
	for len(counts) < sampleRows {
		row, err := r.next()
		if err != nil {
			break
		}
		if len(row) > 1 || row[0] != "" {
			counts = append(counts, len(row))
		}
	}
	if len(head) == headSize && len(counts) > 1 {
		counts = counts[:len(counts)-1] // it may be cut
	}
	slices.Sort(counts)
	usual, run, longest := 1, 0, 0
	for i, n := range counts {
		if run++; i > 0 && counts[i-1] != n {
			run = 1
		}
		if n > 1 && run > longest {
			usual, longest = n, run
		}
	}
	if usual < 2 {
		return 0
	}
	return float64(longest)/float64(len(counts)) + 0.01*float64(min(usual, 20))
}

// headerOf returns the header and the other rows. A first row with a value above
// values is no header; then one without names is made.
func headerOf(rows [][]string, width int) (header []string, rest [][]string) {
	header = make([]string, width)
	first := rows[0]
	for i, cell := range first {
		like := isValue // years stand above other values
		if isYear(cell) {
			like = isYear
		}
		if like(cell) && mostly(rows[1:], i, like) {
			return header, rows
		}
	}
	if len(rows) > 1 || width > 1 {
		copy(header, first)
		return header, rows[1:]
	}
	return header, rows
}

// mostly reports whether most cells of a column, as far as they are filled, are
// like something.
func mostly(rows [][]string, column int, like func(string) bool) bool {
	are, all := 0, 0
	for _, row := range rows {
		if column < len(row) && row[column] != "" {
			all++
			if like(row[column]) {
				are++
			}
		}
	}
	return are*2 > all
}

// isValue reports whether a cell is a number, an amount of money or a date, which
// no header has.
func isValue(cell string) bool {
	digits := 0
	for _, r := range cell {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case !strings.ContainsRune("+-.,:/ %€$£¥'()TZ", r):
			return false
		}
	}
	return digits > 0
}

// isYear reports whether a cell is a year of our time. Headers have years.
func isYear(cell string) bool {
	n, err := strconv.Atoi(cell)
	return err == nil && n >= 1900 && n <= 2100
}
