package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/unicode"

	"kvasir/internal/fault"
)

func read(t testing.TB, data string, limits Limits) (string, error) {
	t.Helper()
	got, err := Read(t.Context(), strings.NewReader(data), int64(len(data)), limits)
	return got.Text, err
}

func TestRead(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, data string
		want       []string // lines; the one under the header is left out
	}{
		{"commas", "a,b\n1,2\n", []string{"| a | b |", "| 1 | 2 |"}},
		{"semicolons with commas inside", "a;b\n1,5;2,5\n2,5;3\n", []string{"| a | b |", "| 1,5 | 2,5 |", "| 2,5 | 3 |"}},
		{"tabs", "a\tb c\n1\t2, 3\n", []string{"| a | b c |", "| 1 | 2, 3 |"}},
		{"bars", "a|b\n1|2\n", []string{"| a | b |", "| 1 | 2 |"}},
		{"a quoted delimiter", "a;b\n\"x;y\";2\n", []string{"| a | b |", "| x;y | 2 |"}},
		{"quotes in quotes", "a,b\n\"say \"\"hi\"\"\",2\n", []string{"| a | b |", `| say "hi" | 2 |`}},
		{"quotes in a cell", "a,b\n5\" disk,2\n", []string{"| a | b |", `| 5" disk | 2 |`}},
		{"a quote that goes on", "a,b\n\"x\" y,2\n", []string{"| a | b |", "| x y | 2 |"}},
		{"line breaks in a cell", "a,b\r\n\"x\r\ny\n\nz\",2\r\n3,4", []string{"| a | b |", "| x y z | 2 |", "| 3 | 4 |"}},
		{"a quote that never closes", "a,b\n\"x,2\n3,4\n", []string{"| a | b |", `| "x | 2 |`, "| 3 | 4 |"}},
		{"a bar in a cell", "a,b\nx|y,2\n3,4\n", []string{"| a | b |", `| x\|y | 2 |`, "| 3 | 4 |"}},
		{"Excel says it", "sep=;\r\na,1;b\r\nc;d\r\n", []string{"| a,1 | b |", "| c | d |"}},
		{"Excel says a tab", "sep=\t\na\tb\nc\td\n", []string{"| a | b |", "| c | d |"}},
		{"no header", "1,2.5,x\n2,3.5,y\n", []string{"| Column 1 | Column 2 | Column 3 |", "| 1 | 2.5 | x |",
			"| 2 | 3.5 | y |"}},
		{"years as a header", "Land,2019,2020\nChile,1,2\n", []string{"| Land | 2019 | 2020 |", "| Chile | 1 | 2 |"}},
		{"numbers as a header", "1,2\na,b\nc,d\n", []string{"| 1 | 2 |", "| a | b |", "| c | d |"}},
		{"years as values", "x,2019\ny,2020\n", []string{"| Column 1 | Column 2 |", "| x | 2019 |", "| y | 2020 |"}},
		{"a header without a name", "a,,c\n1,2,3\n", []string{"| a | Column 2 | c |", "| 1 | 2 | 3 |"}},
		{"ragged rows", "a,b\n1\n1,2,3\n", []string{"| a | b | Column 3 |", "| 1 | | |", "| 1 | 2 | 3 |"}},
		{"columns of nothing", "a,b,,,\n1,2,,,\n", []string{"| a | b |", "| 1 | 2 |"}},
		{"rows of nothing", "\n\na,b\n,\n\n1,2\n", []string{"| a | b |", "| 1 | 2 |"}},
		{"one column", "name\nAnn\nBob\n", []string{"| name |", "| Ann |", "| Bob |"}},
		{"one cell", "hello\n", []string{"| Column 1 |", "| hello |"}},
		{"one row", "a,b\n", []string{"| a | b |"}},
		{"control characters", "a,b\n\x001\x02,2\n", []string{"| a | b |", "| 1 | 2 |"}},
		{"Windows-1252", "Stra\xdfe,K\xf6ln\nx,y\n", []string{"| Straße | Köln |", "| x | y |"}},
		{"a byte order mark", "\xef\xbb\xbfa,b\n1,2\n", []string{"| a | b |", "| 1 | 2 |"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text, err := read(t, test.data, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for line := range strings.Lines(text) {
				if !strings.HasPrefix(line, "| ---") {
					got = append(got, strings.TrimSuffix(line, "\n"))
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTitleAboveTable(t *testing.T) {
	t.Parallel()
	const want = "Stanley Cups\n\nas of 2020\n\n| Team | Cups |\n| --- | --- |\n| Blues | 1 |\n"
	for name, e := range map[string]func(string) (string, error){
		"UTF-8":    func(s string) (string, error) { return s, nil },
		"UTF-16BE": unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().String,
		"UTF-16LE": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder().String,
	} {
		data, err := e("Stanley Cups,\r\nas of 2020,\r\nTeam,Cups\r\nBlues,1\r\n")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := read(t, data, Limits{}); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", name, got, err, want)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	row := "Ann,Smith,some text\n"
	tests := []struct {
		name, data string
		limits     Limits
		kind       fault.Kind
		want       string
	}{
		{"nothing", "", Limits{}, fault.Invalid, "no cells"},
		{"no cells", ",,\n,\n\n\"\"", Limits{}, fault.Invalid, "no cells"},
		{"text", strings.Repeat(row, 200_000), Limits{Text: 1 << 20}, fault.TooLarge, "more than 1 MB"},
		{"a long line", row + strings.Repeat("x", 2000), Limits{Row: 1000}, fault.TooLarge, "Line 2 is longer"},
		{"many cells", strings.Repeat("x,", 2000), Limits{Columns: 1000}, fault.TooLarge, "more than 1000 cells"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text, err := read(t, test.data, test.limits)
			if !fault.Is(err, test.kind) || !strings.Contains(fault.Message(err), test.want) {
				t.Errorf("Read = %.100q, %v; want a fault that says %q", text, err, test.want)
			}
		})
	}
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	data := strings.Repeat("a,b\n", 1000)
	if _, err := Read(ctx, strings.NewReader(data), int64(len(data)), Limits{}); !errors.Is(err, why) {
		t.Errorf("error = %v, want %v", err, why)
	}
}

// TestStrayQuotes has a quote in every line, which must not make every line be read
// again and again.
func TestStrayQuotes(t *testing.T) {
	t.Parallel()
	text, err := read(t, strings.Repeat("\"a,b\n", 100_000), Limits{Row: 64 << 10})
	if n := strings.Count(text, "\n"); err != nil || n < 90_000 {
		t.Errorf("%d lines, %v", n, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("a,b\n\"x\n\"\"y\",2\n"))
	f.Add([]byte("sep=;\n1;2\n"))
	f.Add([]byte("\xff\xfea\x00,\x00b\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Read(t.Context(), bytes.NewReader(data), int64(len(data)), Limits{Text: 1 << 20, Row: 1 << 12})
		if err == nil && (strings.TrimSpace(got.Text) == "" || !utf8.ValidString(got.Text)) {
			t.Errorf("Read(%q) = %q", data, got.Text)
		}
		if _, ok := errors.AsType[*fault.Fault](err); err != nil && !ok {
			t.Errorf("Read(%q): %v, which is no fault", data, err)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	var data strings.Builder
	data.WriteString("id;name;\"note\"\n")
	for i := range 100_000 {
		fmt.Fprintf(&data, "%d;Ann Smith;\"said \"\"yes\"\"; then no\"\n", i)
	}
	b.SetBytes(int64(data.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := read(b, data.String(), Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
