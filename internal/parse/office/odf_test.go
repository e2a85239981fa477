package office

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

// makeODF returns an OpenDocument file with the content of its body, and further
// parts.
func makeODF(t testing.TB, body string, parts ...string) []byte {
	t.Helper()
	return makeZIP(t, append([]string{
		"mimetype", "application/vnd.oasis.opendocument", "content.xml", xmlHead +
			`<office:document-content xmlns:office="o" xmlns:text="t" xmlns:table="b" xmlns:draw="d" xmlns:xlink="x" xmlns:presentation="p" xmlns:svg="s" xmlns:style="y">` +
			`<office:automatic-styles><number:text xmlns:number="n">not this</number:text>` +
			`<style:style style:name="P1" style:parent-style-name="Title"/>` +
			`<style:style style:name="T1"><style:text-properties style:text-position="super 58%"/></style:style>` +
			`<text:list-style style:name="L1"><text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="."/>` +
			`<text:list-level-style-number text:level="2" style:num-format="a" style:num-suffix=")" /></text:list-style>` +
			`</office:automatic-styles><office:body>` + body + `</office:body></office:document-content>`,
		"meta.xml", `<office:document-meta xmlns:office="o"><office:meta><dc:title xmlns:dc="d">On tea</dc:title></office:meta></office:document-meta>`,
		"styles.xml", `<office:document-styles xmlns:office="o" xmlns:text="t" xmlns:style="y"><office:styles><text:outline-style>` +
			`<text:outline-level-style text:level="1" style:num-format=""/><text:outline-level-style text:level="2" style:num-format="1" style:num-suffix="."/>` +
			`</text:outline-style></office:styles></office:document-styles>`,
	}, parts...)...)
}

