package xml

import (
	"strconv"
	"strings"

	"kvasir/internal/parse/markdown"
)

// A writer writes a document as Markdown.
type writer struct {
	out   markdown.Writer
	max   int          // bytes
	stop  func() error // of the context
	roles map[string]role
	level int // of the headings of sections
	depth int // of lists
	html  bool
	notes int
	later []string // footnotes of the paragraph
}

// prose writes a document and returns its title.
func (w *writer) prose(root *node) string {
	w.roles = roles()
	title := proseTitle(root)
	w.html = root.name == "html"
	if w.html {
		w.blocks(root)
		return title
	}
	if title != "" {
		w.out.Heading(1, title)
		w.level = 1
	}
	if authors := docbookAuthors(root); authors != "" {
		w.out.Paragraph(authors)
	}
	if info := root.child("info", "articleinfo", "bookinfo", "teiHeader"); info != nil {
		for _, abstract := range info.all("abstract") {
			w.block(abstract)
		}
	}
	for _, child := range root.children {
		if w.roles[child.name] != heading || child.oneLine() != title {
			w.block(child)
		}
	}
	return title
}

// proseTitle returns the title of a document.
func proseTitle(root *node) string {
	paths := [][]string{
		{"title"}, {"info", "title"}, {"articleinfo", "title"}, {"bookinfo", "title"}, {"refmeta", "refentrytitle"},
		{"teiHeader", "fileDesc", "titleStmt", "title"}, {"description", "title-info", "book-title"}, {"head", "title"},
		{"refnamediv", "refname"},
	}
	for _, path := range paths {
		n := root
		for _, name := range path {
			if n = n.child(name); n == nil {
				break
			}
		}
		if title := n.oneLine(); title != "" {
			return title
		}
	}
	return ""
}

// docbookAuthors returns who wrote a document.
func docbookAuthors(root *node) string {
	info := root.child("info", "articleinfo", "bookinfo", "refentryinfo")
	if info == nil {
		return ""
	}
	var names []string
	for _, author := range info.all("author") {
		var parts []string
		for _, name := range []string{"firstname", "givenname", "othername", "surname"} {
			if part := author.named(name).oneLine(); part != "" {
				parts = append(parts, part)
			}
		}
		if len(parts) == 0 {
			parts = append(parts, author.child("personname", "orgname").oneLine())
		}
		names = append(names, strings.Join(parts, " "))
	}
	return strings.Join(names, ", ")
}

// blocks writes the children of an element as blocks. Words between them are
// paragraphs.
func (w *writer) blocks(n *node) {
	var words []*node
	flush := func() {
		if len(words) > 0 {
			w.paragraph(w.words(words))
			words = nil
		}
	}
	for _, child := range n.children {
		if r := w.roles[child.name]; r == inline || (r == note || r == formula) && len(words) > 0 {
			words = append(words, child)
			continue
		}
		flush()
		w.block(child)
	}
	flush()
}

// paragraph writes a paragraph and the footnotes in it.
func (w *writer) paragraph(text string) {
	w.out.Paragraph(text)
	w.footnotes()
}

// footnotes writes the footnotes of what was written last.
func (w *writer) footnotes() {
	for _, text := range w.later {
		w.out.Paragraph(text)
	}
	w.later = nil
}

// block writes an element as a block.
func (w *writer) block(n *node) {
	if w.out.Over || w.stop() != nil {
		return
	}
	switch w.roles[n.name] {
	case section:
		w.section(n)
	case titled:
		w.titled(n)
	case heading:
		if !w.html {
			w.out.Heading(w.level+1, w.line(n))
		}
	case levelled:
		w.out.Heading(int(n.name[1]-'0'), w.line(n))
	case bullets, numbers:
		w.list(n)
	case terms:
		w.terms(n)
	case grid:
		w.table(n)
	case verbatim:
		language := n.attr("language")
		if !isName(language) {
			language = ""
		}
		w.out.Fenced(language, n.raw())
	case references:
		w.references(n)
	case formula, note:
		w.paragraph(w.line(n))
	case inline:
		w.paragraph(w.words([]*node{n}))
	case dropped:
	default:
		w.blocks(n)
	}
}

// isName reports whether text is the name of a language.
func isName(text string) bool {
	return len(text) <= 20 && strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz0123456789+#-") == ""
}

