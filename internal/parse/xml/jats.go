package xml

import (
	"strings"
)

// jats writes an article in JATS, and those that stand beside it below the root, and
// returns its title.
func (w *writer) jats(root, article *node) string {
	w.roles = roles()
	title := ""
	articles := []*node{article}
	if root != article {
		articles = root.all("article")
	}
	for _, article := range articles {
		w.level = 1
		meta := article.child("front").named("article-meta")
		if meta == nil {
			meta = article.child("front")
		}
		name := w.line(meta.named("article-title"))
		if title == "" {
			title = name
		}
		w.out.Heading(1, name)
		w.paragraph(w.line(meta.named("subtitle")))
		w.paragraph(strings.Join(contributors(meta), ", "))
		w.paragraph(source(article.child("front")))
		for _, child := range meta.elements() {
			switch child.name {
			case "abstract", "trans-abstract":
				w.block(child)
			case "kwd-group":
				w.keywords(child)
			}
		}
		for _, child := range article.elements() {
			if child.name != "front" {
				w.block(child)
			}
		}
	}
	return title
}

// contributors returns the names of those who wrote an article.
func contributors(meta *node) []string {
	var names []string
	for _, group := range meta.elements() {
		if group.name != "contrib-group" {
			continue
		}
		for _, contributor := range group.elements() {
			if kind := contributor.attr("contrib-type"); contributor.name != "contrib" || kind != "" && kind != "author" {
				continue
			}
			if name := personName(contributor, true); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// personName returns the name in an element, as people say it or as lists of
// references have it.
func personName(n *node, spoken bool) string {
	name := n
	if n.name != "name" {
		if name = n.named("name"); name == nil {
			name = n.named("string-name")
		}
	}
	if name == nil {
		return n.named("collab").oneLine()
	}
	given, surname := name.child("given-names").oneLine(), name.child("surname").oneLine()
	switch {
	case surname == "":
		return name.oneLine()
	case spoken:
		return strings.TrimSpace(given + " " + surname)
	}
	return strings.TrimSpace(surname + " " + given)
}

// source returns where and when an article appeared.
func source(front *node) string {
	var parts []string
	if journal := front.named("journal-title").oneLine(); journal != "" {
		parts = append(parts, journal)
	}
	if date := front.named("pub-date"); date != nil {
		if year := date.child("year").oneLine(); year != "" {
			parts = append(parts, year)
		}
	}
	doi := front.find(func(n *node) bool { return n.name == "article-id" && n.attr("pub-id-type") == "doi" })
	if doi != nil {
		parts = append(parts, "doi:"+doi.oneLine())
	}
	return strings.Join(parts, ", ")
}

// keywords writes the keywords of an article.
func (w *writer) keywords(n *node) {
	var words []string
	for _, word := range n.all("kwd") {
		words = append(words, w.line(word))
	}
	if len(words) == 0 {
		return
	}
	title := w.line(n.child("title"))
	if title == "" {
		title = "Keywords"
	}
	w.paragraph(title + ": " + strings.Join(words, ", "))
}

// references writes a list of references.
func (w *writer) references(n *node) {
	w.level++
	title := w.line(n.child("title", "head"))
	if title == "" {
		title = "References"
	}
	w.out.Heading(w.level, title)
	for _, child := range n.elements() {
		switch child.name {
		case "ref":
			w.reference(child)
		case "biblioentry", "bibliomixed", "bibl", "biblStruct":
			w.out.Item(0, "-", w.line(child))
		case "title", "head", "label":
		default:
			w.block(child)
		}
	}
	w.level--
}

// reference writes one reference.
func (w *writer) reference(n *node) {
	label := n.child("label").oneLine()
	for _, child := range n.elements() {
		text := ""
		switch child.name {
		case "element-citation", "nlm-citation":
			text = w.elementCitation(child)
		case "citation-alternatives":
			if mixed := child.child("mixed-citation"); mixed != nil {
				text = w.line(mixed)
			} else {
				text = w.elementCitation(child.child("element-citation", "nlm-citation"))
			}
		case "label", "x":
			continue
		default:
			text = w.line(child)
		}
		w.out.Item(0, "-", strings.TrimSpace(label+" "+text))
	}
}

// elementCitation returns a reference that is given as data, as one is written.
func (w *writer) elementCitation(n *node) string {
	if n == nil {
		return ""
	}
	if n.mixed() {
		return w.line(n)
	}
	part := func(names ...string) string { return w.line(n.child(names...)) }
	var b strings.Builder
	add := func(before, text, after string) {
		if text != "" {
			b.WriteString(before + text + after)
		}
	}
	var names []string
	for _, group := range n.elements() {
		switch group.name {
		case "person-group":
			for _, person := range group.elements() {
				names = append(names, person.reference())
			}
		case "name", "string-name", "collab":
			names = append(names, group.reference())
		}
	}
	add("", strings.Join(names, ", "), " ")
	add("(", part("year"), ") ")
	title := part("article-title", "chapter-title", "data-title", "part-title")
	add("", strings.TrimSuffix(title, "."), ". ")
	add("", part("source"), "")
	add(" ", part("volume"), "")
	add("(", part("issue"), ")")
	if first := part("fpage", "elocation-id", "page-range"); first != "" {
		add(":", first, "")
		add("–", part("lpage"), "")
	}
	add(". ", part("publisher-name"), "")
	for _, id := range n.elements() {
		if id.name == "pub-id" && id.attr("pub-id-type") == "doi" {
			add(". doi:", id.oneLine(), "")
		}
	}
	return strings.TrimSpace(b.String())
}

// reference returns a person or a group as lists of references have them.
func (n *node) reference() string {
	switch n.name {
	case "name", "string-name":
		return personName(n, false)
	case "etal":
		return "et al."
	}
	return n.oneLine()
}
