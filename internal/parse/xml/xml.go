// Package xml reads XML documents as Markdown.
//
// Vocabularies of documents are read as what they mean: articles in JATS, DocBook,
// TEI and XHTML by their sections, paragraphs, lists and tables; feeds by their
// entries. Any other XML is data: its elements become headings, tables of records
// and lists of "name: value".
//
// Entities that a document defines are not read, as a few lines of them make
// gigabytes, or the contents of files. The names that HTML has are known.
package xml

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	stdxml "encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	htmlcharset "golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse/charset"
	"kvasir/internal/parse/markdown"
)

// Limits bound what a document may take. The zero value works.
type Limits struct {
	// Depth is how deep elements may nest; 0 means 500.
	Depth int
	// Nodes is how many elements and texts there may be; 0 means 2 million.
	Nodes int
	// Text is the longest Markdown in bytes; 0 means 64 MiB.
	Text int
}

// Read reads the XML document of size bytes in r.
func Read(ctx context.Context, r io.ReaderAt, size int64, limits Limits) (memo.Parsed, error) {
	limits.Depth = cmp.Or(max(limits.Depth, 0), 500)
	limits.Nodes = cmp.Or(max(limits.Nodes, 0), 2_000_000)
	limits.Text = cmp.Or(max(limits.Text, 0), 64<<20)
	decoded, err := decode(io.NewSectionReader(r, 0, size))
	if err != nil {
		return memo.Parsed{}, err
	}
	root, err := parse(ctx, decoded, limits)
	if err != nil {
		return memo.Parsed{}, err
	}
	w := &writer{out: markdown.Writer{Max: limits.Text}, max: limits.Text, stop: ctx.Err}
	title := w.document(root)
	switch {
	case ctx.Err() != nil:
		return memo.Parsed{}, context.Cause(ctx)
	case w.out.Over:
		return memo.Parsed{}, fault.New(fault.TooLarge, "The XML has too much text")
	}
	parsed := w.out.Parsed(charset.Clean(title))
	parsed.Text = charset.Clean(parsed.Text)
	return parsed, nil
}

// document writes a document in its vocabulary and returns its title.
func (w *writer) document(root *node) string {
	if article := root.find(func(n *node) bool { return n.name == "article" && n.child("front") != nil }); article != nil {
		return w.jats(root, article)
	}
	if isFeed(root) {
		return w.feed(root)
	}
	switch root.name {
	case "article", "book", "chapter", "section", "sect1", "part", "set", "appendix", "preface", "refentry", "reference",
		"glossary", "TEI", "TEI.2", "teiCorpus", "html", "FictionBook", "topic", "concept", "task":
		return w.prose(root)
	}
	return w.data(root)
}

// peekSize is how much of a document is looked at to find its character set.
const peekSize = 64 << 10

// decode returns a document that is UTF-16, or that is no UTF-8 and does not say
// what it is, in UTF-8.
func decode(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(r, peekSize)
	head, err := buffered.Peek(peekSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the XML: %w", err)
	}
	whole := head
	for range utf8.UTFMax {
		if n := len(whole); n > 0 && len(head) == peekSize && !utf8.Valid(whole) {
			whole = whole[:n-1] // a character that is cut off
		}
	}
	declaration, _, _ := bytes.Cut(head, []byte("?>"))
	says := bytes.Contains(declaration, []byte("encoding")) && !bytes.Contains(bytes.ToLower(declaration), []byte("utf-8"))
	switch {
	case bytes.HasPrefix(head, []byte("<\x00")):
		return transform.NewReader(buffered, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder()), nil
	case bytes.HasPrefix(head, []byte("\x00<")):
		return transform.NewReader(buffered, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder()), nil
	case !says && !utf8.Valid(whole) && !bytes.HasPrefix(head, []byte("\xff\xfe")) &&
		!bytes.HasPrefix(head, []byte("\xfe\xff")):
		e, err := charset.Detect(bytes.NewReader(head))
		if err != nil {
			return nil, fmt.Errorf("detect the character set: %w", err)
		}
		return transform.NewReader(buffered, e.NewDecoder()), nil
	}
	return transform.NewReader(buffered, unicode.BOMOverride(transform.Nop)), nil
}

