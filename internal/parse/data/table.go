package data

import "strings"

const (
	maxColumns = 16
	maxCell    = 160 // bytes
	// maxRows is how many rows are held. More make another table, with the same
	// header.
	maxRows = 5000
)

// A table is records of one kind.
type table struct {
	columns map[string]int
	rows    [][]string
}

// tableOf returns an empty table for records that make one, else nil: objects with
// the same few keys, most of them in every record, and short values.
func tableOf(records []node) *table {
	if len(records) < 2 {
		return nil
	}
	t := &table{columns: map[string]int{}}
	var header []string
	cells := 0
	for _, n := range records[:min(len(records), heldRecords)] {
		if n.kind != object {
			return nil
		}
		for _, item := range n.items {
			if _, ok := t.columns[item.key]; !ok {
				t.columns[item.key] = len(header)
				header = append(header, item.key)
			}
		}
		cells += len(n.items)
		if len(header) > maxColumns || t.row(n) == nil {
			return nil
		}
	}
	if len(header) == 0 || cells*2 < len(header)*min(len(records), heldRecords) {
		return nil
	}
	t.rows = append(t.rows, header)
	return t
}

// row returns the cells of a record, nil if it does not fit.
func (t *table) row(n node) []string {
	if n.kind != object {
		return nil
	}
	row := make([]string, len(t.columns))
	filled := make([]bool, len(t.columns))
	for _, item := range n.items {
		column, ok := t.columns[item.key]
		text := item.inline(maxCell)
		if !ok || filled[column] || len(text) > maxCell || strings.Contains(text, "\n") || !item.flat() {
			return nil
		}
		row[column], filled[column] = text, true
	}
	return row
}

// add takes a record and reports whether it fits.
func (t *table) add(n node, w *writer) bool {
	row := t.row(n)
	if row == nil {
		return false
	}
	if t.rows = append(t.rows, row); len(t.rows) > maxRows {
		t.flush(w)
	}
	return true
}

// flush writes the rows that are held.
func (t *table) flush(w *writer) {
	if len(t.rows) > 1 {
		w.out.Table(t.rows)
	}
	t.rows = t.rows[:1]
}
