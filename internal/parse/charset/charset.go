// Package charset turns bytes of an unknown encoding into text.
//
// Files do not say how they are encoded. A byte order mark decides; else UTF-16 is
// known by its zeros, UTF-8 by being valid, and what is neither is taken for
// Windows-1252, which gives every byte a meaning.
package charset

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Decode returns the text of data, as valid UTF-8 with its line breaks and
// control characters as they are.
func Decode(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return strings.ToValidUTF8(string(data[3:]), "\ufffd")
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		return UTF16(data[2:], binary.LittleEndian)
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		return UTF16(data[2:], binary.BigEndian)
	}
	if order := zeros(data); order != nil {
		return UTF16(data, order)
	}
	if utf8.Valid(data) {
		return string(data)
	}
	return Windows1252(data)
}

// zeros returns the byte order of text that must be UTF-16, as every other byte of
// its beginning is mostly zero; else nil. That holds for European languages.
func zeros(data []byte) binary.ByteOrder {
	head := data[:min(len(data), 1024)&^1]
	var even, odd int
	for i := 0; i < len(head); i += 2 {
		if head[i] == 0 {
			even++
		}
		if head[i+1] == 0 {
			odd++
		}
	}
	half := len(head) / 2
	switch {
	case half > 0 && odd*10 >= half*7 && even*10 <= half:
		return binary.LittleEndian
	case half > 0 && even*10 >= half*7 && odd*10 <= half:
		return binary.BigEndian
	}
	return nil
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
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r == 0xfeff {
			return -1
		}
		return r
	}, text)
}
