package office

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

// makeXlsx returns a workbook with the rows of two sheets, the second hidden.
func makeXlsx(t testing.TB, first, second string, parts ...string) []byte {
	t.Helper()
	sheet := func(rows string) string {
		return xmlHead + `<worksheet><sheetData>` + rows + `</sheetData></worksheet>`
	}
	return makeZIP(t, append([]string{
		"_rels/.rels", rels("officeDocument", "xl/workbook.xml"),
		"xl/_rels/workbook.xml.rels", rels("worksheet", "worksheets/b.xml", "worksheet", "/xl/worksheets/a.xml",
			"sharedStrings", "sharedStrings.xml", "styles", "styles.xml"),
		"xl/workbook.xml", xmlHead + `<workbook xmlns:r="` + strings.TrimSuffix(relTypes, "/") + `"><workbookPr/>` +
			`<sheets><sheet name="Sales &amp; more" sheetId="9" r:id="rId2"/><sheet name="Notes" state="hidden" r:id="rId1"/></sheets></workbook>`,
		"xl/worksheets/a.xml", sheet(first), "xl/worksheets/b.xml", sheet(second),
	}, parts...)...)
}

const (
	testShared = xmlHead + `<sst><si><t>Tea</t></si><si><r><t>Pri</t></r><r><rPr/><t>ce</t></r><rPh><t>x</t></rPh></si></sst>`
	testXfs    = xmlHead + `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="&quot;$&quot;0.00"/></numFmts>` +
		`<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="10"/><xf numFmtId="164"/></cellXfs></styleSheet>`
)

func TestXlsx(t *testing.T) {
	t.Parallel()
	rows := `<row r="1"><c r="A1" t="inlineStr"><is><t>Prices of 2024</t></is></c></row>` +
		`<row r="2"><c r="A2" t="s"><v>0</v></c><c r="B2" t="s"><v>1</v></c><c r="C2" t="str"><v>Share</v></c><c r="D2" t="str"><v>Since</v></c></row>` +
		`<row r="3"><c r="A3" t="str"><f>A1</f><v>Assam | first
flush</v></c><c r="B3" s="3"><v>4.5</v></c><c r="C3" s="2"><v>0.25</v></c><c r="D3" s="1"><v>45292</v></c></row>` +
		`<row r="4"><c t="str"><v>Sencha</v></c><c t="b"><v>1</v></c><c t="e"><v>#DIV/0!</v></c><c t="d"><v>2024-05-01T00:00:00</v></c><c s="99"><v>7</v></c></row>` +
		`<row r="6"><c r="A6"><v>1</v></c><c r="C6"><v>3</v></c><c r="D6"><v>4</v></c></row>` +
		`<row><c r="A7"><v>2</v></c><c r="C7"><v>5</v></c><c r="D7"><v>6</v></c><c r="F7" t="s"><v>99</v></c></row>` +
		`<row r="1048576"><c r="XFD1048576" t="str"><v>Far away</v></c></row>`
	data := makeXlsx(t, rows, `<row r="1"><c r="A1" t="str"><v>Hidden text</v></c></row>`,
		"xl/sharedStrings.xml", testShared, "xl/styles.xml", testXfs)
	got, err := Read(t.Context(), Excel, bytes.NewReader(data), int64(len(data)), Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := `# Sales & more

Prices of 2024

| Tea | Price | Share | Since |  |
| --- | --- | --- | --- | --- |
| Assam \| first flush | $4.50 | 25.00% | 2024-01-01 |  |
| Sencha | TRUE | #DIV/0! | 2024-05-01 | 7 |

1
2

|  |  |
| --- | --- |
| 3 | 4 |
| 5 | 6 |

Far away

# Notes (hidden)

Hidden text
`
	second := strings.Index(text, "# Notes")
	want := memo.Parsed{Text: text, Parts: []memo.Part{
		{Kind: memo.PartSheet, Number: 1, Name: "Sales & more", End: second},
		{Kind: memo.PartSheet, Number: 2, Name: "Notes", Start: second, End: len(text)},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("workbook (-want +got):\n%s", diff)
	}
}

func TestSheetsAreBounded(t *testing.T) {
	t.Parallel()
	var diagonal, shared strings.Builder
	for i := range 3000 {
		name := ""
		for n := i + 1; n > 0; n = (n - 1) / 26 {
			name = string(rune('A'+(n-1)%26)) + name
		}
		fmt.Fprintf(&diagonal, `<row r="%d"><c r="%s%d"><v>7</v></c></row>`, i+1, name, i+1)
		fmt.Fprintf(&shared, `<row r="%d"><c r="A%d" t="s"><v>0</v></c></row>`, i+1, i+1)
	}
	got, err := text(t, Excel, makeXlsx(t, diagonal.String(), ""), Limits{})
	if err != nil || len(got) > 100_000 {
		t.Errorf("three thousand cells are %d bytes, error %v", len(got), err)
	}
	long := xmlHead + "<sst><si><t>" + strings.Repeat("x", 100_000) + "</t></si></sst>"
	data := makeXlsx(t, shared.String(), "", "xl/sharedStrings.xml", long)
	if _, err := text(t, Excel, data, Limits{Text: 1 << 20}); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a long string in many cells: error = %v, want too large", err)
	}
}

func TestColumnOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"A1": 0, "Z9": 25, "AA1": 26, "XFD1048576": 16383, "": -1, "1": -1, "A": -1, "ABCDEFGH1": -1} {
		got, ok := columnOf(name)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("columnOf(%q) = %d, want %d", name, got, want)
		}
	}
}

func FuzzXlsx(f *testing.F) {
	f.Add(`<row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" s="1"><v>5</v></c></row>`, testShared, testXfs)
	f.Fuzz(func(t *testing.T, rows, shared, styles string) {
		data := makeXlsx(t, rows, "", "xl/sharedStrings.xml", shared, "xl/styles.xml", styles)
		wellFormed(t, Excel, data)
	})
}

// wellFormed reads a file and checks what has to be so whatever is in it.
func wellFormed(t *testing.T, kind Kind, data []byte) {
	t.Helper()
	got, err := Read(t.Context(), kind, bytes.NewReader(data), int64(len(data)), Limits{Text: 100_000}, nil)
	if (err == nil) == (got.Text == "") {
		t.Errorf("Read = %q, error %v; want one of them", got.Text, err)
	}
	for i, part := range got.Parts {
		if part.Start >= part.End || part.End > len(got.Text) || i > 0 && part.Start != got.Parts[i-1].End {
			t.Errorf("part %d is %+v of %d bytes", i, part, len(got.Text))
		}
	}
}
