package mail

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"kvasir/internal/fault"
	"kvasir/internal/parse/charset"
	"kvasir/internal/parse/compound"
)

// Properties of messages, attachments and recipients, from [MS-OXPROPS].
const (
	propSubject     = 0x0037
	propSubmitTime  = 0x0039
	propSentName    = 0x0042 // whom it was sent for
	propSentAddress = 0x0065
	propHeaders     = 0x007d
	propRecipient   = 0x0c15 // to, cc or bcc
	propSenderName  = 0x0c1a
	propSenderMail  = 0x0c1f
	propDisplayCc   = 0x0e03
	propDisplayTo   = 0x0e04
	propDelivered   = 0x0e06
	propBody        = 0x1000
	propRTF         = 0x1009
	propHTML        = 0x1013
	propName        = 0x3001
	propMail        = 0x3003
	propData        = 0x3701
	propShortName   = 0x3704
	propLongName    = 0x3707
	propMIME        = 0x370e
	propContentID   = 0x3712
	propSMTP        = 0x39fe
	propBodyPage    = 0x3fde // the code page of the body
	propCodePage    = 0x3ffd // and of all else in 8 bits
	propSenderSMTP  = 0x5d01
	propSentSMTP    = 0x5d02
	propHidden      = 0x7ffe

	typeLong   = 0x0003
	typeBool   = 0x000b
	typeObject = 0x000d
	type8Bit   = 0x001e
	typeText   = 0x001f
	typeTime   = 0x0040
	typeBinary = 0x0102
)

// A storage is where a message, an attachment or a recipient keeps its properties:
// those of fixed size in one stream, and a stream for each other one.
type storage struct {
	file   *compound.File
	path   string // with a slash at its end, "" for the root
	fixed  []byte
	page   uint32
	budget *int64 // bytes that may still be read from the file
}

// fixedProps is the stream of the properties of fixed size.
const fixedProps = "__properties_version1.0"

// enter returns the storage at a path, whose properties of fixed size come after a
// header of the given size.
func (s storage) enter(at string, headerSize int) (storage, error) {
	s.path = at
	data, err := s.read(fixedProps)
	if err != nil {
		return s, err
	}
	s.fixed = data[min(len(data), headerSize):]
	return s, nil
}

// read returns the bytes of a stream. Streams of a damaged file may overlap, so all
// of them together may be more than the file.
func (s storage) read(name string) ([]byte, error) {
	data, err := s.file.Stream(s.path + name)
	if err != nil {
		return nil, damaged(err)
	}
	if *s.budget -= int64(len(data)); *s.budget < 0 {
		return nil, fault.New(fault.TooLarge, "The mail unpacks to more bytes than allowed")
	}
	return data, nil
}

// value returns the eight bytes of a property of fixed size.
func (s storage) value(id, kind uint16) (uint64, bool) {
	le := binary.LittleEndian
	for rest := s.fixed; len(rest) >= 16; rest = rest[16:] {
		if le.Uint16(rest) == kind && le.Uint16(rest[2:]) == id {
			return le.Uint64(rest[8:]), true
		}
	}
	return 0, false
}

// long returns a number, 0 if there is none.
func (s storage) long(id uint16) uint32 {
	v, _ := s.value(id, typeLong)
	return uint32(v)
}

// stream returns what a property's stream is called.
func stream(id, kind uint16) string { return fmt.Sprintf("__substg1.0_%04X%04X", id, kind) }

// text returns the first of the properties that has a text.
func (s storage) text(ids ...uint16) (string, error) {
	for _, id := range ids {
		data, err := s.read(stream(id, typeText))
		if err != nil {
			return "", err
		}
		text := charset.UTF16(data, binary.LittleEndian)
		if text == "" {
			if data, err = s.read(stream(id, type8Bit)); err != nil {
				return "", err
			}
			text = charset.Named(codePage(s.page), data)
		}
		if text = strings.TrimSpace(clean(text)); text != "" {
			return text, nil
		}
	}
	return "", nil
}

// codePage returns the label of a code page of Windows.
func codePage(number uint32) string {
	switch number {
	case 0:
		return ""
	case 65001:
		return "utf-8"
	case 20127:
		return "us-ascii"
	case 932:
		return "shift_jis"
	case 936:
		return "gbk"
	case 949:
		return "euc-kr"
	case 950:
		return "big5"
	case 54936:
		return "gb18030"
	case 51932:
		return "euc-jp"
	case 50220, 50221, 50222:
		return "iso-2022-jp"
	case 20866:
		return "koi8-r"
	case 21866:
		return "koi8-u"
	}
	if number >= 28591 && number <= 28605 {
		return "iso-8859-" + strconv.Itoa(int(number-28590))
	}
	if number < 874 {
		return "ibm" + strconv.Itoa(int(number))
	}
	return "windows-" + strconv.Itoa(int(number))
}
