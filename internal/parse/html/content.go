package html

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// mainContent returns the part of the page that it is about, without what no reader
// sees and what belongs to the site.
func mainContent(doc *html.Node) *html.Node {
	removeUnread(doc)
	all := measure(doc)
	removeMarked(doc, all, isHidden)
	all = measure(doc)
	content := marked(doc, all)
	removeMarked(content, measure(content), isBoilerplate)
	removeMarked(content, measure(content), isMenu)
	return content
}

// marked returns the part of the page that is marked as what it is about, or all of
// it. Some pages mark little or nothing; then the mark says nothing either.
func marked(doc *html.Node, all measures) *html.Node {
	content := first(doc, func(n *html.Node) bool {
		return n.DataAtom == atom.Main || strings.EqualFold(attr(n, "role"), "main")
	})
	if content == nil {
		isArticle := func(n *html.Node) bool {
			return n.DataAtom == atom.Article || strings.HasSuffix(attr(n, "itemprop"), "articleBody")
		}
		content = first(doc, isArticle)
		if content != nil && first(doc, func(n *html.Node) bool { return isArticle(n) && !inside(n, content) }) != nil {
			content = nil // a list of articles
		}
	}
	if content == nil || all[content].words()*5 < all[doc].words() {
		return doc
	}
	return content
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
	if n.DataAtom == atom.A && hasAttr(n, "href") {
		link = true
		s.count = 1
	}
	for child := range n.ChildNodes() {
		c := m.add(child, link)
		s.text, s.links, s.count = s.text+c.text, s.links+c.links, s.count+c.count
	}
	m[n] = s
	return s
}

// unread are elements without text for a reader.
var unread = []atom.Atom{
	atom.Style, atom.Noscript, atom.Template, atom.Iframe, atom.Svg, atom.Canvas, atom.Object, atom.Embed,
	atom.Head, atom.Input, atom.Button, atom.Select, atom.Textarea, atom.Datalist, atom.Audio, atom.Video, atom.Map,
	atom.Link, atom.Meta, atom.Applet, atom.Frameset, atom.Noframes, atom.Progress, atom.Meter, atom.Rp, atom.Rt,
}

// removeUnread removes elements without text for a reader. Scripts stay if they hold
// a formula.
func removeUnread(n *html.Node) {
	var next *html.Node
	for child := n.FirstChild; child != nil; child = next {
		next = child.NextSibling
		switch {
		case child.Type == html.CommentNode, slices.Contains(unread, child.DataAtom),
			child.DataAtom == atom.Script && !strings.HasPrefix(attr(child, "type"), "math/tex"):
			n.RemoveChild(child)
		default:
			removeUnread(child)
		}
	}
}

// A judgement says whether an element is to be left out.
type judgement func(n *html.Node, s size) bool

