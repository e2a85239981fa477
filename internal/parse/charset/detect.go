package charset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	utf "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

const (
	headSize   = 4096    // of what the zeros are counted in
	sampleSize = 8 << 10 // of what is decoded in every encoding
)

var utf8Mark = []byte("\xef\xbb\xbf")

// Detect returns the encoding of text that is read to its end. Decoders of what it
// returns drop a byte order mark.
//
// Bytes beyond ASCII may be rare, so the lines that have them are the sample that is
// looked at, wherever in the file they are.
func Detect(r io.Reader) (encoding.Encoding, error) {
	var s survey
	buffer := make([]byte, 64<<10)
	for first := true; ; first = false {
		n, err := io.ReadFull(r, buffer)
		if first {
			if e := startOf(buffer[:n]); e != nil {
				return e, nil
			}
		}
		s.take(buffer[:n])
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return s.encoding(), nil
		case err != nil:
			return nil, fmt.Errorf("read the text: %w", err)
		}
	}
}

// startOf returns the encoding that the beginning of a text proves, else nil.
func startOf(data []byte) encoding.Encoding {
	data = data[:min(len(data), headSize)]
	switch {
	case bytes.HasPrefix(data, utf8Mark):
		return utf.UTF8BOM
	case bytes.HasPrefix(data, []byte("\xff\xfe\x00\x00")):
		return utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)
	case bytes.HasPrefix(data, []byte("\x00\x00\xfe\xff")):
		return utf32.UTF32(utf32.BigEndian, utf32.UseBOM)
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		return utf.UTF16(utf.LittleEndian, utf.UseBOM)
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		return utf.UTF16(utf.BigEndian, utf.UseBOM)
	case wide(data, binary.LittleEndian):
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)
	case wide(data, binary.BigEndian):
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)
	}
	switch zeros(data) {
	case binary.LittleEndian:
		return utf.UTF16(utf.LittleEndian, utf.IgnoreBOM)
	case binary.BigEndian:
		return utf.UTF16(utf.BigEndian, utf.IgnoreBOM)
	}
	return nil
}

// wide reports whether data is UTF-32: every four bytes are a character, and hardly
// any is a control character, as four zeros were.
func wide(data []byte, order binary.ByteOrder) bool {
	control := 0
	for i := 0; i+3 < len(data); i += 4 {
		c := order.Uint32(data[i:])
		if c > unicode.MaxRune || c >= 0xd800 && c < 0xe000 {
			return false
		}
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' {
			control++
		}
	}
	return len(data) >= 8 && control*80 <= len(data)
}

// zeros returns the byte order of text that must be UTF-16, as every other byte of
// its beginning is mostly zero; else nil. That holds for European languages. Others
// have zeros at spaces and line breaks only; then no character may be a control
// character, as bytes of zeros in other files are.
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
	case half == 0 || even+odd == 0:
		return nil
	case odd*10 >= half*7 && even*10 <= half, odd > 0 && even == 0 && pairs(head, binary.LittleEndian):
		return binary.LittleEndian
	case even*10 >= half*7 && odd*10 <= half, even > 0 && odd == 0 && pairs(head, binary.BigEndian):
		return binary.BigEndian
	}
	return nil
}

// pairs reports whether data reads as UTF-16 of a script beyond Latin: assigned
// characters only, most of them letters. Byte by byte it is no text.
func pairs(data []byte, order binary.ByteOrder) bool {
	strange := 0
	for _, c := range data {
		if c >= utf8.RuneSelf || c < ' ' && c != '\n' && c != '\r' && c != '\t' {
			strange++
		}
	}
	if strange*4 < len(data) {
		return false
	}
	letters, all := 0, 0
	for _, r := range UTF16(data, order) {
		all++
		switch {
		case r == '\n', r == '\r', r == '\t':
		case unicode.IsLetter(r), unicode.IsMark(r):
			letters++
		case r == utf8.RuneError, !unicode.IsPrint(r) && !unicode.IsSpace(r):
			return false
		}
	}
	return all >= 8 && letters*2 >= all
}

// escapes reports whether data is in ISO-2022-JP, which has seven bits and switches
// to Japanese by escapes.
func escapes(data []byte) bool {
	return bytes.Contains(data, []byte("\x1b$B")) || bytes.Contains(data, []byte("\x1b$@"))
}

// A survey is what is known of a text after some of it.
type survey struct {
	good, bad int    // characters beyond ASCII in UTF-8, and bytes that are none
	rest      []byte // of a character that is not complete yet
	sample    []byte // lines that have bytes beyond ASCII
	escapes   bool
}

// take reads on.
func (s *survey) take(data []byte) {
	s.escapes = s.escapes || escapes(data)
	s.validate(append(s.rest, data...))
	for len(data) > 0 && len(s.sample) < sampleSize {
		line := data
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			line = data[:i+1]
		}
		data = data[len(line):]
		if !ascii(line) {
			s.sample = append(s.sample, line...)
		}
	}
}

// validate counts what is UTF-8.
func (s *survey) validate(data []byte) {
	s.rest = nil
	for i := 0; i < len(data); {
		if data[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r != utf8.RuneError || size > 1:
			s.good++
		case !utf8.FullRune(data[i:]):
			s.rest = bytes.Clone(data[i:])
			return
		default:
			s.bad++
		}
		i += size
	}
}

// encoding returns the most likely encoding of what was read. A little damage does
// not make UTF-8 something else.
func (s *survey) encoding() encoding.Encoding {
	if len(s.rest) > 0 && s.good == 0 {
		s.bad++ // a text that ends within its only character
	}
	switch {
	case s.bad == 0 && s.escapes:
		return japanese.ISO2022JP
	case s.bad*10 <= s.good:
		return utf.UTF8
	}
	return guess(s.sample)
}

// ascii reports whether data has no byte beyond ASCII.
func ascii(data []byte) bool {
	for _, c := range data {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
