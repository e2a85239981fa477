// Package mail reads mails as Markdown: internet messages (.eml) and those of
// Outlook (.msg).
//
// Both become a [message], which is written one way: the subject as a heading, who
// wrote to whom and when, the text, and each attachment below a heading of its own,
// as a part of the document. A mail in a mail is an attachment.
//
// Mails are written by every program there ever was. What is broken is read as far
// as it goes: a boundary that never comes, an encoding that is not what it says, a
// header that ends in the middle. What a mail is attached to others read, by the
// functions of [Readers]; what they refuse is named with the reason, and costs no
// more than itself.
package mail

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse/charset"
	"kvasir/internal/parse/markdown"
)

// Limits bound what a mail may take. The zero value of a field means its default.
type Limits struct {
	Text  int   // bytes of the Markdown; 64 MiB
	Bytes int64 // of the file, which is held in memory; 256 MiB
	Parts int   // of one mail, attachments among them; 1,000
	Depth int   // of mails in mails, and of parts in parts; 10
}

// withDefaults returns l with every field set.
func (l Limits) withDefaults() Limits {
	l.Text = cmp.Or(max(l.Text, 0), 64<<20)
	l.Bytes = cmp.Or(max(l.Bytes, 0), 256<<20)
	l.Parts = cmp.Or(max(l.Parts, 0), 1000)
	l.Depth = cmp.Or(max(l.Depth, 0), 10)
	return l
}

// Readers read what is in a mail and is no mail.
type Readers struct {
	// HTML reads a web page, whose content type may name its character set.
	HTML func(ctx context.Context, r io.Reader, contentType string) (memo.Parsed, error)
	// RTF reads a document in RTF.
	RTF func(ctx context.Context, r io.ReaderAt, size int64) (memo.Parsed, error)
	// Attachment reads a file of any kind.
	Attachment func(ctx context.Context, name, mimeType string, r io.ReaderAt, size int64) (memo.Parsed, error)
}

// Read reads an internet message of size bytes.
func Read(ctx context.Context, r io.ReaderAt, size int64, limits Limits, readers Readers) (memo.Parsed, error) {
	limits = limits.withDefaults()
	if err := withinBytes(size, limits); err != nil {
		return memo.Parsed{}, err
	}
	data, err := io.ReadAll(io.NewSectionReader(r, 0, size))
	if err != nil {
		return memo.Parsed{}, fmt.Errorf("read the mail: %w", err)
	}
	rd := &reader{limits: limits, readers: readers}
	return rd.internet(ctx, data, 0)
}

// withinBytes returns a fault for a file that is too large to be held.
func withinBytes(size int64, limits Limits) error {
	if size > limits.Bytes {
		return fault.New(fault.TooLarge, fmt.Sprintf("The mail is larger than %d MB", limits.Bytes>>20))
	}
	return nil
}

// A reader reads one file, and the mails in it.
type reader struct {
	limits  Limits
	readers Readers
}

// A message is a mail of either kind.
type message struct {
	subject  string
	from     string
	to       []string
	cc       []string
	date     string
	body     []section
	rtf      []byte // the text if there is no other
	attached []file
	left     []string // what was not read, with the reason
}

// A section is a text of a mail: as plain text, as web pages, or as both.
type section struct {
	plain string
	pages []page
}

// A page is a text in HTML.
type page struct {
	data        []byte
	contentType string
}

// A file is what is attached to a mail.
type file struct {
	name     string
	mimeType string
	data     []byte
	// open reads a mail in a mail. It is nil for other files.
	open func(ctx context.Context) (memo.Parsed, error)
}

