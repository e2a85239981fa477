package xml

import (
	"slices"
	"strings"
	"unicode"

	"kvasir/internal/parse/markdown"
)

// data writes XML of an unknown vocabulary, and returns its title.
func (w *writer) data(root *node) string {
	w.roles = map[string]role{}
	title := dataTitle(root)
	w.container(root, 1)
	return title
}

// dataTitle returns what a document says that it is called.
func dataTitle(root *node) string {
	for _, n := range append([]*node{root}, root.elements()...) {
		for _, child := range n.elements() {
			switch strings.ToLower(child.name) {
			case "title", "name", "headline", "subject":
				if text := child.oneLine(); text != "" && len(text) <= 300 && len(child.elements()) == 0 {
					return text
				}
			}
		}
		if n == root && len(root.elements()) != 1 && !slices.ContainsFunc(root.elements(), isHead) {
			break // the name of a record is not that of all
		}
	}
	return root.attr("title")
}

// isHead reports whether an element describes the document.
func isHead(n *node) bool {
	switch strings.ToLower(n.name) {
	case "head", "header", "meta", "metadata", "info", "description":
		return true
	}
	return false
}

// container writes an element with a heading that names it.
func (w *writer) container(n *node, level int) {
	if w.out.Over || w.stop() != nil {
		return
	}
	path, n := only(n)
	if len(n.attrs) == 0 && (isLeaf(n) || n.mixed() && !slices.ContainsFunc(n.children, holdsOthers)) {
		w.fact(path+n.name, w.line(n))
		return
	}
	w.out.Heading(level, path+headingOf(n))
	if n.mixed() {
		w.facts(n, nil)
		w.mixture(n, level)
		return
	}
	elements := n.elements()
	w.facts(n, elements)
	if len(elements) == 0 {
		w.out.Paragraph(strings.TrimSpace(n.raw()))
		return
	}
	for i := 0; i < len(elements); {
		run := i + 1
		for run < len(elements) && elements[run].name == elements[i].name {
			run++
		}
		if !w.records(elements[i:run]) {
			for _, child := range elements[i:run] {
				w.child(child, level)
			}
		}
		i = run
	}
}

// only returns the first element at or below n that is more than the place of another
// one, and the path to it.
func only(n *node) (path string, last *node) {
	for len(n.attrs) == 0 && !n.mixed() {
		elements := n.elements()
		if len(elements) != 1 {
			break
		}
		path += n.name + " / "
		n = elements[0]
	}
	return path, n
}

// longFact is the length from which a value is a paragraph of its own.
const longFact = 300

// fact writes a value by its name.
func (w *writer) fact(name, value string) {
	switch {
	case value == "":
	case len(value) >= longFact:
		w.out.Paragraph(value)
	default:
		w.out.Item(0, "-", name+": "+value)
	}
}

// child writes an element that is no record.
func (w *writer) child(n *node, level int) {
	switch {
	case isLeaf(n) && len(n.attrs) == 0: // told by facts
	case isLeaf(n):
		if text := describe(n); text != "" {
			w.out.Item(0, "-", text)
		}
	default:
		w.container(n, level+1)
	}
}

// mixture writes an element with words between its elements. Elements that hold
// others are blocks, the rest is part of the words.
func (w *writer) mixture(n *node, level int) {
	var words []*node
	flush := func() {
		w.paragraph(w.words(words))
		words = nil
	}
	for _, child := range n.children {
		if holdsOthers(child) {
			flush()
			w.container(child, level+1)
			continue
		}
		words = append(words, child)
	}
	flush()
}

// holdsOthers reports whether a node holds elements and no words between them.
func holdsOthers(n *node) bool { return !isLeaf(n) && !n.mixed() }

