package office

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"kvasir/internal/parse/markdown"
)

// readPptx writes the slides of a presentation in their order: each with its title
// as a heading, then its text and tables, then the speaker's notes.
func readPptx(a *archive, out *markdown.Writer) error {
	name, err := a.main(PowerPoint)
	if err != nil {
		return err
	}
	targets, _, err := a.relations(name)
	if err != nil {
		return err
	}
	var slides []string
	err = a.trees(name, "sldIdLst", func(n *node) error {
		if target := targets[n.relation()]; n.name == "sldId" && target != "" {
			slides = append(slides, target)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, slide := range slides {
		if err := a.slide(slide, i+1, out); err != nil && !errors.Is(err, errAbsent) {
			return err
		}
	}
	return nil
}

// slide writes one slide and its notes.
func (a *archive) slide(name string, number int, out *markdown.Writer) error {
	var shapes []*node
	if err := a.trees(name, "spTree", collect(&shapes)); err != nil {
		return err
	}
	title := ""
	for _, shape := range allShapes(shapes) {
		if isTitle(shape) && title == "" {
			title = shapeText(shape)
		}
	}
	if title == "" {
		title = fmt.Sprintf("Slide %d", number)
	}
	out.Heading(1, title)
	for _, shape := range allShapes(shapes) {
		if isTitle(shape) || isFurniture(shape) {
			continue
		}
		writeShape(shape, out)
	}
	return a.speakerNotes(name, out)
}

// speakerNotes writes the notes of a slide.
func (a *archive) speakerNotes(slide string, out *markdown.Writer) error {
	targets, types, err := a.relations(slide)
	if err != nil {
		return err
	}
	for id, target := range targets {
		if types[id] != "notesSlide" {
			continue
		}
		var shapes []*node
		if err := a.trees(target, "spTree", collect(&shapes)); err != nil && !errors.Is(err, errAbsent) {
			return err
		}
		for _, shape := range shapes {
			if text := shapeText(shape); placeholder(shape) == "body" && text != "" {
				out.Paragraph("Notes: " + text)
			}
		}
	}
	return nil
}

// collect returns a function that appends what it is called with.
func collect(nodes *[]*node) func(*node) error {
	return func(n *node) error {
		*nodes = append(*nodes, n)
		return nil
	}
}

// allShapes returns the shapes with those inside groups, in their order.
func allShapes(shapes []*node) []*node {
	var all []*node
	for _, shape := range shapes {
		switch shape.name {
		case "sp", "graphicFrame":
			all = append(all, shape)
		default: // groups, alternatives
			all = append(all, allShapes(shape.children)...)
		}
	}
	return all
}

// placeholder returns what a shape is for, such as "title"; empty for a shape of
// the author's own.
func placeholder(shape *node) string {
	ph := shape.child("nvSpPr", "nvPr", "ph")
	if ph == nil {
		return ""
	}
	if kind := ph.attr("type"); kind != "" {
		return kind
	}
	return "obj"
}

// isTitle reports whether a shape is the slide's title.
func isTitle(shape *node) bool {
	kind := placeholder(shape)
	return kind == "title" || kind == "ctrTitle"
}

// isFurniture reports whether a shape is the same on every slide.
func isFurniture(shape *node) bool {
	switch placeholder(shape) {
	case "sldNum", "dt", "ftr", "hdr":
		return true
	}
	return false
}

// shapeText returns the text of a shape, a line for each paragraph.
func shapeText(shape *node) string {
	var lines []string
	for _, p := range find(shape, "p") {
		var r runs
		r.read(p)
		if text := strings.TrimSpace(r.text.String()); text != "" {
			lines = append(lines, text)
		}
	}
	return strings.Join(lines, "\n")
}

// writeShape writes tables as tables, the paragraphs of a placeholder as list
// items, as they look, and those of other shapes as paragraphs.
func writeShape(shape *node, out *markdown.Writer) {
	tables := find(shape, "tbl")
	for _, table := range tables {
		var rows [][]string
		for _, row := range find(table, "tr") {
			var cells []string
			for _, cell := range find(row, "tc") {
				cells = append(cells, shapeText(cell))
			}
			rows = append(rows, cells)
		}
		out.Table(rows)
	}
	if len(tables) > 0 {
		return
	}
	kind := placeholder(shape)
	paragraphs := find(shape, "p")
	for _, p := range paragraphs {
		var r runs
		r.read(p)
		depth := 0
		if pPr := p.child("pPr"); pPr != nil {
			depth, _ = strconv.Atoi(pPr.attr("lvl")) // absent means 0
		}
		if (kind == "obj" || kind == "body") && len(paragraphs) > 1 && p.child("pPr", "buNone") == nil {
			out.Item(depth, "-", r.text.String())
		} else {
			out.Paragraph(r.text.String())
		}
	}
}
