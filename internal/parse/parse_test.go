package parse

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newParser returns a parser that shares the compiled PDF reader of this machine.
func newParser(t testing.TB, opts Options) *Parser {
	t.Helper()
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = t.TempDir()
	}
	opts.CacheDir = filepath.Join(dir, "kvasir", "wazero")
	p := New(opts)
	t.Cleanup(func() {
		if err := p.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return p
}

// read returns what a parser makes of data in a file called name.
func read(ctx context.Context, p *Parser, name, data string) (memo.Parsed, error) {
	return p.Parse(ctx, Input{Name: name, Content: strings.NewReader(data), Size: int64(len(data))})
}

// file returns a file that the tests of the readers use.
func file(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestAllowed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a.pdf", "A.PDF", "a.b.docx", "x/y.md", "../../x.txt", "a.htm", "ü.pptx", ".doc"} {
		if err := Allowed(name); err != nil {
			t.Errorf("Allowed(%q) = %v, want nil", name, err)
		}
	}
	const wire = "Invalid file type. Allowed types: "
	for _, name := range []string{"", "a", "pdf", "a.exe", "a.pdf.exe", "a.pdf ", "a.docm", "a."} {
		err := Allowed(name)
		if !fault.Is(err, fault.Invalid) ||
			!strings.HasPrefix(fault.Message(err), wire+".pdf, .doc, .docx, .pptx, .txt, .md, .html") {
			t.Errorf("Allowed(%q) = %v, want the wire's words", name, err)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	p := newParser(t, Options{})
	if err := p.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	pdf := file(t, "testdata/hello.pdf")
	tests := []struct{ name, data, want string }{
		{"a.txt", "one\r\ntwo\rthree\x00 \x1b\n", "one\ntwo\nthree\n"},
		{"a.txt", "Gr\xfc\xdfe", "Grüße\n"},
		{"a.txt", "\xff\xfeG\x00\xfc\x00", "Gü\n"},
		{"a.txt", "x", "x\n"},
		{"A.MD", "\xef\xbb\xbf# Title\n\ntext\n\n", "# Title\n\ntext\n"},
		{"a.markdown", "世界", "世界\n"},
		{"dir/a.html", "<title>T</title><p>Hello <b>there</b>", "# T\n\nHello there\n"},
		{"a.htm", "<h1>Hello</h1>", "# Hello\n"},
		{"a.pdf", pdf, "Hello from a PDF.\n"},
		{"a.pdf", "\r\nsome mail header\r\n" + pdf, "Hello from a PDF.\n"},
		{"a.doc", file(t, "office/testdata/minutes.doc"), "# Minutes"},
		{"a.docx", file(t, "office/testdata/minutes.docx"), "# Minutes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			doc, err := read(t.Context(), p, test.name, test.data)
			if err != nil || !strings.HasPrefix(doc.Text, test.want) {
				t.Errorf("Parse(%s, %.40q) = %q, %v; want %q", test.name, test.data, doc.Text, err, test.want)
			}
		})
	}
}

// Inside a family of formats the bytes decide, and between them a wrong name is an
// error.
func TestNamesAndContents(t *testing.T) {
	t.Parallel()
	p := newParser(t, Options{NoOCR: true})
	word, old := file(t, "office/testdata/minutes.docx"), file(t, "office/testdata/minutes.doc")
	const page, rich = "<!DOCTYPE html><title>T</title><h1>Hello</h1>", `{\rtf1 Hello}`
	tests := []struct{ name, data, want string }{
		{"a.pptx", word, "# Minutes"},
		{"a.doc", word, "# Minutes"},
		{"a.docx", old, "# Minutes"},
		{"a.doc", rich, "Hello\n"},
		{"a.docx", rich, "Hello\n"},
		{"a.txt", rich, "Hello\n"},
		{"a.txt", page, "# Hello\n"},
		{"a.txt", "\ufeff \n" + page, "# Hello\n"},
		{"a.xml", "<?xml version='1.0'?>" + page, "# Hello\n"},
		{"a.txt", "<p>is a paragraph", "<p>is a paragraph\n"},
		{"a.yaml", "a: {\\rtf", "```yaml\na: {\\rtf\n```\n"},

		{"a.rtf", word, "a.rtf is not an RTF document: it looks like a ZIP archive"},
		{"a.docx", zipOf(t, "a/b.txt", "x"), "a.docx is not a Word document: it looks like a ZIP archive"},
		{"a.docx", zipOf(t, "mimetype", "application/epub+zip"), "a.docx"},
		{"a.docx", "Hello", "a.docx is not a Word document: it looks like text"},
		{"a.doc", "Hello", "a.doc is not a Word 97-2003 document: it looks like text"},
		{"a.rtf", "Hello", "a.rtf is not an RTF document: it looks like text"},
		{"a.msg", "Subject: x\n\nHello", "a.msg is not an Outlook message: it looks like text"},
		{"a.msg", old, "a.msg is not an Outlook message: it looks like a Word 97-2003 document"},
		{"a.md", word, "a.md is not text: it looks like a ZIP archive"},
		{"a.eml", word, "a.eml is not a mail: it looks like a ZIP archive"},
		{"a.json", "\x89PNG\r\n\x1a\n", "a.json is not JSON: it looks like a PNG image"},
		{"a.png", "Hello", "a.png is not a picture: it looks like text"},
		{"a.png", "%PDF-1.7", "a.png is not a picture: it looks like a PDF"},
		{"a.png", "\xff\xd8\xff", "a.png: Text in pictures is not read here"},
		{"a.py", "\x7fELF", "a.py is not source code: it looks like a program"},
		{"a.ts", "\x47\x00\x00\x10\x00\x01\x02\x03", "a.ts is not source code: it looks like binary data"},
	}
	for _, test := range tests {
		doc, err := read(t.Context(), p, test.name, test.data)
		got := doc.Text
		if err != nil {
			got = fault.Message(err)
		}
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("%s of %.20q: %q, want %q", test.name, test.data, got, test.want)
		}
	}
}

