package pdf

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

// TestReadWholeDocuments reads files that a browser has printed. The pages they come
// from are beside them, and say how.
func TestReadWholeDocuments(t *testing.T) {
	t.Parallel()
	titles := map[string]string{"columns": "Columns", "tables": "Tables", "report": "Annual report"}
	p := newParser(t, Options{})
	for name, title := range titles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(filepath.Join("testdata", name+".md"))
			if err != nil {
				t.Fatal(err)
			}
			got := parse(t, p, filepath.Join("testdata", name+".pdf"))
			if got.Title != title {
				t.Errorf("title = %q, want %q", got.Title, title)
			}
			if diff := cmp.Diff(strings.TrimSpace(string(want)), strings.TrimSpace(got.Text)); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
		})
	}
}

// parse reads a file.
func parse(t *testing.T, p *Parser, path string) memo.Parsed {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Read(t.Context(), f, info.Size(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestPartsAreThePages(t *testing.T) {
	t.Parallel()
	got := parse(t, newParser(t, Options{}), "testdata/report.pdf")
	var starts []string
	end := 0
	for i, part := range got.Parts {
		if part.Kind != memo.PartPage || part.Number != i+1 || part.Start != end {
			t.Errorf("part %d = %+v, want page %d from %d", i, part, i+1, end)
		}
		end = part.End
		starts = append(starts, strings.Fields(got.Text[part.Start:part.End])[1])
	}
	if want := []string{"Annual", "2", "3"}; !cmp.Equal(starts, want) {
		t.Errorf("the pages begin with %q, want %q", starts, want)
	}
	if end != len(got.Text) {
		t.Errorf("the last page ends at %d of %d", end, len(got.Text))
	}
}

func TestReadTellsItsProgress(t *testing.T) {
	t.Parallel()
	data := makePDF([][]string{{"One"}, {"Two"}, {"Three"}})
	var got [][2]int
	_, err := newParser(t, Options{}).Read(t.Context(), strings.NewReader(string(data)), int64(len(data)),
		func(done, total int) { got = append(got, [2]int{done, total}) })
	if want := [][2]int{{1, 3}, {2, 3}, {3, 3}}; err != nil || !cmp.Equal(got, want) {
		t.Errorf("progress = %v, %v; want %v", got, err, want)
	}
}

func TestTurnedPagesAreUpright(t *testing.T) {
	t.Parallel()
	lines := []string{"The first line of the page is here and it is long.", "The second line follows the first one."}
	want := "The first line of the page is here and it is long. The second line follows the first one."
	p := newParser(t, Options{})
	for _, rotate := range []int{0, 90, 180, 270} {
		for turn, matrix := range []string{"1 0 0 1 72 500", "0 1 -1 0 300 100", "-1 0 0 -1 500 400", "0 -1 1 0 300 700"} {
			t.Run(fmt.Sprintf("page %d, text %d", rotate, 90*turn), func(t *testing.T) {
				t.Parallel()
				data := makePDF([][]string{append([]string{"raw:" + matrix + " Tm"}, lines...)})
				data = []byte(strings.Replace(string(data), "/Type /Page /Parent",
					fmt.Sprintf("/Type /Page /Rotate %d /Parent", rotate), 1))
				if got, err := text(t.Context(), p, data); err != nil || strings.TrimSpace(got) != want {
					t.Errorf("text = %q, %v", got, err)
				}
			})
		}
	}
}

func TestTextInTheMarginComesLast(t *testing.T) {
	t.Parallel()
	data := makePDF([][]string{{"raw:0 1 -1 0 30 100 Tm", "Printed in 2024", "raw:1 0 0 1 72 720 Tm",
		"The text of the page is upright.", "It has more characters than the margin."}})
	got, err := text(t.Context(), newParser(t, Options{}), data)
	want := "The text of the page is upright.\nIt has more characters than the margin.\n\nPrinted in 2024\n"
	if err != nil || got != want {
		t.Errorf("text = %q, %v; want %q", got, err, want)
	}
}

func TestTextAslantCountsAlone(t *testing.T) {
	t.Parallel()
	p := newParser(t, Options{})
	mark := "raw:0.7 0.7 -0.7 0.7 200 200 Tm (Confidential draft) Tj"
	if got, err := text(t.Context(), p, makePDF([][]string{{mark}})); err != nil || got != "Confidential draft\n" {
		t.Errorf("alone: %q, %v", got, err)
	}
	data := makePDF([][]string{{"The text of the page.", mark}})
	if got, err := text(t.Context(), p, data); err != nil || got != "The text of the page.\n" {
		t.Errorf("across a page: %q, %v", got, err)
	}
}

func TestPageNumbersAndHeadersGo(t *testing.T) {
	t.Parallel()
	var pages [][]string
	for i := range 4 {
		pages = append(pages, []string{
			fmt.Sprintf("raw:1 0 0 1 72 760 Tm (Report of the year) Tj 1 0 0 1 300 30 Tm (Page %d of 4) Tj", i+1),
			"raw:1 0 0 1 72 600 Tm", fmt.Sprintf("This is what page number %d says.", i+1),
		})
	}
	p := newParser(t, Options{})
	got, err := text(t.Context(), p, makePDF(pages))
	want := "This is what page number 1 says.\n\nThis is what page number 2 says.\n\n" +
		"This is what page number 3 says.\n\nThis is what page number 4 says.\n"
	if err != nil || got != want {
		t.Errorf("text = %q, %v; want %q", got, err, want)
	}
	if got, err = text(t.Context(), p, makePDF(pages[:1])); err != nil || !strings.Contains(got, "Report of the year") {
		t.Errorf("a document of one page = %q, %v; want its header", got, err)
	}
}

func TestTitles(t *testing.T) {
	t.Parallel()
	p := newParser(t, Options{})
	for given, want := range map[string]string{
		"Annual report 2024":         "Annual report 2024",
		"Document management":        "Document management",
		"Microsoft Word - draft.doc": "",
		"untitled":                   "",
		"Untitled Document 3":        "",
		"report_final.pdf":           "",
		"Slide 1":                    "",
		"1234":                       "",
		"":                           "",
	} {
		data := makePDF([][]string{{"Hello"}}, "<< /Title ("+given+") >>")
		data = []byte(strings.Replace(string(data), "/Root 1 0 R", "/Root 1 0 R /Info 100 0 R", 1))
		got, err := p.Read(t.Context(), strings.NewReader(string(data)), int64(len(data)), nil)
		if err != nil || got.Title != want {
			t.Errorf("title %q = %q, %v; want %q", given, got.Title, err, want)
		}
	}
}

// scannedPage is a page with a picture that fills it, and the picture.
const scannedPage = "raw:ET q 612 0 0 792 0 0 cm /X0 Do Q BT"

func picture() string {
	return stream("/Type /XObject /Subtype /Image /Width 2 /Height 2 /ColorSpace /DeviceGray /BitsPerComponent 8",
		"\x00\xff\xff\x00")
}

func TestScannedPages(t *testing.T) {
	t.Parallel()
	recognized := func(_ context.Context, page *image.Gray, dpi int) (string, error) {
		size := page.Bounds().Size()
		return fmt.Sprintf("A page of %d x %d\n\nat %d dpi", size.X, size.Y, dpi), nil
	}
	missing := func(context.Context, *image.Gray, int) (string, error) {
		return "", fault.New(fault.Invalid, "Install it and retry")
	}
	broken := func(context.Context, *image.Gray, int) (string, error) { return "", errors.New("disk full") }
	scan, mixed := [][]string{{scannedPage}}, [][]string{{"Some words here"}, {scannedPage}, {scannedPage}}
	tests := []struct {
		name       string
		recognize  Recognizer
		pages      [][]string
		text, err1 string
	}{
		{"recognized", recognized, scan, "A page of 2550 x 3300\n\nat 300 dpi\n", ""},
		{"without a recognizer", nil, scan, "", "its pages are scanned images. Recognize their text (OCR) first"},
		{"with a missing program", missing, scan, "", "its pages are scanned images. Install it and retry"},
		{"left out beside text", missing, mixed, "Some words here\n", ""},
		{"too many", recognized, append(mixed, scan...), "", "more than 2 scanned pages"},
		{"broken", broken, mixed, "", "cannot be read"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newParser(t, Options{Recognize: test.recognize, MaxScans: 2})
			got, err := text(t.Context(), p, makePDF(test.pages, picture()))
			if got != test.text || test.err1 == "" && err != nil || !strings.Contains(fault.Message(err), test.err1) {
				t.Errorf("text = %q, %v; want %q or an error with %q", got, err, test.text, test.err1)
			}
		})
	}
}

func TestLinksAreShown(t *testing.T) {
	t.Parallel()
	data := string(makePDF([][]string{{"See our pages for more."}}))
	annotation := "/Annots [<< /Type /Annot /Subtype /Link /Rect [96 710 160 740] " +
		"/A << /Type /Action /S /URI /URI (https://example.org/pages) >> >>]"
	data = strings.Replace(data, "/Type /Page /Parent", "/Type /Page "+annotation+" /Parent", 1)
	got, err := text(t.Context(), newParser(t, Options{}), []byte(data))
	if want := "See [our pages](https://example.org/pages) for more.\n"; err != nil || got != want {
		t.Errorf("text = %q, %v; want %q", got, err, want)
	}
}

func TestUnsafeAddressesAreNoLinks(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://example.org/a?b=c#d\x00": "https://example.org/a?b=c#d",
		"mailto:a@example.org":            "mailto:a@example.org",
		"javascript:alert(1)":             "",
		"file:///etc/passwd":              "",
		"https://a.example/)x":            "",
		"https://a.example/ b":            "",
		"http://":                         "",
		"":                                "",
	} {
		if got := webAddress([]byte(address)); got != want {
			t.Errorf("webAddress(%q) = %q, want %q", address, got, want)
		}
	}
}
