package office

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/memo"
)

// placed returns a shape at a place, with a placeholder, if it is not empty, and a
// paragraph.
func placed(x, y int, placeholder, text string) string {
	return fmt.Sprintf(`<p:sp><p:nvSpPr><p:nvPr>%s</p:nvPr></p:nvSpPr><p:spPr><a:xfrm><a:off x="%d" y="%d"/><a:ext cx="100" cy="100"/></a:xfrm></p:spPr>`+
		`<p:txBody><a:p><a:r><a:t>%s</a:t></a:r></a:p></p:txBody></p:sp>`, placeholder, x, y, text)
}

func TestShapesAreReadFromTheTopDown(t *testing.T) {
	t.Parallel()
	slide := placed(0, 900, "", "bottom") + placed(500, 310, "", "right") + placed(0, 300, "", "left") +
		`<p:sp><p:nvSpPr><p:nvPr><p:ph idx="7"/></p:nvPr></p:nvSpPr><p:spPr/><p:txBody><a:p><a:r><a:t>where the layout says</a:t></a:r></a:p></p:txBody></p:sp>` +
		`<p:grpSp><p:grpSpPr><a:xfrm><a:off x="0" y="600"/><a:ext cx="9" cy="9"/></a:xfrm></p:grpSpPr>` + placed(0, 5000, "", "lower in the group") + placed(0, 10, "", "in the group") + `</p:grpSp>` +
		placed(0, 0, `<p:ph type="sldNum"/>`, "1") + placed(0, 2000, `<p:ph type="title"/>`, "The title") +
		`<p:pic><p:nvPicPr><p:cNvPr descr="A cup of tea"/></p:nvPicPr><p:spPr><a:xfrm><a:off x="0" y="1500"/></a:xfrm></p:spPr></p:pic>`
	data := makePptx(t, []string{slide},
		"ppt/slides/_rels/slide100.xml.rels", rels("slideLayout", "../l.xml"),
		"ppt/l.xml", `<p:sldLayout xmlns:p="p" xmlns:a="a"><p:cSld><p:spTree>`+placed(0, 100, `<p:ph idx="7"/>`, "Click to edit")+`</p:spTree></p:cSld></p:sldLayout>`)
	got, err := Read(t.Context(), PowerPoint, bytes.NewReader(data), int64(len(data)), Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "# The title\n\nwhere the layout says\n\nleft\n\nright\n\nin the group\n\nlower in the group\n\nbottom\n\nA cup of tea\n"
	if diff := cmp.Diff(want, got.Text); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	parts := []memo.Part{{Kind: memo.PartSlide, Number: 1, Name: "The title", End: len(got.Text)}}
	if diff := cmp.Diff(parts, got.Parts); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
}

func TestWhatSlidesShow(t *testing.T) {
	t.Parallel()
	paragraph := func(properties, text string) string {
		return "<a:p><a:pPr " + properties + "<a:r><a:t>" + text + "</a:t></a:r></a:p>"
	}
	slide := `<p:sp><p:nvSpPr><p:nvPr><p:ph type="body"/></p:nvPr></p:nvSpPr><p:txBody>` +
		paragraph(`><a:buAutoNum type="arabicPeriod" startAt="3"/></a:pPr>`, "three") + paragraph(`lvl="1"><a:buAutoNum type="alphaLcParenR"/></a:pPr>`, "inner") +
		paragraph(`><a:buAutoNum type="arabicPeriod"/></a:pPr>`, "four") + paragraph(`><a:buNone/></a:pPr>`, "no item") +
		`<a:p><a:r><a:rPr><a:hlinkClick xmlns:r="r" r:id="rId3"/></a:rPr><a:t>no link</a:t></a:r><a:fld type="slidenum"><a:t>9</a:t></a:fld></a:p></p:txBody></p:sp>` +
		`<p:graphicFrame><a:graphic><a:graphicData><c:chart xmlns:c="c" xmlns:r="r" r:id="rId1"/></a:graphicData></a:graphic></p:graphicFrame>` +
		`<p:graphicFrame><a:graphic><a:graphicData><dgm:relIds xmlns:dgm="d" xmlns:r="r" r:dm="rId2"/></a:graphicData></a:graphic></p:graphicFrame>` +
		`<p:graphicFrame><a:graphic><a:graphicData><a:tbl><a:tblPr firstRow="1"/><a:tr><a:tc gridSpan="2"><a:p><a:r><a:t>wide</a:t></a:r></a:p></a:tc><a:tc hMerge="1"/></a:tr>` +
		`<a:tr><a:tc><a:p><a:r><a:t>1</a:t></a:r></a:p></a:tc><a:tc><a:p><a:r><a:t>2</a:t></a:r></a:p></a:tc></a:tr></a:tbl></a:graphicData></a:graphic></p:graphicFrame>`
	points := func(name string, values ...string) string {
		var out strings.Builder
		for i, v := range values {
			fmt.Fprintf(&out, `<c:pt idx="%d"><c:v>%s</c:v></c:pt>`, i, v)
		}
		return "<c:" + name + "><c:cache>" + out.String() + "</c:cache></c:" + name + ">"
	}
	chart := `<c:chartSpace xmlns:c="c" xmlns:a="a"><c:chart><c:title><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:title><c:plotArea><c:barChart>` +
		`<c:ser>` + points("tx", "Black") + points("cat", "2023", "2024") + points("val", "4.4000000000000004", "5") + `</c:ser>` +
		`<c:ser>` + points("tx", "Green") + points("val", "1") + `</c:ser></c:barChart></c:plotArea></c:chart></c:chartSpace>`
	data := makePptx(t, []string{slide}, "ppt/slides/_rels/slide100.xml.rels", rels("chart", "c.xml", "diagramData", "d.xml", "slide", "s.xml"),
		"ppt/slides/c.xml", chart,
		"ppt/slides/d.xml", `<dgm:dataModel xmlns:dgm="d" xmlns:a="a"><dgm:ptLst><dgm:pt/><dgm:pt><dgm:t><a:p><a:r><a:t>Boil</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:ptLst></dgm:dataModel>`)
	got, err := text(t, PowerPoint, data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := `# Slide 1

3. three
  - a) inner
4. four

no item

- no link

Sales

|  | Black | Green |
| --- | --- | --- |
| 2023 | 4.4 | 1 |
| 2024 | 5 |  |

- Boil

| wide | wide |
| --- | --- |
| 1 | 2 |
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}
