package worker_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bomb stands for 4 MiB of text, which a ZIP archive packs into 4 kB.
const bomb = "\x00bomb"

// zipFile returns an archive of entries, each a name and its content.
func zipFile(t *testing.T, entries ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(entries); i += 2 {
		method := zip.Deflate
		if entries[i] == "mimetype" {
			method = zip.Store
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: entries[i], Method: method})
		if err != nil {
			t.Fatal(err)
		}
		content := entries[i+1]
		if before, after, ok := strings.Cut(content, bomb); ok {
			content = before + strings.Repeat("so much ", 1<<19) + after
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// manyEntries returns an archive of n empty entries.
func manyEntries(t *testing.T, n int) string {
	t.Helper()
	entries := []string{"word/document.xml", ""}
	for i := range n {
		entries = append(entries, fmt.Sprint("word/", i), "")
	}
	return zipFile(t, entries...)
}

// officeFile returns a file of Office whose main part is at path and of a type, with
// further entries.
func officeFile(t *testing.T, path, contentType, body string, more ...string) string {
	t.Helper()
	types := `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
		`<Default Extension="xml" ContentType="application/xml"/><Override PartName="/` + path + `" ` +
		`ContentType="application/vnd.openxmlformats-officedocument.` + contentType + `.main+xml"/></Types>`
	entries := []string{"[Content_Types].xml", types, "_rels/.rels", relations("officeDocument", path), path, body}
	return zipFile(t, append(entries, more...)...)
}

// relations returns the list of what a part of a file refers to, which is one thing.
func relations(kind, target string) string {
	return `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" ` +
		`Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/` + kind + `" Target="` + target +
		`"/></Relationships>`
}

// names are the XML namespaces of Office.
const names = ` xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"` +
	` xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"` +
	` xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"` +
	` xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"` +
	` xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`

// wordFile returns a Word document with the given body, or the given XML.
func wordFile(t *testing.T, body string) string {
	t.Helper()
	if !strings.HasPrefix(body, "<?xml") {
		body = "<w:document" + names + "><w:body>" + body + "</w:body></w:document>"
	}
	return officeFile(t, "word/document.xml", "wordprocessingml.document", body)
}

// slideFile returns a presentation with one slide.
func slideFile(t *testing.T, text string) string {
	t.Helper()
	return officeFile(t, "ppt/presentation.xml", "presentationml.presentation",
		"<p:presentation"+names+`><p:sldIdLst><p:sldId id="256" r:id="r1"/></p:sldIdLst></p:presentation>`,
		"ppt/_rels/presentation.xml.rels", relations("slide", "slides/slide1.xml"),
		"ppt/slides/slide1.xml", "<p:sld"+names+"><p:cSld><p:spTree><p:sp><p:txBody><a:p><a:r><a:t>"+text+
			"</a:t></a:r></a:p></p:txBody></p:sp></p:spTree></p:cSld></p:sld>")
}

// workbook returns a workbook with one sheet of one cell.
func workbook(t *testing.T, text string) string {
	t.Helper()
	return officeFile(t, "xl/workbook.xml", "spreadsheetml.sheet",
		"<workbook"+names+`><sheets><sheet name="One" sheetId="1" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels", relations("worksheet", "worksheets/sheet1.xml"),
		"xl/worksheets/sheet1.xml", "<worksheet"+names+`><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>`+text+
			"</t></is></c></row></sheetData></worksheet>")
}

// openDocument returns a text of OpenDocument with the given body, or the given XML.
func openDocument(t *testing.T, body string) string {
	t.Helper()
	if !strings.HasPrefix(body, "<?xml") {
		body = `<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" ` +
			`xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:text>` + body +
			`</office:text></office:body></office:document-content>`
	}
	return zipFile(t, "mimetype", "application/vnd.oasis.opendocument.text", "content.xml", body)
}

// epubFile returns a book with one chapter.
func epubFile(t *testing.T, chapter string) string {
	t.Helper()
	const container = `<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile ` +
		`full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>`
	const book = `<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata ` +
		`xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>A book</dc:title></metadata><manifest><item id="c" ` +
		`href="c.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="c"/></spine></package>`
	return zipFile(t, "mimetype", "application/epub+zip", "META-INF/container.xml", container, "book.opf", book,
		"c.xhtml", chapter)
}

// billionLaughs returns XML of entities of entities.
func billionLaughs() string {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\"?>\n<!DOCTYPE lolz [\n<!ENTITY lol0 \"lol\">\n")
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&b, "<!ENTITY lol%d \"%s\">\n", i, strings.Repeat(fmt.Sprintf("&lol%d;", i-1), 10))
	}
	b.WriteString("]>\n<lolz>&lol9;</lolz>")
	return b.String()
}

