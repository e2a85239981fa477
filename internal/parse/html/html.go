// Package html reads the text of web pages as Markdown: headings, lists, tables and
// code stay, while scripts, navigation and looks go. Links and images become their
// words, as an address says nothing to a search and much to a token budget.
package html

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/JohannesKaufmann/html-to-markdown/v2/converter"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/base"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/commonmark"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/table"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"

	"kvasir/internal/fault"
)

// A Page is what was read.
type Page struct {
	Title string // of the page; empty if it has none
	Text  string // Markdown; starts with the title if the page has no main heading
}

// Read reads a page. The content type, which may be empty, can name its character
// set; else the page does, or its bytes are looked at.
func Read(ctx context.Context, r io.Reader, contentType string) (Page, error) {
	decoded, err := charset.NewReader(&reader{ctx.Err, r}, contentType)
	switch {
	case ctx.Err() != nil:
		return Page{}, context.Cause(ctx)
	case errors.Is(err, io.EOF):
		return Page{}, nil // nothing to read
	case err != nil:
		return Page{}, fmt.Errorf("detect the character set: %w", err)
	}
	doc, err := html.Parse(decoded)
	switch {
	case ctx.Err() != nil:
		return Page{}, context.Cause(ctx)
	case err != nil:
		// The parser reads whatever it is given, but for one thing.
		return Page{}, fault.Wrap(fault.Invalid, "The page nests its elements too deep", err)
	}
	title := ""
	if n := first(doc, func(n *html.Node) bool { return n.DataAtom == atom.Title }); n != nil {
		title = oneLine(n)
	}
	content := mainContent(doc)
	simplify(content, mostlyMenus(content))
	convert := converter.NewConverter(
		// Backslashes would come between the words of a quotation.
		converter.WithEscapeMode(converter.EscapeModeDisabled),
		converter.WithPlugins(
			base.NewBasePlugin(),
			commonmark.NewCommonmarkPlugin(),
			table.NewTablePlugin(table.WithHeaderPromotion(true), table.WithSkipEmptyRows(true),
				table.WithCellPaddingBehavior(table.CellPaddingBehaviorNone)),
		),
	)
	markdown, err := convert.ConvertNode(content, converter.WithContext(ctx))
	if err != nil {
		return Page{}, fault.Wrap(fault.Invalid, "The page cannot be read", err)
	}
	text := strings.TrimSpace(strings.TrimPrefix(string(markdown), "\ufeff")) // a byte order mark
	if title != "" && first(content, func(n *html.Node) bool { return n.DataAtom == atom.H1 }) == nil {
		text = "# " + title + "\n\n" + text
	}
	return Page{title, text}, nil
}

// A reader stops when its context has ended.
type reader struct {
	ended func() error
	io.Reader
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if err := r.ended(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// mainContent returns the part of the page that it is about: what is marked so, or
// all of it.
func mainContent(doc *html.Node) *html.Node {
	content := first(doc, func(n *html.Node) bool {
		return n.DataAtom == atom.Main || strings.EqualFold(attr(n, "role"), "main")
	})
	if content == nil {
		isArticle := func(n *html.Node) bool { return n.DataAtom == atom.Article }
		content = first(doc, isArticle)
		if content != nil && first(doc, func(n *html.Node) bool { return isArticle(n) && !inside(n, content) }) != nil {
			content = nil // a list of articles
		}
	}
	// Some pages mark little or nothing; then the mark says nothing either.
	if content == nil || textLength(content)*10 < textLength(doc) {
		return doc
	}
	return content
}

// dropped are elements without text for a reader, or with text that is the same on
// every page of a site.
var dropped = []atom.Atom{
	atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Iframe, atom.Svg, atom.Canvas, atom.Object,
	atom.Embed, atom.Head, atom.Nav, atom.Aside, atom.Footer, atom.Input, atom.Button, atom.Select, atom.Textarea,
	atom.Dialog, atom.Audio, atom.Video, atom.Map, atom.Link, atom.Meta,
}

// isDropped reports whether an element is left out.
func isDropped(n *html.Node) bool {
	if n.Type == html.CommentNode {
		return true
	}
	if n.Type != html.ElementNode {
		return false
	}
	switch strings.ToLower(attr(n, "role")) {
	case "navigation", "banner", "contentinfo", "search", "dialog":
		return true
	}
	style := strings.ReplaceAll(attr(n, "style"), " ", "")
	return slices.Contains(dropped, n.DataAtom) || hasAttr(n, "hidden") || strings.Contains(style, "display:none")
}

// plain are elements that become their words. Emphasis would come between the words
// of a phrase that is searched for.
var plain = []atom.Atom{atom.A, atom.B, atom.Strong, atom.I, atom.Em, atom.U, atom.Mark}

// isMenu reports whether an element is a list of very many links and little else,
// such as that of an article's translations.
func isMenu(n *html.Node) bool {
	if n.DataAtom != atom.Ul && n.DataAtom != atom.Ol {
		return false
	}
	links, length := 0, 0
	for child := range n.Descendants() {
		if child.DataAtom == atom.A {
			links++
			length += textLength(child)
		}
	}
	return links >= 20 && length*10 >= textLength(n)*9
}

// simplify removes what is dropped below n, and turns links and images into their
// words. Menus are only dropped where that leaves something, as a page may be one.
func simplify(n *html.Node, menus bool) {
	var next *html.Node
	for child := n.FirstChild; child != nil; child = next {
		next = child.NextSibling
		switch {
		case isDropped(child), !menus && isMenu(child):
			n.RemoveChild(child)
			continue
		case slices.Contains(plain, child.DataAtom):
			child.Data, child.DataAtom, child.Attr = "span", atom.Span, nil
		case child.DataAtom == atom.Img:
			*child = html.Node{
				Type: html.TextNode, Data: attr(child, "alt"),
				Parent: n, PrevSibling: child.PrevSibling, NextSibling: child.NextSibling,
			}
		}
		simplify(child, menus)
	}
}

// mostlyMenus reports whether less than half of the text is outside of menus.
func mostlyMenus(n *html.Node) bool {
	menus := 0
	for child := range n.Descendants() {
		if isMenu(child) {
			menus += textLength(child)
		}
	}
	return menus*2 > textLength(n)
}

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

// textLength returns the bytes of text below n that are not dropped.
func textLength(n *html.Node) int {
	if n.Type == html.TextNode {
		return len(strings.TrimSpace(n.Data))
	}
	length := 0
	for child := range n.ChildNodes() {
		if !isDropped(child) {
			length += textLength(child)
		}
	}
	return length
}

// oneLine returns the text below n on one line.
func oneLine(n *html.Node) string {
	var b strings.Builder
	for child := range n.Descendants() {
		if child.Type == html.TextNode {
			b.WriteString(child.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
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
