package office

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse/archive"
	"kvasir/internal/parse/markdown"
)

// An odf is an OpenDocument file being read.
type odf struct {
	*archive.Archive
	out   *sink
	lists map[string]*[listDepth]openLevel // styles of lists
	count map[string][listDepth]int        // items so far, for lists that go on
	looks map[string]openStyle
	notes notes
}

// An openLevel is how a style of lists marks items of one depth.
type openLevel struct {
	format, prefix, suffix string
	start, shown           int
}

// openSkipped are elements that hold no text of the document: what was deleted,
// comments, tables of contents, looks.
var openSkipped = map[string]bool{
	"tracked-changes": true, "annotation": true, "annotation-end": true, "table-of-content": true,
	"illustration-index": true, "table-index": true, "alphabetical-index": true, "forms": true, "ruby-text": true,
	"shapes": true, "change": true, "change-start": true, "change-end": true, "binary-data": true, "page-number": true,
	"sequence-decls": true, "variable-decls": true, "calculation-settings": true, "object-ole": true, "script": true,
	"event-listeners": true, "scripts": true, "named-expressions": true, "content-validations": true,
}

// bodies are the elements that hold the content of each kind.
var bodies = map[Kind]string{
	OpenText: "body/text", OpenSheet: "body/spreadsheet", OpenPresentation: "body/presentation",
}

