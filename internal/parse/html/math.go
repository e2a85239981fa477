package html

import (
	"strings"

	"golang.org/x/net/html"
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
		w.text(strings.Join(strings.Fields(linear(n)), " "))
	}
}

// linear returns a formula as people type it: a/b, x^2, x_i, √(x).
func linear(n *html.Node) string {
	if n.Type == html.TextNode {
		return strings.TrimSpace(n.Data)
	}
	var parts []string
	for child := range n.ChildNodes() {
		if child.Data == "annotation" || child.Data == "annotation-xml" {
			continue
		}
		if part := linear(child); part != "" {
			parts = append(parts, part)
		}
	}
	switch {
	case n.Data == "mfrac" && len(parts) == 2:
		return group(parts[0]) + "/" + group(parts[1])
	case n.Data == "msup" && len(parts) == 2:
		return parts[0] + "^" + group(parts[1])
	case n.Data == "msub" && len(parts) == 2:
		return parts[0] + "_" + group(parts[1])
	case n.Data == "msubsup" && len(parts) == 3:
		return parts[0] + "_" + group(parts[1]) + "^" + group(parts[2])
	case n.Data == "msqrt":
		return "√" + group(strings.Join(parts, ""))
	case n.Data == "mtable":
		return strings.Join(parts, "; ")
	case n.Data == "mtr":
		return strings.Join(parts, ", ")
	case n.Data == "mo" && len(parts) == 1 && strings.Contains("=<>≤≥≠≈∼→+−-±×⋅∈", parts[0]):
		return " " + parts[0] + " "
	}
	return strings.Join(parts, "")
}

// group returns a part of a formula in parentheses unless it is one sign or word.
func group(part string) string {
	if part = strings.TrimSpace(part); len([]rune(part)) > 1 && strings.ContainsAny(part, " +-−/^_=,") {
		return "(" + part + ")"
	}
	return part
}
