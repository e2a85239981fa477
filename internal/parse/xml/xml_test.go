package xml

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

var update = flag.Bool("update", false, "rewrite the wanted text in testdata")

// read reads a document.
func read(t *testing.T, text string, limits Limits) (memo.Parsed, error) {
	t.Helper()
	return Read(t.Context(), strings.NewReader(text), int64(len(text)), limits)
}

// TestCases compares the text of each testdata/*.txtar: "document" is the input,
// "text" the wanted output, with the title on the line above it.
func TestCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := read(t, string(archive.Files[0].Data), Limits{})
			if err != nil {
				t.Fatal(err)
			}
			got := "title: " + parsed.Title + "\n" + parsed.Text
			if *update {
				archive.Files = append(archive.Files[:1], txtar.File{Name: "text", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(archive.Files[1].Data), got); diff != "" {
				t.Errorf("text differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadDetectsTheCharacterSet(t *testing.T) {
	t.Parallel()
	var wide, narrow strings.Builder
	for _, unit := range utf16.Encode([]rune(`<?xml version="1.0" encoding="UTF-16"?><a>Grüße €</a>`)) {
		wide.Write([]byte{byte(unit), byte(unit >> 8)})
		narrow.Write([]byte{byte(unit >> 8), byte(unit)})
	}
	tests := []struct{ name, document string }{
		{"UTF-8", "<a>Grüße €</a>"},
		{"UTF-8 with its mark", "\ufeff<a>Grüße €</a>"},
		{"what it says", "<?xml version='1.0' encoding='iso-8859-15'?><a>Gr\xfc\xdfe \xa4</a>"},
		{"nothing says it", "<a>Gr\xfc\xdfe \x80</a>"},
		{"it lies", "<?xml version='1.0' encoding='UTF-8'?><a>Gr\xfc\xdfe \x80</a>"},
		{"UTF-16, little end first", "\xff\xfe" + wide.String()},
		{"UTF-16, big end first", "\xfe\xff" + narrow.String()},
		{"UTF-16 without its mark", wide.String()},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			parsed, err := read(t, test.document, Limits{})
			if err != nil || !strings.Contains(parsed.Text, "Grüße €") {
				t.Errorf("text = %q, %v", parsed.Text, err)
			}
		})
	}
}

// laughs is a billion laughs in a few lines.
func laughs() string {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\"?>\n<!DOCTYPE lolz [\n<!ENTITY lol0 \"lol\">\n")
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&b, "<!ENTITY lol%d \"%s\">\n", i, strings.Repeat(fmt.Sprintf("&lol%d;", i-1), 10))
	}
	b.WriteString("]>\n<lolz>&lol9;</lolz>")
	return b.String()
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	wide := `<table>` + strings.Repeat(`<tr><td>x</td><td colspan="1000" rowspan="1000">y</td></tr>`, 100) + `</table>`
	tests := []struct {
		name, document string
		limits         Limits
		kind           fault.Kind
		words          string
	}{
		{"a billion laughs", laughs(), Limits{}, fault.Invalid, "defines entities, which are not read"},
		{"a file as an entity", `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`, Limits{}, fault.Invalid,
			"defines entities, which are not read"},
		{"an entity in an attribute", `<!DOCTYPE a [<!ENTITY x "y">]><a b="&x;"/>`, Limits{}, fault.Invalid, "defines entities"},
		{"an unknown entity", "<a>\n&x;</a>", Limits{}, fault.Invalid, "not well-formed: invalid character entity &x;, in line 2"},
		{"elements that cross", "<a><b></a></b>", Limits{}, fault.Invalid, "not well-formed: element <b> closed by </a>, in line 1"},
		{"a document that is cut off", "<a>\n<b>text", Limits{}, fault.Invalid, "cut off: it ends within an element, in line 2"},
		{"no XML", "hello", Limits{}, fault.Invalid, "no XML elements"},
		{"nothing", "", Limits{}, fault.Invalid, "no XML elements"},
		{"an unknown character set", "<?xml version='1.0' encoding='klingon'?><a>x</a>", Limits{}, fault.Invalid, "cannot be read"},
		{"elements in elements", strings.Repeat("<a>", 100_000), Limits{}, fault.Invalid, "nests its elements more than 500 deep"},
		{"many elements", "<a>" + strings.Repeat("<b/>", 1000) + "</a>", Limits{Nodes: 500}, fault.TooLarge, "more than 500 elements"},
		{"much text", "<a>" + strings.Repeat("<b>tea</b>", 1000) + "</a>", Limits{Text: 500}, fault.TooLarge, "too much text"},
		{"much text in a line", "<html><p>" + strings.Repeat("<b>tea</b>", 1000) + "</p></html>", Limits{Text: 500}, fault.TooLarge, "too much text"},
		{"cells that span", "<html>" + wide + "</html>", Limits{Text: 100_000}, fault.TooLarge, "too much text"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := read(t, test.document, test.limits)
			if !fault.Is(err, test.kind) || !strings.Contains(fault.Message(err), test.words) {
				t.Errorf("error = %v, want one that says %q", err, test.words)
			}
		})
	}
}

func TestReadWithEntitiesThatAreNotUsed(t *testing.T) {
	t.Parallel()
	parsed, err := read(t, `<!DOCTYPE a [<!ENTITY x "y">]><a>fine</a>`, Limits{})
	if err != nil || parsed.Text != "- a: fine\n" {
		t.Errorf("Read = %q, %v", parsed.Text, err)
	}
}

func TestReadOfLongAttributes(t *testing.T) {
	t.Parallel()
	parsed, err := read(t, `<a><b x="`+strings.Repeat("x", 1<<20)+`" y="z">text</b></a>`, Limits{})
	if want := "# a / b\n\n- y: z\n\ntext\n"; err != nil || parsed.Text != want {
		t.Errorf("text = %.200q, %v, want %q", parsed.Text, err, want)
	}
}

func TestReadStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Read(ctx, strings.NewReader("<a>x</a>"), 8, Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want the context's", err)
	}
}

func TestReadOfABrokenFile(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	if _, err := Read(t.Context(), brokenFile{broken}, 10, Limits{}); !errors.Is(err, broken) {
		t.Errorf("error = %v, want the file's", err)
	}
}

// A brokenFile fails.
type brokenFile struct{ err error }

// ReadAt implements io.ReaderAt.
func (f brokenFile) ReadAt([]byte, int64) (int, error) { return 0, f.err }

var _ io.ReaderAt = brokenFile{}

func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(archive.Files[0].Data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := read(t, text, Limits{Text: 1 << 20})
		if err == nil && (!utf8.ValidString(got.Text) || strings.ContainsAny(got.Text+got.Title, "\r\x00\x1b")) {
			t.Errorf("Read(%q) is not clean: %q", text, got.Text)
		}
	})
}

// BenchmarkRead reads an article of 250 KB.
func BenchmarkRead(b *testing.B) {
	archive, err := txtar.ParseFile("testdata/jats.txtar")
	if err != nil {
		b.Fatal(err)
	}
	article := string(archive.Files[0].Data)
	before, rest, _ := strings.Cut(article, "<body>")
	body, after, _ := strings.Cut(rest, "</body>")
	text := before + "<body>" + strings.Repeat(body, 250_000/len(body)) + "</body>" + after
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Read(b.Context(), strings.NewReader(text), int64(len(text)), Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
