package html

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"kvasir/internal/fault"
)

// repeated returns a reader of text that is repeated, between a start and an end.
func repeated(start, text string, times int, end string) io.Reader {
	return io.MultiReader(strings.NewReader(start), &repeater{text: text, left: times}, strings.NewReader(end))
}

// A repeater reads text again and again.
type repeater struct {
	text string
	left int
	rest string
}

// Read implements io.Reader.
func (r *repeater) Read(p []byte) (int, error) {
	if r.rest == "" {
		if r.left == 0 {
			return 0, io.EOF
		}
		r.left--
		r.rest = r.text
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func TestReadOfHostilePages(t *testing.T) {
	t.Parallel()
	var open strings.Builder
	for i := range 400 {
		fmt.Fprintf(&open, "<b a=%d>", i)
	}
	tests := []struct {
		name   string
		page   io.Reader
		limits Limits
		want   string // begins the text
		fails  fault.Kind
	}{
		{"elements without end", repeated("", "<div>", 100_000, ""), Limits{}, "", fault.Invalid},
		{"tables without end", repeated("", "<table><tr><td>", 100_000, ""), Limits{}, "", fault.Invalid},
		{"formatting that is repeated", repeated(open.String(), "<p>x", 10_000, ""), Limits{}, "x", 0},
		{"fonts that are never closed", repeated("<body>", "<p><font color=red>x</p>", 2000, ""), Limits{}, "x", 0},
		{"a long attribute", repeated(`<p title="`, strings.Repeat("x", 1<<20), 2, `">hello`), Limits{}, "hello", 0},
		{"a long picture", repeated(`<p>hello<img src="data:image/png;base64,`, strings.Repeat("A", 1<<20), 2, `">`),
			Limits{}, "hello", 0},
		{"many attributes", repeated("<p", " a=b", 20_000, ">hello"), Limits{}, "hello", 0},
		{"many cells", repeated("<table>", "<tr><td>1<td>2", 10_000, "</table>"), Limits{}, "|", 0},
		{"cells that span", repeated("<table>", "<tr><td>y<td colspan=1000 rowspan=65534>x", 1000, "</table>"),
			Limits{Text: 1 << 20}, "", fault.TooLarge},
		{"many nodes", repeated("", "<p>x", 10_000, ""), Limits{Nodes: 1000}, "", fault.TooLarge},
		{"much text", repeated("<p>", "tea ", 10_000, ""), Limits{Text: 1000}, "", fault.TooLarge},
		{"a long script", repeated("<script>", "var x; ", 10_000, "</script><p>hello"), Limits{}, "hello", 0},
		{"entities", repeated("<p>", "&lol;&amp;", 10_000, ""), Limits{}, "&lol;&", 0},
		{"a refresh", strings.NewReader(`<meta http-equiv=refresh content="0; url=http://169.254.169.254/"><p>hello`),
			Limits{}, "hello", 0},
		{"lists in lists", repeated("", "<ul><li>x", 200, ""), Limits{}, "- x", 0},
		{"images side by side", repeated("<div>", "<img alt='a tin'>", 2000, ""), Limits{}, "a tin", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			page, err := Read(t.Context(), test.page, "text/html; charset=utf-8", test.limits)
			if test.fails != 0 {
				if !fault.Is(err, test.fails) {
					t.Errorf("error = %v, want one of kind %v", err, test.fails)
				}
				return
			}
			if err != nil || !strings.HasPrefix(page.Text, test.want) {
				t.Errorf("text = %.80q, %v, want %q", page.Text, err, test.want)
			}
		})
	}
}

func TestReadOfABrokenFile(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is gone")
	for _, before := range []int{0, peekSize} {
		r := io.MultiReader(repeated("<p>", "x", before, ""), brokenReader{broken})
		if _, err := Read(t.Context(), r, "", Limits{}); !errors.Is(err, broken) {
			t.Errorf("error after %d bytes = %v, want the reader's", before, err)
		}
	}
}

// A brokenReader fails.
type brokenReader struct{ err error }

// Read implements io.Reader.
func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }

func TestReadStopsWhileItReads(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	page := repeated("", "<p>x", peekSize/4, "")
	_, err := Read(ctx, io.MultiReader(page, &stopper{cancel}, strings.NewReader("<p>end")), "", Limits{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want the context's", err)
	}
}

// A stopper cancels a context when it is read.
type stopper struct{ cancel func() }

// Read implements io.Reader.
func (s *stopper) Read([]byte) (int, error) {
	s.cancel()
	return 0, io.EOF
}
