package office

import (
	"errors"
	"strconv"
	"strings"

	"kvasir/internal/parse/archive"
	"kvasir/internal/parse/markdown"
)

// A docx is a Word document being read.
type docx struct {
	*pack
	out    *sink
	styles map[string]style
	lists  *lists
	links  map[string]relation
	notes  notes
}

// readDocx writes the text of a Word document.
func readDocx(p *pack, out *sink) error {
	name, err := p.main(Word)
	if err != nil {
		return err
	}
	d := &docx{pack: p, out: out, notes: notes{texts: map[noteKey]string{}, labels: map[noteKey]string{}}}
	if d.links, err = p.relations(name); err != nil {
		return err
	}
	if d.styles, err = p.styles(related(d.links, "styles")); err != nil {
		return err
	}
	if d.lists, err = p.lists(related(d.links, "numbering")); err != nil {
		return err
	}
	for _, kind := range []string{"footnote", "endnote"} {
		if err := d.readNotes(kind, related(d.links, kind+"s")); err != nil {
			return err
		}
	}
	if err := p.trees(name, "body", d.block); err != nil {
		return err
	}
	d.notes.write(out.Writer)
	return nil
}

// readNotes reads the footnotes or endnotes.
func (d *docx) readNotes(kind, name string) error {
	if name == "" {
		return nil
	}
	links, err := d.relations(name)
	if err != nil {
		return err
	}
	inner := &docx{links: links}
	left := d.out.Max
	err = d.trees(name, kind+"s", func(n *node) error {
		if n.Attr("type") == "separator" || n.Attr("type") == "continuationSeparator" {
			return nil
		}
		text := inner.cell(n)
		if left -= len(text); left < 0 {
			return tooLong()
		}
		d.notes.texts[noteKey{kind, n.Attr("id")}] = text
		return nil
	})
	if errors.Is(err, archive.ErrAbsent) {
		return nil
	}
	return err
}

// block writes a paragraph or table, or those inside a frame around them. It stops
// when there is enough.
func (d *docx) block(n *node) error {
	switch n.Name {
	case "p":
		d.paragraph(n)
	case "tbl":
		d.table(n)
	default: // content controls, custom XML
		for _, child := range n.Children {
			if err := d.block(child); err != nil {
				return err
			}
		}
	}
	if d.out.Over {
		return tooLong()
	}
	return nil
}

// paragraph writes one paragraph as a heading, list item or plain one, and then
// what floats beside it.
func (d *docx) paragraph(n *node) {
	r := runs{mark: d.notes.mark, links: d.links}
	r.read(n)
	id := n.Val("pPr", "pStyle")
	style := d.styles[id]
	level := style.level
	if outline, err := strconv.Atoi(n.Val("pPr", "outlineLvl")); err == nil {
		level = outlineLevel(outline)
	}
	list, depth := d.listOf(n, id, style)
	text := r.String()
	switch {
	case style.contents || text == "":
		// A table of contents repeats the headings.
	case level > 0:
		d.notes.write(d.out.Writer)
		if list != "" {
			if marker := d.lists.marker(list, depth); marker != "-" && !strings.HasPrefix(text, marker) {
				text = marker + " " + text
			}
		}
		d.out.Heading(level, text)
	case list != "":
		item(d.out.Writer, depth, d.lists.marker(list, depth), text)
	default:
		d.out.Paragraph(text)
	}
	for _, box := range r.boxes {
		// It fails only when there is too much text, which the writer remembers.
		_ = d.block(box)
	}
}

// listOf returns the list that a paragraph is in and how deep; empty for none.
func (d *docx) listOf(n *node, id string, s style) (list string, depth int) {
	list, depth = s.list, s.depth
	if own := n.Child("pPr", "numPr"); own != nil {
		if number := own.Val("numId"); number != "" {
			list, depth = number, -1
		}
		if at, err := strconv.Atoi(own.Val("ilvl")); err == nil {
			depth = at
		}
	}
	if list == "0" {
		list = ""
	}
	if depth < 0 && list != "" {
		depth = d.lists.depth(list, id)
	}
	return list, max(depth, 0)
}

// item writes an item of a list. Markers that Markdown does not know are part of the
// text, where people look for them: "see 3 (a)".
func item(out *markdown.Writer, depth int, marker, text string) {
	digits := strings.TrimRight(marker, ".)")
	switch {
	case marker == "-":
	case strings.Trim(digits, "0123456789") != "" || len(marker) > len(digits)+1 || digits == "":
		marker, text = "-", marker+" "+text
	case marker == digits:
		marker += "."
	}
	out.Item(depth, marker, text)
}
