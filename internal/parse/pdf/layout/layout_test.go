package layout

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/memo"
)

var (
	plain = &Font{}
	bold  = &Font{Bold: true}
	mono  = &Font{Mono: true}
)

// A sheet is a page of A4 that a test sets type on.
type sheet struct {
	Page
	font *Font
}

func newSheet() *sheet { return &sheet{Page: Page{Height: 842}, font: plain} }

// set puts words on a line, each letter half an em wide and the spaces a quarter.
func (s *sheet) set(x, base, size float64, text string) *sheet {
	for i, word := range strings.Split(text, " ") {
		if i > 0 {
			s.Glyphs = append(s.Glyphs, Glyph{Gap: true})
			x += 0.25 * size
		}
		runes := []rune(word)
		if len(runes) == 0 {
			continue
		}
		width := 0.5 * size * float64(len(runes))
		s.Glyphs = append(s.Glyphs, Glyph{
			Runes: runes, Base: base, Size: size, Font: s.font,
			Box: Box{X0: x, Y0: base - 0.7*size, X1: x + width, Y1: base},
		})
		x += width
	}
	s.Glyphs = append(s.Glyphs, Glyph{Gap: true})
	return s
}

// column sets lines below each other, 1.2 times their size apart.
func (s *sheet) column(x, base, size float64, lines ...string) *sheet {
	for _, line := range lines {
		if line != "" {
			s.set(x, base, size, line)
		}
		base += 1.2 * size
	}
	return s
}

// in sets what follows in another font.
func (s *sheet) in(f *Font) *sheet { s.font = f; return s }

// grid draws the rules of a table.
func (s *sheet) grid(xs, ys []float64) *sheet {
	for _, x := range xs {
		s.Rules = append(s.Rules, Box{x, ys[0], x + 0.5, ys[len(ys)-1]})
	}
	for _, y := range ys {
		s.Rules = append(s.Rules, Box{xs[0], y, xs[len(xs)-1], y + 0.5})
	}
	return s
}

// written returns the text of pages.
func written(sheets ...*sheet) string {
	var d Document
	for _, s := range sheets {
		d.Add(&s.Page)
	}
	got, _ := d.Markdown(0)
	return strings.TrimSpace(got.Text)
}

// Lines as they are in a column of 200 points, at a size of ten.
var (
	left = []string{
		"The left column begins with this one and it", "goes on over several lines, all of which are",
		"nearly as wide as the column is, so that the", "reader sees that it is text and not a table.",
	}
	right = []string{
		"The right column is read when the left one is", "at its end, though its lines are on the same",
		"heights; a word may be divided between its", "lines, as typesetters do it when it helps us.",
	}
)

func TestReadingOrder(t *testing.T) {
	t.Parallel()
	leftText, rightText := strings.Join(left, " "), strings.Join(right, " ")
	tests := []struct {
		name string
		page *sheet
		want []string
	}{
		{"two columns under a title",
			newSheet().set(150, 80, 20, "A title over both").column(60, 120, 10, left...).column(310, 120, 10, right...),
			[]string{"# A title over both", leftText, rightText}},
		{"columns whose lines are at other heights",
			newSheet().column(60, 120, 10, left...).column(310, 125, 10, right...),
			[]string{leftText, rightText}},
		{"a note below both",
			newSheet().column(60, 120, 10, left...).column(310, 120, 10, right...).
				set(60, 200, 8, "A note goes across the page below both of the columns, from its left "+
					"to its right and back."),
			[]string{leftText, rightText, "A note goes across"}},
		{"the right column begins higher",
			newSheet().set(310, 106, 10, "Right above it").column(60, 120, 10, left...).column(310, 120, 10, right...),
			[]string{leftText, "Right above it", rightText}},
		{"the left column is longer",
			newSheet().column(60, 120, 10, append(left, left...)...).column(310, 120, 10, right...),
			[]string{leftText + " " + leftText, rightText}},
		{"the file has the right column first",
			newSheet().column(310, 120, 10, right...).column(60, 120, 10, left...),
			[]string{leftText, rightText}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, at := written(test.page), 0
			for _, want := range test.want {
				i := strings.Index(got[at:], want)
				if i < 0 {
					t.Fatalf("after %q comes no %q in:\n%s", got[:at], want, got)
				}
				at += i
			}
		})
	}
}