// mailWith returns a mail with one attachment.
func mailWith(name, mimeType, data string) string {
	return "Subject: A mail\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n" +
		"--b\r\nContent-Type: " + mimeType + "\r\nContent-Disposition: attachment; filename=\"" + name + "\"\r\n" +
		"Content-Transfer-Encoding: base64\r\n\r\n" + wrapped(base64.StdEncoding.EncodeToString([]byte(data))) + "--b--\r\n"
}

// wrapped returns text in lines of 76 characters.
func wrapped(text string) string {
	var b strings.Builder
	for len(text) > 76 {
		b.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	return b.String() + text + "\r\n"
}

// deepMail returns a mail of parts in parts.
func deepMail(levels int) string {
	var b strings.Builder
	b.WriteString("Subject: Deep\r\nMIME-Version: 1.0\r\n")
	for i := range levels {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	b.WriteString("Content-Type: text/plain\r\n\r\nx\r\n")
	return b.String()
}

// pdfFile returns a PDF of objects, the first of which is its catalogue.
func pdfFile(objects []string) string {
	var b strings.Builder
	b.WriteString("%PDF-1.7\n")
	offsets := make([]int, len(objects))
	for i, object := range objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, table)
	return b.String()
}

// cyclicPages are a tree of pages that is its own branch.
var cyclicPages = []string{
	"<< /Type /Catalog /Pages 2 0 R >>",
	"<< /Type /Pages /Parent 3 0 R /Kids [3 0 R 2 0 R] /Count 1000000 >>",
	"<< /Type /Pages /Parent 2 0 R /Kids [2 0 R 3 0 R] /Count 1000000 >>",
}

// manyPages claim to be a million.
var manyPages = []string{
	"<< /Type /Catalog /Pages 2 0 R >>",
	"<< /Type /Pages /Kids [3 0 R] /Count 1000000 >>",
	"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] >>",
}

// manyForms are a page that draws a form that draws a form ten times, and so on: the
// words at the bottom would be drawn 10^12 times.
var manyForms = func() []string {
	const levels = 12
	out := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] /Contents 4 0 R /Resources << /XObject << /X 6 0 R >> >> >>",
		"<< /Length 5 >>\nstream\n/X Do\nendstream",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	for i := range levels {
		draw, resources := strings.Repeat("/X Do ", 10), fmt.Sprintf("/XObject << /X %d 0 R >>", i+7)
		if i == levels-1 {
			draw, resources = "BT /F 9 Tf (words) Tj ET", "/Font << /F 5 0 R >>"
		}
		out = append(out, fmt.Sprintf(
			"<< /Type /XObject /Subtype /Form /BBox [0 0 100 100] /Resources << %s >> /Length %d >>\nstream\n%s\nendstream",
			resources, len(draw), draw))
	}
	return out
}()

// hugePicture returns the head of a PNG that claims to be 60,000 pixels wide and high.
func hugePicture() string {
	head := binary.BigEndian.AppendUint32([]byte("IHDR"), 60_000)
	head = binary.BigEndian.AppendUint32(head, 60_000)
	head = append(head, 8, 0, 0, 0, 0)
	out := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), head...)
	return string(binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(head)))
}

// samples returns a small sound file of many formats.
func samples(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{
		"a.docx":  wordFile(t, "<w:p><w:r><w:t>Hello there</w:t></w:r></w:p>"),
		"a.pptx":  slideFile(t, "Hello there"),
		"a.xlsx":  workbook(t, "Hello there"),
		"a.odt":   openDocument(t, "<text:p>Hello there</text:p>"),
		"a.epub":  epubFile(t, "<html><body><h1>One</h1><p>Hello there</p></body></html>"),
		"a.html":  "<title>T</title><table><tr><td>Hello<td>there</table>",
		"a.xml":   `<?xml version="1.0"?><list><item><name>Hello</name></item><item><name>there</name></item></list>`,
		"a.rtf":   `{\rtf1\ansi{\fonttbl{\f0 Arial;}}\pard Hello \b there\b0\par}`,
		"a.csv":   "name,number\nHello,1\nthere,2\n",
		"a.json":  `{"hello": ["there", {"number": 1}]}`,
		"a.jsonl": "{\"hello\": 1}\n{\"hello\": 2}\n",
		"a.ipynb": `{"cells":[{"cell_type":"markdown","source":["# Hello"]},{"cell_type":"code","source":"1+1",` +
			`"outputs":[]}],"metadata":{},"nbformat":4,"nbformat_minor":5}`,
		"a.eml": mailWith("a.csv", "text/csv", "name,number\nHello,1\n"),
	}
	for name, file := range map[string]string{
		"a.pdf": "../testdata/hello.pdf", "a.doc": "../office/testdata/minutes.doc",
		"b.docx": "../office/testdata/minutes.docx",
	} {
		data, err := os.ReadFile(filepath.FromSlash(file))
		if err != nil {
			t.Fatal(err)
		}
		out[name] = string(data)
	}
	return out
}
