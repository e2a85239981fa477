package html

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// first returns the first element at or below n that matches, nil if none does.
func first(n *html.Node, match func(*html.Node) bool) *html.Node {
	if n.Type == html.ElementNode && match(n) {
		return n
	}
	for child := range n.Descendants() {
		if child.Type == html.ElementNode && match(child) {
			return child
		}
	}
	return nil
}

// inside reports whether n is at or below outer.
func inside(n, outer *html.Node) bool {
	for ; n != nil; n = n.Parent {
		if n == outer {
			return true
		}
	}
	return false
}

// oneLine returns the text below n on one line.
func oneLine(n *html.Node) string {
	var b strings.Builder
	for child := range n.Descendants() {
		if child.Type == html.TextNode {
			b.WriteString(child.Data)
		}
	}
	return strings.Join(strings.Fields(strings.ReplaceAll(b.String(), softHyphen, "")), " ")
}

// attr returns the value of an attribute, empty if there is none.
func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// hasAttr reports whether an element has the attribute.
func hasAttr(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}