func TestParagraphs(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		page *sheet
		want string
	}{
		{"distance", newSheet().column(60, 120, 10, left[0], left[1], "", right[0], right[1]),
			left[0] + " " + left[1] + "\n\n" + right[0] + " " + right[1]},
		{"indent", newSheet().column(60, 100, 10, left[0], left[1], "the end.").
			set(75, 136, 10, "A new paragraph is set in, as books have it.").column(60, 148, 10, right...),
			left[0] + " " + left[1] + " the end.\n\nA new paragraph is set in, as books have it. " +
				strings.Join(right, " ")},
		{"lines that end on purpose", newSheet().
			column(60, 100, 10, "Name: Ann", "Street: Long Road 1", "Town: York").
			set(60, 200, 10, strings.Repeat("The page is wider than that. ", 3)+"All of it."),
			"Name: Ann\nStreet: Long Road 1\nTown: York\n\n" +
				strings.Repeat("The page is wider than that. ", 3) + "All of it."},
		{"a divided word", newSheet().column(60, 100, 10,
			"The words at the ends of lines are often di-", "vided, as all of us who read have often seen."),
			"The words at the ends of lines are often divided, as all of us who read have often seen."},
		{"a word with a hyphen of its own", newSheet().column(60, 100, 10,
			"This is a two-stage system, and a good two-", "stage system is what we wanted to have here."),
			"This is a two-stage system, and a good two-stage system is what we wanted to have here."},
		{"Chinese", newSheet().column(60, 100, 10, "机器学习是人工智能的一个分支，", "而不需要明确的编程指令。"),
			"机器学习是人工智能的一个分支，而不需要明确的编程指令。"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, written(test.page)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestKoreanThatIsDividedAnywhere(t *testing.T) {
	t.Parallel()
	s := newSheet()
	lines := []string{
		"보험실무상 어떤 보험사는 코로나를 재해로",
		"인정하여 재해보험금을 지급하고, 다른 보",
		"험사는 지급하지 않는 등 혼선이 야기되고",
		"있어 인정 여부가 중요한 잣대가 될 것이라",
	}
	base := 100.0
	for _, line := range lines {
		s.set(60, base, 10, line)
		// The spaces at the ends of lines are in the file, where there are some.
		s.Glyphs[len(s.Glyphs)-1].Drawn = !strings.HasSuffix(line, "보")
		base += 13
	}
	want := strings.Replace(strings.Join(lines, " "), "보 험사", "보험사", 1)
	if diff := cmp.Diff(want, written(s)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRightToLeft(t *testing.T) {
	t.Parallel()
	// As it is seen: the first word is at the right, the letters run to the left.
	s := newSheet()
	x := 200.0
	for _, word := range []string{"שלום", "עולם", "123"} {
		if word == "123" {
			s.set(x-15, 100, 10, word)
			continue
		}
		for _, r := range word {
			x -= 5
			s.Glyphs = append(s.Glyphs, Glyph{
				Runes: []rune{r}, Base: 100, Size: 10, Font: plain, Box: Box{x, 93, x + 5, 100},
			})
		}
		s.Glyphs = append(s.Glyphs, Glyph{Gap: true})
		x -= 3
	}
	if got, want := written(s), "שלום עולם 123"; got != want {
		t.Errorf("text = %q, want %q", got, want)
	}
}

func TestListsAndCode(t *testing.T) {
	t.Parallel()
	s := newSheet().column(60, 100, 10, "What is needed for it:", "• bread", "• cheese").
		set(80, 136, 10, "– and wine").column(60, 160, 10, "1. First", "2. Second").
		in(mono).column(60, 220, 10, "func main() {").set(90, 232, 10, "run()").set(60, 244, 10, "}").
		in(plain).column(60, 300, 10, left...)
	s.Dots = []Box{{50, 117, 54, 121}} // beside "bread", which has a bullet
	want := "What is needed for it:\n\n- bread\n- cheese\n  - and wine\n1. First\n2. Second\n\n" +
		"```\nfunc main() {\n      run()\n}\n```\n\n" + strings.Join(left, " ")
	if diff := cmp.Diff(want, written(s)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestHeadings(t *testing.T) {
	t.Parallel()
	s := newSheet().set(60, 80, 20, "The title").set(60, 110, 14, "1 Part").set(60, 130, 14, "1.1 Below").
		column(60, 160, 10, left...).in(bold).set(60, 230, 10, "Only bold").in(plain).column(60, 250, 10, right...).
		in(bold).set(60, 320, 10, "Table 1: a caption").in(plain)
	want := "# The title\n\n## 1 Part\n\n### 1.1 Below\n\n" + strings.Join(left, " ") + "\n\n### Only bold\n\n" +
		strings.Join(right, " ") + "\n\nTable 1: a caption"
	if diff := cmp.Diff(want, written(s)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTheOutlineKnowsTheLevels(t *testing.T) {
	t.Parallel()
	s := newSheet().set(60, 80, 12, "One").column(60, 110, 10, left...).set(60, 200, 12, "1.1 Two").
		column(60, 220, 10, left...).set(60, 300, 10, "Three").column(60, 330, 10, right...)
	d := Document{Outline: []Entry{{"One", 1}, {"Two", 2}, {"THREE", 3}}}
	d.Add(&s.Page)
	got, _ := d.Markdown(0)
	for _, want := range []string{"# One\n", "\n## 1.1 Two\n", "\n### Three\n"} {
		if !strings.Contains(got.Text, want) {
			t.Errorf("no %q in:\n%s", want, got.Text)
		}
	}
}

func TestDocumentOfSeveralPages(t *testing.T) {
	t.Parallel()
	var d Document
	d.Add(&newSheet().set(60, 100, 10, "First").Page)
	d.Add(nil)
	if n := d.AddText("Read by\n\nsomebody else"); n == 0 {
		t.Error("AddText says that there is no text")
	}
	got, fits := d.Markdown(100)
	want := memo.Parsed{Text: "First\n\nRead by\n\nsomebody else\n", Parts: []memo.Part{
		{Kind: memo.PartPage, Number: 1, Start: 0, End: 7}, {Kind: memo.PartPage, Number: 3, Start: 7, End: 30},
	}}
	if diff := cmp.Diff(want, got); diff != "" || !fits {
		t.Errorf("fits = %v; -want +got:\n%s", fits, diff)
	}
	if _, fits = d.Markdown(10); fits {
		t.Error("30 bytes fit in 10")
	}
}

func TestAPageMadeToBeSlow(t *testing.T) {
	t.Parallel()
	s := newSheet()
	for i := range 60_000 {
		s.set(float64(i%600), float64(i/600%80)*10, 6, "w")
	}
	// Most words are at the same places; what counts is that it ends.
	if got := written(s); len(got) < 60_000 {
		t.Errorf("%d bytes of text are left", len(got))
	}
}

func BenchmarkPage(b *testing.B) {
	s := newSheet()
	for i := range 12 {
		s.column(60, 60+60*float64(i), 10, left...).column(310, 60+60*float64(i), 10, right...)
	}
	for b.Loop() {
		written(s)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pages/s")
}

// FuzzPage sets words anywhere and checks that each is in the text once.
func FuzzPage(f *testing.F) {
	f.Add([]byte("\x10\x10\x05\x20\x10\x05\x10\x30\x05\x20\x30\x05"), true)
	f.Add([]byte("abcdefghijklmnopqrstuvwxyz0123456789"), false)
	f.Fuzz(func(t *testing.T, places []byte, ruled bool) {
		s := newSheet()
		var words []string
		for i := 0; i+3 <= len(places) && len(words) < 200; i += 3 {
			word := "w" + strings.Repeat("q", 1+len(words)/20) + string(rune('a'+len(words)%20)) + "x"
			words = append(words, word)
			s.set(float64(places[i])*2.2, float64(places[i+1])*3.2, 6+float64(places[i+2]%16), word)
			if ruled {
				x, y := float64(places[i])*2.2-2, float64(places[i+1])*3.2+3
				s.Rules = append(s.Rules, Box{x, y, x + 80, y + 0.5}, Box{x, y - 15, x + 0.5, y})
			}
		}
		got := written(s)
		if !utf8.ValidString(got) {
			t.Errorf("not UTF-8: %q", got)
		}
		for _, word := range words {
			if n := strings.Count(got, word); n != 1 {
				t.Errorf("%q is there %d times in:\n%s", word, n, got)
			}
		}
	})
}
