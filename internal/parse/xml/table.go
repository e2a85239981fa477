package xml

import (
	"strconv"
	"strings"

	"kvasir/internal/parse/markdown"
)

// table writes a table as XHTML and JATS have them, or DocBook.
func (w *writer) table(n *node) {
	if n.name != "tgroup" {
		for _, name := range []string{"title", "caption", "head"} {
			if title := n.child(name); title != nil {
				w.paragraph(w.line(title))
			}
		}
		if groups := n.all("tgroup"); len(groups) > 0 {
			for _, group := range groups {
				w.table(group)
			}
			return
		}
	}
	columns := map[string]int{}
	for i, spec := range n.all("colspec") {
		columns[spec.attr("colname")] = i
	}
	var rows [][]markdown.Cell
	headers := 0
	var walk func(n *node, head bool)
	walk = func(n *node, head bool) {
		for _, child := range n.children {
			switch child.name {
			case "thead", "tbody", "tfoot":
				walk(child, child.name == "thead")
			case "tr", "row":
				cells, named := w.row(child, columns)
				if (head || named) && headers == len(rows) {
					headers++
				}
				rows = append(rows, cells)
			}
		}
	}
	walk(n, false)
	expanded, ok := markdown.Expand(rows, headers, w.max)
	if !ok {
		w.out.Over = true
		return
	}
	w.out.Table(expanded)
}

// row returns the cells of a row, and whether all are marked as headers.
func (w *writer) row(n *node, columns map[string]int) (cells []markdown.Cell, header bool) {
	header = true
	for _, child := range n.children {
		switch child.name {
		case "td", "th", "entry", "cell":
		default:
			continue
		}
		header = header && child.name == "th"
		cell := markdown.Cell{Text: w.cell(child), Columns: number(child, "colspan"), Rows: number(child, "rowspan")}
		if more := number(child, "morerows"); more > 0 {
			cell.Rows = more + 1
		}
		from, known := columns[child.attr("namest")]
		to, also := columns[child.attr("nameend")]
		if known && also && to > from {
			cell.Columns = to - from + 1
		}
		cells = append(cells, cell)
	}
	return cells, header && len(cells) > 0
}

// cell returns the words of a cell. Items of lists end in a semicolon.
func (w *writer) cell(n *node) string {
	var b strings.Builder
	for i, child := range n.children {
		if i > 0 && w.roles[child.name] == item {
			b.WriteString("; ")
		}
		if r := w.roles[child.name]; r == bullets || r == numbers {
			b.WriteString(" " + w.cell(child))
			continue
		}
		w.word(&b, child)
	}
	return markdown.OneLine(b.String())
}

// number returns the value of an attribute, 0 if it is no number.
func number(n *node, name string) int {
	value, err := strconv.Atoi(strings.TrimSpace(n.attr(name)))
	if err != nil {
		return 0
	}
	return value
}
