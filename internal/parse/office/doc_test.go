package office

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/fault"
	"kvasir/internal/parse/compound/compoundtest"
	"kvasir/internal/parse/markdown"
)

// docParagraph is a paragraph of a made document: its text with its mark, its style,
// and the properties in which it differs.
type docParagraph struct {
	text  string
	style byte
	props string
}

// Properties of paragraphs of a made document.
const (
	asTable  = "\x16\x24\x01"
	asRowEnd = "\x16\x24\x01\x17\x24\x01"
	asItem   = "\x0b\x46\x01\x00"
	asDeeper = "\x0a\x26\x01\x0b\x46\x01\x00"
	asLevel2 = "\x40\x26\x01"
	noLevel  = "\x40\x26\x09"
	withTabs = "\x0d\xc6\x03\x00\x01\x02\x08\xd6\x03\x00\x01\x02" // properties whose size is in them
)

// someStyles are styles: normal, heading 1, a style based on it, a title, a list.
func someStyles() []byte {
	le := binary.LittleEndian
	header := make([]byte, 18)
	le.PutUint16(header, 5)
	le.PutUint16(header[2:], 10)
	b := append([]byte{18, 0}, header...)
	for _, s := range []struct {
		number, base uint16
		props        string
	}{
		{0, noStyle, ""}, {1, 0, ""}, {0xffe, 1, ""}, {styleTitle, 0, noLevel}, {48, 0, asItem},
	} {
		style := make([]byte, 10)
		le.PutUint16(style, s.number)
		le.PutUint16(style[2:], s.base<<4|1)
		style = append(style, 1, 0, 'N', 0, 0, 0) // its name
		style = append(le.AppendUint16(style, uint16(2+len(s.props))), 0, 0)
		style = append(style, s.props...)
		b = le.AppendUint16(b, uint16(len(style)))
		b = append(b, style...)
		b = append(b, make([]byte, len(style)%2)...)
	}
	return b
}

// makeDoc returns a Word 97 document.
func makeDoc(paragraphs []docParagraph) []byte {
	le := binary.LittleEndian
	const start = 1024
	doc := make([]byte, start)
	le.PutUint16(doc[fibIdent:], wordIdent)
	le.PutUint16(doc[fibVersion:], word97)
	page := make([]byte, lookPage)
	n := len(paragraphs)
	page[lookPage-1] = byte(n)
	le.PutUint32(page, start)
	free := lookPage - 2
	for i, p := range paragraphs {
		doc = append(doc, p.text...)
		le.PutUint32(page[4*(i+1):], uint32(len(doc)))
		props := append([]byte{p.style, 0}, p.props...)
		size := (len(props) + 2) / 2 * 2
		free -= size
		page[free] = byte(size / 2)
		copy(page[free+1:], props)
		page[4*(n+1)+paragraphEntry*i] = byte(free / 2)
	}
	length := len(doc) - start
	doc = append(doc, make([]byte, (lookPage-len(doc)%lookPage)%lookPage)...)
	number := len(doc) / lookPage
	doc = append(doc, page...)

	clx := []byte{2, 16, 0, 0, 0}
	for _, v := range []uint32{0, uint32(length)} {
		clx = le.AppendUint32(clx, v)
	}
	clx = append(clx, 0, 0)
	clx = append(le.AppendUint32(clx, 2*start|compressed), 0, 0)
	list := le.AppendUint32(le.AppendUint32(le.AppendUint32(nil, start), uint32(start+length)), uint32(number))
	var table []byte
	// Of the text, what is in < > was deleted: the pages of properties of characters
	// say so, if there is any.
	runs := []byte(nil)
	if from := bytes.IndexByte(doc[start:start+length], '<'); from >= 0 {
		to := bytes.IndexByte(doc[start:start+length], '>') + 1
		page := make([]byte, lookPage)
		for i, place := range []int{0, from, to, length} {
			le.PutUint32(page[4*i:], uint32(start+place))
		}
		copy(page[16:], []byte{0, 100, 0})
		copy(page[200:], "\x03\x00\x08\x01")
		page[lookPage-1] = 3
		runs = le.AppendUint32(le.AppendUint32(le.AppendUint32(nil, start), uint32(start+length)), uint32(len(doc)/lookPage))
		doc = append(doc, page...)
	}
	for offset, data := range map[int][]byte{
		fibClx: clx, fibParagraphs: list, fibRuns: runs, fibStyles: someStyles(),
	} {
		le.PutUint32(doc[offset:], uint32(len(table)))
		le.PutUint32(doc[offset+4:], uint32(len(data)))
		table = append(table, data...)
	}
	le.PutUint32(doc[fibText:], uint32(length))
	return compoundtest.Files(map[string]string{"WordDocument": string(doc), "0Table": string(table)})
}

