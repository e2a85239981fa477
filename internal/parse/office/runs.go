package office

import (
	"bytes"
	"strings"

	"kvasir/internal/parse/markdown"
)

// Runs is the text of one paragraph of Word or PowerPoint.
type runs struct {
	text  bytes.Buffer
	mark  func(kind, id string) string // what stands for a note; nil if there are none
	links map[string]relation
	boxes []*node // contents of text boxes, which are paragraphs of their own
	field []field // that are open
}

// A field is text that Word computes: its code, such as HYPERLINK "address", then what
// came out of it.
type field struct {
	code   string
	result bool // the code is over
	start  int  // where its result begins in the text
}

// maxCode is how much is read of the code of a field.
const maxCode = 4096

// String returns the text without white space around it.
func (r *runs) String() string { return strings.TrimSpace(r.text.String()) }

// read adds the text below n.
func (r *runs) read(n *node) {
	for _, child := range n.Children {
		switch child.Name {
		case "r":
			r.run(child)
		case "hyperlink":
			r.linked(child, r.links[child.Relation("id")])
		case "fldSimple", "smartTag", "ins", "moveTo", "sdt", "sdtContent", "AlternateContent", "Choice":
			r.read(child)
		case "fld": // of PowerPoint
			if !strings.HasPrefix(child.Attr("type"), "slidenum") {
				r.run(child)
			}
		case "oMath", "oMathPara", "m":
			r.text.WriteString(spaced(r.text.Bytes()) + formula(child).String())
		case "pPr", "sdtPr", "rPr", "":
		default:
			r.piece(child)
		}
	}
}

// spaced returns the space that parts a formula from the text before it.
func spaced(text []byte) string {
	if len(text) == 0 || strings.IndexByte(" \n(", text[len(text)-1]) >= 0 {
		return ""
	}
	return " "
}

// linked adds the text below n, which leads to where a relation says.
func (r *runs) linked(n *node, to relation) {
	inner := runs{mark: r.mark, links: r.links}
	inner.read(n)
	text := inner.text.String()
	if to.external {
		text = link(text, to.target)
	}
	r.text.WriteString(text)
	r.boxes = append(r.boxes, inner.boxes...)
}

// run adds a run of text.
func (r *runs) run(n *node) {
	properties := n.Child("rPr")
	if on(properties.Child("vanish")) {
		r.fields(n)
		return
	}
	start := r.text.Len()
	for _, child := range n.Children {
		if child.Name != "rPr" {
			r.piece(child)
		}
	}
	if properties == nil {
		return
	}
	text := string(r.text.Bytes()[start:])
	if to := r.links[properties.Child("hlinkClick").Relation("id")]; to.external && text != "" {
		r.replace(start, link(text, to.target))
		return
	}
	if properties.Val("vertAlign") == "superscript" {
		r.replace(start, markdown.Raised(text))
	}
}

// on reports whether a property is there and not switched off.
func on(n *node) bool {
	if n == nil {
		return false
	}
	switch n.Attr("val") {
	case "0", "false", "off":
		return false
	}
	return true
}

// replace puts text in place of what was added since start.
func (r *runs) replace(start int, text string) {
	r.text.Truncate(start)
	r.text.WriteString(text)
}

// fields reads the fields of a run that is not seen.
func (r *runs) fields(n *node) {
	for _, child := range n.Children {
		if child.Name == "fldChar" || child.Name == "instrText" {
			r.piece(child)
		}
	}
}

// piece adds one piece of a run.
func (r *runs) piece(n *node) {
	switch n.Name {
	case "t":
		if len(r.field) == 0 || r.field[len(r.field)-1].result {
			r.text.WriteString(strings.ReplaceAll(n.Text(), "\u00ad", ""))
		}
	case "tab", "ptab":
		r.text.WriteString("\t")
	case "br", "cr":
		r.text.WriteString("\n")
	case "noBreakHyphen":
		r.text.WriteString("-")
	case "footnoteReference", "endnoteReference":
		if r.mark != nil {
			r.text.WriteString(r.mark(strings.TrimSuffix(n.Name, "Reference"), n.Attr("id")))
		}
	case "fldChar":
		r.fieldChar(n.Attr("fldCharType"))
	case "instrText":
		if last := len(r.field) - 1; last >= 0 && len(r.field[last].code) < maxCode {
			r.field[last].code += n.Text()
		}
	case "docPr":
		r.picture(altText(n.Attr("descr")))
	case "txbxContent":
		r.boxes = append(r.boxes, n)
	default:
		r.read(n)
	}
}

// picture adds what a picture shows.
func (r *runs) picture(alt string) {
	if alt != "" {
		r.text.WriteString(spaced(r.text.Bytes()) + alt + " ")
	}
}

// fieldChar begins a field, its result, or ends it.
func (r *runs) fieldChar(kind string) {
	last := len(r.field) - 1
	switch {
	case kind == "begin" && last < 20:
		r.field = append(r.field, field{})
	case last < 0:
	case kind == "separate":
		r.field[last].result, r.field[last].start = true, r.text.Len()
	case kind == "end":
		f := &r.field[last]
		words := strings.Fields(f.code)
		if f.result && len(words) > 1 && words[0] == "HYPERLINK" {
			r.replace(f.start, link(string(r.text.Bytes()[f.start:]), strings.Trim(words[1], `"`)))
		}
		r.field = r.field[:last]
	}
}
