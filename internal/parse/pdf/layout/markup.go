package layout

import (
	"regexp"
	"strings"

	"kvasir/internal/memo"
	"kvasir/internal/parse/markdown"
)

// A Document is the pages of a document, as they are added.
type Document struct {
	Title   string
	Outline []Entry

	pages   [][]block
	hyphens vocabulary
	mono    bool // it is set in type of one width, as typewriters have
}

// An Entry is a line of a document's outline.
type Entry struct {
	Title string
	Level int // from 1
}

// Add reads the next page and returns how many bytes of text it has. A nil page has
// none.
func (d *Document) Add(p *Page) int {
	if p == nil {
		return d.add(nil)
	}
	return d.add(read(p))
}

// AddText takes text as the next page: paragraphs with blank lines between them.
func (d *Document) AddText(text string) int {
	var blocks []block
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		if paragraph = strings.TrimSpace(paragraph); paragraph != "" {
			blocks = append(blocks, block{text: paragraph, lines: strings.Count(paragraph, "\n") + 1})
		}
	}
	return d.add(blocks)
}

func (d *Document) add(blocks []block) int {
	if d.hyphens == nil {
		d.hyphens = vocabulary{}
	}
	d.pages = append(d.pages, blocks)
	size := 0
	for _, b := range blocks {
		d.hyphens.learn(b.text)
		size += b.length()
	}
	return size
}

// Markdown writes the document, each page a part. It reports whether all of it fits
// in maxText bytes. It is called once.
func (d *Document) Markdown(maxText int) (memo.Parsed, bool) {
	body := bodyType(d.pages)
	d.mono = mostlyCode(d.pages)
	if len(d.pages) > 1 {
		removeFurniture(d.pages, body.size)
	}
	markHeadings(d.pages, body, d.Outline)
	w := markdown.Writer{Max: maxText}
	for i, blocks := range d.pages {
		w.Part(memo.PartPage, i+1, "")
		indents := []float64{}
		for _, b := range blocks {
			indents = indent(indents, b)
			d.write(&w, b, len(indents)-1)
		}
	}
	return w.Parsed(d.Title), !w.Over
}

// indent returns the indents of the lists that a block is inside of, after the ones
// of the block before it.
func indent(indents []float64, b block) []float64 {
	if b.kind != listItem {
		return indents[:0]
	}
	for n := len(indents); n > 0 && b.X0 < indents[n-1]-0.5*b.size; n = len(indents) {
		indents = indents[:n-1]
	}
	if n := len(indents); n == 0 || b.X0 > indents[n-1]+0.5*b.size && b.X0 < indents[n-1]+8*b.size {
		indents = append(indents, b.X0)
	}
	return indents
}

// write writes a block; an item of a list at a depth.
func (d *Document) write(w *markdown.Writer, b block, depth int) {
	text := d.hyphens.mend(b.text)
	switch b.kind {
	case heading:
		w.Heading(b.level, text)
	case listItem:
		mark, rest := splitItem(text)
		w.Item(depth, mark, rest)
	case tableBlock:
		for _, row := range b.table.rows {
			for i := range row {
				row[i] = d.hyphens.mend(row[i])
			}
		}
		w.Table(b.table.rows)
	case code:
		if d.mono || b.lines < 2 {
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
	case strings.ContainsAny(mark, "0123456789.)※") || firstRune(mark) >= '①' && firstRune(mark) <= '⑳':
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
