package html

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"golang.org/x/net/html"
	htmlcharset "golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"kvasir/internal/parse/charset"
)

// peekSize is how much of a page is looked at to find its character set.
const peekSize = 256 << 10

// decode returns the page in UTF-8. What a page or its server say about the character
// set is believed unless the bytes say otherwise: text in another character set is
// hardly ever valid UTF-8.
func decode(r *bufio.Reader, contentType string) (io.Reader, error) {
	head, err := r.Peek(peekSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	claimed, name := claim(head, contentType)
	good, bad := multibyte(head)
	switch {
	case name == "utf-16le" || name == "utf-16be":
	case name == "utf-8" && bad > good:
		claimed, name = claim(head, "")
	case name != "" && name != "utf-8" && good > 0 && bad == 0:
		name = "utf-8"
	}
	switch {
	case name == "" || name == "utf-8" && bad > good:
		if claimed, err = charset.Detect(bytes.NewReader(head)); err != nil {
			return nil, fmt.Errorf("detect the character set: %w", err)
		}
	case name == "utf-8" || name == "replacement":
		claimed = unicode.UTF8
	}
	return transform.NewReader(r, unicode.BOMOverride(claimed.NewDecoder())), nil
}

// claim returns the encoding that a byte order mark, a server or the page names; no
// name if none does. Pages should name it at their very beginning, but many do later.
func claim(head []byte, contentType string) (encoding.Encoding, string) {
	if e, name, certain := htmlcharset.DetermineEncoding(head, contentType); certain {
		return e, name
	}
	for {
		at := bytes.IndexByte(head, '<')
		if at < 0 {
			return nil, ""
		}
		head = head[at+1:]
		if len(head) < len("meta") || !bytes.EqualFold(head[:len("meta")], []byte("meta")) {
			continue
		}
		tag, _, _ := bytes.Cut(head, []byte(">"))
		if bytes.Contains(bytes.ToLower(tag), []byte("charset")) {
			e, name, _ := htmlcharset.DetermineEncoding(slices.Concat([]byte("<"), tag, []byte(">")), "")
			return e, name
		}
	}
}

// multibyte counts the characters of several bytes in UTF-8, and the bytes that are
// none.
func multibyte(head []byte) (good, bad int) {
	for i := 0; i < len(head); {
		if head[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRune(head[i:])
		switch {
		case r != utf8.RuneError || size > 1:
			good++
		case utf8.FullRune(head[i:]): // else it is cut off
			bad++
		}
		i += size
	}
	return good, bad
}

var errTooMany = errors.New("too many nodes")

// A gate passes on the tokens of a page so that the parser's tree stays within
// bounds.
//
// The parser repeats formatting elements that are open in every paragraph after them,
// so that a page of a few megabytes can make a tree of many gigabytes. As formatting
// is of no use here, the gate turns those elements into others that are not repeated.
// The content of scripts and styles and very long attributes, such as pictures within
// the page, stop here too.
type gate struct {
	z      *html.Tokenizer
	left   int          // nodes that may still come
	stop   func() error // of the context
	rest   []byte       // of the current token
	buf    []byte
	mute   bool  // the next text is a script or a style
	failed error // other than the end
}

// Read implements io.Reader.
func (g *gate) Read(p []byte) (int, error) {
	for len(g.rest) == 0 {
		if err := g.next(); err != nil {
			if !errors.Is(err, io.EOF) {
				g.failed = err
			}
			return 0, err
		}
	}
	n := copy(p, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}

// formatting are the elements that the parser repeats, but for links, of which only
// one is open at a time.
var formatting = []string{"b", "big", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"}

// longTag is the length from which a tag is looked through for long attributes.
const longTag = 4096

// next takes the next token.
func (g *gate) next() error {
	if err := g.stop(); err != nil {
		return err
	}
	kind := g.z.Next()
	if kind == html.ErrorToken {
		return g.z.Err()
	}
	mute := g.mute
	g.mute, g.rest = false, g.z.Raw()
	if kind != html.EndTagToken {
		if g.left--; g.left < 0 {
			return errTooMany
		}
	}
	switch kind {
	case html.TextToken:
		if mute {
			g.rest = nil
		}
	case html.CommentToken:
		g.rest = nil
	case html.EndTagToken:
		name, _ := g.z.TagName()
		if other := renamed(name); other != "" {
			g.rest = fmt.Appendf(g.buf[:0], "</%s>", other)
		}
	case html.StartTagToken, html.SelfClosingTagToken:
		g.startTag()
	}
	return nil
}

// startTag passes on a start tag.
func (g *gate) startTag() {
	name, attributes := g.z.TagName()
	other := renamed(name)
	formula := false
	if other == "" {
		other = string(name)
	}
	isScript := other == "script"
	g.mute = other == "style" || isScript
	if other == string(name) && len(g.rest) < longTag && !isScript {
		return
	}
	out := append(append(g.buf[:0], '<'), other...)
	for attributes {
		var key, value []byte
		key, value, attributes = g.z.TagAttr()
		formula = formula || isScript && string(key) == "type" && bytes.HasPrefix(value, []byte("math/tex"))
		if len(key)+len(value) < longTag {
			out = fmt.Appendf(out, ` %s="%s"`, key, html.EscapeString(string(value)))
		}
	}
	g.mute = g.mute && !formula
	g.buf = append(out, '>')
	g.rest = g.buf
}

// renamed returns what an element is called behind the gate, "" if that is its name.
func renamed(name []byte) string {
	switch {
	case string(name) == "code":
		return "samp"
	case slices.Contains(formatting, string(name)):
		return "span"
	}
	return ""
}
