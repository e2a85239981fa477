package office

import (
	"bytes"
	"strconv"
	"strings"

	"kvasir/internal/parse/markdown"
)

// inline returns the text of a paragraph, and what floats beside it.
func (o *odf) inline(n *node) (text string, boxes []*node) {
	t := openText{odf: o}
	t.read(n)
	return strings.TrimSpace(t.b.String()), t.boxes
}

// An openText is the text of one paragraph of an OpenDocument file.
type openText struct {
	odf   *odf
	b     bytes.Buffer
	boxes []*node
}

// maxSpaces is how many spaces one element may stand for.
const maxSpaces = 100

// read adds the text below n. White space is one space, as in HTML; more of it has
// elements of its own.
func (t *openText) read(n *node) {
	for _, child := range n.Children {
		switch child.Name {
		case "":
			t.add(child.Data)
		case "s":
			count, _ := strconv.Atoi(child.Attr("c")) // absent means 1
			t.b.WriteString(strings.Repeat(" ", min(max(count, 1), maxSpaces)))
		case "tab":
			t.b.WriteString("\t")
		case "line-break":
			t.b.WriteString("\n")
		case "soft-hyphen":
		case "span":
			start := t.b.Len()
			t.read(child)
			if t.odf.looks[child.Attr("style-name")].raised {
				raised := markdown.Raised(string(t.b.Bytes()[start:]))
				t.b.Truncate(start)
				t.b.WriteString(raised)
			}
		case "a":
			inner := openText{odf: t.odf}
			inner.read(child)
			t.b.WriteString(link(inner.b.String(), child.Attr("href")))
			t.boxes = append(t.boxes, inner.boxes...)
		case "note":
			t.note(child)
		case "frame", "custom-shape", "g", "rect", "ellipse":
			t.frame(child)
		case "title", "desc":
		default:
			t.read(child)
		}
	}
}

// add adds text with its white space made one space.
func (t *openText) add(text string) {
	const white = " \t\r\n"
	inner := strings.Join(strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(white, r) }), " ")
	if inner == "" && text != "" {
		t.b.WriteString(" ")
		return
	}
	if strings.IndexByte(white, text[0]) >= 0 {
		t.b.WriteString(" ")
	}
	t.b.WriteString(strings.ReplaceAll(inner, "\u00ad", ""))
	if strings.IndexByte(white, text[len(text)-1]) >= 0 {
		t.b.WriteString(" ")
	}
}

// note adds the mark of a footnote or endnote, which is read when it is due.
func (t *openText) note(n *node) {
	notes := &t.odf.notes
	key := noteKey{n.Attr("note-class"), strconv.Itoa(len(notes.texts))}
	body := n.Child("note-body")
	if body == nil {
		return
	}
	notes.texts[key] = t.odf.cell(body)
	t.b.WriteString(notes.mark(key.kind, key.id))
}

// frame adds a picture's description, and keeps what is in a text box for later.
func (t *openText) frame(n *node) {
	switch {
	case n.Child("text-box") != nil:
		t.boxes = append(t.boxes, n.Child("text-box"))
	case n.Child("image") != nil:
		text := altText(n.Child("desc").Text())
		if text == "" {
			text = altText(n.Child("title").Text())
		}
		if text != "" {
			t.b.WriteString(spaced(t.b.Bytes()) + text + " ")
		}
	default:
		t.boxes = append(t.boxes, n)
	}
}

// cell returns what is below n on one line.
func (o *odf) cell(n *node) string {
	var texts []string
	for _, child := range n.Children {
		text := ""
		switch child.Name {
		case "p", "h":
			inline, boxes := o.inline(child)
			texts = append(texts, markdown.OneLine(inline))
			for _, box := range boxes {
				texts = append(texts, o.cell(box))
			}
		case "table":
			text = o.inner(child)
		case "title", "desc", "":
		default:
			text = o.cell(child)
		}
		texts = append(texts, text)
	}
	return markdown.OneLine(strings.Join(texts, " "))
}

