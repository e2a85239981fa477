package book

import (
	"regexp"
	"strings"
)

// void are elements that have no end in HTML.
var void = map[string]bool{
	"area": true, "base": true, "br": true, "col": true, "embed": true, "hr": true, "img": true, "input": true,
	"link": true, "meta": true, "source": true, "track": true, "wbr": true,
}

var (
	closed = regexp.MustCompile(`<([A-Za-z][A-Za-z0-9]*)((?:\s[^<>]*)?)/>`)
	titled = regexp.MustCompile(`(?is)<title\b[^>]*>.*?</title\s*>`)
)

// asHTML returns a page of XHTML as HTML reads it. An element that ends where it
// begins, such as <a id="x"/>, would go on to the end of the page in HTML. The title is
// left out: it is that of the book as often as not.
func asHTML(page string) string {
	page = closed.ReplaceAllStringFunc(page, func(tag string) string {
		parts := closed.FindStringSubmatch(tag)
		if void[strings.ToLower(parts[1])] {
			return tag
		}
		return "<" + parts[1] + parts[2] + "></" + parts[1] + ">"
	})
	return titled.ReplaceAllString(page, "")
}
