package office

import (
	"cmp"

	"kvasir/internal/parse/markdown"
)

// formula returns an equation of Office as an element of MathML.
func formula(n *node) markdown.Formula {
	part := func(name string) markdown.Formula {
		if child := n.Child(name); child != nil {
			return formula(child)
		}
		return markdown.Formula{}
	}
	of := func(name string, parts ...markdown.Formula) markdown.Formula {
		return markdown.Formula{Name: name, Parts: parts}
	}
	sign := func(text string) markdown.Formula { return markdown.Formula{Name: "mi", Text: text} }
	switch n.Name {
	case "t":
		return sign(n.Text())
	case "f":
		return of("mfrac", part("num"), part("den"))
	case "sSup":
		return of("msup", part("e"), part("sup"))
	case "sSub":
		return of("msub", part("e"), part("sub"))
	case "sSubSup":
		return of("msubsup", part("e"), part("sub"), part("sup"))
	case "rad":
		return of("msqrt", part("e"))
	case "nary":
		signs := of("munderover", sign(cmp.Or(n.Val("naryPr", "chr"), "∫")), part("sub"), part("sup"))
		return of("mrow", signs, part("e"))
	case "d":
		open, shut := cmp.Or(n.Val("dPr", "begChr"), "("), cmp.Or(n.Val("dPr", "endChr"), ")")
		return of("mrow", sign(open), of("mrow", formulas(n)...), sign(shut))
	case "m":
		return of("mtable", formulas(n)...)
	case "mr":
		return of("mtr", formulas(n)...)
	}
	return of("mrow", formulas(n)...)
}

// formulas returns the elements below n that are part of an equation.
func formulas(n *node) []markdown.Formula {
	var parts []markdown.Formula
	for _, child := range n.Children {
		if child.Name != "" {
			parts = append(parts, formula(child))
		}
	}
	return parts
}
