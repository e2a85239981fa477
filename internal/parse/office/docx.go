package office

import (
	"errors"
	"strconv"
	"strings"

	"kvasir/internal/parse/markdown"
)

// A docx is a Word document being read.
type docx struct {
	archive *archive
	out     *markdown.Writer
	styles  map[string]style
	lists   *lists
	notes   []string // ids of footnotes in the order of their marks
}

// readDocx writes the text of a Word document.
func readDocx(a *archive, out *markdown.Writer) error {
	name, err := a.main(Word)
	if err != nil {
		return err
	}
	targets, types, err := a.relations(name)
	if err != nil {
		return err
	}
	parts := map[string]string{}
	for id, target := range targets {
		parts[types[id]] = target
	}
	d := &docx{archive: a, out: out}
	if d.styles, err = a.styles(parts["styles"]); err != nil {
		return err
	}
	if d.lists, err = a.lists(parts["numbering"]); err != nil {
		return err
	}
	if err := a.trees(name, "body", d.block); err != nil {
		return err
	}
	return d.footnotes(parts["footnotes"])
}

// block writes a paragraph or table, or those inside a frame around them.
func (d *docx) block(n *node) error {
	switch n.name {
	case "p":
		d.paragraph(n)
	case "tbl":
		d.table(n)
	default: // content controls, custom XML
		for _, child := range n.children {
			if err := d.block(child); err != nil {
				return err
			}
		}
	}
	return nil
}

// paragraph writes one paragraph as a heading, list item or plain one, and then
// what floats beside it.
func (d *docx) paragraph(n *node) {
	var r runs
	r.read(n)
	d.notes = append(d.notes, r.notes...)
	style := d.styles[n.val("pPr", "pStyle")]
	level := style.level
	if outline, err := strconv.Atoi(n.val("pPr", "outlineLvl")); err == nil {
		level = outlineLevel(outline)
	}
	list, depth := style.list, style.depth
	if own := n.child("pPr", "numPr"); own != nil {
		list = own.val("numId")
		depth, _ = strconv.Atoi(own.val("ilvl")) // absent means 0
	}
	text := strings.TrimSpace(r.text.String())
	switch {
	case style.contents:
		// A table of contents repeats the headings.
	case level > 0:
		d.out.Heading(level, text)
	case list != "" && list != "0" && text != "":
		d.out.Item(depth, d.lists.marker(list, depth), text)
	default:
		d.out.Paragraph(text)
	}
	for _, box := range r.boxes {
		// It never fails: block hands on what it is called with.
		_ = d.block(box)
	}
}

// table writes a table.
func (d *docx) table(n *node) {
	var rows [][]string
	for _, row := range find(n, "tr", "tbl") {
		var cells []string
		for _, cell := range find(row, "tc", "tbl") {
			text := ""
			if merge := cell.child("tcPr", "vMerge"); merge == nil || merge.attr("val") == "restart" {
				text = d.cell(cell)
			}
			cells = append(cells, text)
			span, _ := strconv.Atoi(cell.val("tcPr", "gridSpan")) // absent means 1
			for range min(span, 64) - 1 {
				cells = append(cells, "")
			}
		}
		rows = append(rows, cells)
	}
	d.out.Table(rows)
}

// cell returns the text of a table cell on one line, tables inside it included.
func (d *docx) cell(n *node) string {
	var texts []string
	for _, p := range find(n, "p") {
		var r runs
		r.read(p)
		d.notes = append(d.notes, r.notes...)
		if text := markdown.OneLine(r.text.String()); text != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, " ")
}

// footnotes writes the notes that the text refers to.
func (d *docx) footnotes(name string) error {
	if name == "" || len(d.notes) == 0 {
		return nil
	}
	texts := map[string]string{}
	err := d.archive.trees(name, "footnotes", func(n *node) error {
		texts[n.attr("id")] = d.cell(n)
		return nil
	})
	if err != nil && !errors.Is(err, errAbsent) {
		return err
	}
	for _, id := range d.notes {
		if texts[id] != "" {
			d.out.Paragraph(noteMark(id) + ": " + texts[id])
		}
	}
	return nil
}

// noteMark returns what stands for a footnote's number in the text.
func noteMark(id string) string { return "[^" + id + "]" }

// find returns the outermost elements called name below n, not looking into those
// called within.
func find(n *node, name string, within ...string) []*node {
	var found []*node
	for _, child := range n.children {
		switch {
		case child.name == name:
			found = append(found, child)
		case len(within) > 0 && child.name == within[0]:
		default:
			found = append(found, find(child, name, within...)...)
		}
	}
	return found
}

// Runs is the text of one paragraph.
type runs struct {
	text  strings.Builder
	notes []string // ids of footnotes
	boxes []*node  // contents of text boxes, which are paragraphs of their own
}

// read adds the text below n.
func (r *runs) read(n *node) {
	for _, child := range n.children {
		switch child.name {
		case "t":
			r.text.WriteString(child.text)
		case "tab", "ptab":
			r.text.WriteString("\t")
		case "br", "cr":
			r.text.WriteString("\n")
		case "noBreakHyphen":
			r.text.WriteString("-")
		case "footnoteReference":
			id := child.attr("id")
			r.notes = append(r.notes, id)
			r.text.WriteString(noteMark(id))
		case "txbxContent":
			r.boxes = append(r.boxes, child)
		case "pPr":
		default:
			r.read(child)
		}
	}
}