// inner returns a table in a cell of another one.
func (o *odf) inner(n *node) string {
	var rows []string
	for _, row := range n.Find("table-row", "table") {
		var cells []string
		for _, cell := range row.Find("table-cell", "table") {
			if text := o.cell(cell); text != "" {
				cells = append(cells, text)
			}
		}
		if len(cells) > 0 {
			rows = append(rows, strings.Join(cells, ", "))
		}
	}
	return strings.Join(rows, "; ")
}

// maxRepeated is how often a cell or row that is not empty is repeated: files say a
// million for what they colour.
const maxRepeated = 100

// table writes a table of a text or a slide.
func (o *odf) table(n *node) {
	var rows [][]markdown.Cell
	headers := len(n.Child("table-header-rows").Find("table-row", "table"))
	for _, row := range n.Find("table-row", "table") {
		var cells []markdown.Cell
		for _, cell := range row.Find("table-cell", "table") {
			columns, _ := strconv.Atoi(cell.Attr("number-columns-spanned")) // absent means 1
			height, _ := strconv.Atoi(cell.Attr("number-rows-spanned"))
			made := markdown.Cell{Text: o.cell(cell), Columns: min(columns, maxColumns), Rows: height}
			for range times(cell, "number-columns-repeated", maxColumns) {
				cells = append(cells, made)
			}
		}
		again := times(row, "number-rows-repeated", maxRepeated)
		if strings.TrimSpace(row.Text()) == "" {
			again = 1
		}
		for range again {
			rows = append(rows, cells)
		}
		if len(rows)*8 > o.out.Max {
			o.out.Over = true
			return
		}
	}
	if len(rows) == 1 && len(rows[0]) == 1 {
		o.out.Paragraph(rows[0][0].Text)
		return
	}
	writeTable(o.out, rows, min(headers, len(rows)))
}

// times returns how often a cell or row is repeated, but no more than most.
func times(n *node, attribute string, most int) int {
	count, _ := strconv.Atoi(n.Attr(attribute)) // absent means once
	return min(max(count, 1), most)
}

// sheet writes a sheet of a spreadsheet.
func (o *odf) sheet(n *node, number int) error {
	s := beginSheet(o.out, number, n.Attr("name"), false)
	at := 0
	for _, row := range n.Find("table-row") {
		again := times(row, "number-rows-repeated", 1<<20)
		if strings.TrimSpace(row.Text()) == "" {
			at += again
			continue
		}
		for i := range min(again, maxRepeated) {
			if err := o.sheetRow(s, row, at+i); err != nil {
				return err
			}
		}
		at += again
	}
	if err := s.end(); err != nil {
		return err
	}
	o.out.progress(number, number)
	return nil
}

// sheetRow adds the cells of a row.
func (o *odf) sheetRow(s *sheet, row *node, at int) error {
	column := 0
	for _, cell := range row.Children {
		if cell.Name != "table-cell" && cell.Name != "covered-table-cell" {
			continue
		}
		again := times(cell, "number-columns-repeated", 1<<20)
		if text, number := o.sheetValue(cell); text != "" {
			for i := range min(again, maxRepeated) {
				if err := s.cell(at, column+i, text, number); err != nil {
					return err
				}
			}
		}
		column += again
	}
	return nil
}

// sheetValue returns what a cell shows, and whether it is a number. Dates are as ISO
// has them.
func (o *odf) sheetValue(cell *node) (text string, number bool) {
	kind := cell.Attr("value-type")
	if kind == "date" {
		date := cell.Attr("date-value")
		if day, clock, ok := strings.Cut(date, "T"); ok {
			clock, _, _ = strings.Cut(clock, ".")
			date = strings.TrimSuffix(day+" "+clock, " 00:00:00")
		}
		if date != "" {
			return date, true
		}
	}
	return o.cell(cell), kind != "" && kind != "string"
}
