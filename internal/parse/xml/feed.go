package xml

import (
	"strings"

	"golang.org/x/net/html"

	"kvasir/internal/parse/markdown"
)

// isFeed reports whether a document is a feed.
func isFeed(root *node) bool {
	switch root.name {
	case "rss":
		return root.child("channel") != nil
	case "feed", "RDF":
		return root.child("entry", "item") != nil
	}
	return false
}

// feed writes a feed in RSS or Atom: its entries as sections. It returns its title.
func (w *writer) feed(root *node) string {
	w.roles = roles()
	channel := root
	if c := root.child("channel"); c != nil {
		channel = c
	}
	title := plain(channel.child("title"))
	w.out.Heading(1, title)
	w.out.Paragraph(plain(channel.child("description", "subtitle", "tagline")))
	for _, from := range []*node{channel, root} {
		for _, entry := range from.elements() {
			if entry.name == "item" || entry.name == "entry" {
				w.entry(entry)
			}
		}
		if channel == root {
			break
		}
	}
	return title
}

// entry writes an entry: its title, when and by whom, and what it says.
func (w *writer) entry(n *node) {
	if w.out.Over || w.stop() != nil {
		return
	}
	w.out.Heading(2, plain(n.child("title")))
	var facts []string
	for _, names := range [][]string{{"pubDate", "published", "date", "updated"}, {"creator", "author"}} {
		fact := n.child(names...)
		if fact != nil && fact.child("name") != nil {
			fact = fact.child("name")
		}
		if text := plain(fact); text != "" {
			facts = append(facts, text)
		}
	}
	w.out.Paragraph(strings.Join(facts, ", "))
	var tags []string
	for _, category := range n.all("category") {
		tag := category.attr("term")
		if tag == "" {
			tag = plain(category)
		}
		tags = append(tags, tag)
	}
	content := n.child("encoded", "content", "description", "summary")
	switch {
	case content == nil:
	case len(content.elements()) > 0: // XHTML
		w.blocks(content)
	default:
		w.page(content.raw())
	}
	w.out.Paragraph(strings.Join(tags, ", "))
}

// plain returns the text of an element that may hold HTML as text.
func plain(n *node) string {
	text := n.raw()
	if !strings.ContainsAny(text, "<&") {
		return markdown.OneLine(text)
	}
	var b strings.Builder
	for z := html.NewTokenizer(strings.NewReader(text)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return markdown.OneLine(b.String())
		case html.TextToken:
			b.WriteString(html.UnescapeString(string(z.Raw())))
		}
	}
}

// page writes HTML that stands in an entry as text: its paragraphs, headings, items
// and code, but no tables.
func (w *writer) page(text string) {
	var b strings.Builder
	style, mute := "", ""
	flush := func() {
		text := b.String()
		b.Reset()
		switch style {
		case "pre":
			w.out.Fenced("", text)
		case "li":
			w.out.Item(0, "-", markdown.OneLine(text))
		case "h1", "h2", "h3", "h4", "h5", "h6":
			w.out.Heading(int(style[1]-'0')+2, text)
		default:
			w.out.Paragraph(markdown.OneLine(text))
		}
	}
	for z := html.NewTokenizer(strings.NewReader(text)); ; {
		kind := z.Next()
		switch kind {
		case html.ErrorToken:
			flush()
			return
		case html.TextToken:
			if mute == "" {
				b.WriteString(html.UnescapeString(string(z.Raw())))
			}
			continue
		}
		tag, _ := z.TagName()
		name := string(tag)
		switch name {
		case "script", "style":
			mute = name
			if kind == html.EndTagToken {
				mute = ""
			}
		case "p", "div", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote", "br", "tr", "table", "hr":
			if name == "br" && style == "pre" {
				b.WriteByte('\n')
				continue
			}
			flush()
			style = name
			if kind == html.EndTagToken {
				style = ""
			}
		case "td", "th":
			b.WriteByte(' ')
		}
	}
}
