package xml

import (
	"fmt"
	"strings"

	"kvasir/internal/parse/markdown"
)

// line returns an element as a line of words.
func (w *writer) line(n *node) string {
	if n == nil {
		return ""
	}
	return w.words(n.children)
}

// words returns nodes as a line of words.
func (w *writer) words(nodes []*node) string {
	var b strings.Builder
	w.collect(&b, nodes)
	return markdown.OneLine(b.String())
}

// collect adds nodes to a line.
func (w *writer) collect(b *strings.Builder, nodes []*node) {
	if b.Len() > w.max {
		w.out.Over = true
		return
	}
	for _, n := range nodes {
		w.word(b, n)
	}
}

// word adds a node to a line.
func (w *writer) word(b *strings.Builder, n *node) {
	switch n.name {
	case "":
		b.WriteString(strings.ReplaceAll(n.text, "\u00ad", ""))
		return
	case "sup", "superscript":
		b.WriteString(markdown.Raised(w.line(n)))
		return
	case "break", "br", "lb":
		b.WriteByte(' ')
		return
	case "code", "literal", "command", "function", "monospace-code", "codeph":
		text := w.line(n)
		if text != "" && !strings.Contains(text, "`") {
			text = "`" + text + "`"
		}
		b.WriteString(text)
		return
	case "math":
		b.WriteString(mathText(n))
		return
	case "tex-math":
		b.WriteString(texText(n.raw()))
		return
	case "alternatives":
		w.alternatives(b, n)
		return
	case "quote", "q":
		b.WriteString("“" + w.line(n) + "”")
		return
	case "label":
		b.WriteString(w.line(n) + " ")
		return
	case "manvolnum":
		b.WriteString("(" + w.line(n) + ")")
		return
	case "element-citation", "nlm-citation":
		b.WriteString(w.elementCitation(n))
		return
	}
	switch w.roles[n.name] {
	case dropped:
	case inline:
		w.collect(b, n.children)
	case note:
		w.footnote(b, n)
	default: // a block in a line
		b.WriteByte(' ')
		w.collect(b, n.children)
		b.WriteByte(' ')
	}
}

// footnote adds the mark of a footnote, whose text follows the paragraph.
func (w *writer) footnote(b *strings.Builder, n *node) {
	w.notes++
	number := w.notes
	if text := w.line(n); text != "" {
		fmt.Fprintf(b, "[^%d]", number)
		w.later = append(w.later, fmt.Sprintf("[^%d]: %s", number, text))
	}
}

// alternatives adds one of several forms of the same: TeX, MathML, then any with words.
func (w *writer) alternatives(b *strings.Builder, n *node) {
	if tex := n.child("tex-math"); tex != nil {
		w.word(b, tex)
		return
	}
	for _, child := range n.elements() {
		if w.roles[child.name] != dropped {
			w.word(b, child)
			return
		}
	}
}

// mathText returns a formula in MathML: in TeX if it has that, too, else in a line.
func mathText(n *node) string {
	tex := n.find(func(n *node) bool { return n.name == "annotation" && strings.Contains(n.attr("encoding"), "tex") })
	if tex != nil {
		return texText(tex.raw())
	}
	return n.formula().String()
}

// texText returns a formula in TeX. Journals wrap it in a whole document.
func texText(text string) string {
	if _, body, ok := strings.Cut(text, `\begin{document}`); ok {
		text, _, _ = strings.Cut(body, `\end{document}`)
	}
	if text = strings.Trim(strings.TrimSpace(text), "$"); text == "" {
		return ""
	}
	return "$" + markdown.OneLine(text) + "$"
}
