package html

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"kvasir/internal/fault"
)

var update = flag.Bool("update", false, "rewrite the wanted text in testdata")

// TestCases compares the text of each testdata/*.txtar: "page" is the input, "text"
// the wanted output, with the title on the line above it.
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
			page, err := Read(t.Context(), strings.NewReader(string(archive.Files[0].Data)), "text/html; charset=utf-8", Limits{})
			if err != nil {
				t.Fatal(err)
			}
			got := "title: " + page.Title + "\n" + page.Text + "\n"
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
	tests := []struct{ name, contentType, page string }{
		{"UTF-8", "", "<meta charset=utf-8><p>Grüße €"},
		{"a meta element", "", "<meta charset=iso-8859-15><p>Gr\xfc\xdfe \xa4"},
		{"the content type", "text/html; charset=windows-1252", "<p>Gr\xfc\xdfe \x80"},
		{"nothing says it", "", "<p>Gr\xfc\xdfe \x80"},
		{"the content type lies", "text/html; charset=utf-8", "<p>Gr\xfc\xdfe \x80"},
		{"the content type lies, a meta element does not", "text/html; charset=utf-8", "<meta charset=iso-8859-15><p>Gr\xfc\xdfe \xa4"},
		{"a meta element lies", "", "<meta charset=iso-8859-1><p>Grüße €"},
		{"nothing says it at first", "", "<!--" + strings.Repeat("x", 2000) + "--><p>Grüße €"},
		{"a meta element says it late", "", strings.Repeat("<!-- charset \xfc -->\n", 200) + "<META charset=iso-8859-15><p>Gr\xfc\xdfe \xa4"},
		{"an encoding that no page may have", "", "<meta charset=hz-gb-2312><p>Grüße €"},
		{"UTF-16", "", "\xff\xfe<\x00p\x00>\x00G\x00r\x00\xfc\x00\xdf\x00e\x00 \x00\xac\x20"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			page, err := Read(t.Context(), strings.NewReader(test.page), test.contentType, Limits{})
			if err != nil || page.Text != "Grüße €" {
				t.Errorf("text = %q, %v", page.Text, err)
			}
		})
	}
}

func TestReadOfATitle(t *testing.T) {
	t.Parallel()
	tests := []struct{ page, want string }{
		{"<title>Tea</title><h1>Hello</h1>", "Tea"},
		{"<title>Tea - The Site</title><h1>Tea</h1>", "Tea"},
		{"<title>The Site | Tea</title><h2>Tea</h2>", "Tea"},
		{"<title>Tea - The Site</title><h1>The Site</h1><h2>Tea</h2>", "Tea"},
		{"<title>Tea: a leaf</title><h1>Tea</h1>", "Tea: a leaf"},
		{"<title>Tea – The Site</title><meta property=og:title content=Tea><p>x", "Tea"},
		{"<meta property=og:title content='Tea  leaf'><p>x", "Tea leaf"},
		{"<h1>Hot <em>tea</em></h1>", "Hot tea"},
		{"<svg><title>Logo</title></svg><p>x", ""},
	}
	for _, test := range tests {
		page, err := Read(t.Context(), strings.NewReader(test.page), "", Limits{})
		if err != nil || page.Title != test.want {
			t.Errorf("title of %q = %q, %v, want %q", test.page, page.Title, err, test.want)
		}
	}
}

func TestReadOfNothing(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " ", "<script>x</script>", "<!-- -->"} {
		if page, err := Read(t.Context(), strings.NewReader(text), "", Limits{}); err != nil || page.Text != "" {
			t.Errorf("Read(%q) = %q, %v", text, page.Text, err)
		}
	}
}

func TestReadOfADeepPage(t *testing.T) {
	t.Parallel()
	_, err := Read(t.Context(), strings.NewReader(strings.Repeat("<div>", 100_000)), "", Limits{})
	if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "too deep") {
		t.Errorf("error = %v, want one that says too deep", err)
	}
}

func TestReadStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Read(ctx, strings.NewReader("<p>Hello"), "", Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want the context's", err)
	}
}

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
	f.Add("<table><td colspan=9 rowspan=9>x<tr><td>y<table><th>z</table><dl><dd>a<dt>b<ol start=-3><li value=x>c")
	f.Fuzz(func(t *testing.T, text string) {
		page, err := Read(t.Context(), strings.NewReader(text), "text/html; charset=utf-8", Limits{Text: 1 << 20})
		if err == nil && (!utf8.ValidString(page.Text) || strings.ContainsAny(page.Text+page.Title, "\r\x00\x1b")) {
			t.Errorf("Read(%q) is not clean: %q", text, page.Text)
		}
	})
}

// BenchmarkRead reads a page of 250 KB.
func BenchmarkRead(b *testing.B) {
	var page strings.Builder
	page.WriteString("<title>All</title><main>")
	for page.Len() < 250_000 {
		for _, name := range []string{"tables", "lists", "inline", "code", "formula"} {
			archive, err := txtar.ParseFile("testdata/" + name + ".txtar")
			if err != nil {
				b.Fatal(err)
			}
			page.Write(archive.Files[0].Data)
		}
	}
	b.SetBytes(int64(page.Len()))
	for b.Loop() {
		if _, err := Read(b.Context(), strings.NewReader(page.String()), "", Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