// parse returns the root of a document.
func parse(ctx context.Context, r io.Reader, limits Limits) (*node, error) {
	d := stdxml.NewDecoder(r)
	d.Entity = stdxml.HTMLEntity
	d.CharsetReader = func(label string, input io.Reader) (io.Reader, error) {
		if strings.HasPrefix(strings.ToLower(label), "utf-16") {
			return input, nil // decoded already, as else nobody could read that
		}
		return htmlcharset.NewReaderLabel(label, input)
	}
	b := &builder{limits: limits}
	for i := 0; ; i++ {
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, b.explain(err)
		}
		if err := b.token(t); err != nil {
			return nil, err
		}
	}
	if b.root == nil {
		return nil, fault.New(fault.Invalid, "It has no XML elements")
	}
	return b.root, nil
}

// A builder makes a tree of tokens.
type builder struct {
	limits   Limits
	root     *node
	open     []*node
	nodes    int
	entities bool // the document defines some
}

// token adds a token to the tree.
func (b *builder) token(t stdxml.Token) error {
	switch t := t.(type) {
	case stdxml.StartElement:
		return b.start(t)
	case stdxml.EndElement:
		b.open = b.open[:len(b.open)-1]
	case stdxml.CharData:
		if len(b.open) > 0 {
			return b.add(&node{text: string(t)})
		}
	case stdxml.Directive:
		b.entities = b.entities || bytes.Contains(t, []byte("<!ENTITY"))
	}
	return nil
}

// maxValue is how long an attribute may be that is kept.
const maxValue = 10_000

// start adds an element.
func (b *builder) start(t stdxml.StartElement) error {
	if len(b.open) >= b.limits.Depth {
		return fault.New(fault.Invalid, fmt.Sprintf("The XML nests its elements more than %d deep", b.limits.Depth))
	}
	n := &node{name: t.Name.Local}
	for _, a := range t.Attr {
		if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" && len(a.Value) <= maxValue {
			n.attrs = append(n.attrs, attribute{a.Name.Local, strings.Clone(a.Value)})
		}
	}
	if len(b.open) == 0 {
		if b.root != nil {
			return fault.New(fault.Invalid, "The XML has more than one root element")
		}
		b.root = n
	}
	err := b.add(n)
	b.open = append(b.open, n)
	return err
}

// add adds a node to the element that is open.
func (b *builder) add(n *node) error {
	if b.nodes++; b.nodes > b.limits.Nodes {
		return fault.New(fault.TooLarge, fmt.Sprintf("The XML has more than %d elements and texts", b.limits.Nodes))
	}
	if len(b.open) > 0 {
		parent := b.open[len(b.open)-1]
		parent.children = append(parent.children, n)
	}
	return nil
}

// explain says what is wrong with a document.
func (b *builder) explain(err error) error {
	syntax, ok := errors.AsType[*stdxml.SyntaxError](err)
	switch {
	case !ok:
		return fault.Wrap(fault.Invalid, "The XML cannot be read: "+err.Error(), err)
	case b.entities && strings.HasPrefix(syntax.Msg, "invalid character entity"):
		return fault.Wrap(fault.Invalid, "The XML defines entities, which are not read", err)
	case syntax.Msg == "unexpected EOF":
		return fault.Wrap(fault.Invalid, fmt.Sprintf("The XML is cut off: it ends within an element, in line %d", syntax.Line), err)
	}
	return fault.Wrap(fault.Invalid, fmt.Sprintf("The XML is not well-formed: %s, in line %d", syntax.Msg, syntax.Line), err)
}