// Only what is text, and not much of it, is read in no time.
func TestLight(t *testing.T) {
	t.Parallel()
	p := newParser(t, Options{})
	for _, test := range []struct {
		name, data string
		want       bool
	}{
		{"a.md", "Hello", true}, {"a.go", "package a", true}, {"a.csv", "a,b", true}, {"a.json", "{}", true},
		{"a.txt", "<html>", false}, {"a.txt", `{\rtf1`, false}, {"a.html", "<p>", false}, {"a.pdf", "%PDF-1.7", false},
		{"a.txt", strings.Repeat("x", 5<<20), false}, {"a.csv", strings.Repeat("a,", 1<<18), false}, {"a.txt", "", false},
	} {
		in := Input{Name: test.name, Content: strings.NewReader(test.data), Size: int64(len(test.data))}
		if got := p.Light(in); got != test.want {
			t.Errorf("Light(%s of %.10q) = %v", test.name, test.data, got)
		}
	}
}

// What a mail carries is read as files are, a few levels deep.
func TestFilesInMails(t *testing.T) {
	t.Parallel()
	attach := func(name, mimeType, data string) string {
		return "Subject: A mail\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=" + name + "\n\n--" + name +
			"\nContent-Type: " + mimeType + "\nContent-Disposition: attachment; filename=" + name +
			"\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString([]byte(data)) + "\n--" + name + "--\n"
	}
	p := newParser(t, Options{MaxNested: 2})
	for _, test := range []struct{ mail, want string }{
		{attach("a.docx", "application/octet-stream", file(t, "office/testdata/minutes.docx")), "## Minutes"},
		{attach("noname", "application/pdf", file(t, "testdata/hello.pdf")), "Hello from a PDF."},
		{attach("a.csv", "text/plain", "name,number\nOne,1\nTwo,2\n"), "| One | 1 |"},
		{attach("b.eml", "application/octet-stream", attach("a.txt", "text/plain", "inner words")), "inner words"},
	} {
		doc, err := read(t.Context(), p, "a.eml", test.mail)
		if err != nil || !strings.Contains(doc.Text, test.want) || len(doc.Parts) == 0 {
			t.Errorf("%.100q: %q, %+v, %v; want %q", test.mail, doc.Text, doc.Parts, err, test.want)
		}
	}
}

