package rtf

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"

	"kvasir/internal/parse/markdown"
)

// symbols is the code page of fonts of pictures.
const symbols = 42

// pageOf returns the code page of a font's character set, 0 for that of the document.
func pageOf(charset int) int {
	return map[int]int{
		2: symbols, 77: 10000, 128: 932, 129: 949, 130: 1361, 134: 936, 136: 950, 161: 1253, 162: 1254, 163: 1258,
		177: 1255, 178: 1256, 186: 1257, 204: 1251, 222: 874, 238: 1250, 254: 437, 255: 850,
	}[charset]
}

// codePages are the encodings of code pages.
var codePages = map[int]encoding.Encoding{
	437: charmap.CodePage437, 850: charmap.CodePage850, 852: charmap.CodePage852, 855: charmap.CodePage855,
	858: charmap.CodePage858, 860: charmap.CodePage860, 862: charmap.CodePage862, 863: charmap.CodePage863,
	865: charmap.CodePage865, 866: charmap.CodePage866, 874: charmap.Windows874, 932: japanese.ShiftJIS,
	936: simplifiedchinese.GBK, 949: korean.EUCKR, 950: traditionalchinese.Big5, 1250: charmap.Windows1250,
	1251: charmap.Windows1251, 1252: charmap.Windows1252, 1253: charmap.Windows1253, 1254: charmap.Windows1254,
	1255: charmap.Windows1255, 1256: charmap.Windows1256, 1257: charmap.Windows1257, 1258: charmap.Windows1258,
	10000: charmap.Macintosh, 10007: charmap.MacintoshCyrillic, 28591: charmap.ISO8859_1, 65001: unicode.UTF8,
	54936: simplifiedchinese.GB18030, 20866: charmap.KOI8R, 21866: charmap.KOI8U,
}

// decode puts the bytes that were read as text.
func (d *document) decode() {
	if len(d.bytes) == 0 {
		return
	}
	data := d.bytes
	d.bytes = d.bytes[:0]
	if d.now.dest == nowhere || d.now.dest == toOld {
		return
	}
	page, ok := d.fonts[d.now.font]
	if !ok || d.now.dest == toFonts {
		page = d.page
	}
	if page == symbols {
		d.put(ofSymbols(data))
		return
	}
	ascii := true
	for _, c := range data {
		ascii = ascii && c < utf8.RuneSelf
	}
	if ascii {
		d.put(string(data))
		return
	}
	encoding, ok := codePages[page]
	if !ok {
		encoding = charmap.Windows1252
	}
	text, err := encoding.NewDecoder().Bytes(data)
	if err != nil {
		text = []byte(strings.ToValidUTF8(string(data), "\ufffd"))
	}
	d.put(string(text))
}

// ofSymbols returns text in a font of pictures: its signs are bullets as good as any.
func ofSymbols(data []byte) string {
	var b strings.Builder
	for _, c := range data {
		if c == ' ' || c == '\t' {
			b.WriteByte(c)
		} else if c == 0xb7 || c == 0xa7 {
			b.WriteString("•")
		}
	}
	return b.String()
}

// unicode puts the character of a \u, and skips what stands for it in older readers.
func (d *document) unicode(code int) {
	d.decode()
	d.skip = d.now.skipAfterUnicode
	r := rune(code)
	if r < 0 {
		r += 1 << 16
	}
	switch {
	case utf16.IsSurrogate(r) && d.surrogate == 0 && r < 0xdc00:
		d.surrogate = r
		return
	case d.surrogate != 0:
		r = utf16.DecodeRune(d.surrogate, r)
		d.surrogate = 0
	}
	switch {
	case r == 0xf0b7:
		r = '•'
	case r >= 0xe000 && r <= 0xf8ff: // of a font of pictures
		return
	case !utf8.ValidRune(r) || r == 0:
		r = utf8.RuneError
	}
	d.put(string(r))
}

// put adds text where the text of the group goes.
func (d *document) put(text string) {
	d.now.fresh = false
	if d.now.hidden || d.now.deleted {
		return
	}
	b := &d.text
	switch d.now.dest {
	case toText, toNote:
		if d.now.raised {
			text = markdown.Raised(text)
		}
	case toStyles:
		d.nameStyle(text)
		return
	case toTitle:
		b = &d.title
	case toMarker:
		b = &d.marker
	case toField:
		b = &d.field
	default:
		return
	}
	if b.Len()+len(text) > d.limits.Text {
		d.out.Over = true
		return
	}
	b.WriteString(text)
}

