package office

import (
	"errors"
	"strconv"
	"strings"

	"kvasir/internal/parse/archive"
	"kvasir/internal/parse/markdown"
)

// shapeText returns the text of a shape, a line for each paragraph.
func shapeText(shape *node, links map[string]relation) string {
	var lines []string
	for _, p := range shape.Find("p") {
		r := runs{links: links}
		r.read(p)
		if text := r.String(); text != "" {
			lines = append(lines, text)
		}
	}
	return strings.Join(lines, "\n")
}

// shape writes what a shape shows: a table, a chart, a diagram, a picture's
// description or text.
func (d *deck) shape(shape *node, links map[string]relation) error {
	switch {
	case shape.Name == "pic":
		d.out.Paragraph(altText(shape.Child("nvPicPr", "cNvPr").Attr("descr")))
		return nil
	case shape.Name == "sp":
		d.text(shape, links)
		return nil
	}
	data := shape.Child("graphic", "graphicData")
	if data == nil {
		data = shape
	}
	for _, table := range data.Find("tbl") {
		d.table(table, links)
	}
	if chart := links[data.Child("chart").Relation("id")]; chart.target != "" {
		return ignoreAbsent(d.chart(chart.target))
	}
	if diagram := links[data.Child("relIds").Relation("dm")]; diagram.target != "" {
		return ignoreAbsent(d.diagram(diagram.target))
	}
	return nil
}

// ignoreAbsent returns err unless it says that a part is not there.
func ignoreAbsent(err error) error {
	if errors.Is(err, archive.ErrAbsent) {
		return nil
	}
	return err
}

// text writes the paragraphs of a shape: those of a placeholder as items of a list,
// as they look, and those of other shapes as paragraphs unless they have bullets.
func (d *deck) text(shape *node, links map[string]relation) {
	kind, _ := placeholder(shape)
	paragraphs := shape.Find("p")
	var count [listDepth]int
	for _, p := range paragraphs {
		r := runs{links: links}
		r.read(p)
		text := r.String()
		if text == "" {
			continue
		}
		properties := p.Child("pPr")
		depth, _ := strconv.Atoi(properties.Attr("lvl")) // absent means 0
		depth = min(max(depth, 0), listDepth-1)
		clear(count[depth+1:])
		auto := properties.Child("buAutoNum")
		listed := (kind == "obj" || kind == "body") && len(paragraphs) > 1 || properties.Child("buChar") != nil
		switch {
		case auto != nil:
			if start, err := strconv.Atoi(auto.Attr("startAt")); err == nil && count[depth] == 0 {
				count[depth] = start - 1
			}
			count[depth]++
			item(d.out.Writer, depth, autoNumber(count[depth], auto.Attr("type")), text)
		case listed && properties.Child("buNone") == nil:
			count[depth] = 0
			d.out.Item(depth, "-", text)
		default:
			count[depth] = 0
			d.out.Paragraph(text)
		}
	}
}

// autoNumber returns a number as a scheme such as alphaLcParenBoth writes it.
func autoNumber(n int, scheme string) string {
	format := "decimal"
	for _, known := range [][2]string{
		{"alphaLc", "lowerLetter"}, {"alphaUc", "upperLetter"}, {"romanLc", "lowerRoman"}, {"romanUc", "upperRoman"},
	} {
		if strings.HasPrefix(scheme, known[0]) {
			format = known[1]
		}
	}
	number := inFormat(n, format)
	switch {
	case strings.HasSuffix(scheme, "ParenBoth"):
		return "(" + number + ")"
	case strings.HasSuffix(scheme, "ParenR"):
		return number + ")"
	}
	return number + "."
}

// table writes a table.
func (d *deck) table(table *node, links map[string]relation) {
	var rows [][]markdown.Cell
	for _, row := range table.Find("tr") {
		var cells []markdown.Cell
		for _, tc := range row.Find("tc") {
			if tc.Attr("hMerge") == "1" || tc.Attr("vMerge") == "1" {
				continue
			}
			columns, _ := strconv.Atoi(tc.Attr("gridSpan")) // absent means 1
			height, _ := strconv.Atoi(tc.Attr("rowSpan"))
			cells = append(cells, markdown.Cell{
				Text: markdown.OneLine(shapeText(tc, links)), Columns: min(columns, maxColumns), Rows: height,
			})
		}
		rows = append(rows, cells)
	}
	headers := 0
	if table.Child("tblPr").Attr("firstRow") == "1" && len(rows) > 1 {
		headers = 1
	}
	writeTable(d.out, rows, headers)
}

// diagram writes the texts of a diagram as a list.
func (d *deck) diagram(name string) error {
	return d.trees(name, "ptLst", func(n *node) error {
		if text := markdown.OneLine(shapeText(n, nil)); text != "" {
			d.out.Item(0, "-", text)
		}
		return nil
	})
}

// chart writes the title of a chart, and its numbers as a table: a row for each
// category, a column for each series.
func (d *deck) chart(name string) error {
	title := ""
	rows := [][]markdown.Cell{{{}}}
	err := d.trees(name, "chart", func(n *node) error {
		if n.Name == "title" {
			title = markdown.OneLine(shapeText(n, nil))
		}
		for _, series := range n.Find("ser") {
			rows = addSeries(rows, series)
		}
		return nil
	})
	d.out.Paragraph(title)
	if len(rows) > 1 {
		writeTable(d.out, rows, 1)
	}
	return err
}

// maxPoints is how many points of a chart are read, and how many series.
const maxPoints = 200

// addSeries adds a series of a chart as a column.
func addSeries(rows [][]markdown.Cell, series *node) [][]markdown.Cell {
	column := len(rows[0])
	if column > maxPoints {
		return rows
	}
	rows[0] = append(rows[0], markdown.Cell{Text: strings.Join(points(series.Child("tx")), " ")})
	names := points(series.Child("cat"))
	if names == nil {
		names = points(series.Child("xVal"))
	}
	values := points(series.Child("val"))
	if values == nil {
		values = points(series.Child("yVal"))
	}
	for i, value := range values {
		if i+1 == len(rows) {
			rows = append(rows, []markdown.Cell{{}})
		}
		row := &rows[i+1]
		if i < len(names) && (*row)[0].Text == "" {
			(*row)[0].Text = names[i]
		}
		for len(*row) < column {
			*row = append(*row, markdown.Cell{})
		}
		*row = append(*row, markdown.Cell{Text: value})
	}
	return rows
}

// points returns the texts or numbers of a series in their order.
func points(n *node) []string {
	if n == nil {
		return nil
	}
	var values []string
	for _, pt := range n.Find("pt", "lvl") {
		i, err := strconv.Atoi(pt.Attr("idx"))
		if err != nil || i < 0 || i >= maxPoints {
			continue
		}
		for len(values) <= i {
			values = append(values, "")
		}
		text := markdown.OneLine(pt.Child("v").Text())
		if number, err := strconv.ParseFloat(text, 64); err == nil {
			text = general(number)
		}
		values[i] = text
	}
	return values
}
