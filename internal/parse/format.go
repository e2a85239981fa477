package parse

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/parse/office"
	"kvasir/internal/parse/text"
)

// A reader reads a file of one format.
type reader func(ctx context.Context, p *Parser, in Input) (memo.Parsed, error)

// A family is a set of formats whose files are read as what they are, whichever of
// the family's names they have.
type family int

const (
	texts family = iota
	pdfs
	offices
	pictures
	mails
)

// A format is a kind of file that is known by the end of its name.
type format struct {
	extensions string // separated by spaces; the first is what the format is called here
	name       string // with its article
	family     family
	text       bool  // its bytes are text
	compound   bool  // they are a compound file
	light      int64 // files up to this size are read in next to no time and memory
	read       reader
	timed      bool // its reader keeps the time, from the moment it begins
	ocr        bool // it is nothing but a picture of text
}

const (
	lightText  = 4 << 20
	lightTable = 256 << 10 // where each byte is looked at
)

// formats are what can be read. The first seven extensions are those of the wire's
// message, which has to begin with them.
var formats = [...]format{
	{extensions: ".pdf", name: "a PDF", family: pdfs, read: readPDF, timed: true},
	{
		extensions: ".doc", name: "a Word 97-2003 document", family: offices, compound: true,
		read: readOffice(office.OldWord),
	},
	{extensions: ".docx", name: "a Word document", family: offices, read: readOffice(office.Word)},
	{extensions: ".pptx", name: "a PowerPoint presentation", family: offices, read: readOffice(office.PowerPoint)},
	{extensions: ".xlsx", name: "an Excel workbook", family: offices, read: readOffice(office.Excel)},
	{extensions: ".odt", name: "an OpenDocument text", family: offices, read: readOffice(office.OpenText)},
	{extensions: ".ods", name: "an OpenDocument spreadsheet", family: offices, read: readOffice(office.OpenSheet)},
	{extensions: ".odp", name: "an OpenDocument presentation", family: offices, read: readOffice(office.OpenPresentation)},
	{extensions: ".epub", name: "an EPUB book", family: offices, read: readBook},
	{extensions: prose, name: "text", text: true, light: lightText, read: readText},
	{extensions: ".html .htm .xhtml", name: "a web page", text: true, read: readPage},
	{extensions: ".rtf", name: "an RTF document", family: offices, text: true, read: readRTF},
	{extensions: ".csv .tsv", name: "a table", text: true, light: lightTable, read: readTable},
	{extensions: ".json .jsonl .ndjson", name: "JSON", text: true, light: lightTable, read: readData},
	{extensions: ".ipynb", name: "a notebook", text: true, read: readNotebook},
	{extensions: ".xml", name: "XML", text: true, read: readXML},
	{extensions: ".eml", name: "a mail", family: mails, text: true, read: readMail},
	{extensions: ".msg", name: "an Outlook message", family: mails, compound: true, read: readOutlook},
	{extensions: ".png .jpg .jpeg .tif .tiff", name: "a picture", family: pictures, read: readPicture, ocr: true},
	{extensions: sourceCode, name: "source code", text: true, light: lightText, read: readText},
}

// prose are the extensions of text that is meant to be read.
const prose = ".txt .md .markdown .text .log .rst .adoc .org .tex"

// sourceCode are those of programs, their settings, and text of any other kind.
var sourceCode = strings.Join(slices.DeleteFunc(text.Extensions(), func(extension string) bool {
	return slices.Contains(strings.Fields(prose), extension)
}), " ")

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
	f, ok := known(strings.ToLower(path.Ext(name)))
	if !ok {
		return format{}, fault.New(fault.Invalid, "Invalid file type. Allowed types: "+allowedTypes())
	}
	return f, nil
}

// known returns the format with an extension.
func known(extension string) (format, bool) {
	for _, f := range formats {
		for e := range strings.FieldsSeq(f.extensions) {
			if e == extension {
				return f, true
			}
		}
	}
	return format{}, false
}

// allowedTypes lists what can be read, for a person. The extensions of programs are
// too many to be read through.
func allowedTypes() string {
	all := Extensions()
	code := strings.Fields(sourceCode)
	documents := all[:len(all)-len(code)]
	first := []string{".pdf", ".doc", ".docx", ".pptx", ".txt", ".md", ".html"}
	rest := slices.DeleteFunc(documents, func(e string) bool { return slices.Contains(first, e) })
	return strings.Join(slices.Concat(first, rest), ", ") + "; and source code, such as .c, .go, .java, .js, .py, .sql"
}

// timeout returns how long the reading of one file may take.
func (f format) timeout(o *Options) time.Duration {
	if f.ocr {
		return o.OCRTimeout
	}
	return o.Timeout
}
