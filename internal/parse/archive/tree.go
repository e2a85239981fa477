package archive

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"kvasir/internal/fault"
	"kvasir/internal/parse/charset"
)

// A Node is an XML element, or text, which has no name. Names are without their name
// space: what is read here does not need it, and the standards of Office differ in
// nothing else.
type Node struct {
	Name     string
	Attrs    []xml.Attr
	Children []*Node
	Data     string // of text
}

// Attr returns the value of the attribute, empty if there is none.
func (n *Node) Attr(name string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// Relation returns the attribute that names a relationship, such as id: not the
// plain one that some elements also have.
func (n *Node) Relation(name string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.Attrs {
		if a.Name.Local == name && (a.Name.Space == "r" || strings.HasSuffix(a.Name.Space, "/relationships")) {
			return a.Value
		}
	}
	return ""
}

// Child returns the element at the path of names below n, each the first of its
// name; nil if there is none. A nil node has no children.
func (n *Node) Child(names ...string) *Node {
	for _, name := range names {
		if n == nil {
			return nil
		}
		i := slices.IndexFunc(n.Children, func(c *Node) bool { return c.Name == name })
		if i < 0 {
			return nil
		}
		n = n.Children[i]
	}
	return n
}

// Val returns the attribute val of the child at the path, empty if there is none.
func (n *Node) Val(names ...string) string { return n.Child(names...).Attr("val") }

// Text returns all text below n.
func (n *Node) Text() string {
	if n == nil {
		return ""
	}
	if len(n.Children) == 1 && n.Children[0].Name == "" {
		return n.Children[0].Data
	}
	var b strings.Builder
	n.text(&b)
	return b.String()
}

func (n *Node) text(b *strings.Builder) {
	b.WriteString(n.Data)
	for _, child := range n.Children {
		child.text(b)
	}
}

// Find returns the outermost elements called name below n, not looking into those
// called within.
func (n *Node) Find(name string, within ...string) []*Node {
	var found []*Node
	if n == nil {
		return nil
	}
	for _, child := range n.Children {
		switch {
		case child.Name == name:
			found = append(found, child)
		case slices.Contains(within, child.Name):
		default:
			found = append(found, child.Find(name, within...)...)
		}
	}
	return found
}

// maxNodes bounds the memory of one tree. A node takes about 200 bytes.
const maxNodes = 1 << 20

// Trees reads an entry and gives the tree of each element that is a child of the
// first element at the path parent, such as "body/text", one at a time, so that a
// long document is never in memory as a whole. The path may begin anywhere. Elements
// whose names are in skip are left out.
func (a *Archive) Trees(name, parent string, skip map[string]bool, each func(*Node) error) error {
	r, err := a.Open(name)
	if err != nil {
		return err
	}
	defer r.Close() // it was only read
	t := treeReader{decoder: NewDecoder(r), limit: a.limits.Depth, skipped: skip}
	if err := t.trees(strings.Split(parent, "/"), each); err != nil {
		return xmlFault(name, err)
	}
	return nil
}

// NewDecoder returns a decoder of XML that knows the character sets that we know.
// Entities are those of XML and HTML, each of which is one character: what a document
// declares is not expanded.
func NewDecoder(r io.Reader) *xml.Decoder {
	d := xml.NewDecoder(r)
	d.Entity = xml.HTMLEntity
	d.CharsetReader = func(label string, input io.Reader) (io.Reader, error) {
		data, err := io.ReadAll(io.LimitReader(input, maxForeign+1))
		if err == nil && len(data) > maxForeign {
			err = fault.New(fault.TooLarge, "The file has too much text that is not UTF-8")
		}
		return strings.NewReader(charset.Named(label, data)), err
	}
	return d
}

// maxForeign is how many bytes are decoded that are not UTF-8.
const maxForeign = 16 << 20

// Root returns the name of the outermost element of an entry.
func (a *Archive) Root(name string) (string, error) {
	r, err := a.Open(name)
	if err != nil {
		return "", Damaged(err)
	}
	defer r.Close() // it was only read
	for decoder := NewDecoder(r); ; {
		token, err := decoder.Token()
		if err != nil {
			return "", xmlFault(name, err)
		}
		if start, ok := token.(xml.StartElement); ok {
			return start.Name.Local, nil
		}
	}
}

// xmlFault makes a fault of an error of reading XML, unless it is one.
func xmlFault(name string, err error) error {
	if _, ok := errors.AsType[*fault.Fault](err); ok {
		return err
	}
	return Damaged(fmt.Errorf("%s: %w", name, err))
}

// A treeReader reads elements as trees.
type treeReader struct {
	decoder *xml.Decoder
	limit   int // the deepest that elements may nest
	skipped map[string]bool
	depth   int
	nodes   int // of the tree being read
}

// trees calls each for the children of the first element at the path.
func (t *treeReader) trees(path []string, each func(*Node) error) error {
	var above []string
	inside := false
	for {
		token, err := t.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.StartElement:
			if !inside {
				above = append(above, token.Name.Local)
				inside = len(above) >= len(path) && slices.Equal(above[len(above)-len(path):], path)
				continue
			}
			t.nodes = 0
			tree, err := t.read(token)
			if err == nil && tree != nil {
				err = each(tree)
			}
			if err != nil {
				return err
			}
		case xml.EndElement:
			if inside {
				return nil
			}
			above = above[:len(above)-1]
		}
	}
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
func (t *treeReader) read(start xml.StartElement) (*Node, error) {
	if t.skipped[start.Name.Local] {
		return nil, t.skip()
	}
	if t.nodes++; t.nodes > maxNodes {
		return nil, fault.New(fault.TooLarge, "The file has a table or paragraph of more than a million parts")
	}
	n := &Node{Name: start.Name.Local, Attrs: start.Attr}
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
				n.Children = append(n.Children, child)
			}
		case xml.CharData:
			if t.nodes++; len(token) > 0 {
				n.Children = append(n.Children, &Node{Data: string(token)})
			}
		case xml.EndElement:
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