func TestParseGivesTheTitleOfAPage(t *testing.T) {
	t.Parallel()
	doc, err := read(t.Context(), newParser(t, Options{}), "a.html", "<title>The  title</title><h1>Heading</h1>")
	if err != nil || doc.Title != "The title" {
		t.Errorf("title = %q, %v; want %q", doc.Title, err, "The title")
	}
}

func TestParseUsesTheCharacterSetOfTheMIMEType(t *testing.T) {
	t.Parallel()
	const page = "<p>\xc1\xd2"
	doc, err := newParser(t, Options{}).Parse(t.Context(), Input{
		Name: "a.html", MIMEType: "text/html; charset=koi8-r", Content: strings.NewReader(page), Size: int64(len(page)),
	})
	if err != nil || doc.Text != "ар\n" {
		t.Errorf("text = %q, %v", doc.Text, err)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	p := newParser(t, Options{MaxInput: 1 << 20, MaxText: 100_000, MaxUnpacked: 1 << 20})
	archive := zipOf(t, "a.txt", "hello")
	tests := []struct {
		name, data string
		kind       fault.Kind
		want       string
	}{
		{"a.exe", "MZ", fault.Invalid, "Invalid file type. Allowed types: .pdf, .doc, .docx, .pptx"},
		{"report.pdf", archive, fault.Invalid, "report.pdf is not a PDF: it looks like a ZIP archive"},
		{"report.pdf", "just text", fault.Invalid, "report.pdf is not a PDF: it looks like text"},
		{"x/../report.pdf", "\x89PNG\r\n\x1a\n", fault.Invalid, "report.pdf is not a PDF: it looks like a PNG image"},
		{"a.pdf", `{\rtf1 hello}`, fault.Invalid, "a.pdf is not a PDF: it looks like an RTF document"},
		{"a.docx", archive, fault.Invalid, "a.docx is not a Word document: it looks like a ZIP archive"},
		{"a.docx", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", fault.Invalid, "a.docx is not a Word document: it looks like an old"},
		{"a.doc", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", fault.Invalid, "a.doc: The file is damaged"},
		{"a.txt", "%PDF-1.7", fault.Invalid, "a.txt is not text: it looks like a PDF"},
		{"a.md", "\x01\x02\x03\x04\x05\x06", fault.Invalid, "a.md is not text: it looks like binary data"},
		{"a.html", archive, fault.Invalid, "a.html is not a web page: it looks like a ZIP archive"},
		{"a.pdf", "%PDF-1.7\n", fault.Invalid, "a.pdf: The PDF is damaged"},
		{"a.txt", "", fault.Invalid, "a.txt is empty"},
		{"a.txt", " \r\n\x00", fault.Invalid, "a.txt: The file has no text"},
		{"a.html", "<script>x</script>", fault.Invalid, "a.html has no text"},
		{"a.txt", strings.Repeat("x", 1<<20+1), fault.TooLarge, "a.txt is larger than 1 MB"},
		{"a.txt", strings.Repeat("x", 100_000), fault.TooLarge, "a.txt has more than 100000 bytes of text"},
		{"a.docx", zipOf(t, "_rels/.rels", strings.Repeat(" ", 2<<20)), fault.TooLarge, "a.docx: The file unpacks to more"},
	}
	for _, test := range tests {
		t.Run(test.want, func(t *testing.T) {
			t.Parallel()
			doc, err := read(t.Context(), p, test.name, test.data)
			if !fault.Is(err, test.kind) || !strings.HasPrefix(fault.Message(err), test.want) {
				t.Errorf("text = %.100q, error %v; want a fault that says %q", doc.Text, err, test.want)
			}
		})
	}
}

// zipOf returns an archive with one entry.
func zipOf(t *testing.T, name, content string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A badReader fails as disks do, from the second read on, or panics if err is nil.
type badReader struct {
	io.ReaderAt
	err error
}

func (r badReader) ReadAt(p []byte, offset int64) (int, error) {
	if len(p) == 4096 && offset == 0 { // the look at the beginning
		return r.ReaderAt.ReadAt(p, offset)
	}
	if r.err == nil {
		panic("disk on fire")
	}
	return 0, r.err
}

func TestParseSurvivesAPanic(t *testing.T) {
	t.Parallel()
	data := strings.Repeat("text ", 10_000)
	in := Input{Name: "a.txt", Content: badReader{strings.NewReader(data), nil}, Size: int64(len(data))}
	_, err := newParser(t, Options{}).Parse(t.Context(), in)
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "disk on fire") ||
		fault.Message(err) != "a.txt cannot be read" {
		t.Errorf("error = %v, want a fault that hides the panic", err)
	}
}

func TestParseOfAFileThatCannotBeReadIsNotTheFilesFault(t *testing.T) {
	t.Parallel()
	data := strings.Repeat("text ", 10_000)
	in := Input{Name: "a.txt", Content: badReader{strings.NewReader(data), io.ErrUnexpectedEOF}, Size: int64(len(data))}
	_, err := newParser(t, Options{}).Parse(t.Context(), in)
	if !errors.Is(err, io.ErrUnexpectedEOF) || !fault.Is(err, fault.Internal) {
		t.Errorf("error = %v, want the reader's", err)
	}
}

func TestParseEndsInTime(t *testing.T) {
	t.Parallel()
	p := newParser(t, Options{Timeout: time.Nanosecond})
	for name, data := range map[string]string{"a.html": "<p>Hello", "a.docx": file(t, "office/testdata/minutes.docx")} {
		_, err := read(t.Context(), p, name, data)
		if !fault.Is(err, fault.TooLarge) || !strings.HasPrefix(fault.Message(err), name+" takes longer than 1ns") {
			t.Errorf("error = %v, want one that says how long", err)
		}
	}
}

func TestParseStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := newParser(t, Options{})
	word := file(t, "office/testdata/minutes.doc")
	for name, data := range map[string]string{"a.html": "<p>Hello", "a.pdf": "%PDF-1.7", "a.doc": word} {
		if _, err := read(ctx, p, name, data); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error = %v, want the context's", name, err)
		}
	}
}

// Whatever comes under whichever name, it ends, in clean text with parts in order or
// in a fault that a person can read.
func FuzzParse(f *testing.F) {
	extensions := Extensions()
	for i, extension := range extensions {
		for _, data := range []string{"Gr\xfc\xdfe\r\n\x00", "<a><b>c</b></a>", "a,b\n1,2", `{"a":[1]}`, "Subject: x\n\ny"} {
			f.Add(uint16(i), data)
		}
		for _, name := range []string{"testdata/hello.pdf", "office/testdata/minutes.doc", "office/testdata/minutes.docx"} {
			if strings.HasSuffix(name, extension) {
				f.Add(uint16(i), file(f, name))
			}
		}
	}
	p := newParser(f, Options{NoOCR: true, Timeout: 10 * time.Second})
	f.Fuzz(func(t *testing.T, kind uint16, data string) {
		name := "a" + extensions[int(kind)%len(extensions)]
		doc, err := read(t.Context(), p, name, data)
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.TooLarge || strings.Contains(err.Error(), "panic:") {
				t.Errorf("%s: error = %v", name, err)
			}
			return
		}
		if strings.TrimSpace(doc.Text) == "" || strings.ContainsAny(doc.Text, "\r\x00") || !utf8.ValidString(doc.Text) {
			t.Errorf("%s: text = %q", name, doc.Text)
		}
		at := 0
		for _, part := range doc.Parts {
			if part.Start < at || part.End <= part.Start || part.End > len(doc.Text) ||
				!utf8.ValidString(doc.Text[part.Start:part.End]) {
				t.Fatalf("%s: parts = %+v of %d bytes", name, doc.Parts, len(doc.Text))
			}
			at = part.End
		}
	})
}
