package pdf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kvasir/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newParser returns a parser that shares the compiled PDFium of this machine.
func newParser(t *testing.T, opts Options) *Parser {
	t.Helper()
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = t.TempDir()
	}
	opts.CacheDir = filepath.Join(dir, "kvasir", "wazero")
	p := New(opts)
	t.Cleanup(func() {
		if err := p.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return p
}

// text reads a PDF that is held in memory.
func text(ctx context.Context, p *Parser, data []byte) (string, error) {
	got, err := p.Read(ctx, bytes.NewReader(data), int64(len(data)), nil)
	return got.Text, err
}

// makePDF returns a PDF with one page for each list of lines, plus further
// objects, which get the numbers from 100.
func makePDF(pages [][]string, extra ...string) []byte {
	objects := map[int]string{
		1: "<< /Type /Catalog /Pages 2 0 R >>",
		3: "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
	}
	var kids strings.Builder
	for i, lines := range pages {
		page := 10 + 2*i
		fmt.Fprintf(&kids, "%d 0 R ", page)
		objects[page] = fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R"+
			" /Resources << /Font << /F1 3 0 R >> /XObject << /X0 100 0 R >> >> >>", page+1)
		var content strings.Builder
		content.WriteString("BT /F1 12 Tf 14 TL 72 720 Td\n")
		for _, line := range lines {
			if command, ok := strings.CutPrefix(line, "raw:"); ok {
				content.WriteString(command + "\n")
				continue
			}
			content.WriteString("(" + strings.NewReplacer("(", `\(`, ")", `\)`).Replace(line) + ") Tj T*\n")
		}
		objects[page+1] = stream("", content.String()+"ET\n")
	}
	objects[2] = fmt.Sprintf("<< /Type /Pages /Count %d /Kids [%s] >>", len(pages), kids.String())
	for i, object := range extra {
		objects[100+i] = object
	}
	return assemble(objects)
}

// stream returns a stream object.
func stream(dict, content string) string {
	return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(content), content)
}

// assemble writes the objects and their table.
func assemble(objects map[int]string) []byte {
	last := 0
	for n := range objects {
		last = max(last, n)
	}
	var b, table bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	for n := 1; n <= last; n++ {
		if object, ok := objects[n]; ok {
			fmt.Fprintf(&table, "%010d 00000 n \n", b.Len())
			fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", n, object)
		} else {
			table.WriteString("0000000000 65535 f \n")
		}
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n%s", last+1, table.String())
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", last+1, start)
	return b.Bytes()
}

// endless returns a PDF whose page draws 2^24 times the same text, by forms that
// each draw the next one twice.
func endless() []byte {
	var forms []string
	for i := range 24 {
		forms = append(forms, stream(fmt.Sprintf("/Type /XObject /Subtype /Form /BBox [0 0 612 792]"+
			" /Resources << /XObject << /X0 %d 0 R >> >>", 101+i), "/X0 Do /X0 Do"))
	}
	forms = append(forms, stream("/Type /XObject /Subtype /Form /BBox [0 0 612 792]"+
		" /Resources << /Font << /F1 3 0 R >> >>", "BT /F1 12 Tf 72 72 Td (again) Tj ET"))
	return makePDF([][]string{{"raw:ET /X0 Do BT"}}, forms...)
}

func TestTextOfPages(t *testing.T) {
	t.Parallel()
	data := makePDF([][]string{
		{"A title", "This is the first line of a paragraph that", "goes on in the second line and ends here.", "Caf\xe9."},
		{},
		{"The last page (with brackets)."},
	})
	got, err := text(t.Context(), newParser(t, Options{}), data)
	if err != nil {
		t.Fatal(err)
	}
	want := "A title\nThis is the first line of a paragraph that goes on in the second line and ends here. Café.\n\n" +
		"The last page (with brackets).\n"
	if got != want {
		t.Errorf("text = %q, want %q", got, want)
	}
}

func TestTextOfFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	encrypted, err := os.ReadFile("testdata/encrypted.pdf")
	if err != nil {
		t.Fatal(err)
	}
	good := makePDF([][]string{{"Hello"}})
	p := newParser(t, Options{MaxPages: 3, MaxText: 1000, Instances: 1})
	tests := []struct {
		name string
		data []byte
		kind fault.Kind
		want string
	}{
		{"encrypted", encrypted, fault.Invalid, "The PDF is encrypted"},
		{"no text", makePDF([][]string{{}, {}}), fault.Invalid, "The PDF has no text"},
		{"no pages", makePDF(nil), fault.Invalid, "damaged"},
		{"many pages", makePDF(make([][]string, 4)), fault.TooLarge, "more than 3 pages"},
		{"much text", makePDF([][]string{{strings.Repeat("word ", 300)}}), fault.TooLarge, "more than 1000 bytes"},
		{"not a PDF", []byte("hello"), fault.Invalid, "damaged"},
		{"truncated", good[:len(good)/3], fault.Invalid, "damaged"},
		{"a claim of many pages", bytes.Replace(good, []byte("/Count 1 "), []byte("/Count 100000 "), 1),
			fault.TooLarge, "more than 3 pages"},
		{"a table of objects that is wrong", bytes.ReplaceAll(good[:len(good)/2], []byte(" obj"), []byte(" ob ")),
			fault.Invalid, "damaged"},
		{"pages in a circle", bytes.Replace(good, []byte("/Kids [10 0 R ]"), []byte("/Kids [2 0 R  ]"), 1),
			fault.Invalid, "damaged"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := text(t.Context(), p, test.data)
			if !fault.Is(err, test.kind) || !strings.Contains(fault.Message(err), test.want) {
				t.Errorf("text = %q, error %v; want a fault that says %q", got, err, test.want)
			}
			if got, err := text(t.Context(), p, good); err != nil || got != "Hello\n" {
				t.Errorf("the next document: %q, %v", got, err)
			}
		})
	}
}

