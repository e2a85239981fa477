package office

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"kvasir/internal/fault"
)

// A node is an XML element. Names are without their name space: what Office writes
// does not need it, and its two standards differ in nothing else.
type node struct {
	name     string
	attrs    []xml.Attr
	children []*node
	text     string // of elements that hold text
}

// attr returns the value of the attribute, empty if there is none.
func (n *node) attr(name string) string {
	for _, a := range n.attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// relation returns the attribute that names a relationship: id, but not the plain
// one that some elements also have.
func (n *node) relation() string {
	for _, a := range n.attrs {
		if a.Name.Local == "id" && strings.HasSuffix(a.Name.Space, "/relationships") {
			return a.Value
		}
	}
	return ""
}

// child returns the first child with the name, nil if there is none. A nil node
// has no children.
func (n *node) child(names ...string) *node {
	for _, name := range names {
		if n == nil {
			return nil
		}
		i := slices.IndexFunc(n.children, func(c *node) bool { return c.name == name })
		if i < 0 {
			return nil
		}
		n = n.children[i]
	}
	return n
}

// val returns the attribute val of the child at the path, empty if there is none.
func (n *node) val(names ...string) string {
	if c := n.child(names...); c != nil {
		return c.attr("val")
	}
	return ""
}

// skipped are elements that hold no text of the document, or text that is not to
// be read: deleted text, field codes, the older twin of a drawing.
var skipped = map[string]bool{
	"del": true, "moveFrom": true, "delText": true, "instrText": true, "delInstrText": true, "Fallback": true,
	"pPrChange": true, "rPrChange": true, "sectPr": true, "rPr": true, "tblGrid": true, "tblPr": true,
	"binData": true, "extLst": true, "spPr": true, "bodyPr": true, "lstStyle": true,
}

// maxNodes bounds the memory of one tree. A node takes about 150 bytes.
const maxNodes = 1 << 20

// trees reads a part and gives the tree of each element that is a child of the
// first element called parent, one at a time, so that a long document is never in
// memory as a whole.
func (a *archive) trees(name, parent string, each func(*node) error) error {
	r, err := a.open(name)
	if err != nil {
		return err
	}
	defer r.Close() // it was only read
	t := treeReader{decoder: xml.NewDecoder(r), limit: a.limits.Depth}
	inside := false
	for {
		token, err := t.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return xmlFault(name, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if !inside {
				inside = token.Name.Local == parent
				continue
			}
			t.nodes = 0
			tree, err := t.read(token)
			if err == nil && tree != nil {
				err = each(tree)
			}
			if err != nil {
				return xmlFault(name, err)
			}
		case xml.EndElement:
			if inside {
				return nil
			}
		}
	}
}

// xmlFault makes a fault of an error of reading XML, unless it is one.
func xmlFault(name string, err error) error {
	if _, ok := errors.AsType[*fault.Fault](err); ok {
		return err
	}
	return damaged(fmt.Errorf("%s: %w", name, err))
}

// A treeReader reads elements as trees.
type treeReader struct {
	decoder *xml.Decoder
	limit   int // the deepest that elements may nest
	depth   int
	nodes   int // of the tree being read
}

// next returns the next token.
func (t *treeReader) next() (xml.Token, error) {
	token, err := t.decoder.Token()
	switch token.(type) {
	case xml.StartElement:
		if t.depth++; t.depth > t.limit {
			return nil, fault.New(fault.TooLarge, fmt.Sprintf("The file nests its elements more than %d deep", t.limit))
		}
	case xml.EndElement:
		t.depth--
	}
	return token, err
}

// read returns the element that start opened, nil if it is to be skipped.
func (t *treeReader) read(start xml.StartElement) (*node, error) {
	if skipped[start.Name.Local] {
		return nil, t.skip()
	}
	if t.nodes++; t.nodes > maxNodes {
		return nil, fault.New(fault.TooLarge, "The file has a table or paragraph of more than a million parts")
	}
	n := &node{name: start.Name.Local, attrs: start.Attr}
	var text strings.Builder
	for {
		token, err := t.next()
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			child, err := t.read(token)
			if err != nil {
				return nil, err
			}
			if child != nil {
				n.children = append(n.children, child)
			}
		case xml.CharData:
			if n.name == "t" {
				text.Write(token)
			}
		case xml.EndElement:
			n.text = text.String()
			return n, nil
		}
	}
}

// skip reads to the end of the element that was just opened.
func (t *treeReader) skip() error {
	for outer := t.depth - 1; t.depth > outer; {
		if _, err := t.next(); err != nil {
			return err
		}
	}
	return nil
}
