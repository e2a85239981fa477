package html

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// mainContent returns the part of the page that it is about, without what no reader
// sees and what belongs to the site.
func mainContent(doc *html.Node) *html.Node {
	removeUnread(doc)
	all := measure(doc)
	removeMarked(doc, all, isHidden, 200)
	content := marked(doc, all)
	site := judge{whole: content == doc}
	removeMarked(content, all, isComments, 1000)
	removeMarked(content, all, site.isBoilerplate, 0)
	removeMarked(content, all, site.isMenu, 0)
	return content
}

// marked returns the part of the page that is marked as what it is about, or all of
// it. Some pages mark little or nothing; then the mark says nothing either.
func marked(doc *html.Node, all measures) *html.Node {
	content := first(doc, func(n *html.Node) bool {
		return n.DataAtom == atom.Main || strings.EqualFold(attr(n, "role"), "main")
	})
	if content == nil {
		content = article(doc, all)
	}
	if content == nil || all[content].words()*5 < all[doc].words() {
		return doc
	}
	return content
}

// article returns the article of the page. One of many is it if it has most of the
// words of all, else the page is a list of articles and there is none.
func article(doc *html.Node, all measures) *html.Node {
	var largest *html.Node
	total := 0
	for n := range doc.Descendants() {
		if n.DataAtom != atom.Article && !strings.HasSuffix(attr(n, "itemprop"), "articleBody") {
			continue
		}
		if largest != nil && inside(n, largest) {
			continue
		}
		total += all[n].words()
		if largest == nil || all[n].words() > all[largest].words() {
			largest = n
		}
	}
	if largest == nil || all[largest].words()*3 < total*2 {
		return nil
	}
	return largest
}

// A size is how much text is below an element.
type size struct {
	text  int // characters, without white space
	links int // of them in links
	count int // links
}

// words returns the characters that are not in links.
func (s size) words() int { return s.text - s.links }

// measures are the sizes of elements.
type measures map[*html.Node]size

// measure returns the sizes of an element and all below it.
func measure(n *html.Node) measures {
	m := measures{}
	m.add(n, false)
	return m
}

// add measures n. A letter of a script that writes a word in one or two counts as
// three.
func (m measures) add(n *html.Node, link bool) size {
	var s size
	if n.Type == html.TextNode {
		for _, r := range n.Data {
			switch {
			case unicode.IsSpace(r):
			case r >= 0x2e80:
				s.text += 3
			default:
				s.text++
			}
		}
		if link {
			s.links = s.text
		}
		return s
	}
	switch {
	case n.DataAtom == atom.A && hasAttr(n, "href"):
		link = true
		s.count = 1
	case n.DataAtom == atom.Img:
		s.text = len(attr(n, "alt"))
		if link {
			s.links = s.text
		}
	}
	for child := range n.ChildNodes() {
		c := m.add(child, link)
		s.text, s.links, s.count = s.text+c.text, s.links+c.links, s.count+c.count
	}
	m[n] = s
	return s
}

// remove removes an element from the page.
func (m measures) remove(n *html.Node) {
	gone := m[n]
	for around := n.Parent; around != nil; around = around.Parent {
		s := m[around]
		m[around] = size{s.text - gone.text, s.links - gone.links, s.count - gone.count}
	}
	n.Parent.RemoveChild(n)
}

// unread are elements without text for a reader.
var unread = []atom.Atom{
	atom.Style, atom.Noscript, atom.Template, atom.Iframe, atom.Svg, atom.Canvas, atom.Object, atom.Embed,
	atom.Head, atom.Input, atom.Button, atom.Select, atom.Textarea, atom.Datalist, atom.Audio, atom.Video, atom.Map,
	atom.Link, atom.Meta, atom.Applet, atom.Frameset, atom.Noframes, atom.Progress, atom.Meter, atom.Rp, atom.Rt,
}

// removeUnread removes elements without text for a reader. Scripts stay if they hold
// a formula, and buttons if they are a heading that opens what is below it.
func removeUnread(n *html.Node) {
	var next *html.Node
	for child := n.FirstChild; child != nil; child = next {
		next = child.NextSibling
		switch {
		case child.Type == html.CommentNode, slices.Contains(unread, child.DataAtom),
			child.DataAtom == atom.Script && !strings.HasPrefix(attr(child, "type"), "math/tex"),
			child.DataAtom == atom.Button && !isHeading(n) && n.DataAtom != atom.Dt && first(child, isHeading) == nil:
			n.RemoveChild(child)
		default:
			removeUnread(child)
		}
	}
}

// A judgement says whether an element is to be left out.
type judgement func(n *html.Node, s size) bool

// removeMarked removes the elements below n that are judged to be left out, unless
// that takes most of its text. Then the marks are not believed, the largest first. If
// enough is not 0, it suffices that so much text stays.
func removeMarked(n *html.Node, all measures, out judgement, enough int) {
	var found []*html.Node
	var find func(n *html.Node)
	find = func(n *html.Node) {
		for child := range n.ChildNodes() {
			switch {
			case child.Type != html.ElementNode || child.DataAtom == atom.Pre || child.DataAtom == atom.Math:
			case out(child, all[child]):
				found = append(found, child)
			default:
				find(child)
			}
		}
	}
	find(n)
	taken := 0
	for _, child := range found {
		taken += all[child].text
	}
	slices.SortStableFunc(found, func(a, b *html.Node) int { return all[a].text - all[b].text })
	for i := len(found) - 1; i >= 0 && taken*2 > all[n].text; i-- {
		if enough > 0 && all[n].text-taken >= enough {
			break
		}
		taken -= all[found[i]].text
		found = found[:i]
	}
	for _, child := range found {
		all.remove(child)
	}
}

// isHidden reports whether an element is not shown.
func isHidden(n *html.Node, _ size) bool {
	if hasAttr(n, "hidden") && !strings.EqualFold(attr(n, "hidden"), "until-found") {
		return true
	}
	if strings.EqualFold(attr(n, "aria-hidden"), "true") && n.DataAtom != atom.Img && n.Namespace != "math" {
		return true
	}
	style := attr(n, "style")
	if style == "" {
		return false
	}
	style = strings.ToLower(strings.Join(strings.Fields(style), ""))
	return strings.Contains(style, "display:none") || strings.Contains(style, "visibility:hidden")
}