func TestTextOfAnEndlessPageEndsInTime(t *testing.T) {
	t.Parallel()
	p := newParser(t, Options{Timeout: 50 * time.Millisecond, Instances: 1})
	if err := p.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := text(t.Context(), p, endless())
	if !fault.Is(err, fault.TooLarge) || !strings.Contains(err.Error(), "longer than 50ms") {
		t.Errorf("error = %v, want one that says how long", err)
	}
}

func TestTextStopsWithItsContext(t *testing.T) {
	t.Parallel()
	p := newParser(t, Options{Instances: 1})
	if err := p.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := text(ctx, p, endless()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v, want the context's", err)
	}
	if got, err := text(t.Context(), p, makePDF([][]string{{"Hello"}})); err != nil || got != "Hello\n" {
		t.Errorf("the next document: %q, %v", got, err)
	}
}

func TestTextOfManyDocumentsAtOnce(t *testing.T) {
	t.Parallel()
	p := newParser(t, Options{})
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			line := fmt.Sprintf("Document number %d", i)
			if got, err := text(t.Context(), p, makePDF([][]string{{line}})); err != nil || got != line+"\n" {
				t.Errorf("text = %q, %v", got, err)
			}
		})
	}
	wg.Wait()
}

// panicReader fails in a way that a reader must not.
type panicReader struct{ io.ReaderAt }

func (panicReader) ReadAt([]byte, int64) (int, error) { panic("disk on fire") }

func TestTextSurvivesAPanic(t *testing.T) {
	t.Parallel()
	p := newParser(t, Options{Instances: 1})
	if _, err := p.Read(t.Context(), panicReader{}, 1000, nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("error = %v, want a fault", err)
	}
	if got, err := text(t.Context(), p, makePDF([][]string{{"Hello"}})); err != nil || got != "Hello\n" {
		t.Errorf("the next document: %q, %v", got, err)
	}
}

func TestClosedParserRefuses(t *testing.T) {
	t.Parallel()
	p := New(Options{})
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := text(t.Context(), p, nil); !fault.Is(err, fault.Unavailable) {
		t.Errorf("error = %v, want unavailable", err)
	}
}

func TestCacheWithoutADirectory(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", file} {
		cache := New(Options{CacheDir: dir}).cache()
		if cache == nil {
			t.Fatalf("CacheDir %q: no cache", dir)
		}
		if err := cache.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkText(b *testing.B) {
	page := strings.Split(strings.Repeat("Line after line of text that says nothing new.\n", 50), "\n")
	pages := make([][]string, 100)
	for i := range pages {
		pages[i] = page
	}
	data := makePDF(pages)
	p := New(Options{})
	defer p.Close(b.Context())
	if err := p.Warm(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := text(b.Context(), p, data); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(pages))/b.Elapsed().Seconds(), "pages/s")
}
