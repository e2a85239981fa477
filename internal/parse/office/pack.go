package office

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"kvasir/internal/fault"
	"kvasir/internal/parse/archive"
	"kvasir/internal/parse/markdown"
)

// A node is an XML element.
type node = archive.Node

// A pack is an Office Open XML package: an archive whose parts refer to each other.
type pack struct {
	*archive.Archive
}

// skipped are elements that hold no text of the document, or text that is not to be
// read: deleted text, looks, the older twin of a drawing.
var skipped = map[string]bool{
	"del": true, "moveFrom": true, "delText": true, "delInstrText": true, "Fallback": true,
	"pPrChange": true, "rPrChange": true, "tblPrChange": true, "tcPrChange": true, "trPrChange": true, "sectPr": true,
	"tblGrid": true, "binData": true, "extLst": true, "bodyPr": true, "lstStyle": true, "rt": true, "rPh": true,
	"rFonts": true, "sz": true, "szCs": true, "lang": true, "color": true, "tblBorders": true, "tcBorders": true,
	"shd": true, "prstGeom": true, "custGeom": true, "solidFill": true, "gradFill": true, "ln": true,
	"effectLst": true, "blipFill": true, "spacing": true, "ind": true, "jc": true, "tcW": true, "tcMar": true,
}

// trees reads a part without what is skipped.
func (p *pack) trees(name, parent string, each func(*node) error) error {
	return p.Trees(name, parent, skipped, each)
}

// A relation is what a part says about another part, or about a page in the web.
type relation struct {
	target   string // the name of a part, or the address of what is elsewhere
	kind     string // the last word of its type, such as slide
	external bool
}

// relations returns the relations of a part by their ids.
func (p *pack) relations(name string) (map[string]relation, error) {
	relations := map[string]relation{}
	dir, base := path.Split(name)
	err := p.trees(dir+"_rels/"+base+".rels", "Relationships", func(n *node) error {
		r := relation{n.Attr("Target"), path.Base(n.Attr("Type")), n.Attr("TargetMode") == "External"}
		if !r.external {
			r.target = archive.Join(name, r.target)
		}
		relations[n.Attr("Id")] = r
		return nil
	})
	if err != nil && !errors.Is(err, archive.ErrAbsent) {
		return nil, err
	}
	return relations, nil
}

// related returns the part of a kind, empty if there is none.
func related(relations map[string]relation, kind string) string {
	found := ""
	for _, r := range relations {
		// Two of a kind are an error in the file; the same one of them is taken always.
		if r.kind == kind && !r.external && (found == "" || r.target < found) {
			found = r.target
		}
	}
	return found
}

// webAddress returns the address that a link leads to, empty if it leads nowhere
// that a reader could follow.
func webAddress(address string) string {
	for _, scheme := range []string{"https://", "http://", "mailto:"} {
		if len(address) > len(scheme) && strings.EqualFold(address[:len(scheme)], scheme) {
			return strings.NewReplacer(" ", "%20", "\n", "", "(", "%28", ")", "%29").Replace(address)
		}
	}
	return ""
}

// link returns text that leads to an address. What leads nowhere, or says no more
// than the address, is the text alone.
func link(text, address string) string {
	address = webAddress(address)
	bare := strings.TrimSpace(text)
	if address == "" || bare == "" || strings.ContainsAny(bare, "[]\n") ||
		strings.TrimSuffix(strings.TrimPrefix(address, "mailto:"), "/") == strings.TrimSuffix(bare, "/") {
		return text
	}
	at := strings.Index(text, bare)
	return text[:at] + "[" + bare + "](" + address + ")" + text[at+len(bare):]
}

// altText returns what the description of a picture says, empty if it says nothing: it
// is a file's name or was made by a program.
func altText(said string) string {
	text := markdown.OneLine(said)
	text = strings.TrimSpace(strings.TrimSuffix(text, "Description automatically generated"))
	text = strings.TrimSpace(strings.TrimSuffix(text, "AI-generated content may be incorrect."))
	if !strings.Contains(text, " ") && strings.ContainsAny(text, "./_\\:") {
		return ""
	}
	return text
}

// senseless are titles that programs give.
var senseless = regexp.MustCompile(`(?i)^(untitled.*|microsoft (word|powerpoint|excel)( -.*)?` +
	`|(powerpoint )?presentation ?\d*` +
	`|document ?\d*|word document|title|slide \d+|book ?\d*|.*\.(docx?|pptx?|xlsx?|od[tsp]|dotx?|rtf|tmp)|[^\p{L}]*)$`)

// sensible returns a title, empty if it is none.
func sensible(title string) string {
	title = markdown.OneLine(title)
	if senseless.MatchString(title) || len(title) > 300 {
		return ""
	}
	return title
}

// title returns the title that the author gave the document.
func (p *pack) title() (string, error) {
	relations, err := p.relations("")
	if err != nil {
		return "", err
	}
	title := ""
	name := related(relations, "core-properties")
	if name == "" {
		return "", nil
	}
	err = p.trees(name, "coreProperties", func(n *node) error {
		if n.Name == "title" {
			title = sensible(n.Text())
		}
		return nil
	})
	if err != nil {
		return "", nil // the document is worth more than its title
	}
	return title, nil
}

// roots are the outermost elements of the parts that packages are about.
var roots = map[string]Kind{"document": Word, "presentation": PowerPoint, "workbook": Excel}

// main returns the name of the part that the package is about, and checks that it
// is of the given kind.
func (p *pack) main(kind Kind) (string, error) {
	relations, err := p.relations("")
	if err != nil {
		return "", err
	}
	like := "a ZIP archive"
	if name := related(relations, "officeDocument"); name != "" {
		if strings.HasSuffix(name, ".bin") {
			return "", fault.New(fault.Invalid, "The file is a binary Excel workbook. Save it as .xlsx")
		}
		root, err := p.Root(name)
		if err != nil {
			return "", err
		}
		switch roots[root] {
		case kind:
			return name, nil
		case "":
		case Excel:
			like = "an " + string(Excel)
		default:
			like = "a " + string(roots[root])
		}
	}
	switch {
	case !p.Has("mimetype"):
	case p.Has("content.xml"):
		like = "an OpenDocument file"
	case p.Has("META-INF/container.xml"):
		like = "an EPUB book"
	}
	return "", fault.New(fault.Invalid, fmt.Sprintf("The file is not a %s: it looks like %s", kind, like))
}
