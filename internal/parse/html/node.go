package html

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"kvasir/internal/parse/markdown"
)

// blocks are elements that begin and end a paragraph and are nothing else.
var blocks = []atom.Atom{
	atom.Html, atom.Body, atom.Main, atom.Article, atom.Section, atom.Div, atom.P, atom.Header, atom.Footer, atom.Aside,
	atom.Nav, atom.Address, atom.Center, atom.Figure, atom.Figcaption, atom.Details, atom.Summary, atom.Fieldset,
	atom.Legend, atom.Form, atom.Hr, atom.Hgroup, atom.Dialog, atom.Menu, atom.Dir, atom.Caption, atom.Optgroup,
	atom.Option, atom.Td, atom.Th, atom.Tr, atom.Tbody, atom.Thead, atom.Tfoot, atom.Li, atom.Dt, atom.Dd,
}

// node writes a node and what is below it.
func (w *writer) node(n *html.Node) {
	switch {
	case w.over:
	case n.Type == html.TextNode:
		w.text(n.Data)
	case n.Namespace == "math" && n.Data == "math":
		w.formula(n)
	case n.Type == html.ElementNode:
		w.element(n)
	default:
		w.children(n)
	}
}

// children writes what is below a node.
func (w *writer) children(n *html.Node) {
	for child := range n.ChildNodes() {
		w.node(child)
	}
}

// element writes an element.
func (w *writer) element(n *html.Node) {
	switch n.DataAtom {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		w.glue = false
		w.flush()
		w.heading(int(n.Data[1]-'0'), w.inline(n))
	case atom.Ul, atom.Ol:
		w.list(n)
	case atom.Dl:
		w.definitions(n)
	case atom.Blockquote:
		w.quote(n)
	case atom.Pre, atom.Listing, atom.Xmp, atom.Plaintext:
		w.code(n)
	case atom.Table:
		w.tableOf(n)
	case atom.Br:
		w.lineBreak()
	case atom.Wbr:
	case atom.Img:
		w.image(n)
	case atom.A:
		w.link(n)
	case atom.Samp, atom.Kbd:
		w.inlineCode(n)
	case atom.Sup:
		w.superscript(n)
	case atom.Q:
		w.quotation(n)
	case atom.Script:
		w.tex(oneLine(n))
	default:
		if slices.Contains(blocks, n.DataAtom) {
			w.flush()
			w.children(n)
			w.flush()
			return
		}
		w.children(n)
	}
}

// inline returns what is below a node on one line.
func (w *writer) inline(n *html.Node) string {
	cell := writer{max: w.max, stop: w.stop}
	cell.inlineNode(n)
	w.over = w.over || cell.over
	return strings.Join(strings.Fields(cell.take()), " ")
}

// inlineNode collects what is below a node in the line. Blocks become words with a
// space between them, items of lists end in a semicolon.
func (w *writer) inlineNode(n *html.Node) {
	for child := range n.ChildNodes() {
		switch {
		case child.Type != html.ElementNode || child.Namespace != "":
			w.node(child)
		case child.DataAtom == atom.Li && child.PrevSibling != nil && w.line.Len() > 0:
			w.pending = false
			w.raw(";")
			w.space()
			w.inlineNode(child)
			w.space()
		case child.DataAtom == atom.Br, child.DataAtom == atom.Hr:
			w.space()
		case child.DataAtom == atom.Pre:
			w.space()
			w.raw("`" + oneLine(child) + "`")
			w.space()
		case isBlock(child):
			w.space()
			w.inlineNode(child)
			w.space()
		case isInlineLeaf(child):
			w.element(child)
		default:
			w.inlineNode(child)
		}
	}
}

// isBlock reports whether an element is not part of a line.
func isBlock(n *html.Node) bool {
	switch n.DataAtom {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Ul, atom.Ol, atom.Dl, atom.Blockquote,
		atom.Listing, atom.Xmp, atom.Plaintext, atom.Table, atom.Pre:
		return true
	}
	return slices.Contains(blocks, n.DataAtom)
}

// isInlineLeaf reports whether an element is written in its own way within a line.
func isInlineLeaf(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Img, atom.A, atom.Samp, atom.Kbd, atom.Sup, atom.Q, atom.Script, atom.Wbr:
		return first(n, isBlock) == nil
	}
	return false
}

// list writes a list. One whose items have headings is no list for a reader.
func (w *writer) list(n *html.Node) {
	w.glue = false
	w.flush()
	if first(n, isHeading) != nil {
		w.children(n)
		w.flush()
		return
	}
	number := 1
	if start, err := strconv.Atoi(attr(n, "start")); err == nil {
		number = start
	}
	for child := range n.ChildNodes() {
		if child.DataAtom != atom.Li {
			// Old pages put lists right into lists.
			w.indent("", "  ", func() { w.node(child) })
			continue
		}
		marker := "- "
		if n.DataAtom == atom.Ol {
			if value, err := strconv.Atoi(attr(child, "value")); err == nil {
				number = value
			}
			marker = itemMarker(number)
			number++
		}
		w.indent(marker, strings.Repeat(" ", len(marker)), func() { w.children(child) })
	}
}

