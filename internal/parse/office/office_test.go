package office

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"kvasir/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// text reads a file that is held in memory.
func text(t *testing.T, kind Kind, data []byte, limits Limits) (string, error) {
	t.Helper()
	parsed, err := Read(t.Context(), kind, bytes.NewReader(data), int64(len(data)), limits, nil)
	return parsed.Text, err
}

const (
	relTypes = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
	xmlHead  = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
)

// makeZIP returns an archive of the parts, which are names and contents in turn.
func makeZIP(t testing.TB, parts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		w, err := z.Create(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(parts[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// rels returns a part of relationships: their types and targets in turn, with the
// ids rId1 and so on.
func rels(pairs ...string) string {
	var b strings.Builder
	b.WriteString(xmlHead + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`)
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, `<Relationship Id="rId%d" Type="%s%s" Target="%s"/>`, i/2+1, relTypes, pairs[i], pairs[i+1])
	}
	return b.String() + "</Relationships>"
}

// makeDocx returns a Word document with the body, and further parts.
func makeDocx(t testing.TB, body string, parts ...string) []byte {
	t.Helper()
	return makeZIP(t, append([]string{
		"_rels/.rels", rels("officeDocument", "word/document.xml"),
		"word/_rels/document.xml.rels", rels("styles", "styles.xml", "numbering", "/word/numbering.xml",
			"footnotes", "footnotes.xml"),
		"word/document.xml", xmlHead + `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">` +
			`<w:body>` + body + `<w:sectPr/></w:body></w:document>`,
	}, parts...)...)
}

// para returns a paragraph of one run, with properties.
func para(properties, text string) string {
	return "<w:p><w:pPr>" + properties + "</w:pPr><w:r><w:rPr><w:b/></w:rPr><w:t>" + text + "</w:t></w:r></w:p>"
}

const testStyles = xmlHead + `<w:styles xmlns:w="w">
<w:style w:styleId="Kop1"><w:name w:val="heading 1"/></w:style>
<w:style w:styleId="Mine"><w:name w:val="Mine"/><w:basedOn w:val="Kop1"/></w:style>
<w:style w:styleId="Out"><w:name w:val="Out"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>
<w:style w:styleId="Circle"><w:name w:val="c"/><w:basedOn w:val="Circle"/></w:style>
<w:style w:styleId="T"><w:name w:val="Title"/></w:style>
<w:style w:styleId="TOC1"><w:name w:val="toc 1"/></w:style>
<w:style w:styleId="LB"><w:name w:val="List Bullet"/><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>
</w:styles>`

const testNumbering = xmlHead + `<w:numbering xmlns:w="w">
<w:abstractNum w:abstractNumId="7"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>
<w:abstractNum w:abstractNumId="8"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/></w:lvl>
<w:lvl w:ilvl="1"><w:numFmt w:val="lowerLetter"/></w:lvl></w:abstractNum>
<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="8"/></w:num>
</w:numbering>`

// numbered returns the properties of an item of a list.
func numbered(list, depth int) string {
	return fmt.Sprintf(`<w:numPr><w:ilvl w:val="%d"/><w:numId w:val="%d"/></w:numPr>`, depth, list)
}

func TestDocx(t *testing.T) {
	t.Parallel()
	cell := func(text string) string { return "<w:tc>" + para("", text) + "</w:tc>" }
	body := para(styleRef("T"), "The title") + para(styleRef("Kop1"), "First") + para(styleRef("Mine"), "Based") +
		para(styleRef("Out"), "Outline") + para(`<w:outlineLvl w:val="9"/>`, "Body text &amp; more") +
		para(styleRef("TOC1"), "First ... 1") + para(styleRef("Circle"), "Circle") +
		para(styleRef("LB"), "bullet") + para(numbered(1, 0), "bullet two") +
		para(numbered(2, 0), "one") + para(numbered(2, 1), "inner") + para(numbered(2, 1), "inner two") +
		para(numbered(2, 0), "two") + para(numbered(2, 1), "again one") + para(numbered(0, 0), "no list") +
		`<w:p><w:r><w:t>Kept</w:t></w:r><w:del><w:r><w:delText> deleted</w:delText></w:r></w:del>` +
		`<w:ins><w:r><w:t xml:space="preserve"> inserted</w:t></w:r></w:ins><w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom>` +
		`<w:hyperlink><w:r><w:t> link</w:t></w:r></w:hyperlink><w:r><w:fldChar/><w:instrText>PAGE</w:instrText><w:t> 5</w:t>` +
		`<w:tab/><w:t>co</w:t><w:noBreakHyphen/><w:t>op</w:t><w:br/><w:t>next</w:t><w:footnoteReference w:id="3"/></w:r></w:p>` +
		`<w:sdt><w:sdtContent>` + para("", "In a control") + `</w:sdtContent></w:sdt>` +
		`<w:tbl><w:tblPr/><w:tr>` + cell("A") + `<w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr>` + para("", "B") + `</w:tc></w:tr>` +
		`<w:tr>` + cell("1") + `<w:tc><w:tbl><w:tr>` + cell("in") + cell("ner") + `</w:tr></w:tbl></w:tc>` +
		`<w:tc><w:tcPr><w:vMerge/></w:tcPr>` + para("", "merged") + `</w:tc></w:tr></w:tbl>` +
		`<w:p><w:r><w:t>Around</w:t><w:AlternateContent><w:Choice><w:txbxContent>` + para("", "In a box") +
		`</w:txbxContent></w:Choice><w:Fallback>` + para("", "Twin") + `</w:Fallback></w:AlternateContent></w:r></w:p>`
	notes := xmlHead + `<w:footnotes xmlns:w="w"><w:footnote w:id="0">` + para("", "separator") +
		`</w:footnote><w:footnote w:id="3">` + para("", "The note.") + `</w:footnote></w:footnotes>`
	data := makeDocx(t, body, "word/styles.xml", testStyles, "word/numbering.xml", testNumbering, "word/footnotes.xml", notes)
	got, err := text(t, Word, data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := `# The title

# First

# Based

### Outline

Body text & more

Circle

- bullet
- bullet two
1. one
  - a. inner
  - b. inner two
2. two
  - a. again one

no list

Kept inserted link 5	co-op
next[^1]

In a control

|  |  |  |
| --- | --- | --- |
| A | B | B |
| 1 | in, ner | merged |

Around

In a box

[^1]: The note.
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

func styleRef(id string) string { return `<w:pStyle w:val="` + id + `"/>` }

// makePptx returns a presentation of the slides, in the order of the presentation,
// which is not that of their names.
func makePptx(t testing.TB, slides []string, parts ...string) []byte {
	t.Helper()
	var ids strings.Builder
	var pairs []string
	for i, slide := range slides {
		fmt.Fprintf(&ids, `<p:sldId id="%d" r:id="rId%d"/>`, 256+i, i+1)
		name := fmt.Sprintf("slides/slide%d.xml", 100-i)
		pairs = append(pairs, "slide", name)
		parts = append(parts, "ppt/"+name, xmlHead+`<p:sld xmlns:p="p" xmlns:a="a"><p:cSld><p:spTree>`+slide+
			`</p:spTree></p:cSld><p:timing><p:sp>later</p:sp></p:timing></p:sld>`)
	}
	return makeZIP(t, append([]string{
		"_rels/.rels", rels("officeDocument", "/ppt/presentation.xml"),
		"ppt/_rels/presentation.xml.rels", rels(pairs...),
		"ppt/presentation.xml", xmlHead + `<p:presentation xmlns:p="p" xmlns:r="` + strings.TrimSuffix(relTypes, "/") +
			`"><p:sldIdLst>` + ids.String() + `</p:sldIdLst><p:sldSz/></p:presentation>`,
	}, parts...)...)
}

