package mail

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"path"
	"strings"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse/charset"
)

// internet reads an internet message at a depth of mails in mails.
func (rd *reader) internet(ctx context.Context, data []byte, depth int) (memo.Parsed, error) {
	if depth > rd.limits.Depth {
		return memo.Parsed{}, fault.New(fault.TooLarge, fmt.Sprintf("more than %d mails in mails", rd.limits.Depth))
	}
	if bytes.IndexByte(data[:min(len(data), 512)], 0) >= 0 { // saved as UTF-16
		data = []byte(charset.Decode(data))
	}
	data = bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), "\r\n")
	h, body := splitHeader(data)
	if !h.ofMail() {
		return memo.Parsed{}, fault.New(fault.Invalid, "The file is no mail: it has no header")
	}
	m := &message{
		subject: h.text("subject"), from: strings.Join(h.people("from"), ", "),
		to: h.people("to"), cc: h.people("cc"), date: h.date(),
	}
	p := &parts{rd: rd, m: m, depth: depth}
	if err := p.take(ctx, h, body, 0); err != nil {
		return memo.Parsed{}, err
	}
	return rd.write(ctx, m)
}

// parts takes a mail apart.
type parts struct {
	rd    *reader
	m     *message
	depth int // of mails in mails
	n     int // parts seen
}

// take reads one part, with the parts in it.
func (p *parts) take(ctx context.Context, h header, body []byte, depth int) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if p.n++; p.n > p.rd.limits.Parts {
		return fault.New(fault.TooLarge, fmt.Sprintf("The mail has more than %d parts", p.rd.limits.Parts))
	}
	kind := h.value("content-type")
	if !strings.Contains(kind.word, "/") {
		kind.word = "text/plain"
	}
	if strings.HasPrefix(kind.word, "multipart/") {
		if depth >= p.rd.limits.Depth {
			p.m.left = append(p.m.left, fmt.Sprintf("a part (more than %d parts in each other)", p.rd.limits.Depth))
			return nil
		}
		pieces := split(body, kind.params["boundary"])
		if len(pieces) > 0 {
			return p.takeAll(ctx, kind.word, pieces, depth+1)
		}
		kind = value{word: "text/plain"} // a boundary that never comes
	}
	name := fileName(h, kind)
	disposition := h.value("content-disposition").word
	switch {
	case kind.word == "message/rfc822" || kind.word == "message/global":
		p.nested(h, name, body)
		return nil
	case kind.word == "application/pkcs7-mime" || kind.word == "application/x-pkcs7-mime":
		if p.n == 1 && !strings.HasPrefix(kind.params["smime-type"], "signed") {
			return fault.New(fault.Invalid, "The mail is encrypted. Save it decrypted and try again")
		}
	case ignored(kind.word):
		return nil
	case strings.HasPrefix(kind.word, "image/") && disposition != "attachment" &&
		(disposition == "inline" || h["content-id"] != ""):
		return nil // a picture in the text
	case disposition != "attachment" && (name == "" || disposition == "inline" || p.n == 1) && isBody(kind.word):
		p.body(h, kind, body)
		return nil
	}
	p.m.attached = append(p.m.attached, file{
		name: cmp.Or(name, "unnamed"+extension(kind.word)), mimeType: kind.word, data: transfer(h, body),
	})
	return nil
}

// takeAll reads the parts of a part.
func (p *parts) takeAll(ctx context.Context, kind string, pieces [][]byte, depth int) error {
	if kind == "multipart/encrypted" {
		return fault.New(fault.Invalid, "The mail is encrypted. Save it decrypted and try again")
	}
	before, alternative := len(p.m.body), kind == "multipart/alternative"
	for _, piece := range pieces {
		h, body := splitHeader(piece)
		if h["content-type"] == "" && kind == "multipart/digest" {
			h["content-type"] = "message/rfc822"
		}
		if v := h.value("content-type"); alternative && fileName(h, v) == "" && !isText(v.word) {
			continue // such as an invitation as a calendar has it
		}
		if err := p.take(ctx, h, body, depth); err != nil {
			return err
		}
	}
	if alternative {
		p.m.body = append(p.m.body[:before], merge(p.m.body[before:])...)
	}
	return nil
}

// merge makes one section of the same text written in several ways.
func merge(sections []section) []section {
	if len(sections) == 0 {
		return nil
	}
	var one section
	for _, s := range sections {
		one.plain = strings.TrimSpace(one.plain + "\n\n" + s.plain)
		one.pages = append(one.pages, s.pages...)
	}
	return []section{one}
}