// nameStyle takes the name of a style, or a piece of it, which ends in a semicolon.
func (d *document) nameStyle(text string) {
	name, _, ended := strings.Cut(text, ";")
	if d.name.Len() < 200 {
		d.name.WriteString(name)
	}
	if !ended {
		return
	}
	name = strings.ToLower(strings.TrimSpace(d.name.String()))
	d.name.Reset()
	var level int
	if _, err := fmt.Sscanf(name, "heading %d", &level); err == nil && level >= 1 && level <= 9 {
		d.setStyle(func(s *style) { s.outline = level - 1 })
	} else if name == "title" {
		d.setStyle(func(s *style) { s.outline = 0 })
	}
}

// outline returns the level of the paragraph as a heading, noOutline if it is none.
func (d *document) outline() int {
	if d.now.outline >= 0 && d.now.outline <= 8 {
		return d.now.outline
	}
	number := d.now.style
	for range 10 {
		s, ok := d.styles[number]
		if !ok {
			break
		}
		if s.outline >= 0 && s.outline <= 8 {
			return s.outline
		}
		number = s.base
	}
	return noOutline
}

// endParagraph ends a paragraph, or a line of a cell or a footnote.
func (d *document) endParagraph() {
	switch {
	case d.now.dest == toNote || d.now.inTable || d.table.open:
		d.put("\n")
	default:
		d.paragraph()
	}
}

// paragraph writes the paragraph. It ends a table before it.
func (d *document) paragraph() {
	d.endTable()
	text := lines(d.text.String())
	marker := d.nextMarker()
	d.text.Reset()
	d.marker.Reset()
	level := d.outline()
	switch {
	case text == "":
	case level != noOutline:
		if strings.ContainsAny(marker, "0123456789") {
			text = marker + " " + text
		}
		d.out.Heading(level+1, text)
	case marker != "":
		d.out.Item(d.now.level, itemMarker(marker), text)
	default:
		d.out.Paragraph(text)
	}
	d.writeNotes()
}

// nextMarker returns the marker of the paragraph, a space for one that belongs to the
// item above. Old writers give a marker to the first item of a list alone.
func (d *document) nextMarker() string {
	marker := strings.TrimSpace(d.marker.String())
	last := d.last
	d.last = listItem{d.now.list, marker, d.old}
	switch {
	case marker != "" || d.now.list == 0 || last.list != d.now.list || last.marker == "":
		return marker
	case !last.old:
		d.last = last
		return " "
	}
	if n, err := strconv.Atoi(strings.TrimRight(last.marker, ".)")); err == nil {
		last.marker = strconv.Itoa(n+1) + "."
	}
	d.last.marker = last.marker
	return last.marker
}

// itemMarker returns the marker of an item as Markdown has it.
func itemMarker(marker string) string {
	if marker == " " {
		return marker
	}
	number := strings.TrimRight(marker, ".)")
	if number != "" && strings.Trim(number, "0123456789") == "" && len(number) < 6 {
		return number + "."
	}
	if strings.ContainsAny(marker, "0123456789") || len(marker) <= 5 && marker != strings.TrimRight(marker, ".)") {
		return "- " + marker
	}
	return "-"
}

// lines returns text with its lines trimmed and white space made single spaces.
func lines(text string) string {
	var all []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = markdown.OneLine(line); line != "" {
			all = append(all, line)
		}
	}
	return strings.Join(all, "\n")
}

// beginNote begins a footnote.
func (d *document) beginNote() {
	if d.now.dest == toNote { // in another one
		return
	}
	d.noteNum++
	fmt.Fprintf(&d.text, "[^%d]", d.noteNum)
	d.saved = append(d.saved, d.text.String())
	d.text.Reset()
	d.now.dest = toNote
}

// endNote ends a footnote, which is written below its paragraph.
func (d *document) endNote() {
	if note := markdown.OneLine(d.text.String()); note != "" {
		d.notes = append(d.notes, fmt.Sprintf("[^%d]: %s", d.noteNum, note))
	}
	d.text.Reset()
	d.text.WriteString(d.saved[len(d.saved)-1])
	d.saved = d.saved[:len(d.saved)-1]
}

// writeNotes writes the footnotes of the paragraph or table above.
func (d *document) writeNotes() {
	for _, note := range d.notes {
		d.out.Paragraph(note)
	}
	d.notes = nil
}
