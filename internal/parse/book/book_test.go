package book

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
		if _, err := io.WriteString(w, parts[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const (
	container = `<?xml version="1.0"?><container><rootfiles><rootfile full-path="OPS/book.opf"/>` +
		`<rootfile full-path="OPS/other.opf"/></rootfiles></container>`
	opf = `<package><metadata><dc:title xmlns:dc="dc">The Book of Tea</dc:title></metadata><manifest>
<item id="cov" href="cover.xhtml" media-type="application/xhtml+xml"/>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="scripted nav"/>
<item id="one" href="text/one%20a.xhtml" media-type="application/xhtml+xml"/>
<item id="two" href="text/two.xhtml" media-type="application/xhtml+xml"/>
<item id="out" href="../../../etc/passwd" media-type="application/xhtml+xml"/>
<item id="img" href="x.png" media-type="image/png"/>
<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/></manifest>
<spine toc="ncx"><itemref idref="cov"/><itemref idref="nav"/><itemref idref="two"/><itemref idref="one"/>
<itemref idref="out"/><itemref idref="img"/><itemref idref="none"/></spine></package>`
	ncx = `<!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "http://www.daisy.org/z3986/2005/ncx-2005-1.dtd">
<ncx><navMap><navPoint><navLabel><text>Part</text></navLabel><content src="text/none.xhtml"/>
<navPoint><navLabel><text>Second&nbsp;chapter</text></navLabel><content src="text/two.xhtml#start"/></navPoint>
</navPoint></navMap></ncx>`
)

// makeBook returns a book with the pages, and further parts.
func makeBook(t testing.TB, parts ...string) []byte {
	t.Helper()
	return makeZIP(t, append([]string{
		"mimetype", "application/epub+zip", "META-INF/container.xml", container, "OPS/book.opf", opf, "OPS/toc.ncx", ncx,
		"OPS/nav.xhtml", `<html><body><nav epub:type="toc" xmlns:epub="epub"><ol><li><a href="text/one%20a.xhtml">The first</a></li></ol></nav></body></html>`,
		"OPS/cover.xhtml", "<p>A cover</p>",
	}, parts...)...)
}

var tags = regexp.MustCompile(`<[^>]*>`)

// plain reads a page as its text without tags. Headings have a line of their own.
func plain(_ context.Context, _ string, r io.Reader) (memo.Parsed, error) {
	data, err := io.ReadAll(r)
	page := strings.NewReplacer("<h1>", "# ", "</h1>", "\n\n").Replace(string(data))
	return memo.Parsed{Text: strings.TrimSpace(tags.ReplaceAllString(page, ""))}, err
}

// read reads a book that is held in memory.
func read(t *testing.T, data []byte, limits Limits) (memo.Parsed, error) {
	t.Helper()
	return Read(t.Context(), bytes.NewReader(data), int64(len(data)), limits, plain, nil)
}

func TestRead(t *testing.T) {
	t.Parallel()
	data := makeBook(t, "OPS/text/two.xhtml", "<html><title>The Book of Tea</title><p>Boil water.</p></html>",
		"OPS/text/one a.xhtml", "<h1>One</h1><p>Warm the pot.</p>")
	done, total := 0, 0
	got, err := Read(t.Context(), bytes.NewReader(data), int64(len(data)), Limits{}, plain, func(d, n int) { done, total = d, n })
	if err != nil {
		t.Fatal(err)
	}
	text := "# Second chapter\n\nBoil water.\n\n# One\n\nWarm the pot.\n"
	second := strings.Index(text, "# One")
	want := memo.Parsed{Title: "The Book of Tea", Text: text, Parts: []memo.Part{
		{Kind: memo.PartChapter, Number: 1, Name: "Second chapter", Start: 0, End: second},
		{Kind: memo.PartChapter, Number: 2, Name: "The first", Start: second, End: len(text)},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("book (-want +got):\n%s", diff)
	}
	if done != 5 || total != 7 {
		t.Errorf("progress ends at %d of %d, want the last page, which is 5 of 7", done, total)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	encryption := func(algorithm string) string {
		return `<encryption><EncryptedData><EncryptionMethod Algorithm="` + algorithm +
			`"/><CipherData><CipherReference URI="OPS/text/two.xhtml"/></CipherData></EncryptedData></encryption>`
	}
	page := []string{"OPS/text/two.xhtml", "<p>text</p>"}
	locked := append([]string{"META-INF/encryption.xml", encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc")}, page...)
	whole := makeBook(t, page...)
	tests := []struct {
		name   string
		data   []byte
		limits Limits
		fault  fault.Kind
		want   string
	}{
		{"DRM", makeBook(t, locked...), Limits{}, fault.Invalid, "DRM"},
		{"no container", makeZIP(t, "x", "y"), Limits{}, fault.Invalid, "not an EPUB"},
		{"no package", makeZIP(t, "META-INF/container.xml", container), Limits{}, fault.Invalid, "not an EPUB"},
		{"no text", makeBook(t), Limits{}, fault.Invalid, "no text"},
		{"cut off", whole[:len(whole)/2], Limits{}, fault.Invalid, "damaged"},
		{"a page twice", makeBook(t, append(page, page...)...), Limits{}, fault.Invalid, "damaged"},
		{"much text", makeBook(t, "OPS/text/two.xhtml", strings.Repeat("x", 1000)), Limits{Text: 100}, fault.TooLarge, "more text"},
		{"a bomb", makeBook(t, "OPS/text/two.xhtml", strings.Repeat("x", 3<<20)), Limits{Ratio: 10}, fault.TooLarge, "bomb"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := read(t, test.data, test.limits)
			if !fault.Is(err, test.fault) || !strings.Contains(fault.Message(err), test.want) {
				t.Errorf("Read = %.100q, error %v; want a fault that says %q", got.Text, err, test.want)
			}
		})
	}
	fonts := append([]string{"META-INF/encryption.xml", encryption("http://www.idpf.org/2008/embedding")}, page...)
	if got, err := read(t, makeBook(t, fonts...), Limits{}); err != nil || !strings.Contains(got.Text, "text") {
		t.Errorf("a book with obfuscated fonts = %q, error %v", got.Text, err)
	}
}

func TestADamagedTableOfContentsCostsTheTitlesAlone(t *testing.T) {
	t.Parallel()
	data := makeZIP(t, "META-INF/container.xml", container, "OPS/book.opf", opf,
		"OPS/toc.ncx", "<ncx><navMap><navPoint>", "OPS/text/two.xhtml", "<h1>Two</h1>text")
	got, err := read(t, data, Limits{})
	if err != nil || len(got.Parts) != 1 || got.Parts[0].Name != "Two" {
		t.Errorf("Read = %+v, error %v; want the chapter with its own heading", got, err)
	}
}

func TestReadStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	data := makeBook(t, "OPS/text/two.xhtml", "<p>text</p>")
	if _, err := Read(ctx, bytes.NewReader(data), int64(len(data)), Limits{}, plain, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want the context's", err)
	}
}

func TestAsHTML(t *testing.T) {
	t.Parallel()
	got := asHTML(`<title/><TITLE lang="en">x</TITLE><a id="x" /><br/><img src="a/b"/><svg:g/><p>1 < 2 />3</p>`)
	want := `<a id="x" ></a><br/><img src="a/b"/><svg:g/><p>1 < 2 />3</p>`
	if got != want {
		t.Errorf("asHTML = %q, want %q", got, want)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(container, opf, ncx, "<p>text</p>")
	f.Add("", "<package><spine/></package>", "<ncx>", "")
	f.Fuzz(func(t *testing.T, container, opf, ncx, page string) {
		data := makeZIP(t, "META-INF/container.xml", container, "OPS/book.opf", opf, "OPS/toc.ncx", ncx,
			"OPS/text/two.xhtml", page)
		got, err := read(t, data, Limits{Text: 10_000})
		if (err == nil) == (got.Text == "") {
			t.Errorf("Read = %q, error %v; want one of them", got.Text, err)
		}
		for i, part := range got.Parts {
			if part.Start >= part.End || part.End > len(got.Text) || i > 0 && part.Start != got.Parts[i-1].End {
				t.Errorf("part %d is %+v of %d bytes", i, part, len(got.Text))
			}
		}
	})
}
