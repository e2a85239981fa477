// Package html reads the text of web pages as Markdown: headings, lists, tables and
// code stay, while scripts, navigation and looks go.
//
// A page is read in four steps. A gate counts what comes in and bounds what the
// parser can make of it. What no reader sees is removed from the tree, then what is
// on every page of a site and not of this page. The rest is written as Markdown.
//
// Whether something belongs to the page is judged by its marks (elements, roles and
// the words sites use in class names) and by how much of it is links. A mark is
// believed only as long as it leaves most of the page: losing words is worse than
// keeping a menu.
//
// Emphasis becomes its words, as stars would come between the words of a phrase that
// is searched for. So do links: an address says nothing to a search and much to a
// token budget. Only addresses of mail and telephone stay, as people ask for those.
package html

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse/charset"
)

// Limits bound what a page may take. The zero value works. How deep elements nest is
// bounded by the parser, at 512.
type Limits struct {
	// Nodes is how many elements, texts and comments a page may have; 0 means 1
	// million, some 300 MB.
	Nodes int
	// Text is the longest Markdown in bytes; 0 means 64 MiB.
	Text int
}

// Read reads a page. The content type, which may be empty, can name its character
// set; else the page does, or its bytes are looked at. A page that says nothing gives
// an empty text. The text starts with the title if the page has no main heading.
func Read(ctx context.Context, r io.Reader, contentType string, limits Limits) (memo.Parsed, error) {
	limits.Nodes = cmp.Or(max(limits.Nodes, 0), 1_000_000)
	limits.Text = cmp.Or(max(limits.Text, 0), 64<<20)
	doc, err := parse(ctx, r, contentType, limits)
	if err != nil || doc == nil {
		return memo.Parsed{}, err
	}
	titles := titlesOf(doc)
	content := mainContent(doc)
	title := titles.best(content)
	w := &writer{max: limits.Text, stop: ctx.Err}
	if title != "" && first(content, isMainHeading) == nil {
		w.heading(1, title)
	}
	w.node(content)
	w.flush()
	switch {
	case ctx.Err() != nil:
		return memo.Parsed{}, context.Cause(ctx)
	case w.over:
		return memo.Parsed{}, fault.New(fault.TooLarge, "The page has too much text")
	}
	return memo.Parsed{Title: charset.Clean(title), Text: charset.Clean(w.String())}, nil
}

// parse returns the tree of a page, nil if there is nothing.
func parse(ctx context.Context, r io.Reader, contentType string, limits Limits) (*html.Node, error) {
	decoded, err := decode(bufio.NewReaderSize(r, peekSize), contentType)
	if err != nil {
		return nil, err
	}
	g := &gate{z: html.NewTokenizer(decoded), left: limits.Nodes, stop: ctx.Err}
	doc, err := html.Parse(g)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, errTooMany):
		return nil, fault.Wrap(fault.TooLarge, "The page has too many elements", err)
	case g.failed != nil:
		return nil, g.failed
	case err != nil:
		// The parser reads whatever it is given, but for one thing.
		return nil, fault.Wrap(fault.Invalid, "The page nests its elements too deep", err)
	}
	return doc, nil
}

// titles are what a page is called.
type titles struct{ element, meta string }

// titlesOf collects the titles of a page.
func titlesOf(doc *html.Node) titles {
	var t titles
	for n := range doc.Descendants() {
		switch {
		case n.Type != html.ElementNode || n.Namespace != "":
		case n.DataAtom == atom.Title && t.element == "":
			t.element = oneLine(n)
		case n.DataAtom == atom.Meta && t.meta == "" &&
			(strings.EqualFold(attr(n, "property"), "og:title") || strings.EqualFold(attr(n, "name"), "og:title")):
			t.meta = strings.Join(strings.Fields(attr(n, "content")), " ")
		}
	}
	return t
}

// isMainHeading reports whether an element is a heading of the first level.
func isMainHeading(n *html.Node) bool { return n.DataAtom == atom.H1 }

// separators stand between the title of a page and the name of its site.
var separators = []string{" | ", " - ", " – ", " — ", " · ", " :: ", " » ", " • "}

// best returns the title without the site's name, which sites put after it or before
// it: if one side of a separator is a heading or the title for sharing, that.
func (t titles) best(content *html.Node) string {
	title := cmp.Or(t.element, t.meta)
	names := headings(content)
	if title == "" && len(names) > 0 {
		return names[0]
	}
	names = append([]string{t.meta}, names...)
	for _, name := range names {
		rest := title[min(len(name), len(title)):]
		if name != "" && strings.EqualFold(title[:len(title)-len(rest)], name) && slices.ContainsFunc(separators,
			func(separator string) bool { return strings.HasPrefix(rest, separator) }) {
			return name
		}
	}
	for _, name := range names {
		rest := title[:max(len(title)-len(name), 0)]
		if name != "" && strings.EqualFold(title[len(rest):], name) && slices.ContainsFunc(separators,
			func(separator string) bool { return strings.HasSuffix(rest, separator) }) {
			return name
		}
	}
	return title
}

// headings returns the first headings of the page, those of the first level before
// the others.
func headings(content *html.Node) []string {
	var main, others []string
	for n := range content.Descendants() {
		switch {
		case n.Type != html.ElementNode || !isHeading(n):
		case isMainHeading(n):
			main = append(main, headingText(n))
		default:
			others = append(others, headingText(n))
		}
		if len(main)+len(others) == 20 {
			break
		}
	}
	return append(main, others...)
}

// headingText returns the words of a heading, without the sign that it can be linked to.
func headingText(n *html.Node) string { return strings.TrimRight(oneLine(n), " #¶§🔗") }
