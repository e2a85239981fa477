package parse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"kvasir/internal/fault"
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

// signatures are formats by their beginnings: those that are read, and those that
// come under a wrong name.
var signatures = [...]signature{
	{"%PDF-", "a PDF"},
	{"PK\x03\x04", "a ZIP archive"},
	{"PK\x05\x06", "a ZIP archive"},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file"},
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
	looks := looksLike(head)
	want := looks
	switch {
	case f.kind == pdfFile:
		want = "a PDF"
		if looks != want && bytes.Contains(head[:min(n, 1024)], []byte("%PDF-")) {
			return nil
		}
	case f.kind == officeFile && f.office == office.OldWord:
		want = "an old Office file"
	case f.kind == officeFile:
		want = "a ZIP archive"
		if looks == "an old Office file" {
			// That is how Office keeps encrypted documents.
			return fault.New(fault.Invalid, fmt.Sprintf(
				"%s is not %s: it looks like an encrypted one, or an old Office file. Remove its password or rename it", name, f.name))
		}
	case looks != "text":
		want = "text"
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

// isText reports whether bytes can be text in some character set: UTF-16, or
// with hardly any control characters.
func isText(head []byte) bool {
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return true
	}
	var odd, zeros [2]int
	control := 0
	for i, c := range head {
		odd[i%2]++
		switch {
		case c == 0:
			zeros[i%2]++
		case c < ' ' && !strings.ContainsRune("\t\n\v\f\r\x1b", rune(c)):
			control++
		}
	}
	// In UTF-16 one byte of two is zero, and the other never is.
	if zeros[0] > zeros[1] {
		zeros[0], zeros[1] = zeros[1], zeros[0]
	}
	if zeros[1]*10 > len(head)*2 && zeros[0]*20 <= len(head) {
		return control*10 <= len(head)
	}
	return (control+zeros[0]+zeros[1])*20 <= len(head)
}