// section writes a section: its heading, which may have a number, and what is below.
func (w *writer) section(n *node) {
	w.level++
	defer func() { w.level-- }()
	title := n.child("title", "head")
	if title == nil {
		if info := n.child("info", "sectioninfo", "sect1info", "chapterinfo"); info != nil {
			title = info.child("title")
		}
	}
	text := ""
	switch {
	case title != nil:
		text = strings.TrimSpace(n.child("label").oneLine() + " " + w.line(title))
	case n.name == "refentry":
		text = proseTitle(n)
	case n.name == "abstract" || n.name == "trans-abstract":
		text = "Abstract"
	case n.name == "sub-article" || n.name == "response":
		text = n.named("article-title").oneLine()
	case n.name == "ack":
		text = "Acknowledgments"
	default:
		w.level-- // no section for a reader
		defer func() { w.level++ }()
	}
	w.out.Heading(w.level, text)
	for _, child := range n.children {
		if child != title && child.name != "label" {
			w.rest(child)
		}
	}
}

// rest writes a child of a section or a figure.
func (w *writer) rest(n *node) {
	if !n.blank() {
		w.block(n)
	}
}

// titled writes a figure, a note or a box: its label and title begin its caption.
func (w *writer) titled(n *node) {
	caption := n.child("caption")
	title := n.child("title", "head")
	if title == nil && caption != nil {
		title = caption.child("title", "head")
	}
	lead := strings.TrimSpace(n.child("label").oneLine())
	if lead != "" && !strings.HasSuffix(lead, ".") && !strings.HasSuffix(lead, ":") {
		lead += "."
	}
	if title != nil {
		lead = strings.TrimSpace(lead + " " + w.line(title))
	}
	if lead == "" && title == nil {
		switch n.name {
		case "note", "tip", "warning", "caution", "important":
			lead = strings.ToUpper(n.name[:1]) + n.name[1:] + ":"
		}
	}
	w.paragraph(lead)
	for _, child := range n.children {
		switch {
		case child == title, child.name == "label":
		case child == caption:
			for _, part := range caption.children {
				if part != title {
					w.rest(part)
				}
			}
		default:
			w.rest(child)
		}
	}
}

// list writes a list.
func (w *writer) list(n *node) {
	if title := n.child("title", "head"); title != nil {
		w.paragraph(w.line(title))
	}
	ordered := w.roles[n.name] == numbers || n.attr("list-type") == "order" || n.attr("rend") == "numbered"
	number := 0
	for _, child := range n.children {
		switch {
		case w.roles[child.name] != item:
			if w.roles[child.name] != heading && child.name != "" {
				w.rest(child)
			}
		case ordered:
			number++
			w.item(strconv.Itoa(number)+".", "", child)
		default:
			w.item("-", child.child("label").oneLine(), child)
		}
	}
}

// item writes an item of a list: its first paragraph beside the marker, and what is
// below it as blocks of its own.
func (w *writer) item(marker, label string, n *node) {
	if strings.Trim(label, "•–-*·○▪ ") == "" {
		label = ""
	}
	lead := strings.TrimSpace(label)
	var rest []*node
	var words []*node
	first := true
	for _, child := range n.children {
		role := w.roles[child.name]
		switch {
		case child.name == "label", child.blank() && len(words) == 0:
		case first && role == inline:
			words = append(words, child)
		case first && len(words) == 0 && role == paragraph && !w.hasBlocks(child):
			words = append(words, child.children...)
			first = false
		default:
			first = first && len(words) == 0
			rest = append(rest, child)
		}
	}
	lead = strings.TrimSpace(lead + " " + w.words(words))
	w.out.Item(w.depth, marker, lead)
	w.footnotes()
	w.depth++
	for _, child := range rest {
		if w.roles[child.name] == paragraph && !w.hasBlocks(child) && lead != "" {
			w.out.Item(w.depth-1, " ", w.line(child))
			continue
		}
		w.rest(child)
	}
	w.depth--
}

// hasBlocks reports whether a paragraph has blocks in it.
func (w *writer) hasBlocks(n *node) bool {
	for _, child := range n.children {
		if r := w.roles[child.name]; r != inline && r != dropped && r != note {
			return true
		}
	}
	return false
}

// terms writes a list of terms and what they mean.
func (w *writer) terms(n *node) {
	if title := n.child("title", "head"); title != nil {
		w.paragraph(w.line(title))
	}
	var term []string
	var walk func(n *node)
	walk = func(n *node) {
		for _, child := range n.children {
			switch child.name {
			case "term", "dt", "glossterm":
				term = append(term, w.line(child))
			case "def", "dd", "listitem", "glossdef":
				label := ""
				if len(term) > 0 {
					label = strings.Join(term, ", ") + ":"
				}
				w.item("-", label, child)
				term = nil
			case "def-item", "varlistentry", "glossentry", "div":
				walk(child)
			}
		}
	}
	walk(n)
}
