package office

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf16"

	"kvasir/internal/fault"
	"kvasir/internal/parse/charset"
	"kvasir/internal/parse/compound"
	"kvasir/internal/parse/markdown"
)

// Offsets in the header (FIB) of the stream WordDocument, from [MS-DOC].
const (
	fibIdent      = 0x00 // always wordIdent
	fibVersion    = 0x02
	fibFlags      = 0x0a
	fibText       = 0x4c   // characters of the main text
	fibFootnotes  = 0x50   // and of the parts that follow it: footnotes,
	fibHeaders    = 0x54   // headers,
	fibComments   = 0x5c   // comments,
	fibEndnotes   = 0x60   // endnotes,
	fibBoxes      = 0x64   // text boxes
	fibStyles     = 0xa2   // where in the table stream things are, and their sizes: styles,
	fibRuns       = 0xfa   // the pages with properties of characters,
	fibParagraphs = 0x0102 // and those of paragraphs,
	fibClx        = 0x01a2 // the table of pieces
	fibClxSize    = 0x01a6
	fibSize       = 0x01aa

	wordIdent  = 0xa5ec
	word6Ident = 0xa5dc
	word2Ident = 0xa5db
	word97     = 0x00c1 // the first version with this header
	encrypted  = 0x0100
	tableOne   = 0x0200 // the table stream is 1Table, not 0Table
	compressed = 1 << 30
)

var errWord = errors.New("word document")

// readDoc writes the text of a Word 97-2003 document: headings, lists and tables as
// its styles and the properties of its paragraphs say.
func readDoc(ctx context.Context, r io.ReaderAt, size int64, out *markdown.Writer) error {
	file, err := compound.Open(r, size)
	if err != nil {
		return damaged(err)
	}
	if file.Has("EncryptedPackage") {
		return fault.New(fault.Invalid, "The document is encrypted. Remove its password and try again")
	}
	if !file.Has("WordDocument") {
		return fault.New(fault.Invalid, "The file is not a "+string(OldWord)+": it has no text of Word in it")
	}
	doc, err := openDoc(file)
	if err != nil {
		if _, ok := errors.AsType[*fault.Fault](err); ok {
			return err
		}
		return damaged(err)
	}
	return doc.write(ctx, out)
}

// A docFile is an open document.
type docFile struct {
	text   []byte // the stream WordDocument
	pieces *pieces
	looks  *looks
}

// openDoc reads what says where in the streams the text is, and what it looks like.
func openDoc(file *compound.File) (*docFile, error) {
	doc, err := file.Stream("WordDocument")
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	old := fault.New(fault.Invalid, "The document was written by Word 95 or older, which cannot be read. "+
		"Save it as .docx and try again")
	switch {
	case len(doc) >= 2 && (le.Uint16(doc) == word6Ident || le.Uint16(doc) == word2Ident):
		return nil, old
	case len(doc) < fibSize || le.Uint16(doc[fibIdent:]) != wordIdent:
		return nil, fmt.Errorf("%w: no header", errWord)
	}
	flags := le.Uint16(doc[fibFlags:])
	switch {
	case flags&encrypted != 0:
		return nil, fault.New(fault.Invalid, "The document is encrypted. Remove its password and try again")
	case le.Uint16(doc[fibVersion:]) < word97:
		return nil, old
	}
	name := "0Table"
	if flags&tableOne != 0 {
		name = "1Table"
	}
	table, err := file.Stream(name)
	if err != nil {
		return nil, err
	}
	// at returns what the header says to be somewhere in the table stream.
	at := func(offset int) []byte {
		from, size := int64(le.Uint32(doc[offset:])), int64(le.Uint32(doc[offset+4:]))
		if from+size > int64(len(table)) {
			return nil
		}
		return table[from : from+size]
	}
	pieces, err := pieceTable(at(fibClx))
	if err != nil {
		return nil, err
	}
	return &docFile{
		text: doc, pieces: pieces, looks: readLooks(doc, at(fibParagraphs), at(fibRuns), at(fibStyles)),
	}, nil
}

