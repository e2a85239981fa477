package pdf

import (
	"regexp"
	"strings"

	"kvasir/internal/memo"
	"kvasir/internal/parse/markdown"
)

// A reading is what has been read of a document: the blocks of each page.
type reading struct {
	pages   [][]block
	outline []entry
	title   string
	hyphens vocabulary
	mono    bool // it is set in type of one width, as typewriters have
}

// markup writes the document as Markdown, each page a part.
func (r *reading) markup(maxText int) (memo.Parsed, bool) {
	body := bodyType(r.pages)
	r.mono = mostlyCode(r.pages)
	if len(r.pages) > 1 {
		removeFurniture(r.pages, body.size)
	}
	markHeadings(r.pages, body, r.outline)
	w := markdown.Writer{Max: maxText}
	for i, blocks := range r.pages {
		w.Part(memo.PartPage, i+1, "")
		for _, b := range blocks {
			r.write(&w, b)
		}
	}
	return w.Parsed(r.title), !w.Over
}

// write writes a block.
func (r *reading) write(w *markdown.Writer, b block) {
	text := r.hyphens.mend(b.text)
	switch b.kind {
	case heading:
		w.Heading(b.level, text)
	case listItem:
		mark, rest := splitItem(text)
		w.Item(b.level, mark, rest)
	case tableBlock:
		for _, row := range b.table.rows {
			for i := range row {
				row[i] = r.hyphens.mend(row[i])
			}
		}
		w.Table(b.table.rows)
	case code:
		if r.mono || b.lines < 2 {
			w.Paragraph(text)
		} else {
			w.Fenced("", b.source)
		}
	default:
		w.Paragraph(text)
	}
}

// leaders matches the dots between a title and its page in a table of contents.
var leaders = regexp.MustCompile(`(?:\s?[.·…_]){5,}`)

// splitItem divides an item into a mark of Markdown and its text. A mark that
// Markdown does not know stays part of the text.
func splitItem(text string) (mark, rest string) {
	mark, rest, found := strings.Cut(text, " ")
	if !found || !isMarker(mark) {
		first := string(firstRune(text))
		if strings.ContainsAny(first, "①②③④⑤⑥⑦⑧⑨⑩") {
			return "-", text
		}
		return "-", strings.TrimSpace(strings.TrimPrefix(text, first))
	}
	switch {
	case len(mark) > 1 && strings.HasSuffix(mark, ".") && mark[0] >= '0' && mark[0] <= '9':
		return mark, rest
	case strings.ContainsAny(mark, "0123456789") || strings.ContainsAny(mark, ".)") || strings.ContainsAny(mark, "※①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"):
		return "-", text
	}
	return "-", rest
}

// mostlyCode reports whether most of the text is set in type of one width.
func mostlyCode(pages [][]block) bool {
	mono, all := 0, 0
	for _, blocks := range pages {
		for _, b := range blocks {
			all += len(b.text)
			if b.kind == code {
				mono += len(b.text)
			}
		}
	}
	return 2*mono > all
}
