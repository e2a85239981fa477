package book

import (
	"errors"
	"path"
	"strings"

	"kvasir/internal/fault"
	"kvasir/internal/parse/archive"
	"kvasir/internal/parse/markdown"
)

// obfuscations are ways to make fonts unusable outside of the book. They hide no
// text.
var obfuscations = map[string]bool{
	"http://www.idpf.org/2008/embedding": true,
	"http://ns.adobe.com/pdf/enc#RC":     true,
}

// encryption notes which files are encrypted.
func (b *book) encryption() error {
	b.secret = map[string]bool{}
	err := b.Trees("META-INF/encryption.xml", "encryption", nil, func(n *archive.Node) error {
		method := n.Child("EncryptionMethod").Attr("Algorithm")
		for _, reference := range n.Find("CipherReference") {
			if !obfuscations[method] {
				b.secret[archive.Join("", reference.Attr("URI"))] = true
			}
		}
		return nil
	})
	return optional(err)
}

// optional returns err unless it says that a file is not there.
func optional(err error) error {
	if errors.Is(err, archive.ErrAbsent) {
		return nil
	}
	return err
}

// packageName returns the name of the package document.
func (b *book) packageName() (string, error) {
	name := ""
	err := b.Trees("META-INF/container.xml", "rootfiles", nil, func(n *archive.Node) error {
		if n.Name == "rootfile" && name == "" {
			name = archive.Join("", n.Attr("full-path"))
		}
		return nil
	})
	if err := optional(err); err != nil {
		return "", err
	}
	if name == "" || !b.Has(name) {
		return "", fault.New(fault.Invalid, "The file is not an EPUB book, or one that lacks its list of pages")
	}
	return name, nil
}

// readPackage reads what the book is called, its files and their order.
func (b *book) readPackage(name string) error {
	b.items, b.skip = map[string]item{}, map[string]bool{}
	return b.Trees(name, "package", nil, func(n *archive.Node) error {
		for _, child := range n.Children {
			switch {
			case child.Name == "title" && n.Name == "metadata" && b.title == "":
				b.title = markdown.OneLine(child.Text())
			case child.Name == "item" && n.Name == "manifest":
				it := item{
					archive.Join(name, child.Attr("href")), child.Attr("media-type"), child.Attr("properties"),
				}
				b.items[child.Attr("id")] = it
				b.skip[it.name] = b.skip[it.name] || it.isNavigation()
				if strings.HasPrefix(strings.ToLower(path.Base(it.name)), "cover") {
					b.cover = it.name
				}
			case child.Name == "itemref" && n.Name == "spine":
				b.spine = append(b.spine, child.Attr("idref"))
			case child.Name == "reference" && n.Name == "guide":
				b.reference(child.Attr("type"), archive.Join(name, child.Attr("href")))
			}
		}
		if n.Name == "spine" {
			b.contents = n.Attr("toc")
		}
		return nil
	})
}

// reference notes what a page is for.
func (b *book) reference(kind, name string) {
	switch kind {
	case "cover":
		b.cover = name
	case "toc":
		b.skip[name] = true
	}
}

// isNavigation reports whether the item is the table of contents of EPUB 3.
func (it item) isNavigation() bool {
	for property := range strings.FieldsSeq(it.properties) {
		if property == "nav" {
			return true
		}
	}
	return false
}

// titles returns what the table of contents calls each page: the first name of those
// that are in it.
func (b *book) titles() (map[string]string, error) {
	titles := map[string]string{}
	add := func(from, reference, title string) {
		name := archive.Join(from, reference)
		if title = markdown.OneLine(title); title != "" && titles[name] == "" && len(title) <= maxTitle {
			titles[name] = title
		}
	}
	for _, it := range b.items {
		if !it.isNavigation() {
			continue
		}
		err := b.Trees(it.name, "body", nil, func(n *archive.Node) error {
			for _, nav := range append(n.Find("nav"), n) {
				if nav.Name == "nav" && (nav.Attr("type") == "" || nav.Attr("type") == "toc") {
					for _, a := range nav.Find("a") {
						add(it.name, a.Attr("href"), a.Text())
					}
				}
			}
			return nil
		})
		if err := b.worth(err); err != nil {
			return nil, err
		}
	}
	it := b.items[b.contents]
	if it.name == "" {
		return titles, nil
	}
	err := b.Trees(it.name, "navMap", nil, func(n *archive.Node) error {
		points(n, func(reference, title string) { add(it.name, reference, title) })
		return nil
	})
	return titles, b.worth(err)
}

// maxTitle is the longest title of a chapter in bytes.
const maxTitle = 300

// points calls add for a point of a table of contents and those below it.
func points(n *archive.Node, add func(reference, title string)) {
	if n.Name == "navPoint" {
		add(n.Child("content").Attr("src"), n.Child("navLabel").Text())
	}
	for _, child := range n.Children {
		points(child, add)
	}
}

// worth returns err if it ends the reading: a table of contents that is damaged does
// not, as the chapters are there without it.
func (b *book) worth(err error) error {
	if err == nil || errors.Is(err, archive.ErrAbsent) || fault.Is(err, fault.Invalid) {
		return nil
	}
	return err
}