// write writes main text, footnotes, endnotes and text boxes, which follow each
// other in this order.
func (d *docFile) write(ctx context.Context, out *markdown.Writer) error {
	at := uint32(0)
	for _, field := range []int{fibText, fibFootnotes, fibHeaders, fibComments, fibEndnotes, fibBoxes} {
		length := binary.LittleEndian.Uint32(d.text[field:])
		if field != fibHeaders && field != fibComments {
			w := &docWriter{out: out, looks: d.looks, most: out.Max}
			if err := d.pieces.walk(ctx, d.text, at, at+length, w); err != nil {
				return err
			}
			w.end(-1)
			w.table()
		}
		at += length
	}
	return nil
}

// A pieces says where in the stream each part of the text is.
type pieces struct {
	ends  []uint32 // of each piece, in characters of the text
	first uint32
	at    []uint32 // its place in the stream, with the flag compressed
}

// pieceTable reads the table of pieces, which comes after any number of blocks of
// formatting.
func pieceTable(clx []byte) (*pieces, error) {
	le := binary.LittleEndian
	for len(clx) >= 3 && clx[0] == 1 {
		skip := 3 + int(le.Uint16(clx[1:]))
		if skip > len(clx) {
			break
		}
		clx = clx[skip:]
	}
	if len(clx) < 5 || clx[0] != 2 {
		return nil, fmt.Errorf("%w: no table of pieces", errWord)
	}
	size := int64(le.Uint32(clx[1:]))
	clx = clx[5:]
	if size > int64(len(clx)) || size < 4 || (size-4)%12 != 0 {
		return nil, fmt.Errorf("%w: a table of pieces of %d bytes", errWord, size)
	}
	n := int(size-4) / 12 // n+1 positions of 4 bytes, n pieces of 8
	p := &pieces{first: le.Uint32(clx)}
	for i := range n {
		p.ends = append(p.ends, le.Uint32(clx[4*(i+1):]))
		p.at = append(p.at, le.Uint32(clx[4*(n+1)+8*i+2:]))
	}
	if !slices.IsSorted(p.ends) || n > 0 && p.first > p.ends[0] {
		return nil, fmt.Errorf("%w: pieces out of order", errWord)
	}
	return p, nil
}

// walk gives the characters from start to end to w, with the place of each in the
// stream. Pieces may overlap, so there can be more text than file; w says when that
// is too much. Pieces outside the stream are left out.
func (p *pieces) walk(ctx context.Context, doc []byte, from, end uint32, w *docWriter) error {
	start := p.first
	for i, stop := range p.ends {
		a, z := max(start, from), min(stop, end)
		if a < z {
			offset, length, width := int64(p.at[i]), int64(z-a), int64(2)
			if p.at[i]&compressed != 0 {
				offset, width = int64(p.at[i]&^compressed)/2, 1
			}
			offset += width * int64(a-start)
			if offset < int64(len(doc)) {
				w.piece(doc[offset:min(offset+width*length, int64(len(doc)))], offset, int(width))
			}
		}
		start = stop
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case w.size > w.most:
			return fault.New(fault.TooLarge, "The document has more text than allowed")
		}
	}
	return nil
}

// piece takes the text of a piece, in Windows-1252 or UTF-16, which is at a place of
// the stream.
func (w *docWriter) piece(data []byte, at int64, width int) {
	if width == 1 {
		i := int64(0)
		for _, r := range charset.Windows1252(data) {
			w.put(r, at+i)
			i++
		}
		return
	}
	for i := 0; i+1 < len(data) && w.size <= w.most; i += 2 {
		r := rune(binary.LittleEndian.Uint16(data[i:]))
		if utf16.IsSurrogate(r) && i+3 < len(data) {
			r = utf16.DecodeRune(r, rune(binary.LittleEndian.Uint16(data[i+2:])))
			i += 2
		}
		w.put(r, at+int64(i))
	}
}