// readODF writes the text of an OpenDocument file and returns its title.
func readODF(a *archive.Archive, kind Kind, out *sink) (title string, err error) {
	if err := checkODF(a, kind); err != nil {
		return "", err
	}
	o := &odf{
		Archive: a, out: out, lists: map[string]*[listDepth]openLevel{}, count: map[string][listDepth]int{},
		looks: map[string]openStyle{"Title": {title: true}},
		notes: notes{texts: map[noteKey]string{}, labels: map[noteKey]string{}},
	}
	for _, place := range [][2]string{{"styles.xml", "styles"}, {"content.xml", "automatic-styles"}} {
		err := a.Trees(place[0], place[1], openSkipped, o.style)
		if err := ignoreAbsent(err); err != nil {
			return "", err
		}
	}
	number := 0
	err = a.Trees("content.xml", bodies[kind], openSkipped, func(n *node) error {
		switch {
		case kind == OpenText:
			o.block(n)
		case kind == OpenSheet && n.Name == "table":
			number++
			return o.sheet(n, number)
		case kind == OpenPresentation && n.Name == "page":
			number++
			o.slide(n, number)
			out.progress(number, number)
		}
		if out.Over {
			return tooLong()
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	o.notes.write(out.Writer)
	return o.documentTitle(), nil
}

// checkODF refuses what is not an OpenDocument file of a kind, or cannot be read
// without a password.
func checkODF(a *archive.Archive, kind Kind) error {
	if !a.Has("content.xml") {
		return fault.New(fault.Invalid, fmt.Sprintf("The file is not an %s: it looks like a ZIP archive", kind))
	}
	encrypted, found := false, false
	err := a.Trees("META-INF/manifest.xml", "manifest", nil, func(n *node) error {
		encrypted = encrypted || n.Attr("full-path") == "content.xml" && n.Child("encryption-data") != nil ||
			strings.HasPrefix(n.Attr("full-path"), "encrypted-package")
		return nil
	})
	if err := ignoreAbsent(err); err != nil {
		return err
	}
	if encrypted {
		return fault.New(fault.Invalid, "The document is encrypted. Remove its password and try again")
	}
	errEnough := errors.New("enough")
	err = a.Trees("content.xml", bodies[kind], openSkipped, func(*node) error {
		found = true
		return fault.Wrap(fault.Invalid, "", errEnough)
	})
	if errors.Is(err, errEnough) || err == nil && found {
		return nil
	}
	if err != nil {
		return err
	}
	return fault.New(fault.Invalid, fmt.Sprintf("The file is not an %s, or an empty one", kind))
}

// documentTitle returns the title that the author gave the document. One that cannot
// be read is none.
func (o *odf) documentTitle() string {
	title := ""
	err := o.Trees("meta.xml", "meta", nil, func(n *node) error {
		if n.Name == "title" {
			title = sensible(n.Text())
		}
		return nil
	})
	if err != nil {
		return ""
	}
	return title
}

// An openStyle is what a style says about the text that has it.
type openStyle struct {
	title  bool // it is the title of the document
	raised bool // it stands above the line
}

// style reads a style of lists, paragraphs or text.
func (o *odf) style(n *node) error {
	if n.Name != "list-style" && n.Name != "outline-style" {
		s := o.looks[n.Attr("parent-style-name")]
		if position := n.Child("text-properties").Attr("text-position"); position != "" {
			s.raised = strings.HasPrefix(position, "super")
		}
		if n.Name == "style" && s != (openStyle{}) {
			o.looks[n.Attr("name")] = s
		}
		return nil
	}
	levels := &[listDepth]openLevel{}
	for _, child := range n.Children {
		depth, err := strconv.Atoi(child.Attr("level"))
		if err != nil || depth < 1 || depth > listDepth || child.Name == "list-level-style-bullet" {
			continue
		}
		start, err := strconv.Atoi(child.Attr("start-value"))
		if err != nil {
			start = 1
		}
		shown, _ := strconv.Atoi(child.Attr("display-levels")) // absent means 1
		levels[depth-1] = openLevel{
			child.Attr("num-format"), child.Attr("num-prefix"), child.Attr("num-suffix"), start, shown,
		}
	}
	if n.Name == "outline-style" {
		o.lists[headings] = levels
	} else {
		o.lists[n.Attr("name")] = levels
	}
	return nil
}

// headings stands for the list that the headings of a document are.
const headings = "\x00headings"

// heading writes a heading. A marker that is "-" is none.
func (o *odf) heading(n *node, marker string) {
	o.notes.write(o.out.Writer)
	level, err := strconv.Atoi(n.Attr("outline-level"))
	if err != nil {
		level = 1
	}
	text, boxes := o.inline(n)
	levels := o.lists[headings]
	if marker == "" && levels != nil && text != "" && n.Attr("is-list-header") != "true" {
		depth := min(max(level, 1), listDepth) - 1
		count := o.count[headings]
		count[depth]++
		clear(count[depth+1:])
		o.count[headings] = count
		marker = openMarker(levels, count, depth)
	}
	if marker != "" && marker != "-" && text != "" {
		text = marker + " " + text
	}
	o.out.Heading(level, text)
	o.blocks(boxes)
}

// block writes a paragraph, heading, list or table, or those inside a frame around
// them.
func (o *odf) block(n *node) {
	if o.out.Over {
		return
	}
	switch n.Name {
	case "":
	case "h":
		o.heading(n, "")
	case "p":
		text, boxes := o.inline(n)
		if o.looks[n.Attr("style-name")].title {
			o.out.Heading(1, text)
		} else {
			o.out.Paragraph(text)
		}
		o.blocks(boxes)
	case "list":
		o.list(n, n.Attr("style-name"), 0)
	case "table":
		o.table(n)
	default:
		for _, child := range n.Children {
			o.block(child)
		}
	}
}

// blocks writes what floats beside a paragraph.
func (o *odf) blocks(boxes []*node) {
	for _, box := range boxes {
		for _, child := range box.Children {
			o.block(child)
		}
	}
}

// list writes a list, and those inside of its items one deeper.
func (o *odf) list(n *node, style string, depth int) {
	depth = min(depth, listDepth-1)
	levels := o.lists[style]
	if levels == nil {
		levels = &[listDepth]openLevel{}
	}
	count := o.count[style]
	if depth == 0 && n.Attr("continue-numbering") != "true" && n.Attr("continue-list") == "" {
		count = [listDepth]int{}
	}
	for _, entry := range n.Children {
		if entry.Name != "list-item" && entry.Name != "list-header" {
			continue
		}
		if start, err := strconv.Atoi(entry.Attr("start-value")); err == nil {
			count[depth] = start - levels[depth].start
		}
		marked := entry.Name == "list-header"
		for _, child := range entry.Children {
			switch {
			case child.Name == "list":
				o.count[style] = count
				inner := child.Attr("style-name")
				if inner == "" {
					inner = style
				}
				o.list(child, inner, depth+1)
				count = o.count[style]
			case child.Name == "h" && marked || child.Name == "p" && marked:
				o.block(child)
			case child.Name == "h" || child.Name == "p":
				count[depth]++
				clear(count[depth+1:])
				marked = true
				if child.Name == "h" {
					o.heading(child, openMarker(levels, count, depth))
					continue
				}
				text, boxes := o.inline(child)
				item(o.out.Writer, depth, openMarker(levels, count, depth), text)
				o.blocks(boxes)
			default:
				o.block(child)
			}
		}
	}
	o.count[style] = count
}

// openMarker returns what stands before an item.
func openMarker(levels *[listDepth]openLevel, count [listDepth]int, depth int) string {
	lvl := levels[depth]
	if lvl.format == "" {
		return "-"
	}
	var numbers []string
	for i := max(depth+1-max(lvl.shown, 1), 0); i <= depth; i++ {
		if levels[i].format != "" {
			numbers = append(numbers, inFormat(max(levels[i].start, 1)+max(count[i], 1)-1, levels[i].format))
		}
	}
	return strings.TrimSpace(lvl.prefix + strings.Join(numbers, ".") + lvl.suffix)
}

// slide writes a page of a presentation.
func (o *odf) slide(n *node, number int) {
	title := ""
	for _, frame := range n.Find("frame", "notes") {
		if frame.Attr("class") == "title" && title == "" {
			title = markdown.OneLine(o.cell(frame))
		}
	}
	o.out.Part(memo.PartSlide, number, title)
	if title == "" {
		o.out.Heading(1, fmt.Sprintf("Slide %d", number))
	}
	o.out.Heading(1, title)
	for _, child := range n.Children {
		switch {
		case child.Name == "notes":
			o.speakerNotes(child)
		case child.Attr("class") == "title" && markdown.OneLine(o.cell(child)) == title:
		case child.Attr("class") == "footer" || child.Attr("class") == "date-time" || child.Attr("class") == "page-number":
		default:
			o.block(child)
		}
	}
}

// speakerNotes writes the notes of a slide.
func (o *odf) speakerNotes(n *node) {
	for _, frame := range n.Find("frame") {
		if frame.Attr("class") != "notes" {
			continue
		}
		var lines []string
		for _, p := range frame.Find("p") {
			if text, _ := o.inline(p); text != "" {
				lines = append(lines, text)
			}
		}
		if len(lines) > 0 {
			o.out.Paragraph("Notes: " + strings.Join(lines, "\n"))
		}
	}
}
