package parse

import (
	"strings"

	"kvasir/internal/memo"
	"kvasir/internal/parse/charset"
)

// clean makes a text what an index, a database and a model take: valid UTF-8, LF
// line breaks, no control characters, no white space at its ends but one last line
// break. It cleans part by part, so that the parts stay where they are.
func clean(d memo.Parsed) memo.Parsed {
	var out strings.Builder
	out.Grow(len(d.Text))
	add := func(from, to int) (start, end int) {
		piece := charset.Clean(strings.ToValidUTF8(d.Text[from:to], "\ufffd"))
		if out.Len() == 0 {
			piece = strings.TrimLeft(piece, " \t\n")
		}
		start = out.Len()
		out.WriteString(piece)
		return start, out.Len()
	}
	at := 0
	for i := range d.Parts {
		p := &d.Parts[i]
		add(at, p.Start)
		at = p.End
		p.Start, p.End = add(p.Start, p.End)
	}
	add(at, len(d.Text))
	d.Text = strings.TrimRight(out.String(), " \t\n")
	if d.Text == "" {
		return memo.Parsed{}
	}
	kept := d.Parts[:0]
	for _, p := range d.Parts {
		p.Start, p.End = min(p.Start, len(d.Text)), min(p.End, len(d.Text))
		if p.Start < p.End {
			kept = append(kept, p)
		}
	}
	d.Text += "\n"
	if n := len(kept); n > 0 && kept[n-1].End == len(d.Text)-1 {
		kept[n-1].End++
	}
	d.Parts = kept
	d.Title = strings.Join(strings.Fields(charset.Clean(strings.ToValidUTF8(d.Title, ""))), " ")
	return d
}
