package xml

import (
	"strings"

	"kvasir/internal/parse/markdown"
)

// A node is an element, or a text if it has no name.
type node struct {
	name     string // without its namespace
	attrs    []attribute
	children []*node
	text     string
}

// An attribute is one of an element, without its namespace.
type attribute struct{ name, value string }

// attr returns the value of an attribute, empty if there is none.
func (n *node) attr(name string) string {
	for _, a := range n.attrs {
		if a.name == name {
			return a.value
		}
	}
	return ""
}

// child returns the first child with one of the names, nil if there is none.
func (n *node) child(names ...string) *node {
	for _, name := range names {
		for _, child := range n.children {
			if child.name == name {
				return child
			}
		}
	}
	return nil
}

// find returns the first element at or below n that matches, nil if none does.
func (n *node) find(match func(*node) bool) *node {
	if n.name != "" && match(n) {
		return n
	}
	for _, child := range n.children {
		if found := child.find(match); found != nil {
			return found
		}
	}
	return nil
}

// named returns the first element at or below n with the name, nil if there is none.
func (n *node) named(name string) *node {
	return n.find(func(n *node) bool { return n.name == name })
}

// all returns the elements below n with the name that are not in each other.
func (n *node) all(name string) []*node {
	var found []*node
	for _, child := range n.children {
		if child.name == name {
			found = append(found, child)
		} else {
			found = append(found, child.all(name)...)
		}
	}
	return found
}

// raw returns all text below n as it is. A nil node has none.
func (n *node) raw() string {
	if n == nil {
		return ""
	}
	if n.name == "" {
		return n.text
	}
	if len(n.children) == 1 {
		return n.children[0].raw()
	}
	var b strings.Builder
	n.collect(&b)
	return b.String()
}

func (n *node) collect(b *strings.Builder) {
	b.WriteString(n.text)
	for _, child := range n.children {
		child.collect(b)
	}
}

// oneLine returns all text below n on one line. A nil node has none.
func (n *node) oneLine() string { return markdown.OneLine(n.raw()) }

// blank reports whether a node is white space.
func (n *node) blank() bool { return n.name == "" && strings.TrimSpace(n.text) == "" }

// elements returns the children that are elements.
func (n *node) elements() []*node {
	var found []*node
	for _, child := range n.children {
		if child.name != "" {
			found = append(found, child)
		}
	}
	return found
}

// mixed reports whether an element has text between its elements.
func (n *node) mixed() bool {
	texts, elements := false, false
	for _, child := range n.children {
		elements = elements || child.name != ""
		texts = texts || child.name == "" && !child.blank()
	}
	return texts && elements
}

// formula returns the element as a formula in MathML.
func (n *node) formula() markdown.Formula {
	f := markdown.Formula{Name: n.name, Text: n.text}
	for _, child := range n.children {
		f.Parts = append(f.Parts, child.formula())
	}
	return f
}
