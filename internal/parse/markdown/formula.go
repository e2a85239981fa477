package markdown

import (
	"strings"
	"unicode/utf8"
)

// A Formula is an element of MathML: its name, and either its text or its parts.
type Formula struct {
	Name  string
	Text  string
	Parts []Formula
}

// String returns the formula as people type it in a line: a/b, x^2, x_i, √(x).
func (f Formula) String() string { return OneLine(f.linear()) }

func (f Formula) linear() string {
	var parts []string
	for _, part := range f.Parts {
		if part.Name == "annotation" || part.Name == "annotation-xml" {
			continue
		}
		if text := part.linear(); text != "" {
			parts = append(parts, text)
		}
	}
	text := strings.Join(parts, "") + strings.TrimSpace(f.Text)
	switch {
	case f.Name == "mfrac" && len(parts) == 2:
		return grouped(parts[0]) + "/" + grouped(parts[1])
	case f.Name == "msup" && len(parts) == 2:
		return parts[0] + "^" + grouped(parts[1])
	case f.Name == "msub" && len(parts) == 2:
		return parts[0] + "_" + grouped(parts[1])
	case (f.Name == "msubsup" || f.Name == "munderover") && len(parts) == 3:
		return parts[0] + "_" + grouped(parts[1]) + "^" + grouped(parts[2]) + " "
	case f.Name == "msqrt":
		return "√" + grouped(text)
	case f.Name == "mtable":
		return strings.Join(parts, "; ")
	case f.Name == "mtr":
		return strings.Join(parts, ", ")
	case f.Name == "mtext":
		return " " + text + " "
	case f.Name == "mo" && text != "" && strings.Contains("=<>≤≥≠≈∼→+−-±×⋅∈", text):
		return " " + text + " "
	}
	return text
}

// grouped returns a part of a formula, in parentheses unless it is one sign or word.
func grouped(part string) string {
	part = strings.TrimSpace(part)
	if utf8.RuneCountInString(part) > 1 && strings.ContainsAny(part, " +-−/^_=,") {
		return "(" + part + ")"
	}
	return part
}

// Raised returns text that stands above the line: a power in characters of its own,
// as 10 to the 6 is not 106, and anything else as it is.
func Raised(text string) string {
	if len(text) > 6 || strings.Trim(text, "0123456789+-−") != "" {
		return text
	}
	return strings.NewReplacer("0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷",
		"8", "⁸", "9", "⁹", "+", "⁺", "-", "⁻", "−", "⁻").Replace(text)
}

// Fenced writes code with its language, which may be empty.
func (w *Writer) Fenced(language, code string) {
	code = strings.Trim(code, "\n")
	if strings.TrimSpace(code) == "" {
		return
	}
	fence := Fence(code)
	w.block(fence+language+"\n"+code+"\n"+fence, false)
}
