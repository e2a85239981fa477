package parse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse/charset"
)

// A reader reads a file of one format.
type reader func(ctx context.Context, p *Parser, in Input) (memo.Parsed, error)

// A format is a kind of file that is known by the end of its name.
type format struct {
	extensions string   // separated by spaces
	name       string   // with its article
	looks      []string // how such files begin: names of signatures; nil for text
	read       reader
	timed      bool // its reader keeps the time, from the moment it begins
}

// formats are what can be read. The first seven extensions are those of the wire's
// message, which has to begin with them.
var formats = [...]format{
	{extensions: ".pdf", name: "a PDF", looks: []string{aPDF}, read: readPDF, timed: true},
	{extensions: ".doc", name: "a Word 97-2003 document", looks: []string{oldOffice}, read: readDoc},
	{extensions: ".docx", name: "a Word document", looks: []string{aZIP}, read: readWord},
	{extensions: ".pptx", name: "a PowerPoint presentation", looks: []string{aZIP}, read: readPowerPoint},
	{extensions: ".txt .md", name: "text", read: readText},
	{extensions: ".html .htm .xhtml", name: "a web page", read: readPage},
	{extensions: ".markdown .text .log .rst .adoc .org .tex", name: "text", read: readText},
	{extensions: ".rtf", name: "an RTF document", looks: []string{anRTF}, read: readRTF},
	{extensions: ".csv .tsv", name: "a table", read: readTable},
	{extensions: ".png .jpg .jpeg .tif .tiff", name: "a picture", looks: pictures, read: readPicture},
	{extensions: sourceCode, name: "source code", read: readText},
}

// sourceCode are the extensions of programs and their settings, which are text.
const sourceCode = ".go .py .pyi .js .mjs .cjs .ts .tsx .jsx .java .kt .kts .scala .groovy .c .h .cc .cpp .cxx .hpp .cs " +
	".fs .vb .m .mm .swift .rs .rb .php .pl .pm .lua .r .jl .hs .ml .ex .exs .erl .clj .dart .zig .nim .sql .sh .bash " +
	".zsh .fish .ps1 .bat .css .scss .less .vue .svelte .yaml .yml .toml .ini .cfg .conf .env .properties .proto " +
	".graphql .tf .hcl .gradle .cmake .mk .dockerfile .diff .patch"

// Extensions returns the ends of names of what can be read, dots included.
func Extensions() []string {
	var all []string
	for _, f := range formats {
		all = append(all, strings.Fields(f.extensions)...)
	}
	return all
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
	for _, f := range formats {
		for e := range strings.FieldsSeq(f.extensions) {
			if e == extension {
				return f, nil
			}
		}
	}
	return format{}, fault.New(fault.Invalid, "Invalid file type. Allowed types: "+strings.Join(Extensions(), ", "))
}

// A signature is how files of a format begin.
type signature struct {
	start string
	name  string // with its article
}

// The names of signatures that formats have.
const (
	aPDF      = "a PDF"
	aZIP      = "a ZIP archive"
	anRTF     = "an RTF document"
	oldOffice = "an old Office file" // what compound files are called, whatever is in them
)

var pictures = []string{"a PNG image", "a JPEG image", "a TIFF image"}

// signatures are formats by their beginnings: those that are read, and those that
// come under a wrong name.
var signatures = [...]signature{
	{"%PDF-", aPDF},
	{"PK\x03\x04", aZIP},
	{"PK\x05\x06", aZIP},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", oldOffice},
	{`{\rtf`, anRTF},
	{"\x89PNG\r\n\x1a\n", "a PNG image"},
	{"\xff\xd8\xff", "a JPEG image"},
	{"II*\x00", "a TIFF image"},
	{"MM\x00*", "a TIFF image"},
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
	if looks == "text" && f.looks == nil {
		return nil
	}
	for _, want := range f.looks {
		// What mail or a web server put before a PDF does not harm it.
		if looks == want || want == aPDF && bytes.Contains(head[:min(n, 1024)], []byte("%PDF-")) {
			return nil
		}
	}
	if looks == oldOffice && len(f.looks) > 0 && f.looks[0] == aZIP { // as Office keeps encrypted documents, too
		return fault.New(fault.Invalid, fmt.Sprintf(
			"%s is not %s: it is encrypted or an old Office file. Remove its password or rename it", name, f.name))
	}
	return fault.New(fault.Invalid, fmt.Sprintf("%s is not %s: it looks like %s", name, f.name, looks))
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
