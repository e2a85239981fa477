package parse

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode"

	"kvasir/internal/fault"
	"kvasir/internal/parse/charset"
	"kvasir/internal/parse/compound"
)

// A signature is how files of a format begin.
type signature struct {
	start     string
	name      string // with its article
	extension string // of the format, if it is one that is read
}

// The names of signatures that many formats have.
const (
	aZIP      = "a ZIP archive"
	oldOffice = "an old Office file" // what compound files are called, whatever is in them
)

// signatures are formats by their beginnings: those that are read, and those that
// come under a wrong name.
var signatures = [...]signature{
	{"%PDF-", "a PDF", ".pdf"},
	{"PK\x03\x04", aZIP, ""},
	{"PK\x05\x06", aZIP, ""},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", oldOffice, ""},
	{`{\rtf`, "an RTF document", ".rtf"},
	{"\x89PNG\r\n\x1a\n", "a PNG image", ".png"},
	{"\xff\xd8\xff", "a JPEG image", ".png"},
	{"II*\x00", "a TIFF image", ".png"},
	{"MM\x00*", "a TIFF image", ".png"},
	{"GIF8", "a GIF image", ".png"},
	{"\x1f\x8b", "a gzip archive", ""},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive", ""},
	{"Rar!\x1a\x07", "a RAR archive", ""},
	{"BZh", "a bzip2 archive", ""},
	{"\xfd7zXZ\x00", "an xz archive", ""},
	{"\x28\xb5\x2f\xfd", "a zstd archive", ""},
	{"\x7fELF", "a program", ""},
	{"MZ\x90\x00", "a program", ""},
	{"SQLite format 3\x00", "an SQLite database", ""},
}

// headSize is how many bytes of a file are looked at. A PDF may have a kilobyte of
// other things before its signature.
const headSize = 4096

// judge returns the format of a file whose name claims f, as far as its first bytes
// tell, or a fault if they are of another family.
func (f format) judge(in Input) (format, error) {
	name := path.Base(in.Name)
	if in.Size <= 0 {
		return format{}, fault.New(fault.Invalid, name+" is empty")
	}
	head := make([]byte, min(in.Size, headSize))
	n, err := in.Content.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return format{}, fmt.Errorf("read the file: %w", err)
	}
	head = head[:n]
	// What mail or a web server put before a PDF does not harm it.
	if f.family == pdfs && bytes.Contains(head[:min(n, 1024)], []byte("%PDF-")) {
		return f, nil
	}
	looks := looksLike(head)
	switch {
	case looks.name == oldOffice && (f.family == offices || f.family == mails):
		return f, nil
	case looks.name == aZIP && f.family == offices && f.name != "an RTF document":
		return f, nil
	case looks.extension != "":
		if g, ok := known(looks.extension); ok && (g.family == f.family || g.text && f.plain()) {
			return g, nil
		}
	case looks.name == "text" && f.text && f.family != offices:
		return f.ofText(head), nil
	}
	return format{}, f.lie(name, looks.name)
}

// plain reports whether the name says no more than that it is text, as .txt does.
func (f format) plain() bool { return strings.HasPrefix(f.extensions, ".txt ") }

// lie says what a file is instead of f.
func (f format) lie(name, looks string) error {
	return fault.New(fault.Invalid, fmt.Sprintf("%s is not %s: it looks like %s", name, f.name, looks))
}

// ofText returns the format of a text that begins with head. A web page is one
// whether it is called text or XML.
func (f format) ofText(head []byte) format {
	if !f.plain() && f.name != "XML" {
		return f
	}
	start := strings.ToLower(strings.TrimSpace(charset.Decode(head)))
	if strings.HasPrefix(start, "<?xml") && f.name == "XML" {
		_, start, _ = strings.Cut(start, "?>")
		start = strings.TrimSpace(start)
	}
	if strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html") {
		if page, ok := known(".html"); ok {
			return page
		}
	}
	return f
}

