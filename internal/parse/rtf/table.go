package rtf

import (
	"slices"
	"strings"

	"kvasir/internal/parse/markdown"
)

// A table is the rows of a table so far. Where cells end says which columns they span.
type table struct {
	open  bool // a row is being read
	defs  []cellDef
	def   cellDef
	cells []string
	rows  []row
}

// A cellDef says where a cell ends, in twips, and whether it belongs to another.
type cellDef struct {
	end         int
	left, above bool // it continues that cell
}

// A row is a row that was read.
type row struct {
	cells []string
	defs  []cellDef
}

// maxColumns is how many columns a table may have.
const maxColumns = 1000

// tableWord does what a control word says about tables.
func (d *document) tableWord(t token) {
	if d.now.dest != toText {
		return
	}
	switch t.name {
	case "trowd":
		d.decode()
		d.table.defs, d.table.def = nil, cellDef{}
	case "clmrg":
		d.table.def.left = true
	case "clvmrg":
		d.table.def.above = true
	case "cellx":
		if len(d.table.defs) < maxColumns {
			d.table.def.end = t.param
			d.table.defs = append(d.table.defs, d.table.def)
		}
		d.table.def = cellDef{}
	case "cell":
		d.decode()
		d.endCell()
	case "row":
		d.decode()
		d.endRow()
	}
}

// endCell ends a cell.
func (d *document) endCell() {
	text := d.text.String()
	d.table.open = true
	d.marker.Reset()
	d.text.Reset()
	if len(d.table.cells) < maxColumns {
		d.table.cells = append(d.table.cells, markdown.OneLine(text))
	}
}

// endRow ends a row.
func (d *document) endRow() {
	if len(d.table.cells) > 0 {
		d.table.rows = append(d.table.rows, row{d.table.cells, d.table.defs})
	}
	d.table.cells, d.table.open = nil, false
}

// endTable writes the table, if there is one. A table of one column only lays out the
// page.
func (d *document) endTable() {
	if len(d.table.cells) > 0 {
		d.endRow()
	}
	rows := d.table.rows
	d.table.rows, d.table.open = nil, false
	if len(rows) == 0 {
		return
	}
	if !slices.ContainsFunc(rows, func(r row) bool { return len(r.cells) > 1 }) {
		for _, row := range rows {
			d.out.Paragraph(row.cells[0])
		}
	} else {
		d.out.Table(grid(rows))
	}
	d.writeNotes()
}

// near is how far apart the ends of cells in one column may be, in twips.
const near = 60

// grid returns the rows with every cell in each column that it spans.
func grid(rows []row) [][]string {
	var ends []int
	for _, row := range rows {
		for _, def := range row.defs {
			ends = append(ends, def.end)
		}
	}
	slices.Sort(ends)
	var columns []int
	for _, end := range ends {
		if n := len(columns); n == 0 || end-columns[n-1] > near {
			columns = append(columns, end)
		}
	}
	out := make([][]string, 0, len(rows))
	var above []string
	cells := 0
	for _, row := range rows {
		line := row.cells
		if len(row.defs) >= len(row.cells) && len(columns) <= maxColumns && cells < maxCells {
			line = spread(row, columns, above)
		}
		cells += len(line)
		above = line
		if strings.Join(line, "") != "" {
			out = append(out, line)
		}
	}
	return out
}

// maxCells is after how many cells of a table they are left as they are.
const maxCells = 1_000_000

// spread returns the cells of a row, each in all columns that end where it does or
// before, but after the cell before it. What continues the cell above repeats it.
func spread(r row, columns []int, above []string) []string {
	var line []string
	for i, cell := range r.cells {
		def, from := r.defs[i], len(line)
		switch {
		case cell != "":
		case def.left && from > 0:
			cell = line[from-1]
		case def.above && from < len(above):
			cell = above[from]
		}
		line = append(line, cell)
		if len(r.cells) == 1 {
			cell = "" // a row that names those below it
		}
		for len(line) < len(columns) && columns[len(line)] <= def.end+near {
			line = append(line, cell)
		}
	}
	return line
}
