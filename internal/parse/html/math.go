package html

import (
	"strings"

	"golang.org/x/net/html"

	"kvasir/internal/parse/markdown"
)

// tex writes a formula in TeX.
func (w *writer) tex(formula string) {
	formula = strings.TrimSpace(formula)
	if inner, ok := strings.CutPrefix(formula, `{\displaystyle`); ok && strings.HasSuffix(inner, "}") {
		formula = strings.TrimSpace(strings.TrimSuffix(inner, "}"))
	}
	if formula != "" {
		w.text("$" + formula + "$")
	}
}

// formula writes a formula in MathML: in TeX if it has that, too, else in a line.
func (w *writer) formula(n *html.Node) {
	tex := first(n, func(n *html.Node) bool {
		return n.Data == "annotation" && strings.Contains(attr(n, "encoding"), "tex")
	})
	switch {
	case tex != nil:
		w.tex(oneLine(tex))
	case strings.Contains(attr(n, "alttext"), `\`):
		w.tex(attr(n, "alttext"))
	default:
		w.text(mathOf(n).String())
	}
}

// mathOf returns an element of MathML.
func mathOf(n *html.Node) markdown.Formula {
	f := markdown.Formula{Name: n.Data}
	if n.Type == html.TextNode {
		f = markdown.Formula{Text: n.Data}
	}
	for child := range n.ChildNodes() {
		f.Parts = append(f.Parts, mathOf(child))
	}
	return f
}