func TestOpenText(t *testing.T) {
	t.Parallel()
	cell := func(attributes, text string) string {
		return `<table:table-cell ` + attributes + `><text:p>` + text + `</text:p></table:table-cell>`
	}
	data := makeODF(t, `<office:text><text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>
<text:p text:style-name="P1">Tea</text:p><text:table-of-content><text:p>Black 1</text:p></text:table-of-content>
<text:h text:outline-level="2">Black <text:span>tea</text:span></text:h>
<text:list text:style-name="L1"><text:list-item text:start-value="3"><text:h text:outline-level="1">In a list</text:h></text:list-item></text:list>
<text:p>Two
  lines<text:s text:c="2"/>and<text:tab/>10<text:span text:style-name="T1">6</text:span><text:line-break/>a <text:a xlink:href="https://example.com/x">link</text:a>`+
		`<text:note text:note-class="footnote"><text:note-citation>1</text:note-citation><text:note-body><text:p>The note.</text:p></text:note-body></text:note>`+
		`<office:annotation><text:p>comment</text:p></office:annotation><draw:frame><draw:image/><svg:desc>A cup of tea</svg:desc></draw:frame>`+
		`<draw:frame><draw:text-box><text:p>Boxed</text:p></draw:text-box></draw:frame></text:p>
<text:list text:style-name="L1"><text:list-item><text:p>one</text:p><text:list><text:list-item><text:p>inner</text:p></text:list-item></text:list></text:list-item>
<text:list-item><text:p>two</text:p></text:list-item></text:list>
<text:section><table:table><table:table-header-rows><table:table-row>`+cell("", "A")+cell("", "B")+`</table:table-row></table:table-header-rows>
<table:table-row>`+cell(`table:number-columns-spanned="2"`, "wide")+`<table:covered-table-cell/></table:table-row>
<table:table-row table:number-rows-repeated="2">`+cell(`table:number-columns-repeated="2"`, "x")+`</table:table-row></table:table></text:section></office:text>`)
	got, err := Read(t.Context(), OpenText, bytes.NewReader(data), int64(len(data)), Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := memo.Parsed{Title: "On tea", Text: `# Tea

## 1. Black tea

# 3. In a list

Two lines  and	10⁶
a [link](https://example.com/x)[^1] A cup of tea

Boxed

1. one
  - a) inner
2. two

| A | B |
| --- | --- |
| wide |  |
| x | x |
| x | x |

[^1]: The note.
`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

func TestOpenSheet(t *testing.T) {
	t.Parallel()
	cell := func(attributes, text string) string {
		return `<table:table-cell ` + attributes + `><text:p>` + text + `</text:p></table:table-cell>`
	}
	data := makeODF(t, `<office:spreadsheet><table:table table:name="Teas">`+
		`<table:table-row>`+cell("", "Tea")+cell("", "Since")+`<table:table-cell table:number-columns-repeated="16382"/></table:table-row>`+
		`<table:table-row>`+cell("", "Assam")+cell(`office:value-type="date" office:date-value="2024-01-01T00:00:00"`, "Jan 1")+`</table:table-row>`+
		`<table:table-row table:number-rows-repeated="1048574"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>`+
		`<table:table-row table:number-rows-repeated="1000000">`+cell(`office:value-type="float" table:number-columns-repeated="1000000"`, "7")+`</table:table-row>`+
		`</table:table><table:table table:name="Empty"/></office:spreadsheet>`)
	got, err := Read(t.Context(), OpenSheet, bytes.NewReader(data), int64(len(data)), Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := "# Teas\n\n| Tea | Since |\n| --- | --- |\n| Assam | 2024-01-01 |\n\n"; !strings.HasPrefix(got.Text, want) {
		t.Errorf("text = %.200q, want %q first", got.Text, want)
	}
	if len(got.Text) > 100_000 {
		t.Errorf("what is repeated a million times is %d bytes", len(got.Text))
	}
	if len(got.Parts) != 2 || got.Parts[0].Name != "Teas" {
		t.Errorf("parts = %+v", got.Parts)
	}
}

func TestOpenPresentation(t *testing.T) {
	t.Parallel()
	frame := func(class, text string) string {
		return `<draw:frame presentation:class="` + class + `"><draw:text-box>` + text + `</draw:text-box></draw:frame>`
	}
	data := makeODF(t, `<office:presentation><draw:page>`+
		frame("title", "<text:p>First</text:p>")+frame("outline", "<text:list><text:list-item><text:p>point</text:p></text:list-item></text:list>")+
		frame("footer", "<text:p>ACME</text:p>")+`<draw:custom-shape><text:p>Shape</text:p></draw:custom-shape>`+
		`<presentation:notes>`+frame("notes", "<text:p>Say hello.</text:p>")+`</presentation:notes></draw:page>`+
		`<draw:page>`+frame("", "<text:p>No title</text:p>")+`</draw:page></office:presentation>`)
	got, err := Read(t.Context(), OpenPresentation, bytes.NewReader(data), int64(len(data)), Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "# First\n\n- point\n\nShape\n\nNotes: Say hello.\n\n# Slide 2\n\nNo title\n"
	if diff := cmp.Diff(want, got.Text); diff != "" || len(got.Parts) != 2 {
		t.Errorf("parts %+v, text (-want +got):\n%s", got.Parts, diff)
	}
}

func TestRefusedOpenDocuments(t *testing.T) {
	t.Parallel()
	locked := makeODF(t, "<office:text><text:p>x</text:p></office:text>", "META-INF/manifest.xml",
		`<manifest><file-entry full-path="content.xml"><encryption-data/></file-entry></manifest>`)
	for _, test := range []struct {
		name string
		kind Kind
		data []byte
		want string
	}{
		{"no archive of ours", OpenText, makeZIP(t, "x", "y"), "not an OpenDocument text"},
		{"another kind", OpenSheet, makeODF(t, "<office:text><text:p>x</text:p></office:text>"), "not an OpenDocument spreadsheet"},
		{"a password", OpenText, locked, "password"},
		{"no text", OpenText, makeODF(t, "<office:text><text:p/></office:text>"), "no text"},
	} {
		if got, err := text(t, test.kind, test.data, Limits{}); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), test.want) {
			t.Errorf("%s: text = %q, error %v; want one that says %q", test.name, got, err, test.want)
		}
	}
}

func FuzzODF(f *testing.F) {
	f.Add(`<text:p>a<text:s text:c="9999999"/></text:p><text:list><text:list-item><text:p>x</text:p></text:list-item></text:list>`, byte(0))
	f.Add(`<table:table><table:table-row table:number-rows-repeated="99999999"><table:table-cell table:number-columns-repeated="-1"><text:p>x</text:p></table:table-cell></table:table-row></table:table>`, byte(1))
	f.Add(`<draw:page><draw:frame><draw:text-box><text:p>x</text:p></draw:text-box></draw:frame></draw:page>`, byte(2))
	f.Fuzz(func(t *testing.T, body string, which byte) {
		kind := []Kind{OpenText, OpenSheet, OpenPresentation}[which%3]
		name := strings.TrimPrefix(bodies[kind], "body/")
		wellFormed(t, kind, makeODF(t, "<office:"+name+">"+body+"</office:"+name+">"))
	})
}
