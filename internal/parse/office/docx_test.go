package office

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readBody returns the text of a Word document with the body, and further parts.
func readBody(t *testing.T, body string, parts ...string) string {
	t.Helper()
	got, err := text(t, Word, makeDocx(t, body, parts...), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestNumbersOfHeadingsAndLists(t *testing.T) {
	t.Parallel()
	level := func(depth int, format, text, more string) string {
		return fmt.Sprintf(`<w:lvl w:ilvl="%d"><w:start w:val="1"/><w:numFmt w:val="%s"/>%s<w:lvlText w:val="%s"/></w:lvl>`,
			depth, format, more, text)
	}
	numbering := `<w:numbering xmlns:w="w"><w:abstractNum w:abstractNumId="0">` +
		level(0, "upperRoman", "%1.", `<w:pStyle w:val="Kop1"/>`) +
		level(1, "decimal", "%1.%2", `<w:pStyle w:val="Kop2"/><w:isLgl/>`) + `</w:abstractNum>
<w:abstractNum w:abstractNumId="1">` + level(0, "decimal", "%1.", "") + level(1, "lowerLetter", "(%2)", "") + `</w:abstractNum>
<w:abstractNum w:abstractNumId="2"><w:numStyleLink w:val="Mine"/></w:abstractNum>
<w:abstractNum w:abstractNumId="3"><w:styleLink w:val="Mine"/>` + level(0, "decimalZero", "Step %1:", "") + `</w:abstractNum>
<w:num w:numId="5"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num>
<w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num><w:num w:numId="4"><w:abstractNumId w:val="2"/></w:num>
<w:num w:numId="3"><w:abstractNumId w:val="1"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/></w:lvlOverride></w:num></w:numbering>`
	styles := `<w:styles xmlns:w="w"><w:style w:styleId="Kop1"><w:name w:val="heading 1"/><w:pPr><w:numPr><w:numId w:val="5"/></w:numPr></w:pPr></w:style>
<w:style w:styleId="Kop2"><w:name w:val="heading 2"/><w:basedOn w:val="Kop1"/></w:style>
<w:style w:styleId="Plain"><w:name w:val="Plain"/><w:basedOn w:val="Kop1"/><w:pPr><w:outlineLvl w:val="9"/></w:pPr></w:style></w:styles>`
	got := readBody(t, para(styleRef("Kop1"), "One")+para(styleRef("Kop2"), "Inner")+para(styleRef("Kop1"), "Two")+
		para(styleRef("Kop2"), "Inner two")+para(styleRef("Kop1")+numbered(0, 0), "No number")+para(styleRef("Plain")+numbered(0, 0), "No heading")+
		para(numbered(1, 0), "a")+para(numbered(1, 1), "b")+para(numbered(2, 0), "goes on")+para(numbered(3, 0), "starts at 7")+
		para(numbered(3, 0), "8")+para(numbered(4, 0), "boil")+para(numbered(77, 0), "unknown"),
		"word/styles.xml", styles, "word/numbering.xml", numbering)
	want := `# I. One

## 1.1 Inner

# II. Two

## 2.1 Inner two

# No number

No heading

1. a
  - (a) b
2. goes on
7. starts at 7
8. 8
- Step 01: boil
- unknown
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

func TestLinksFieldsAndNotes(t *testing.T) {
	t.Parallel()
	relations := `<Relationships><Relationship Id="a" Type="x/hyperlink" Target="https://example.com/a (b)" TargetMode="External"/>` +
		`<Relationship Id="b" Type="x/hyperlink" Target="javascript:alert()" TargetMode="External"/>` +
		`<Relationship Id="c" Type="x/footnotes" Target="footnotes.xml"/><Relationship Id="d" Type="x/endnotes" Target="endnotes.xml"/>` +
		`<Relationship Id="s" Type="x/styles" Target="styles.xml"/></Relationships>`
	run := func(inner string) string { return "<w:r>" + inner + "</w:r>" }
	char := func(kind string) string { return run(`<w:fldChar w:fldCharType="` + kind + `"/>`) }
	say := func(text string) string { return run(`<w:t xml:space="preserve">` + text + `</w:t>`) }
	note := func(kind, id, text string) string {
		return "<w:" + kind + ` w:id="` + id + `">` + para("", text) + "</w:" + kind + ">"
	}
	body := `<w:p xmlns:r="r"><w:hyperlink r:id="a">` + say("a link ") + `</w:hyperlink><w:hyperlink r:id="b">` + say("no script") + `</w:hyperlink></w:p>` +
		`<w:p>` + say("Figure ") + char("begin") + run("<w:instrText> SEQ Figure </w:instrText>") + say("code") + char("separate") + say("3") + char("end") + say(", ") +
		char("begin") + run(`<w:instrText>HYPERLINK "https://example.com/f"</w:instrText>`) + char("separate") + say("field") + char("end") +
		run(`<w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t>`) + run(`<w:rPr><w:vanish w:val="0"/></w:rPr><w:t> shown</w:t>`) + char("end") + `</w:p>` +
		`<w:p>` + say("10") + run(`<w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>6</w:t>`) + run(`<w:t>so`+"\u00ad"+`ft</w:t><w:softHyphen/>`) +
		run(`<w:footnoteReference w:id="9"/>`) + run(`<w:endnoteReference w:id="9"/>`) + run(`<w:commentReference w:id="1"/>`) +
		`<w:r><w:drawing><wp:inline xmlns:wp="wp"><wp:docPr descr="A cup of tea"/></wp:inline></w:drawing></w:r></w:p>` +
		`<w:p><m:oMath xmlns:m="m"><m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>` +
		`<m:r><m:t>=</m:t></m:r><m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>c</m:t></m:r></m:den></m:f></m:oMath></w:p>` +
		para(styleRef("Kop1"), "Next") + `<w:p>` + say("More") + run(`<w:footnoteReference w:id="2"/>`) + run(`<w:footnoteReference w:id="5"/>`) + `</w:p>`
	data := makeZIP(t, "_rels/.rels", rels("officeDocument", "word/document.xml", "core-properties", "docProps/core.xml"),
		"word/_rels/document.xml.rels", relations, "word/styles.xml", testStyles,
		"word/document.xml", `<w:document xmlns:w="w"><w:body>`+body+`</w:body></w:document>`,
		"word/footnotes.xml", `<w:footnotes xmlns:w="w">`+note("footnote", "2", "Second.")+note("footnote", "9", "First.")+`</w:footnotes>`,
		"word/endnotes.xml", `<w:endnotes xmlns:w="w">`+note("endnote", "9", "At the end.")+`</w:endnotes>`,
		"docProps/core.xml", `<coreProperties><title> On
 tea </title></coreProperties>`)
	got, err := text(t, Word, data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := `[a link](https://example.com/a%20%28b%29) no script

Figure 3, [field](https://example.com/f) shown

10⁶soft[^1][^i] A cup of tea

x^2=(a+b)/c

[^1]: First.

[^i]: At the end.

# Next

More[^2]

[^2]: Second.
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

func TestTablesOfWord(t *testing.T) {
	t.Parallel()
	cell := func(properties, text string) string {
		return "<w:tc><w:tcPr>" + properties + "</w:tcPr>" + para("", text) + "</w:tc>"
	}
	row := func(cells ...string) string { return "<w:tr>" + strings.Join(cells, "") + "</w:tr>" }
	look := `<w:tblPr><w:tblLook w:val="04A0"/></w:tblPr>`
	got := readBody(t, `<w:tbl>`+look+row(cell("", "Tea"), cell("", "2024"))+
		row(cell(`<w:vMerge w:val="restart"/>`, "black"), cell("", "1"))+
		row(cell(`<w:vMerge/>`, ""), cell("", "2"))+
		`<w:tr><w:trPr><w:del/></w:trPr><w:tc><w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p></w:tc></w:tr>`+
		row(cell(`<w:vMerge w:val="restart"/>`, "green"), cell("", "3"))+
		`<w:tr><w:trPr><w:gridBefore w:val="1"/></w:trPr>`+cell("", "4")+`</w:tr></w:tbl>`+
		`<w:tbl>`+row("<w:tc>"+para("", "A frame")+para("", "around text")+"</w:tc>")+`</w:tbl>`+
		`<w:tbl>`+row(cell(`<w:gridSpan w:val="999999999"/>`, "x"), cell("", "y"))+row(cell("", "1"), cell("", "2"))+`</w:tbl>`)
	if want := `| Tea | 2024 |
| --- | --- |
| black | 1 |
| black | 2 |
| green | 3 |
|  | 4 |

A frame

around text
`; !strings.HasPrefix(got, want) || len(got) > 3000 {
		t.Errorf("text = %s\nwant %s first, and no wide table", got, want)
	}
}

func TestSensible(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{
		"Microsoft Word - x.doc": "", "PowerPoint Presentation": "", "Untitled": "", "report.docx": "", "Document1": "", "---": "",
		"The title page": "The title page", "Presentation of results": "Presentation of results", " A\n b ": "A b", "茶": "茶",
		"2024 report": "2024 report",
	} {
		if got := sensible(title); got != want {
			t.Errorf("sensible(%q) = %q, want %q", title, got, want)
		}
	}
}