// write writes a mail and what is attached to it.
func (rd *reader) write(ctx context.Context, m *message) (memo.Parsed, error) {
	w := &markdown.Writer{Max: rd.limits.Text}
	w.Heading(1, m.subject)
	for _, line := range []struct{ name, value string }{
		{"From", m.from}, {"To", people(m.to)}, {"Cc", people(m.cc)}, {"Date", m.date},
	} {
		if value := markdown.OneLine(line.value); value != "" {
			w.Item(0, "-", line.name+": "+value)
		}
	}
	if err := rd.writeBody(ctx, w, m); err != nil {
		return memo.Parsed{}, err
	}
	left := m.left
	number := 0
	for _, f := range m.attached {
		parsed, err := rd.attachment(ctx, f)
		switch {
		case ctx.Err() != nil:
			return memo.Parsed{}, context.Cause(ctx)
		case fault.Is(err, fault.Internal), fault.Is(err, fault.Unavailable):
			return memo.Parsed{}, fmt.Errorf("read an attachment: %w", err)
		case err != nil:
			left = append(left, f.name+" ("+reason(f.name, err)+")")
			continue
		}
		number++
		w.Part(memo.PartAttachment, number, f.name)
		w.Heading(1, "Attachment: "+f.name)
		w.Markdown(markdown.Deeper(parsed.Text))
	}
	if len(left) > 0 {
		number++
		w.Part(memo.PartAttachment, number, "")
		w.Paragraph("Attachments not read: " + markdown.OneLine(strings.Join(left, ", ")))
	}
	switch {
	case w.Over:
		return memo.Parsed{}, fault.New(fault.TooLarge, "The mail has more text than allowed")
	case w.String() == "":
		return memo.Parsed{}, fault.New(fault.Invalid, "The mail has no text")
	}
	return w.Parsed(m.subject), nil
}

// attachment reads a file.
func (rd *reader) attachment(ctx context.Context, f file) (memo.Parsed, error) {
	switch {
	case f.open != nil:
		return f.open(ctx)
	case len(f.data) == 0:
		return memo.Parsed{}, fault.New(fault.Invalid, "empty")
	}
	return rd.readers.Attachment(ctx, f.name, f.mimeType, bytes.NewReader(f.data), int64(len(f.data)))
}

// stub is how much longer than the plain text a page must be, in bytes, for the
// plain text to be a mere hint that there is a page. It must be three times as long,
// too, as pages have menus and legal notes.
const stub = 200

// longPlain is from how many bytes on plain text is no stub.
const longPlain = 4096

// writeBody writes the text of a mail.
func (rd *reader) writeBody(ctx context.Context, w *markdown.Writer, m *message) error {
	written := false
	for _, s := range m.body {
		text, err := rd.page(ctx, m, s)
		if err != nil {
			return err
		}
		written = written || text != "" || s.plain != ""
		// The plain one is preferred, unless the page says more.
		if s.plain == "" || len(text) > 3*len(s.plain)+stub {
			w.Markdown(markdown.Deeper(text))
		} else {
			w.Paragraph(squeeze(s.plain))
		}
	}
	if written || len(m.rtf) == 0 {
		return nil
	}
	parsed, err := rd.readers.RTF(ctx, bytes.NewReader(m.rtf), int64(len(m.rtf)))
	if err != nil {
		return m.leave(ctx, "the text in RTF", err)
	}
	w.Markdown(markdown.Deeper(parsed.Text))
	return nil
}

// squeeze makes one empty line of several, which web pages that were made plain are
// full of.
func squeeze(text string) string {
	var b strings.Builder
	empty := 0
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimRight(line, " \t\u00a0")
		if empty++; line != "" {
			empty = 0
		}
		if empty < 2 {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// page returns the Markdown of the web pages of a section, if it may be wanted.
func (rd *reader) page(ctx context.Context, m *message, s section) (string, error) {
	var texts []string
	for _, p := range s.pages {
		if len(s.plain) > longPlain {
			break
		}
		parsed, err := rd.readers.HTML(ctx, bytes.NewReader(p.data), p.contentType)
		if err != nil {
			if err := m.leave(ctx, "the text in HTML", err); err != nil {
				return "", err
			}
			continue
		}
		texts = append(texts, strings.TrimSpace(parsed.Text))
	}
	return strings.Join(texts, "\n\n"), nil
}

// leave notes that something was not read, unless that is not its fault.
func (m *message) leave(ctx context.Context, what string, err error) error {
	f, ok := errors.AsType[*fault.Fault](err)
	if ctx.Err() != nil || !ok || f.Kind == fault.Internal || f.Kind == fault.Unavailable {
		return err
	}
	m.left = append(m.left, what+" ("+reason(what, f)+")")
	return nil
}

// reason returns why something cannot be read: the first sentence of the fault.
func reason(name string, err error) string {
	why, _, _ := strings.Cut(strings.TrimPrefix(fault.Message(err), name+": "), ". ")
	return strings.TrimSuffix(why, ".")
}

// most is how many people of a list are named.
const most = 50

// people joins names. Lists of hundreds say nothing about a mail.
func people(names []string) string {
	if n := len(names); n > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", n-most)
	}
	return strings.Join(names, ", ")
}

// clean returns text with line breaks LF and without control characters.
func clean(text string) string { return charset.Clean(text) }
