package html

import (
	"iter"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// A judge says what belongs to the site and not to the page.
type judge struct {
	whole bool // no part of the page is marked as its content
}

// isBoilerplate reports whether an element belongs to the site.
func (j judge) isBoilerplate(n *html.Node, s size) bool {
	switch n.DataAtom {
	case atom.Nav, atom.Dialog, atom.Menu:
		return true
	case atom.Footer:
		return n.Parent.DataAtom != atom.Blockquote // there it says who said it
	case atom.Aside:
		// Notes within an article are asides, too; lists of other articles are links.
		return j.whole || s.links*3 > s.text
	case atom.Header:
		if j.whole && first(n, isMainHeading) == nil && n.Parent.DataAtom == atom.Body {
			return true
		}
		return first(n, isHeading) == nil && s.links*3 > s.text
	case atom.Form:
		return s.text < 200 && first(n, isBig) == nil
	case atom.Body, atom.Html, atom.Main, atom.Article, atom.H1, atom.H2, atom.H3, atom.H4,
		atom.H5, atom.H6:
		return false
	}
	switch strings.ToLower(attr(n, "role")) {
	case "navigation", "banner", "contentinfo", "search", "dialog", "alertdialog", "menu", "menubar", "toolbar":
		return true
	}
	return saysBoilerplate(n, s)
}

// isBig reports whether an element is the kind that an article is made of.
func isBig(n *html.Node) bool {
	return isHeading(n) || n.DataAtom == atom.Table || n.DataAtom == atom.P || n.DataAtom == atom.Pre
}

// isHeading reports whether an element is a heading.
func isHeading(n *html.Node) bool {
	return len(n.Data) == 2 && n.Data[0] == 'h' && n.Data[1] >= '1' && n.Data[1] <= '6'
}

// siteWords are words of class names and ids for what is no part of the page,
// whatever it holds.
var siteWords = []string{
	"cookie", "cookies", "consent", "gdpr", "breadcrumb", "breadcrumbs", "share", "sharing", "social", "sharedaddy",
	"newsletter", "subscribe", "advert", "advertisement", "adsbygoogle", "sponsored", "outbrain", "taboola", "disqus",
	"pagination", "navbar", "navbox", "noprint", "skip", "skiplink", "editsection", "headerlink", "signup", "login",
	"modal", "popup", "dropdown",
}

// listWords are words for what is no part of the page if it is mostly links.
var listWords = []string{
	"related", "recommended", "recommendations", "recirc", "sidebar", "nav", "navigation", "menu", "footer", "promo",
	"toc", "trending", "popular", "latest", "more", "widget", "tags", "teaser", "sister", "catlinks", "masthead",
	"topbar", "toolbar", "categories", "next", "prev", "rail", "ad", "ads",
}

// saysBoilerplate reports whether an element's class or id says that it is no part
// of the page.
func saysBoilerplate(n *html.Node, s size) bool {
	list := s.links*2 > s.text && isBlock(n)
	for word := range marks(n) {
		if slices.Contains(siteWords, word) || list && slices.Contains(listWords, word) {
			return true
		}
	}
	class := strings.ToLower(attr(n, "class"))
	return strings.Contains(class, "no-print") || strings.Contains(class, "print-none") ||
		strings.Contains(class, "print:hidden")
}

// isComments reports whether an element holds what readers wrote below the page.
func isComments(n *html.Node, _ size) bool {
	if n.DataAtom == atom.Body || n.DataAtom == atom.Html || n.DataAtom == atom.Main || isHeading(n) {
		return false
	}
	last := ""
	for word := range marks(n) {
		if word == "comments" || word == "commentlist" || word == "respond" || last == "comment" && word == "list" {
			return true
		}
		last = word
	}
	return false
}

// marks yields the words of an element's class names and id. An id that is made of
// the heading of a section is a place in the page, and no mark.
func marks(n *html.Node) iter.Seq[string] {
	class, id := attr(n, "class"), attr(n, "id")
	if n.DataAtom == atom.Section || slices.Contains(strings.Fields(class), "section") || strings.Count(id, "-") > 3 {
		id = ""
	}
	return func(yield func(string) bool) {
		for word := range words(class + " " + id) {
			if !yield(word) {
				return
			}
		}
	}
}

// words yields the words of names in lower case: they are separated by what is no
// letter or by capital letters.
func words(names string) iter.Seq[string] {
	return func(yield func(string) bool) {
		start := 0
		var last rune
		for i, r := range names + " " {
			letter := unicode.IsLetter(r)
			if !letter || unicode.IsUpper(r) && unicode.IsLower(last) {
				if i > start && !yield(strings.ToLower(names[start:i])) {
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

// isMenu reports whether an element is a list of many links and little else, such as
// that of an article's translations, or of links to places in the page, such as its
// table of contents.
func (j judge) isMenu(n *html.Node, s size) bool {
	if s.count == 0 || s.links*10 < s.text*9 || first(n, isHeading) != nil {
		return false
	}
	many := 20
	if j.whole {
		many = 5
	}
	switch n.DataAtom {
	case atom.Ul, atom.Ol, atom.Dl:
		return s.count >= many || s.count >= 3 && toItself(n)
	case atom.Div, atom.P:
		return j.whole && s.count >= many || toItself(n)
	case atom.Td, atom.Center:
		return j.whole && s.count >= many
	case atom.A:
		return standsAlone(n) && strings.HasPrefix(attr(n, "href"), "#")
	}
	return false
}

// standsAlone reports whether a link is not part of a line, as those are not that
// lead past the menus of a page.
func standsAlone(link *html.Node) bool {
	switch link.Parent.DataAtom {
	case atom.Body, atom.Div, atom.Main, atom.Section, atom.Article, atom.Header:
	default:
		return false
	}
	for n := range link.Parent.ChildNodes() {
		text := n.Type == html.TextNode && strings.TrimSpace(n.Data) != ""
		if text || n.Type == html.ElementNode && n.DataAtom != atom.A && !isBlock(n) {
			return false
		}
	}
	return true
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
