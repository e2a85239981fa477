package office

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kvasir/internal/memo"
	"kvasir/internal/parse/archive"
	"kvasir/internal/parse/markdown"
)

// A deck is a presentation being read.
type deck struct {
	*pack
	out     *sink
	layouts map[string]map[string]box // where each layout has its placeholders
}

// readPptx writes the slides of a presentation in their order: each with its title
// as a heading, then its text and tables, then the speaker's notes.
func readPptx(p *pack, out *sink) error {
	name, err := p.main(PowerPoint)
	if err != nil {
		return err
	}
	relations, err := p.relations(name)
	if err != nil {
		return err
	}
	var slides []string
	err = p.trees(name, "sldIdLst", func(n *node) error {
		if r := relations[n.Relation("id")]; n.Name == "sldId" && r.target != "" && !r.external {
			slides = append(slides, r.target)
		}
		return nil
	})
	if err != nil {
		return err
	}
	d := &deck{p, out, map[string]map[string]box{}}
	for i, slide := range slides {
		if err := d.slide(slide, i+1); err != nil && !errors.Is(err, archive.ErrAbsent) {
			return err
		}
		if out.Over {
			return tooLong()
		}
		out.progress(i+1, len(slides))
	}
	return nil
}

// shapes returns the shapes of a slide, a layout or a page of notes.
func (d *deck) shapes(name string) ([]*node, error) {
	var shapes []*node
	err := d.trees(name, "spTree", func(n *node) error {
		shapes = append(shapes, n)
		return nil
	})
	return shapes, err
}

// slide writes one slide and its notes.
func (d *deck) slide(name string, number int) error {
	shapes, err := d.shapes(name)
	if err != nil {
		return err
	}
	links, err := d.relations(name)
	if err != nil {
		return err
	}
	places, err := d.layout(related(links, "slideLayout"))
	if err != nil {
		return err
	}
	title := ""
	all := inOrder(shapes, places)
	for _, shape := range all {
		if isTitle(shape) && title == "" {
			title = markdown.OneLine(shapeText(shape, links))
		}
	}
	d.out.Part(memo.PartSlide, number, title)
	d.out.Heading(1, cmp.Or(title, fmt.Sprintf("Slide %d", number)))
	for _, shape := range all {
		if isFurniture(shape) || isTitle(shape) && markdown.OneLine(shapeText(shape, links)) == title {
			continue
		}
		if err := d.shape(shape, links); err != nil {
			return err
		}
	}
	return d.speakerNotes(related(links, "notesSlide"))
}

// layout returns where a layout has its placeholders, and where the master below it
// has those that the layout does not move.
func (d *deck) layout(name string) (map[string]box, error) {
	if places, ok := d.layouts[name]; ok || name == "" {
		return places, nil
	}
	d.layouts[name] = nil // a layout that is its own master ends here
	shapes, err := d.shapes(name)
	if err != nil && !errors.Is(err, archive.ErrAbsent) {
		return nil, err
	}
	links, err := d.relations(name)
	if err != nil {
		return nil, err
	}
	master, err := d.layout(related(links, "slideMaster"))
	if err != nil {
		return nil, err
	}
	places := map[string]box{}
	for _, shape := range shapes {
		kind, index := placeholder(shape)
		place, ok := boxOf(shape)
		if !ok {
			place, ok = master["type "+kind]
		}
		if ok && kind != "" {
			places["type "+kind], places["index "+index] = place, place
		}
	}
	for key, place := range master {
		if _, ok := places[key]; !ok && strings.HasPrefix(key, "type ") {
			places[key] = place
		}
	}
	d.layouts[name] = places
	return places, nil
}

// speakerNotes writes the notes of a slide.
func (d *deck) speakerNotes(name string) error {
	if name == "" {
		return nil
	}
	shapes, err := d.shapes(name)
	if err != nil && !errors.Is(err, archive.ErrAbsent) {
		return err
	}
	links, err := d.relations(name)
	if err != nil {
		return err
	}
	for _, shape := range shapes {
		kind, _ := placeholder(shape)
		if text := shapeText(shape, links); kind == "body" && text != "" {
			d.out.Paragraph("Notes: " + text)
		}
	}
	return nil
}

// A box is where a shape is on a slide.
type box struct{ x, y, width, height int }

// boxOf returns where a shape says that it is.
func boxOf(shape *node) (box, bool) {
	for _, path := range [][]string{{"spPr", "xfrm"}, {"grpSpPr", "xfrm"}, {"xfrm"}} {
		place := shape.Child(path...)
		off, ext := place.Child("off"), place.Child("ext")
		x, err := strconv.Atoi(off.Attr("x"))
		y, wrong := strconv.Atoi(off.Attr("y"))
		if err != nil || wrong != nil {
			continue
		}
		width, _ := strconv.Atoi(ext.Attr("cx")) // a shape without size is where it is
		height, _ := strconv.Atoi(ext.Attr("cy"))
		return box{x, y, width, height}, true
	}
	return box{}, false
}

// inOrder returns the shapes in the order of reading: from the top down, and from
// left to right what stands side by side. Groups stay together. Those of which
// nobody says where they are follow the one before them.
func inOrder(shapes []*node, places map[string]box) []*node {
	type placed struct {
		box
		shapes []*node
	}
	var all []placed
	for _, shape := range shapes {
		p := placed{shapes: []*node{shape}}
		switch shape.Name {
		case "sp", "graphicFrame", "pic":
		case "grpSp":
			p.shapes = inOrder(shape.Children, nil)
		case "AlternateContent":
			p.shapes = inOrder(shape.Find("Choice")[:min(1, len(shape.Find("Choice")))], nil)
		case "Choice":
			p.shapes = inOrder(shape.Children, nil)
		default:
			continue
		}
		at, ok := boxOf(shape)
		if kind, index := placeholder(shape); !ok && kind != "" {
			if at, ok = places["index "+index]; !ok {
				at, ok = places["type "+kind]
			}
		}
		if !ok && len(all) > 0 {
			all[len(all)-1].shapes = append(all[len(all)-1].shapes, p.shapes...)
			continue
		}
		p.box = at
		all = append(all, p)
	}
	slices.SortStableFunc(all, func(a, b placed) int { return cmp.Compare(a.y, b.y) })
	var order []*node
	for start := 0; start < len(all); {
		end := start + 1
		for end < len(all) && all[end].y < all[start].y+max(all[start].height/2, 1) {
			end++
		}
		line := all[start:end]
		slices.SortStableFunc(line, func(a, b placed) int { return cmp.Compare(a.x, b.x) })
		for _, p := range line {
			order = append(order, p.shapes...)
		}
		start = end
	}
	return order
}

// placeholder returns what a shape is for, such as "title", and its number in the
// layout; empty for a shape of the author's own.
func placeholder(shape *node) (kind, index string) {
	for _, properties := range []string{"nvSpPr", "nvGraphicFramePr", "nvPicPr"} {
		if ph := shape.Child(properties, "nvPr", "ph"); ph != nil {
			return cmp.Or(ph.Attr("type"), "obj"), cmp.Or(ph.Attr("idx"), "0")
		}
	}
	return "", ""
}

// isTitle reports whether a shape is the slide's title.
func isTitle(shape *node) bool {
	kind, _ := placeholder(shape)
	return kind == "title" || kind == "ctrTitle"
}

// isFurniture reports whether a shape is the same on every slide.
func isFurniture(shape *node) bool {
	kind, _ := placeholder(shape)
	return kind == "sldNum" || kind == "dt" || kind == "ftr" || kind == "hdr"
}