// nested keeps a mail in a mail, to be read as an attachment.
func (p *parts) nested(h header, name string, body []byte) {
	data := transfer(h, body)
	inner, _ := splitHeader(bytes.TrimLeft(data, "\r\n"))
	p.m.attached = append(p.m.attached, file{
		name: cmp.Or(inner.text("subject"), name, "mail"),
		open: func(ctx context.Context) (memo.Parsed, error) { return p.rd.internet(ctx, data, p.depth+1) },
	})
}

// body takes a text of the mail.
func (p *parts) body(h header, kind value, body []byte) {
	data := transfer(h, body)
	if kind.word == "text/html" {
		contentType := kind.word
		if label := kind.params["charset"]; label != "" {
			data, contentType = []byte(charset.Named(label, data)), "text/html; charset=utf-8"
		}
		p.m.body = append(p.m.body, section{pages: []page{{data, contentType}}})
		return
	}
	text := clean(charset.Named(kind.params["charset"], data))
	if strings.EqualFold(kind.params["format"], "flowed") {
		text = unflow(text, strings.EqualFold(kind.params["delsp"], "yes"))
	}
	p.m.body = append(p.m.body, section{plain: strings.TrimSpace(text)})
}

// split returns the parts between boundaries. A missing boundary is the first line
// that looks like one; a last one that never comes is the end.
func split(body []byte, boundary string) [][]byte {
	if boundary == "" {
		for line := range bytes.Lines(body) {
			if line = bytes.TrimSpace(line); len(line) > 4 && bytes.HasPrefix(line, []byte("--")) {
				boundary = string(line[2:])
				break
			}
		}
	}
	if boundary == "" {
		return nil
	}
	var pieces [][]byte
	start := -1
	for at := 0; at < len(body); {
		end := at + len(body[at:])
		if i := bytes.IndexByte(body[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		rest, ok := bytes.CutPrefix(bytes.TrimRight(body[at:end], " \t\r\n"), []byte("--"+boundary))
		if ok && (len(rest) == 0 || string(rest) == "--") {
			if start >= 0 {
				pieces = append(pieces, body[start:at])
			}
			if start = end; len(rest) > 0 {
				return pieces
			}
		}
		at = end
	}
	if start >= 0 && start < len(body) {
		pieces = append(pieces, body[start:])
	}
	return pieces
}

// transfer decodes the body of a part.
func transfer(h header, body []byte) []byte {
	switch h.value("content-transfer-encoding").word {
	case "base64":
		return base64Bytes(body)
	case "quoted-printable":
		return quotedPrintable(body)
	}
	return body
}

// fileName returns what a part is called, "" if it is not.
func fileName(h header, kind value) string {
	name := cmp.Or(h.value("content-disposition").params["filename"], kind.params["name"])
	name = path.Base(strings.ReplaceAll(clean(name), `\`, "/"))
	if name == "." || name == "/" {
		return ""
	}
	return strings.Join(strings.Fields(name), " ")
}

// isText reports whether a part of a type may be one way to write a text.
func isText(mediaType string) bool {
	return mediaType == "" || isBody(mediaType) || strings.HasPrefix(mediaType, "multipart/") ||
		strings.HasPrefix(mediaType, "message/")
}

// isBody reports whether a part of a type may be the text of a mail.
func isBody(mediaType string) bool {
	switch mediaType {
	case "text/plain", "text/html", "text/enriched", "text/richtext", "message/delivery-status", "text/rfc822-headers":
		return true
	}
	return false
}

// ignored reports whether a part of a type has nothing for a reader.
func ignored(mediaType string) bool {
	switch mediaType {
	case "application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature",
		"text/x-amp-html", "message/external-body", "message/partial":
		return true
	}
	return false
}

// extension returns how the name of a file of a type ends that has no name.
func extension(mediaType string) string {
	switch mediaType {
	case "text/plain":
		return ".txt"
	case "text/calendar":
		return ".ics"
	}
	_, kind, _ := strings.Cut(mediaType, "/")
	if kind == "" || len(kind) > 5 {
		return ""
	}
	return "." + kind
}

// unflow joins lines that were broken where they were written (RFC 3676): those
// that end with a space go on. With delSp that space is not part of the text.
func unflow(text string, delSp bool) string {
	var b strings.Builder
	open, quotes := false, 0 // whether the last line goes on, and how deep it is quoted
	for line := range strings.SplitSeq(text, "\n") {
		depth := len(line) - len(strings.TrimLeft(line, ">"))
		line = strings.TrimPrefix(line[depth:], " ")
		if open && depth != quotes {
			open = false
			b.WriteByte('\n')
		}
		if !open && depth > 0 {
			b.WriteString(strings.Repeat(">", depth) + " ")
		}
		open, quotes = strings.HasSuffix(line, " ") && line != "-- ", depth
		if open && delSp {
			line = line[:len(line)-1]
		}
		b.WriteString(line)
		if !open {
			b.WriteByte('\n')
		}
	}
	return b.String()
}
