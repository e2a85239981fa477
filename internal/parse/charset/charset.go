// Package charset turns bytes of an unknown encoding into text.
//
// Files do not say how they are encoded. A byte order mark decides; else UTF-16 and
// UTF-32 are known by their zeros, ISO-2022-JP by its escapes, and UTF-8 by being
// valid, or nearly so. What is none of these is decoded in every encoding that is
// still met, and the text that looks most like a language wins: see [Detect]. What
// looks like none is taken for Windows-1252, which gives nearly every byte a meaning.
package charset

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
)

// Decode returns the text of data, as valid UTF-8 with its line breaks and
// control characters as they are.
func Decode(data []byte) string {
	if plain := bytes.TrimPrefix(data, utf8Mark); utf8.Valid(plain) && startOf(data) == nil && !escapes(data) {
		return string(plain)
	}
	e, err := Detect(bytes.NewReader(data))
	if err != nil {
		return strings.ToValidUTF8(string(data), "\ufffd") // readers of memory do not fail
	}
	return decode(e, data)
}

// decode returns the text of data in an encoding, without a byte order mark.
func decode(e encoding.Encoding, data []byte) string {
	text, err := e.NewDecoder().Bytes(data)
	if err != nil {
		text = data // decoders replace what is wrong, so there is nothing to fail at
	}
	return strings.ToValidUTF8(strings.TrimPrefix(string(text), "\ufeff"), "\ufffd")
}

// NewReader returns the text of the size bytes of r as a stream of valid UTF-8. It
// reads them once before that, to know their encoding.
func NewReader(r io.ReaderAt, size int64) (io.Reader, error) {
	e, err := Detect(io.NewSectionReader(r, 0, size))
	if err != nil {
		return nil, err
	}
	return e.NewDecoder().Reader(io.NewSectionReader(r, 0, size)), nil
}

// Named returns the text of data in the encoding that a label such as "iso-8859-1"
// names. Labels lie: what claims to be Western and is valid UTF-8 is UTF-8, and what
// claims to be UTF-8 and is not, or has a label that nobody knows, is decoded as
// [Decode] does.
func Named(label string, data []byte) string {
	label = strings.ToLower(strings.Trim(label, " \t\"'"))
	e, err := htmlindex.Get(label)
	if err != nil {
		e, err = ianaindex.MIME.Encoding(label)
	}
	if err != nil || e == nil || e == encoding.Replacement {
		return Decode(data)
	}
	name, err := htmlindex.Name(e)
	if err == nil && (name == "utf-8" || name == "windows-1252" && utf8.Valid(data)) {
		return Decode(data)
	}
	return decode(e, data)
}

// UTF16 returns the text of data in UTF-16. A last odd byte is dropped.
func UTF16(data []byte, order binary.ByteOrder) string {
	var b strings.Builder
	b.Grow(len(data)/2 + len(data)/8)
	for i := 0; i+1 < len(data); i += 2 {
		r := rune(order.Uint16(data[i:]))
		if utf16.IsSurrogate(r) {
			next := rune(0)
			if i+3 < len(data) {
				next = rune(order.Uint16(data[i+2:]))
			}
			if r = utf16.DecodeRune(r, next); r != utf8.RuneError {
				i += 2
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}

// high holds what Windows-1252 has from 0x80 to 0x9f. The five bytes that mean
// nothing are zero.
var high = [32]rune{
	'€', 0, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0, 'Ž', 0,
	0, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0, 'ž', 'Ÿ',
}

// Windows1252 returns the text of data in Windows-1252.
func Windows1252(data []byte) string {
	var b strings.Builder
	b.Grow(len(data) + len(data)/8)
	for _, c := range data {
		r := rune(c)
		if c >= 0x80 && c < 0xa0 {
			r = high[c-0x80]
			if r == 0 {
				r = utf8.RuneError
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Clean normalises line breaks to LF and drops control characters, which no index,
// database or model has a use for. A form feed is a line break.
func Clean(text string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\f", "\n").Replace(text)
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r == 0xfeff {
			return -1
		}
		return r
	}, text)
}