// definitions writes a list of terms and what they mean, as items "term: meaning".
func (w *writer) definitions(n *html.Node) {
	w.glue = false
	w.flush()
	if first(n, isHeading) != nil {
		w.children(n)
		w.flush()
		return
	}
	groups := [][]*html.Node{}
	var collect func(n *html.Node)
	collect = func(n *html.Node) {
		for child := range n.ChildNodes() {
			switch last := len(groups) - 1; {
			case child.DataAtom == atom.Div:
				collect(child)
			case child.DataAtom == atom.Dt && (last < 0 || groups[last][len(groups[last])-1].DataAtom != atom.Dt), last < 0:
				groups = append(groups, []*html.Node{child})
			default:
				groups[last] = append(groups[last], child)
			}
		}
	}
	collect(n)
	for _, group := range groups {
		w.indent("- ", "  ", func() { w.definition(group) })
	}
}

// definition writes terms and their meanings.
func (w *writer) definition(group []*html.Node) {
	last := atom.Atom(0)
	for _, n := range group {
		switch {
		case n.DataAtom == atom.Dt && last == atom.Dt:
			w.raw(",")
			w.space()
		case n.DataAtom == atom.Dd && last == atom.Dt && w.line.Len() > 0:
			if !strings.HasSuffix(w.line.String(), ":") {
				w.pending = false
				w.raw(":")
			}
			w.space()
			w.glue = true // a paragraph follows the term on its line
		case n.DataAtom == atom.Dd:
			w.flush()
		}
		w.children(n)
		if n.DataAtom != 0 {
			last = n.DataAtom
		}
	}
	w.glue = false
}

// quote writes a quotation.
func (w *writer) quote(n *html.Node) {
	w.glue = false
	w.flush()
	if first(n, isHeading) != nil {
		w.children(n)
		w.flush()
		return
	}
	w.indent("", "> ", func() { w.children(n) })
}

// link writes the words of a link. Two links side by side are two words. An address
// of mail or a telephone is said, as it is what people look for.
func (w *writer) link(n *html.Node) {
	if prev := n.PrevSibling; prev != nil && prev.DataAtom == atom.A {
		w.space()
	}
	if isAnchorSign(n) || isBacklink(n) {
		return
	}
	w.children(n)
	for _, scheme := range []string{"mailto:", "tel:"} {
		address, ok := strings.CutPrefix(attr(n, "href"), scheme)
		address, _, _ = strings.Cut(address, "?")
		if ok && address != "" && !strings.Contains(oneLine(n), address) && scheme == "mailto:" {
			w.space()
			w.raw("(" + strings.Join(strings.Fields(address), " ") + ")")
		}
	}
}

// isAnchorSign reports whether a link is only the sign that a heading can be linked to.
func isAnchorSign(n *html.Node) bool {
	text := oneLine(n)
	return len(text) <= 4 && strings.HasPrefix(attr(n, "href"), "#") &&
		strings.IndexFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) < 0 &&
		first(n, func(n *html.Node) bool { return n.DataAtom == atom.Img }) == nil
}

// isBacklink reports whether a link leads from a footnote to where it is cited.
func isBacklink(n *html.Node) bool {
	sup := first(n, func(n *html.Node) bool { return n.DataAtom == atom.Sup })
	return sup != nil && isPlace(n) && oneLine(sup) == oneLine(n)
}

// image writes what is said about an image, unless that is a file's name or stands
// beside it, too, as its caption.
func (w *writer) image(n *html.Node) {
	alt := strings.Join(strings.Fields(attr(n, "alt")), " ")
	switch {
	case strings.Contains(attr(n, "class"), "math") || strings.Contains(attr(n, "class"), "tex"):
		if strings.Contains(alt, `\`) {
			w.tex(alt)
			return
		}
	case alt == "" || !strings.Contains(alt, " ") && strings.Contains(alt, "."):
		return
	}
	for around, i := n.Parent, 0; around != nil && i < 3; around, i = around.Parent, i+1 {
		if text, short := shortText(around); short && strings.Contains(text, alt) {
			return
		}
	}
	w.space()
	w.text(alt)
	w.space()
}

// shortText returns the text below n on one line if it is short.
func shortText(n *html.Node) (text string, short bool) {
	var b strings.Builder
	nodes := 0
	for child := range n.Descendants() {
		nodes++
		if child.Type == html.TextNode {
			b.WriteString(child.Data)
		}
		if nodes > 100 || b.Len() > 2000 {
			return "", false
		}
	}
	return strings.Join(strings.Fields(b.String()), " "), true
}

// quotation writes a quotation in a line.
func (w *writer) quotation(n *html.Node) {
	w.text(`“`)
	w.children(n)
	w.pending = false
	w.text(`”`)
}

// inlineCode writes code in a line.
func (w *writer) inlineCode(n *html.Node) {
	text := oneLine(n)
	if text == "" || first(n, isBlock) != nil {
		w.children(n)
		return
	}
	if strings.Contains(text, "`") || n.DataAtom == atom.Kbd {
		w.text(text)
		return
	}
	w.raw("`" + text + "`")
}

// superscript writes a power as one. The mark of a footnote is left out.
func (w *writer) superscript(n *html.Node) {
	if link := first(n, isPlace); link != nil && oneLine(link) == oneLine(n) {
		return
	}
	if first(n, func(n *html.Node) bool { return n.DataAtom == atom.A }) == nil {
		w.raw(markdown.Raised(oneLine(n)))
		return
	}
	w.children(n)
}

// isPlace reports whether an element is a link to a place in the page.
func isPlace(n *html.Node) bool {
	return n.DataAtom == atom.A && strings.HasPrefix(attr(n, "href"), "#")
}
