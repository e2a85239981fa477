package rtf

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

// read reads a document.
func read(t *testing.T, text string, limits Limits) (memo.Parsed, error) {
	t.Helper()
	return Read(t.Context(), strings.NewReader(text), int64(len(text)), limits)
}

func TestRead(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, rtf, want string }{
		{"a paragraph", `{\rtf1\ansi Hello {\b world}\par}`, "Hello world\n"},
		{"lines and spaces", `{\rtf1 one\line two\tab three\~four\par\pard five\` + "\n" + `six}`, "one\ntwo three four\n\nfive\n\nsix\n"},
		{"signs", `{\rtf1 \{a\\b\}\emdash c\rquote s\_d soft\-ly \lquote x\rquote}`, "{a\\b}—c’s-d softly ‘x’\n"},
		{"a heading by its outline", `{\rtf1{\pard\outlinelevel1 Tea\par}{\pard Dry.\par}}`, "## Tea\n\nDry.\n"},
		{
			"headings by their styles",
			`{\rtf1{\stylesheet{Normal;}{\s1 heading 1;}{\s2\outlinelevel1 Kapitel;}{\s3\sbasedon2 Mein;}{\s4 Title;}{\*\cs5 Bold;}}` +
				`\pard\s4 Doc\par\pard\s1 A\par\pard\s2 B\par\pard\s3 C\par\pard D\par}`,
			"# Doc\n\n# A\n\n## B\n\n## C\n\nD\n",
		},
		{"a numbered heading", `{\rtf1{\listtext 1.2\tab}\outlinelevel0 Tea\par}`, "# 1.2 Tea\n"},
		{
			"lists", `{\rtf1{\listtext\'b7\tab}\ls1 one\par{\listtext\'b7\tab}two\par{\listtext 1.\tab}\ls1\ilvl1 deep\par` +
				`{\listtext b)\tab}\ilvl0 letter\par more\par}`,
			"- one\n- two\n  1. deep\n- b) letter\n  more\n",
		},
		{"an old list", `{\rtf1\pard\ls1{\pntext 3.\tab}{\*\pn\pnlvlbody}three\par four\par\pard end\par}`, "3. three\n4. four\n\nend\n"},
		{
			"a table", `{\rtf1 Prices\par\trowd\cellx100\cellx200\intbl Tea\cell Price\cell\row Assam\cell 3 | 4\line 5\cell\row\pard After\par}`,
			"Prices\n\n| Tea | Price |\n| --- | --- |\n| Assam | 3 \\| 4 5 |\n\nAfter\n",
		},
		{
			"cells that span", `{\rtf1\trowd\cellx1000\cellx2000\cellx3000\intbl a\cell b\cell c\cell\row` +
				`\trowd\cellx1000\cellx3010\intbl d\cell e\cell\row\trowd\clvmrg\cellx1000\clmgf\cellx2000\clmrg\cellx3000\intbl\cell f\cell\cell\row` +
				`\trowd\cellx3000\intbl g\cell\row\pard}`,
			"| a | b | c |\n| --- | --- | --- |\n| d | e | e |\n| d | f | f |\n| g |  |  |\n",
		},
		{"a table of one column is none", `{\rtf1\trowd\cellx100\intbl one\cell\row\intbl two\cell\row}`, "one\n\ntwo\n"},
		{"paragraphs in a cell", `{\rtf1\trowd\cellx1\cellx9\pard\intbl a\par b\cell c\cell\row}`, "| a b | c |\n| --- | --- |\n"},
		{"a table in a cell", `{\rtf1\trowd\cellx1\cellx9\intbl a\nestcell b\nestcell{\*\nesttableprops\trowd\nestrow}\cell c\cell\row}`,
			"| a b | c |\n| --- | --- |\n"},
		{
			"links keep their words, contents and page numbers go",
			`{\rtf1 See {\field{\*\fldinst HYPERLINK "http://example.com"}{\fldrslt\ul us}}. {\field{\*\fldinst { TOC \\o}}{\fldrslt Tea 3}}` +
				`{\field{\*\fldinst PAGE}{\fldrslt 7}}{\field{\fldinst AUTHOR}{\fldrslt Ann}}}`, "See us. Ann\n",
		},
		{
			"footnotes", `{\rtf1 Tea{\super\chftn}{\footnote\pard\plain{\super\chftn} A leaf.\par} is dry{\footnote Is it?}.\par More.\par}`,
			"Tea[^1] is dry[^2].\n\n[^1]: A leaf.\n\n[^2]: Is it?\n\nMore.\n",
		},
		{
			"what is no text", `{\rtf1{\fonttbl{\f0 Arial;}}{\colortbl;\red1;}{\header Top}{\footerl Bottom}{\*\generator X;}{\pict\pngblip 89504e}` +
				`{\v hidden}{\deleted gone}{\xe entry}{\*\bkmkstart b}a\v b\v0 c{\*\unknown{\deeper x}}\bin3 {{{d}`, "acd\n",
		},
		{"text in boxes and objects", `{\rtf1{\shp{\*\shpinst{\sp{\sn x}{\sv 1}}{\shptxt\pard box\par}}{\shprslt old}}{\object{\*\objdata 0a}{\result obj}}}`,
			"box\n\nobj\n"},
		{"powers", `{\rtf1 10{\super 6} 1{\super st} H{\sub 2}O}`, "10⁶ 1st H2O\n"},
		{"the text of the document's code page", `{\rtf1\ansi\ansicpg1251 \'cf\'f0\'e8}`, "При\n"},
		{"the text of a font's code page", `{\rtf1{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset204 B;}{\f2\fcharset128 C;}}\f1 \'cf\f0 \'fc{\f2 \'83A\'88\'ea}}`, "Пüア一\n"},
		{"a Mac", `{\rtf1\mac Gr\'9f\'a7}`, "Grüß\n"},
		{"signs of a font of pictures", `{\rtf1{\fonttbl{\f3\fcharset2 Symbol;}}{\f3 \'b7\'41} x\u-3913 ?y}`, "• x•y\n"},
		{"Unicode", `{\rtf1\u228 ?\uc0\u8364 \uc2\u-10179 ??\u-8704 \'3f\'3fx\u55357 ??y}`, "ä€😀xy\n"},
		{"Unicode for new readers", `{\rtf1{\upr{?}{\*\ud{\u228 a}}}{\upr{old}{\*\ud new}}}`, "änew\n"},
		{"cut off", `{\rtf1 Hello {\b wor`, "Hello wor\n"},
		{"cut off in a footnote", `{\rtf1 Tea{\footnote A le`, "Tea[^1]\n\n[^1]: A le\n"},
		{"cut off in a table", `{\rtf1\trowd\cellx1\cellx2\intbl a\cell b\cell\row c\cell`, "| a | b |\n| --- | --- |\n| c |  |\n"},
		{"what follows the document", `{\rtf1 Hello}\par world`, "Hello\n"},
		{"control characters", "{\\rtf1 a\\'01\\u7 ?b}", "ab\n"},
		{"nothing", `{\rtf1}`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := read(t, test.rtf, Limits{})
			if diff := cmp.Diff(test.want, got.Text); diff != "" || err != nil {
				t.Errorf("error %v, text (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestReadOfATitle(t *testing.T) {
	t.Parallel()
	got, err := read(t, `{\rtf1\ansi{\info{\title On \'e9t\'e9}{\author Ann}{\subject Tea}}Text}`, Limits{})
	if err != nil || got.Title != "On été" || got.Text != "Text\n" {
		t.Errorf("Read = %+v, %v", got, err)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, rtf string
		limits    Limits
		kind      fault.Kind
		words     string
	}{
		{"another file", "PK\x03\x04", Limits{}, fault.Invalid, "does not begin as an RTF document"},
		{"nothing", "", Limits{}, fault.Invalid, "does not begin as an RTF document"},
		{"a file that is cut off", `{\rtf1{\fonttbl{\f0 Ari`, Limits{}, fault.Invalid, "cut off"},
		{"groups in groups", `{\rtf1 x` + strings.Repeat("{", 100_000), Limits{}, fault.Invalid, "too deep"},
		{"much text", `{\rtf1 ` + strings.Repeat("tea ", 1000), Limits{Text: 1000}, fault.TooLarge, "too much text"},
		{"many paragraphs", `{\rtf1 ` + strings.Repeat(`tea\par `, 1000), Limits{Text: 1000}, fault.TooLarge, "too much text"},
		{"a long cell", `{\rtf1 ` + strings.Repeat(`tea\cell `, 20_000) + `\row}`, Limits{Text: 10_000}, fault.TooLarge, "too much text"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := read(t, test.rtf, test.limits)
			if !fault.Is(err, test.kind) || !strings.Contains(fault.Message(err), test.words) {
				t.Errorf("error = %v, want one that says %q", err, test.words)
			}
		})
	}
}

func TestReadOfManyCells(t *testing.T) {
	t.Parallel()
	row := `\trowd\cellx1\cellx9000\intbl a\cell b\cell\row` + "\n"
	got, err := read(t, `{\rtf1`+strings.Repeat(row, 5000)+"}", Limits{})
	if err != nil || strings.Count(got.Text, "| a | b |") != 5000 {
		t.Errorf("%d bytes, %v", len(got.Text), err)
	}
}

func TestReadStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	text := `{\rtf1 ` + strings.Repeat("x", 2*checkEvery)
	if _, err := Read(ctx, strings.NewReader(text), int64(len(text)), Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want the context's", err)
	}
}

func TestReadOfABrokenFile(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	r := brokenFile{strings.NewReader(`{\rtf1 Hello`), broken}
	if _, err := Read(t.Context(), r, 1<<20, Limits{}); !errors.Is(err, broken) {
		t.Errorf("error = %v, want the file's", err)
	}
}

// A brokenFile fails where it ends.
type brokenFile struct {
	io.ReaderAt
	err error
}

// ReadAt implements io.ReaderAt.
func (f brokenFile) ReadAt(p []byte, offset int64) (int, error) {
	n, err := f.ReaderAt.ReadAt(p, offset)
	if err != nil {
		err = f.err
	}
	return n, err
}

func FuzzRead(f *testing.F) {
	f.Add(`{\rtf1\ansi\ansicpg1252{\fonttbl{\f1\fcharset128 A;}}{\stylesheet{\s1 heading 1;}}\pard\s1 A\par\f1 \'83A}`)
	f.Add(`{\rtf1\trowd\clvmrg\cellx10\clmrg\cellx-20\intbl a\cell b\nestcell\cell\row{\footnote x{\footnote y}}\u-10179?\u228 ?}`)
	f.Add(`{\rtf1{\listtext 1.\tab}\ls1 x\par y{\pntext\'b7}z\par{\field{\*\fldinst TOC}{\fldrslt x}}{\upr{a}{\*\ud b}}\bin9 x`)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := read(t, text, Limits{Text: 1 << 20})
		if err == nil && (!utf8.ValidString(got.Text) || strings.ContainsAny(got.Text+got.Title, "\r\x00\x1b")) {
			t.Errorf("Read(%q) is not clean: %q", text, got.Text)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	text := `{\rtf1\ansi{\fonttbl{\f0\fcharset0 A;}}` +
		strings.Repeat(`{\pard\ql\f0\fs24 Tea is {\b dry}, dark and cool, says \'e9t\'e9 \u8364 ?.\par}`+"\n", 4000) + "}"
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Read(b.Context(), strings.NewReader(text), int64(len(text)), Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