func TestDocLooks(t *testing.T) {
	t.Parallel()
	got, err := text(t, OldWord, makeDoc([]docParagraph{
		{"The title\r", 3, ""}, {"Part\x0bone\r", 1, ""}, {"Like it\r", 2, ""}, {"No part\r", 1, noLevel}, {"Second\r", 0, asLevel2},
		{"a\r", 4, ""}, {"b\r", 0, asDeeper}, {"\r", 0, ""}, {"text\r", 0, withTabs + asItem},
		{"A\x07", 0, asTable}, {"B\x07", 0, asTable}, {"\x07", 0, asRowEnd},
		{"\x07", 0, asTable}, {"c\r", 0, asTable}, {"d\x07", 0, asTable}, {"\x07", 0, asRowEnd},
		{"after<deleted\rand> more\r", 77, ""}, {"frame\x07", 0, asTable}, {"\x07", 0, asRowEnd},
	}), Limits{})
	const want = "# The title\n\n# Part one\n\n# Like it\n\nNo part\n\n## Second\n\n- a\n  - b\n- text\n\n" +
		"| A | B |\n| --- | --- |\n|  | c d |\n\nafter more\n\nframe\n"
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, text (-want +got):\n%s", err, diff)
	}
}

func TestDocText(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"paragraphs", "one\rtwo\x0bthree\x0cfour", "one\n\ntwo\nthree\n\nfour\n"},
		{"a field", "a\x13 PAGE \x145\x15b", "a5b\n"},
		{"a field that shows nothing", "a\x13 X \x15b", "ab\n"},
		{"a field in the code of another", "a\x13 IF \x13 X \x14y\x15 z \x14shown\x15b", "ashownb\n"},
		{"ends without a beginning", "a\x14b\x15c", "abc\n"},
		{"a table without its looks", "A\x07B\x07\x07c\x07d\x07\x07after", "| A | B |\n| --- | --- |\n| c | d |\n\nafter\n"},
		{"a row that does not end", "A\x07B\x07", "| A | B |\n| --- | --- |\n"},
		{"marks", "\x01\x08a\x1eb\x1fc\x00", "a-bc\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := &docWriter{out: &markdown.Writer{}, looks: &looks{}, most: 1000}
			for i, r := range test.text {
				w.put(r, int64(i))
			}
			w.end(-1)
			w.table()
			if got := w.out.String(); got != test.want {
				t.Errorf("text of %q = %q, want %q", test.text, got, test.want)
			}
		})
	}
}

func TestDocOfMuchText(t *testing.T) {
	t.Parallel()
	data := makeDoc([]docParagraph{{strings.Repeat("word ", 1000) + "\r", 0, ""}})
	if got, err := text(t, OldWord, data, Limits{Text: 1000}); !fault.Is(err, fault.TooLarge) {
		t.Errorf("text = %.100q, %v", got, err)
	}
}

func FuzzDocLooks(f *testing.F) {
	f.Add(someStyles(), []byte(asTable+withTabs+asDeeper))
	f.Fuzz(func(_ *testing.T, styles, props []byte) {
		known := docStyles(styles)
		page := make([]byte, lookPage)
		n := copy(page[4:], props)
		page[1] = byte((n + 1) / 2)
		lookOf(page, 1, known)
		readLooks(append(page, props...), props, props, styles)
	})
}