// shape returns a shape with a placeholder, if it is not empty, and paragraphs.
func shape(placeholder string, paragraphs ...string) string {
	var text strings.Builder
	for _, p := range paragraphs {
		text.WriteString("<a:p><a:r><a:t>" + p + "</a:t></a:r></a:p>")
	}
	return "<p:sp><p:nvSpPr><p:nvPr>" + placeholder + "</p:nvPr></p:nvSpPr><p:txBody>" + text.String() + "</p:txBody></p:sp>"
}

func TestPptx(t *testing.T) {
	t.Parallel()
	table := `<p:graphicFrame><a:tbl><a:tr><a:tc><a:txBody><a:p><a:r><a:t>A</a:t></a:r></a:p></a:txBody></a:tc>` +
		`<a:tc><a:txBody><a:p><a:r><a:t>B</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl></p:graphicFrame>`
	data := makePptx(t, []string{
		shape("<p:ph/>", "point", "another") + shape(`<p:ph type="title"/>`, "First slide") + shape(`<p:ph type="ftr"/>`, "ACME"),
		`<p:grpSp>` + shape("", "In a group") + `</p:grpSp>` + table,
	},
		"ppt/slides/_rels/slide100.xml.rels", rels("notesSlide", "../notesSlides/notesSlide1.xml"),
		"ppt/notesSlides/notesSlide1.xml", xmlHead+`<p:notes xmlns:p="p" xmlns:a="a"><p:cSld><p:spTree>`+
			shape(`<p:ph type="body"/>`, "Say hello.")+shape(`<p:ph type="sldNum"/>`, "1")+`</p:spTree></p:cSld></p:notes>`,
	)
	got, err := text(t, PowerPoint, data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := `# First slide

- point
- another

Notes: Say hello.

# Slide 2

In a group

|  |  |
| --- | --- |
| A | B |
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

func TestFilesOfLibreOffice(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]Kind{"testdata/minutes.docx": Word, "testdata/minutes.doc": OldWord} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := text(t, kind, data, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			at := 0
			for _, want := range []string{
				"Minutes", "We met on Monday – it rained, café €5.", "one", "two", "Name | Sum", "Ann | 3", "See", "the page", "世界",
			} {
				i := strings.Index(got[at:], want)
				if i < 0 {
					t.Fatalf("text = %q; want %q after the first %d bytes", got, want, at)
				}
				at += i + len(want)
			}
			if strings.Contains(got, "HYPERLINK") || strings.ContainsAny(got, "\x07\x13\x14\x15\r") {
				t.Errorf("text = %q, want no marks of Word", got)
			}
		})
	}
}

// zeros returns a document of ten megabytes of the same paragraph.
func zeros(t *testing.T) []byte {
	t.Helper()
	return makeDocx(t, strings.Repeat(para("", "0000000000"), 100_000))
}

func TestHostileArchives(t *testing.T) {
	t.Parallel()
	many := []string{}
	for i := range 50 {
		many = append(many, fmt.Sprintf("part%d", i), "")
	}
	laughs := `<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>`
	good := makeDocx(t, para("", "Hello"))
	tests := []struct {
		name   string
		kind   Kind
		data   []byte
		limits Limits
		fault  fault.Kind
		want   string
	}{
		{"empty", Word, nil, Limits{}, fault.Invalid, "damaged"},
		{"not an archive", Word, []byte("hello"), Limits{}, fault.Invalid, "damaged"},
		{"truncated", Word, good[:len(good)/2], Limits{}, fault.Invalid, "damaged"},
		{"a plain archive", Word, makeZIP(t, "a.txt", "hello"), Limits{}, fault.Invalid, "it looks like a ZIP archive"},
		{"a presentation", Word, makePptx(t, nil), Limits{}, fault.Invalid, "it looks like a PowerPoint presentation"},
		{"a document", PowerPoint, good, Limits{}, fault.Invalid, "it looks like a Word document"},
		{"a workbook", Word, makeZIP(t, "_rels/.rels", rels("officeDocument", "xl/workbook.xml"),
			"xl/workbook.xml", "<workbook/>"), Limits{}, fault.Invalid, "it looks like an Excel workbook"},
		{"a part that is not there", Word, makeZIP(t, "_rels/.rels", rels("officeDocument", "word/document.xml")),
			Limits{}, fault.Invalid, "damaged"},
		{"an OpenDocument file", Word, makeZIP(t, "mimetype", "", "content.xml", ""), Limits{}, fault.Invalid, "an OpenDocument"},
		{"an EPUB book", Word, makeZIP(t, "mimetype", "", "META-INF/container.xml", ""), Limits{}, fault.Invalid, "an EPUB book"},
		{"nothing in it", Word, makeDocx(t, ""), Limits{}, fault.Invalid, "no text"},
		{"broken XML", Word, makeDocx(t, "<w:p><w:r>"), Limits{}, fault.Invalid, "damaged"},
		{"billion laughs", Word, makeDocx(t, "<w:p>"+laughs+"<w:r><w:t>&b;</w:t></w:r></w:p>"), Limits{}, fault.Invalid, "damaged"},
		{"a bomb", Word, zeros(t), Limits{Ratio: 20}, fault.TooLarge, "decompression bomb"},
		{"a large one", Word, zeros(t), Limits{Unpacked: 3 << 20}, fault.TooLarge, "unpacks to more than 3 MB"},
		{"much text", Word, zeros(t), Limits{Text: 1000, Ratio: 10_000}, fault.TooLarge, "more text"},
		{"many entries", Word, makeZIP(t, many...), Limits{Entries: 10}, fault.TooLarge, "more than 10 entries"},
		{"deep", Word, makeDocx(t, strings.Repeat("<w:sdt>", 1000)), Limits{}, fault.TooLarge, "256 deep"},
		{"deep in what is skipped", Word, makeDocx(t, "<w:p><w:del>"+strings.Repeat("<w:x>", 1000)), Limits{}, fault.TooLarge, "256 deep"},
		{"deep before the text", Word, makeZIP(t, "_rels/.rels", rels("officeDocument", "d.xml"),
			"d.xml", "<document>"+strings.Repeat("<x>", 1000)), Limits{}, fault.TooLarge, "256 deep"},
		{"a huge tag", Word, makeDocx(t, "<w:p "+strings.Repeat(`a="" `, 400_000)), Limits{Ratio: 10_000}, fault.TooLarge, "XML tag"},
		{"a huge paragraph", Word, makeDocx(t, "<w:p>"+strings.Repeat(`<w:r/>`, (1<<20)+1)+"</w:p>"), Limits{Ratio: 10_000},
			fault.TooLarge, "million parts"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := text(t, test.kind, test.data, test.limits)
			if !fault.Is(err, test.fault) || !strings.Contains(fault.Message(err), test.want) {
				t.Errorf("text = %.100q, error %v; want a fault that says %q", got, err, test.want)
			}
		})
	}
}

func TestALongListOfEntriesIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	var parts []string
	for i := range 5000 {
		parts = append(parts, fmt.Sprintf("%d%s", i, strings.Repeat("x", 1000)), "")
	}
	_, err := text(t, Word, makeZIP(t, parts...), Limits{Entries: 10})
	if !fault.Is(err, fault.TooLarge) || !strings.Contains(err.Error(), "10 entries") {
		t.Errorf("error = %v, want too many entries", err)
	}
}

func TestTextStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for kind, data := range map[Kind][]byte{
		Word: makeDocx(t, para("", "Hello")), PowerPoint: makePptx(t, []string{shape("", "Hello")}), OldWord: minutes(t),
	} {
		if _, err := Read(ctx, kind, bytes.NewReader(data), int64(len(data)), Limits{}, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error = %v, want the context's", kind, err)
		}
	}
}

// minutes returns a document of Word 97.
func minutes(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/minutes.doc")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// utf16Name returns a name as the directory of a compound file has it.
func utf16Name(name string) []byte {
	var b []byte
	for _, c := range utf16.Encode([]rune(name)) {
		b = binary.LittleEndian.AppendUint16(b, c)
	}
	return b
}

func TestHostileDocuments(t *testing.T) {
	t.Parallel()
	fib := bytes.Index(minutes(t), []byte{0xec, 0xa5})
	directory := bytes.Index(minutes(t), utf16Name("WordDocument"))
	if fib < 0 || directory < 0 {
		t.Fatal("minutes.doc is not as expected")
	}
	set := func(offset int, bytes ...byte) func([]byte) []byte {
		return func(data []byte) []byte {
			copy(data[offset:], bytes)
			return data
		}
	}
	tests := []struct {
		name   string
		change func([]byte) []byte
		want   string
	}{
		{"empty", func([]byte) []byte { return nil }, "damaged"},
		{"truncated", func(d []byte) []byte { return d[:len(d)/3] }, "damaged"},
		{"encrypted", set(fib+fibFlags+1, 0x13), "encrypted"},
		{"Word 6", set(fib+fibVersion, 0x65, 0), "Word 95 or older"},
		{"no header", set(fib, 0, 0), "damaged"},
		{"pieces outside", set(fib+fibClx, 0xff, 0xff, 0xff, 0x7f), "damaged"},
		{"no pieces", set(fib+fibClxSize, 1, 0, 0, 0), "damaged"},
		{"sectors of a terabyte", set(30, 40), "damaged"},
		{"another stream", set(directory, 'X'), "not a Word 97-2003 document"},
		{"encrypted by Office", func(d []byte) []byte {
			copy(d[directory:], utf16Name("EncryptedPackage"))
			d[directory+64] = 34
			return d
		}, "encrypted"},
		{"a table without end", set(68, 1, 0, 0, 0), "damaged"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := text(t, OldWord, test.change(minutes(t)), Limits{})
			if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), test.want) {
				t.Errorf("text = %q, error %v; want a fault that says %q", got, err, test.want)
			}
		})
	}
}

// TestDamagedDocuments changes bytes at random. Whatever comes out, it comes soon
// and without a panic.
func TestDamagedDocuments(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		data := minutes(t)
		for range 1 + rng.IntN(8) {
			data[rng.IntN(len(data))] = byte(rng.IntN(256))
		}
		if got, err := text(t, OldWord, data, Limits{Text: 1 << 20}); err == nil && got == "" {
			t.Fatal("neither text nor error")
		}
	}
}

func fuzz(f *testing.F, kind Kind) {
	f.Helper()
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := text(t, kind, data, Limits{Unpacked: 1 << 20, Text: 1 << 20})
		if err == nil && strings.TrimSpace(got) == "" {
			t.Error("neither text nor error")
		}
	})
}

func FuzzDocx(f *testing.F) {
	f.Add(makeDocx(f, para(numbered(2, 1), "Hello"), "word/numbering.xml", testNumbering, "word/styles.xml", testStyles))
	fuzz(f, Word)
}

func FuzzPptx(f *testing.F) {
	f.Add(makePptx(f, []string{shape("<p:ph/>", "Hello", "there")}))
	fuzz(f, PowerPoint)
}

func FuzzDoc(f *testing.F) {
	f.Add(minutes(f))
	fuzz(f, OldWord)
}

// FuzzDocxBody changes the XML, which FuzzDocx hardly gets at.
func FuzzDocxBody(f *testing.F) {
	f.Add(para(styleRef("Kop1"), "Hello") + "<w:tbl><w:tr><w:tc>" + para("", "x") + "</w:tc></w:tr></w:tbl>")
	f.Fuzz(func(t *testing.T, body string) {
		got, err := text(t, Word, makeDocx(t, body, "word/styles.xml", testStyles), Limits{Text: 1 << 20})
		if err == nil && strings.TrimSpace(got) == "" {
			t.Error("neither text nor error")
		}
	})
}
