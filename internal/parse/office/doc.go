package office

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"kvasir/internal/fault"
	"kvasir/internal/parse/charset"
	"kvasir/internal/parse/compound"
	"kvasir/internal/parse/markdown"
)

// Offsets in the header (FIB) of the stream WordDocument, from [MS-DOC].
const (
	fibIdent     = 0x00 // always wordIdent
	fibVersion   = 0x02
	fibFlags     = 0x0a
	fibText      = 0x4c   // characters of the main text
	fibFootnotes = 0x50   // and of the parts that follow it: footnotes,
	fibHeaders   = 0x54   // headers,
	fibComments  = 0x5c   // comments,
	fibEndnotes  = 0x60   // endnotes,
	fibBoxes     = 0x64   // text boxes
	fibClx       = 0x01a2 // where the table of pieces is in the table stream
	fibClxSize   = 0x01a6
	fibSize      = 0x01aa

	wordIdent  = 0xa5ec
	word97     = 0x00c1 // the first version with this header
	encrypted  = 0x0100
	tableOne   = 0x0200 // the table stream is 1Table, not 0Table
	compressed = 1 << 30
)

var errWord = errors.New("word document")

// readDoc writes the text of a Word 97-2003 document: paragraphs, and the rows of
// tables with a bar between cells.
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
	text, err := docText(file, out.Max)
	if err != nil {
		if _, ok := errors.AsType[*fault.Fault](err); ok {
			return err
		}
		return damaged(err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for paragraph := range strings.SplitSeq(visible(text), "\r") {
		out.Paragraph(paragraph)
	}
	return nil
}

// docText returns the characters of main text, footnotes, endnotes and text boxes.
func docText(file *compound.File, maxText int) (string, error) {
	doc, err := file.Stream("WordDocument")
	if err != nil {
		return "", err
	}
	le := binary.LittleEndian
	if len(doc) < fibSize || le.Uint16(doc[fibIdent:]) != wordIdent {
		return "", fmt.Errorf("%w: no header", errWord)
	}
	flags := le.Uint16(doc[fibFlags:])
	switch {
	case flags&encrypted != 0:
		return "", fault.New(fault.Invalid, "The document is encrypted. Remove its password and try again")
	case le.Uint16(doc[fibVersion:]) < word97:
		return "", fault.New(fault.Invalid, "The document was written by Word 95 or older, which cannot be read. "+
			"Save it as .docx and try again")
	}
	name := "0Table"
	if flags&tableOne != 0 {
		name = "1Table"
	}
	table, err := file.Stream(name)
	if err != nil {
		return "", err
	}
	from, size := int64(le.Uint32(doc[fibClx:])), int64(le.Uint32(doc[fibClxSize:]))
	if from+size > int64(len(table)) {
		return "", fmt.Errorf("%w: the table of pieces is outside its stream", errWord)
	}
	pieces, err := pieceTable(table[from : from+size])
	if err != nil {
		return "", err
	}
	// The parts follow each other in the text in this order.
	var b strings.Builder
	at := uint32(0)
	for _, field := range []int{fibText, fibFootnotes, fibHeaders, fibComments, fibEndnotes, fibBoxes} {
		length := le.Uint32(doc[field:])
		if field != fibHeaders && field != fibComments {
			pieces.write(&b, doc, at, at+length, maxText)
			b.WriteByte('\r')
			if b.Len() > maxText {
				return "", fault.New(fault.TooLarge, "The document has more text than allowed")
			}
		}
		at += length
	}
	return b.String(), nil
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

// write writes the characters from start to end, and stops soon after maxText
// bytes: pieces may overlap, so there can be more text than file. Pieces outside
// the stream are left out.
func (p *pieces) write(b *strings.Builder, doc []byte, from, end uint32, maxText int) {
	start := p.first
	for i, stop := range p.ends {
		if b.Len() > maxText {
			return
		}
		a, z := max(start, from), min(stop, end)
		if a < z {
			offset, length := int64(p.at[i]), int64(z-a)
			if p.at[i]&compressed != 0 {
				offset = int64(p.at[i]&^compressed)/2 + int64(a-start)
			} else {
				offset += 2 * int64(a-start)
				length *= 2
			}
			if offset < int64(len(doc)) {
				part := doc[offset:min(offset+length, int64(len(doc)))]
				if p.at[i]&compressed != 0 {
					b.WriteString(charset.Windows1252(part))
				} else {
					b.WriteString(charset.UTF16(part, binary.LittleEndian))
				}
			}
		}
		start = stop
	}
}

// visible turns Word's marks into characters: paragraphs end with CR. What a field
// shows stays, its code goes.
func visible(text string) string {
	var b strings.Builder
	var fields []bool // whether we are in the code of each field around us
	codes := 0        // how many of them are true
	cell := false
	for _, r := range text {
		switch n := len(fields); {
		case r == 0x13: // a field begins with its code,
			fields = append(fields, true)
			codes++
			continue
		case (r == 0x14 || r == 0x15) && n > 0: // goes on with what it shows, and ends
			if fields[n-1] {
				codes--
			}
			fields[n-1] = false
			if r == 0x15 {
				fields = fields[:n-1]
			}
			continue
		case codes > 0:
			continue
		}
		// A cell ends with this mark, and a row with one more.
		ends := r == 0x07
		switch {
		case ends && cell:
			b.WriteByte('\r')
			cell = false
			continue
		case cell:
			b.WriteString(" | ")
		}
		cell = ends
		writeMark(&b, r)
	}
	return b.String()
}

// writeMark writes what a character of Word stands for.
func writeMark(b *strings.Builder, r rune) {
	switch {
	case r == 0x0b: // a line break
		b.WriteByte('\n')
	case r == 0x0c, r == 0x0e: // a page or column break
		b.WriteByte('\r')
	case r == 0x1e: // a hyphen that does not break
		b.WriteByte('-')
	case r == '\t', r == '\r', r >= ' ':
		b.WriteRune(r)
	}
}