// headingOf returns the name of an element, and what it is called.
func headingOf(n *node) string {
	for _, name := range []string{"title", "name", "label", "id", "key"} {
		if value := markdown.OneLine(n.attr(name)); value != "" && len(value) <= 200 {
			return n.name + ": " + value
		}
		for _, child := range n.elements() {
			if strings.EqualFold(child.name, name) && isLeaf(child) {
				if text := child.oneLine(); text != "" && len(text) <= 200 {
					return n.name + ": " + text
				}
			}
		}
	}
	return n.name
}

// facts writes the attributes of an element and its children that hold one value
// each, as a list.
func (w *writer) facts(n *node, elements []*node) {
	for _, a := range n.attrs {
		if tells(a) {
			w.out.Item(0, "-", a.name+": "+markdown.OneLine(a.value))
		}
	}
	for _, child := range elements {
		if !isLeaf(child) || len(child.attrs) > 0 {
			continue
		}
		w.fact(child.name, child.oneLine())
	}
}

// isLeaf reports whether an element holds no other.
func isLeaf(n *node) bool {
	return !slices.ContainsFunc(n.children, func(child *node) bool { return child.name != "" })
}

// tells reports whether an attribute says something to a reader.
func tells(a attribute) bool {
	switch a.name {
	case "schemaLocation", "noNamespaceSchemaLocation", "style", "class", "space", "base":
		return false
	}
	return strings.ContainsFunc(a.value, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}

// describe returns an element without others in a line: "name: text (attribute value)".
func describe(n *node) string {
	var facts []string
	for _, a := range n.attrs {
		if tells(a) {
			facts = append(facts, a.name+" "+markdown.OneLine(a.value))
		}
	}
	text := n.oneLine()
	switch {
	case text == "" && len(facts) == 0:
		return ""
	case text == "":
		return n.name + ": " + strings.Join(facts, ", ")
	case len(facts) == 0:
		return n.name + ": " + text
	}
	return n.name + ": " + text + " (" + strings.Join(facts, ", ") + ")"
}

// Bounds of tables of records.
const (
	minRecords = 3
	maxColumns = 16
	maxRecord  = 1500 // bytes on average
)

// records writes elements of one name as a table, if they are records: each has
// values by name and nothing else, and most have most of them. It reports whether it did.
func (w *writer) records(nodes []*node) bool {
	if len(nodes) < minRecords {
		return false
	}
	columns := []string{}
	index := map[string]int{}
	rows := make([][]string, 0, len(nodes)+1)
	rows = append(rows, nil)
	filled, size := 0, 0
	for _, n := range nodes {
		row := make([]string, len(columns))
		put := func(name, value string) bool {
			value = markdown.OneLine(value)
			if value == "" {
				return true
			}
			i, ok := index[name]
			if !ok {
				if len(columns) == maxColumns {
					return false
				}
				i = len(columns)
				index[name] = i
				columns = append(columns, name)
			}
			for len(row) <= i {
				row = append(row, "")
			}
			if row[i] != "" {
				row[i] += "; "
			} else {
				filled++
			}
			row[i] += value
			size += len(value)
			return true
		}
		if !eachValue(n, put) {
			return false
		}
		rows = append(rows, row)
	}
	if len(columns) < 2 || filled*2 < len(columns)*len(nodes) || size > maxRecord*len(nodes) {
		return false
	}
	w.out.Paragraph(nodes[0].name)
	rows[0] = columns
	w.out.Table(rows)
	return true
}

// eachValue calls put with the values of a record. It reports false if that is none.
func eachValue(n *node, put func(name, value string) bool) bool {
	for _, a := range n.attrs {
		if tells(a) && !put(a.name, a.value) {
			return false
		}
	}
	if isLeaf(n) {
		return put(n.name, n.raw())
	}
	if n.mixed() {
		return false
	}
	for _, child := range n.elements() {
		if !isLeaf(child) {
			return false
		}
		value := child.oneLine()
		for _, a := range child.attrs {
			if tells(a) {
				value = strings.TrimSpace(value + " (" + a.name + " " + a.value + ")")
			}
		}
		if !put(child.name, value) {
			return false
		}
	}
	return true
}