// looksLike says what a file that begins with head is.
func looksLike(head []byte) signature {
	for _, s := range signatures {
		if bytes.HasPrefix(head, []byte(s.start)) {
			return s
		}
	}
	if isText(head) {
		return signature{name: "text"}
	}
	return signature{name: "binary data"}
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

// lookInside returns the format of a file that is an archive or a compound file, by
// what is in it. One that cannot be opened stays what it claims to be: its reader
// says what is wrong with it.
func (f format) lookInside(in Input) (format, error) {
	if f.family != offices && f.family != mails || f.text {
		return f, nil
	}
	var head [8]byte
	n, err := in.Content.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return format{}, fmt.Errorf("read the file: %w", err)
	}
	extension, looks := "", ""
	switch looksLike(head[:n]).name {
	case aZIP:
		extension, looks = insideZIP(in)
	case oldOffice:
		extension, looks = insideCompound(in)
	}
	if extension == "" && (looks == "" || f.compound) {
		return f, nil
	}
	g, ok := known(extension)
	if !ok || g.family != f.family {
		return format{}, f.lie(path.Base(in.Name), looks)
	}
	return g, nil
}

// maxDirectory is how many bytes of an archive's list of entries are read: enough
// for 10,000.
const maxDirectory = 8 << 20

var errDirectory = errors.New("the list of entries is too long")

// A bounded reader reads so many bytes and no more.
type bounded struct {
	io.ReaderAt
	left int64
}

// ReadAt implements io.ReaderAt.
func (b *bounded) ReadAt(p []byte, offset int64) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, errDirectory
	}
	return b.ReaderAt.ReadAt(p, offset)
}

// insideZIP returns the extension of what an archive is, and its name; none if that
// cannot be known.
func insideZIP(in Input) (extension, name string) {
	z, err := zip.NewReader(&bounded{in.Content, maxDirectory}, in.Size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return "", ""
	}
	for _, f := range z.File {
		entry := strings.ToLower(strings.TrimPrefix(f.Name, "/"))
		folder, _, _ := strings.Cut(entry, "/")
		switch {
		case entry == "mimetype":
			return ofMIMEType(f)
		case folder == "word":
			return ".docx", "a Word document"
		case folder == "ppt":
			return ".pptx", "a PowerPoint presentation"
		case folder == "xl":
			return ".xlsx", "an Excel workbook"
		case entry == "[content_types].xml" || entry == "_rels/.rels":
			extension = "?" // an office file of some kind
		}
	}
	if extension == "" {
		return ".zip", aZIP
	}
	return "", ""
}

// ofMIMEType returns what an archive is whose entry f names it.
func ofMIMEType(f *zip.File) (extension, name string) {
	r, err := f.Open()
	if err != nil {
		return "", ""
	}
	defer r.Close()
	said, err := io.ReadAll(io.LimitReader(r, 256))
	if err != nil {
		return "", ""
	}
	kind := strings.TrimSuffix(strings.TrimSpace(string(said)), "-template")
	switch kind {
	case "application/epub+zip":
		return ".epub", "an EPUB book"
	case "application/vnd.oasis.opendocument.text":
		return ".odt", "an OpenDocument text"
	case "application/vnd.oasis.opendocument.spreadsheet":
		return ".ods", "an OpenDocument spreadsheet"
	case "application/vnd.oasis.opendocument.presentation":
		return ".odp", "an OpenDocument presentation"
	}
	return ".zip", aZIP
}

// insideCompound returns the extension of what a compound file is, and its name; no
// extension if that cannot be known.
func insideCompound(in Input) (extension, name string) {
	c, err := compound.Open(in.Content, in.Size)
	if err != nil {
		return "", oldOffice
	}
	for _, kind := range []struct{ stream, extension, name string }{
		{"EncryptedPackage", ".encrypted", "an encrypted document. Remove its password"},
		{"WordDocument", ".doc", "a Word 97-2003 document"},
		{"__properties_version1.0", ".msg", "an Outlook message"},
		{"Workbook", ".xls", "an Excel 97-2003 workbook. Save it as .xlsx"},
		{"Book", ".xls", "an Excel 97-2003 workbook. Save it as .xlsx"},
		{"PowerPoint Document", ".ppt", "a PowerPoint 97-2003 presentation. Save it as .pptx"},
	} {
		if c.Has(kind.stream) {
			return kind.extension, kind.name
		}
	}
	return "", oldOffice
}
