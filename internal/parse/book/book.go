// Package book reads EPUB books as Markdown.
//
// A book is an archive of web pages, and a package document that says in which order
// they are read. Each page is a part of the text: a chapter. This package knows books;
// who reads the pages is for its caller to say.
package book

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse/archive"
	"kvasir/internal/parse/markdown"
)

// Limits bound what a book may take. The zero value of a field means its default.
type Limits struct {
	Entries  int   // entries of the archive; 10,000
	Unpacked int64 // bytes of all entries that are read together; 256 MiB
	Ratio    int64 // unpacked bytes for each packed one, for entries over 1 MiB; 400
	Depth    int   // nesting of XML elements; 256
	Text     int   // bytes of the Markdown; 64 MiB
}

// A Page reads a page of a book, which is XHTML made HTML.
type Page func(ctx context.Context, name string, r io.Reader) (memo.Parsed, error)

// Read reads the book of size bytes. Progress is told how many pages are done; it may
// be nil.
func Read(
	ctx context.Context, r io.ReaderAt, size int64, limits Limits, page Page, progress func(done, total int),
) (memo.Parsed, error) {
	if progress == nil {
		progress = func(int, int) {}
	}
	a, err := archive.Open(ctx, r, size, archive.Limits{
		Entries: limits.Entries, Unpacked: limits.Unpacked, Ratio: limits.Ratio, Depth: limits.Depth,
	})
	if err != nil {
		return memo.Parsed{}, err
	}
	b := &book{
		Archive: a, page: page, progress: progress, out: &markdown.Writer{Max: cmp.Or(max(limits.Text, 0), 64<<20)},
	}
	err = b.read(ctx)
	parsed := b.out.Parsed(b.title)
	switch {
	case ctx.Err() != nil:
		return memo.Parsed{}, context.Cause(ctx)
	case err != nil:
		return memo.Parsed{}, err
	case b.out.Over:
		return memo.Parsed{}, fault.New(fault.TooLarge, "The book has more text than allowed")
	case parsed.Text == "":
		return memo.Parsed{}, fault.New(fault.Invalid, "The book has no text")
	}
	return parsed, nil
}

// A book is a book being read.
type book struct {
	*archive.Archive
	page     Page
	progress func(done, total int)
	out      *markdown.Writer
	title    string
	items    map[string]item // the files by their ids
	spine    []string        // ids of the pages in their order
	contents string          // the id of a table of contents of EPUB 2
	skip     map[string]bool // names of pages that are covers or tables of contents
	cover    string          // the name of the page with the cover
	secret   map[string]bool // names of files that are encrypted
}

// An item is a file of a book.
type item struct{ name, mimeType, properties string }

// read writes the chapters.
func (b *book) read(ctx context.Context) error {
	if err := b.encryption(); err != nil {
		return err
	}
	name, err := b.packageName()
	if err != nil {
		return err
	}
	if err := b.readPackage(name); err != nil {
		return err
	}
	titles, err := b.titles()
	if err != nil {
		return err
	}
	number := 0
	for i, id := range b.spine {
		it := b.items[id]
		if !b.isPage(it) {
			continue
		}
		parsed, err := b.chapter(ctx, it.name)
		if err != nil {
			return err
		}
		if text := parsed.Text; text != "" && (it.name != b.cover || len(text) > coverText) {
			number++
			b.write(number, cmp.Or(titles[it.name], firstHeading(text)), text)
		}
		if b.out.Over {
			return nil
		}
		b.progress(i+1, len(b.spine))
	}
	return nil
}

// coverText is how much text a cover may have: more is a page that is worth reading.
const coverText = 300

// isPage reports whether an item is a page to be read.
func (b *book) isPage(it item) bool {
	switch {
	case it.name == "" || b.skip[it.name]:
		return false
	case it.mimeType == "application/xhtml+xml" || it.mimeType == "text/html":
		return true
	}
	switch strings.ToLower(path.Ext(it.name)) {
	case ".xhtml", ".html", ".htm":
		return true
	}
	return false
}

// chapter reads a page. One that is not there, or has nothing on it, has no text.
func (b *book) chapter(ctx context.Context, name string) (memo.Parsed, error) {
	if b.secret[name] {
		return memo.Parsed{}, fault.New(fault.Invalid, "The book is protected by DRM. Only books without it can be read")
	}
	r, err := b.Open(name)
	if errors.Is(err, archive.ErrAbsent) {
		return memo.Parsed{}, nil
	}
	if err != nil {
		return memo.Parsed{}, err
	}
	defer r.Close() // it was only read
	page, err := io.ReadAll(io.LimitReader(r, maxPage+1))
	if err != nil {
		return memo.Parsed{}, err
	}
	if len(page) > maxPage {
		return memo.Parsed{}, fault.New(fault.TooLarge, fmt.Sprintf("The book has a page of more than %d MB", maxPage>>20))
	}
	return b.page(ctx, name, strings.NewReader(asHTML(string(page))))
}

// maxPage is the largest page in bytes.
const maxPage = 32 << 20

// write writes a chapter. One without a heading gets its title as one.
func (b *book) write(number int, title, text string) {
	b.out.Part(memo.PartChapter, number, title)
	if firstHeading(text) == "" {
		b.out.Heading(1, title)
	}
	b.out.Markdown(text)
}

// firstHeading returns the first heading of Markdown, empty if there is none.
func firstHeading(text string) string {
	for line := range strings.Lines(text) {
		bare := strings.TrimLeft(line, "#")
		if n := len(line) - len(bare); n > 0 && n <= 6 && strings.HasPrefix(bare, " ") {
			return markdown.OneLine(bare)
		}
		if strings.HasPrefix(line, "```") {
			return ""
		}
	}
	return ""
}
