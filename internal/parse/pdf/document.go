package pdf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"
	"unicode"

	"kvasir/internal/parse/pdf/layout"
)

// A document is an open PDF.
type document struct {
	m      *machine
	handle uint64
	pages  int
	fonts  map[uint64]*layout.Font
}

var errPage = errors.New("pdfium does not load the page")

// newDocument opens the file in the machine.
func newDocument(ctx context.Context, m *machine, r io.ReadSeeker, size int64) (*document, error) {
	access, _, err := m.CreateFileAccessReader(size, r)
	if err != nil {
		return nil, fmt.Errorf("give the file to pdfium: %w", err)
	}
	d := &document{m: m, fonts: map[uint64]*layout.Font{}}
	d.handle = m.call(ctx, "FPDF_LoadCustomDocument", *access, 0)
	if m.err != nil {
		return nil, m.err
	}
	if d.handle == 0 {
		if code := m.number(ctx, "FPDF_GetLastError"); m.err == nil {
			return nil, &openError{openCode(code)}
		}
		return nil, m.err
	}
	d.pages = m.number(ctx, "FPDF_GetPageCount", d.handle)
	return d, m.err
}

// noTitle matches titles that programs leave behind.
var noTitle = regexp.MustCompile(`(?i)^(?:\(?(?:anonymous|unspecified|unknown|untitled.*|no title|none|null)\)?` +
	`|microsoft (?:word|powerpoint|excel)\b.*|powerpoint[- ]pr[aäeé]senta.*` +
	`|(?:slide|folie|document|dokument|page|title|presentation|scan)[-_ ]?[0-9]*` +
	`|(?:file|https?):.*|about:blank` +
	`|.*\.(?:docx?|dvi|tex|pdf|indd|qxd|pptx?|xlsx?|rtf|txt|html?|od[tps]|e?ps|tiff?|jpe?g|png|md|fm|hwp))$`)

// title returns what the document calls itself, if that was written by a person
// rather than left behind by a program.
func (d *document) title(quick context.Context) string {
	title := strings.Map(layout.Clean, d.m.utf16(quick, "FPDF_GetMetaText", d.handle, d.m.cString("Title")))
	title = strings.Join(strings.Fields(title), " ")
	if len(title) > 500 || noTitle.MatchString(title) || !strings.ContainsFunc(title, unicode.IsLetter) {
		return ""
	}
	return title
}

// page reads a page. Its error is errPage if PDFium refuses that page alone.
func (d *document) page(ctx context.Context, index int) (*page, error) {
	m, quick := d.m, context.WithoutCancel(ctx)
	handle := m.call(ctx, "FPDF_LoadPage", d.handle, uint64(index))
	if m.err != nil {
		return nil, m.err
	}
	if handle == 0 {
		return nil, fmt.Errorf("page %d: %w", index+1, errPage)
	}
	defer m.call(quick, "FPDF_ClosePage", handle)
	raw := &rawPage{d: d, handle: handle, glyphs: make([]glyph, 0, 4096)}
	raw.bounds = d.bounds(quick, handle)
	if err := raw.readText(ctx); err != nil {
		return nil, err
	}
	raw.readObjects(quick)
	raw.readLinks(quick)
	if m.err != nil {
		return nil, m.err
	}
	return raw.upright(m.number(quick, "FPDFPage_GetRotation", handle)), nil
}

// bounds returns the page's corners in its own coordinates.
func (d *document) bounds(quick context.Context, handle uint64) layout.Box {
	if d.m.number(quick, "FPDF_GetPageBoundingBox", handle, d.m.at(0)) == 0 {
		return rect(0, 0, 612, 792)
	}
	left, top, right, bottom := d.m.float32(0), d.m.float32(1), d.m.float32(2), d.m.float32(3)
	return rect(min(left, right), min(top, bottom), max(left, right), max(top, bottom))
}

// font returns a font by its handle, read once in a document.
func (d *document) font(quick context.Context, handle uint64) *layout.Font {
	if f, ok := d.fonts[handle]; ok {
		return f
	}
	name := strings.ToLower(string(d.m.bytes(quick, "FPDFFont_GetBaseFontName", handle)))
	flags := d.m.number(quick, "FPDFFont_GetFlags", handle)
	has := func(words ...string) bool {
		for _, word := range words {
			if strings.Contains(name, word) {
				return true
			}
		}
		return false
	}
	const fixedPitch, forceBold = 1 << 0, 1 << 18 // PDF 32000-1, table 123
	f := &layout.Font{
		Bold: flags > 0 && flags&forceBold != 0 ||
			has("bold", "black", "heavy", "-medi", "cmbx", "sfbx", "ecbx", "tcbx", "cmssbx", "cmb1", "demi") ||
			d.m.number(quick, "FPDFFont_GetWeight", handle) >= 600,
		Mono: flags > 0 && flags&fixedPitch != 0 ||
			has("mono", "courier", "consol", "cmtt", "sftt", "ectt", "typewriter", "menlo", "inconsolata"),
	}
	if handle != 0 {
		d.fonts[handle] = f
	}
	return f
}

// maxEntries bounds an outline, which may be a circle.
const maxEntries = 5000

// outline returns the outline in its order.
func (d *document) outline(ctx context.Context) []layout.Entry {
	var entries []layout.Entry
	seen := map[uint64]bool{}
	var walk func(parent uint64, level int)
	walk = func(parent uint64, level int) {
		mark := d.m.call(ctx, "FPDFBookmark_GetFirstChild", d.handle, parent)
		for mark != 0 && !seen[mark] && level <= 6 && len(entries) < maxEntries && d.m.err == nil {
			seen[mark] = true
			if title := d.m.utf16(ctx, "FPDFBookmark_GetTitle", mark); title != "" {
				entries = append(entries, layout.Entry{Title: title, Level: level})
			}
			walk(mark, level+1)
			mark = d.m.call(ctx, "FPDFBookmark_GetNextSibling", d.handle, mark)
		}
	}
	walk(0, 1)
	return entries
}

// isBlank reports whether r shows nothing.
func isBlank(r rune) bool { return r == 0 || unicode.IsSpace(r) || r == 0x200b || r == math.MaxUint16 }
