package parse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode"

	"kvasir/internal/fault"
	"kvasir/internal/parse/charset"
	"kvasir/internal/parse/office"
)

// A kind says which reader reads a format.
type kind int

const (
	plainText kind = iota
	webPage
	officeFile
	pdfFile
)

// A format is a kind of file that is known by the end of its name.
type format struct {
	extension string
	kind      kind
	office    office.Kind // of an officeFile
	name      string      // with its article
}

// formats are what can be read. The first four are those of the wire's message,
// which has to begin with them.
var formats = [...]format{
	{".pdf", pdfFile, "", "a PDF"},
	{".doc", officeFile, office.OldWord, "a Word 97-2003 document"},
	{".docx", officeFile, office.Word, "a Word document"},
	{".pptx", officeFile, office.PowerPoint, "a PowerPoint presentation"},
	{".txt", plainText, "", "text"},
	{".md", plainText, "", "text"},
	{".html", webPage, "", "a web page"},
	{".htm", webPage, "", "a web page"},
	{".markdown", plainText, "", "text"},
}

// Allowed returns nil if files with such a name can be read, else a fault that
// lists what can.
func Allowed(name string) error {
	_, err := formatOf(name)
	return err
}

// formatOf returns the format that a file's name claims.
func formatOf(name string) (format, error) {
	extension := strings.ToLower(path.Ext(name))
	var all []string
	for _, f := range formats {
		if f.extension == extension {
			return f, nil
		}
		all = append(all, f.extension)
	}
	return format{}, fault.New(fault.Invalid, "Invalid file type. Allowed types: "+strings.Join(all, ", "))
}

// A signature is how files of a format begin.
type signature struct {
	start string
	name  string // with its article
}

// oldOffice is what compound files are called, whatever is in them.
const oldOffice = "an old Office file"

// signatures are formats by their beginnings: those that are read, and those that
// come under a wrong name.
var signatures = [...]signature{
	{"%PDF-", "a PDF"},
	{"PK\x03\x04", "a ZIP archive"},
	{"PK\x05\x06", "a ZIP archive"},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", oldOffice},
	{`{\rtf`, "an RTF document"},
	{"\x89PNG\r\n\x1a\n", "a PNG image"},
	{"\xff\xd8\xff", "a JPEG image"},
	{"GIF8", "a GIF image"},
	{"\x1f\x8b", "a gzip archive"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive"},
	{"Rar!\x1a\x07", "a RAR archive"},
	{"BZh", "a bzip2 archive"},
	{"\xfd7zXZ\x00", "an xz archive"},
	{"\x28\xb5\x2f\xfd", "a zstd archive"},
	{"\x7fELF", "a program"},
	{"MZ\x90\x00", "a program"},
	{"SQLite format 3\x00", "an SQLite database"},
}

// headSize is how many bytes of a file are looked at. A PDF may have a kilobyte of
// other things before its signature.
const headSize = 4096

// check returns a fault if the file does not begin as files of its format do.
func (f format) check(in Input) error {
	name := path.Base(in.Name)
	if in.Size <= 0 {
		return fault.New(fault.Invalid, name+" is empty")
	}
	head := make([]byte, min(in.Size, headSize))
	n, err := in.Content.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the file: %w", err)
	}
	head = head[:n]
	if f.kind == pdfFile {
		// What mail or a web server put before a PDF does not harm it.
		if i := bytes.Index(head[:min(n, 1024)], []byte("%PDF-")); i > 0 {
			return nil
		}
	}
	looks, want := looksLike(head), "text"
	switch {
	case f.kind == pdfFile:
		want = "a PDF"
	case f.kind == officeFile && f.office == office.OldWord:
		want = oldOffice
	case f.kind == officeFile:
		want = "a ZIP archive"
		if looks == oldOffice { // as Office keeps encrypted documents, too
			return fault.New(fault.Invalid, fmt.Sprintf(
				"%s is not %s: it is encrypted or an old Office file. Remove its password or rename it", name, f.name))
		}
	}
	if looks != want {
		return fault.New(fault.Invalid, fmt.Sprintf("%s is not %s: it looks like %s", name, f.name, looks))
	}
	return nil
}

// looksLike says what a file that begins with head is, with its article.
func looksLike(head []byte) string {
	for _, s := range signatures {
		if bytes.HasPrefix(head, []byte(s.start)) {
			return s.name
		}
	}
	if isText(head) {
		return "text"
	}
	return "binary data"
}

// isText reports whether bytes are text in some character set: hardly any of them
// are control characters. One is forgiven.
func isText(head []byte) bool {
	control, all := 0, 0
	for _, r := range charset.Decode(head) {
		all++
		if unicode.IsControl(r) && !strings.ContainsRune("\t\n\v\f\r\x1b", r) {
			control++
		}
	}
	return (control-1)*20 < all
}