// removeMarked removes the elements below n that are judged to be left out, unless
// that takes most of the words that are no links. Then the marks are not believed,
// the largest first.
func removeMarked(n *html.Node, all measures, out judgement) {
	var found []*html.Node
	var find func(n *html.Node)
	find = func(n *html.Node) {
		for child := range n.ChildNodes() {
			switch {
			case child.Type != html.ElementNode:
			case out(child, all[child]):
				found = append(found, child)
			default:
				find(child)
			}
		}
	}
	find(n)
	total := 0
	for _, child := range found {
		total += all[child].text
	}
	slices.SortStableFunc(found, func(a, b *html.Node) int { return all[a].text - all[b].text })
	for i := len(found) - 1; i >= 0 && total*2 > all[n].text; i-- {
		total -= all[found[i]].text
		found = found[:i]
	}
	for _, child := range found {
		child.Parent.RemoveChild(child)
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

// isBoilerplate reports whether an element belongs to the site and not to the page.
func isBoilerplate(n *html.Node, s size) bool {
	switch n.DataAtom {
	case atom.Nav, atom.Dialog, atom.Menu:
		return true
	case atom.Footer, atom.Aside, atom.Header:
		// Notes and summaries of an article are asides, too, and its date is in a
		// header; menus, lists of other articles and the small print are not much but links.
		if n.DataAtom == atom.Header && first(n, isHeading) != nil {
			return false
		}
		if n.DataAtom == atom.Footer && first(n.Parent, isQuote) == n.Parent {
			return false // who said it
		}
		return n.DataAtom == atom.Footer || s.links*3 > s.text
	case atom.Body, atom.Html, atom.Main, atom.Article, atom.H1, atom.Pre, atom.Table, atom.Tbody, atom.Tr, atom.Math:
		return false
	}
	switch strings.ToLower(attr(n, "role")) {
	case "navigation", "banner", "contentinfo", "search", "dialog", "alertdialog", "menu", "menubar", "toolbar":
		return true
	}
	return saysBoilerplate(n, s)
}

// isHeading reports whether an element is a heading.
func isHeading(n *html.Node) bool {
	return len(n.Data) == 2 && n.Data[0] == 'h' && n.Data[1] >= '1' && n.Data[1] <= '6'
}

// isQuote reports whether an element is a quotation.
func isQuote(n *html.Node) bool { return n.DataAtom == atom.Blockquote }

// siteWords are words of class names and ids for what is no part of the page,
// whatever it holds.
var siteWords = []string{
	"cookie", "cookies", "consent", "gdpr", "breadcrumb", "breadcrumbs", "share", "sharing", "social", "sharedaddy",
	"newsletter", "subscribe", "advert", "advertisement", "adsbygoogle", "sponsored", "outbrain", "taboola", "disqus",
	"pagination", "navbar", "navbox", "noprint", "skip", "skiplink", "editsection", "headerlink", "permalink",
	"signup", "login", "paywall", "modal", "popup", "lightbox", "dropdown", "tooltip", "respond", "comments",
}

// listWords are words for what is no part of the page if it is mostly links.
var listWords = []string{
	"related", "recommended", "recommendations", "recirc", "sidebar", "nav", "navigation", "menu", "footer", "promo",
	"toc", "trending", "popular", "latest", "more", "widget", "tags", "tag", "teaser", "sister", "catlinks", "links",
	"masthead", "topbar", "toolbar", "categories", "read", "next", "prev", "aside", "rail", "ad", "ads",
}

// saysBoilerplate reports whether an element's class or id says that it is no part
// of the page.
func saysBoilerplate(n *html.Node, s size) bool {
	for _, a := range n.Attr {
		if a.Key != "class" && a.Key != "id" || a.Val == "" {
			continue
		}
		for word := range nameWords(a.Val) {
			if slices.Contains(siteWords, word) || s.links*2 > s.text && slices.Contains(listWords, word) {
				return true
			}
			if word == "comments" && s.text > 0 {
				return true
			}
		}
		if value := strings.ToLower(a.Val); strings.Contains(value, "no-print") ||
			strings.Contains(value, "print-none") || strings.Contains(value, "print:hidden") {
			return true
		}
	}
	return false
}

// nameWords yields the words of a class name or an id in lower case: they are
// separated by punctuation or by capital letters.
func nameWords(name string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start := 0
		var last rune
		for i, r := range name + " " {
			letter := unicode.IsLetter(r)
			if !letter || unicode.IsUpper(r) && unicode.IsLower(last) {
				if i > start && !yield(strings.ToLower(name[start:i])) {
					return
				}
				start = i
				if !letter {
					start += utf8.RuneLen(r)
				}
			}
			last = r
		}
	}
}

// isMenu reports whether an element is a list of very many links and little else,
// such as that of an article's translations, or of links to places in the page, such
// as its table of contents.
func isMenu(n *html.Node, s size) bool {
	if n.DataAtom != atom.Ul && n.DataAtom != atom.Ol || s.links*10 < s.text*9 {
		return false
	}
	return s.count >= 20 || s.count >= 3 && toItself(n)
}

// toItself reports whether all links below n lead to places in the same page.
func toItself(n *html.Node) bool {
	for child := range n.Descendants() {
		if child.DataAtom == atom.A && !strings.HasPrefix(attr(child, "href"), "#") {
			return false
		}
	}
	return true
}
