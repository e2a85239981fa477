package parse

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"kvasir/internal/memo"
	"kvasir/internal/parse/charset"
)

// Cleaning moves parts with their text: what a part held, cleaned, it holds after.
func TestPartsStayWithTheirText(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"word ", "\r\n", "\x00", "\n\n", "  ", "ä", "\xff", "\x0c", "# One\n", "\u200b", "\ufeff", "\t"}
	random := func(n int) string {
		var b strings.Builder
		for range rng.IntN(n) {
			b.WriteString(pieces[rng.IntN(len(pieces))])
		}
		return b.String()
	}
	for range 2000 {
		var d memo.Parsed
		d.Text = random(6)
		var want []string
		for i := range rng.IntN(5) {
			start := len(d.Text)
			d.Text += random(12)
			want = append(want, strings.TrimSpace(charset.Clean(strings.ToValidUTF8(d.Text[start:], "\ufffd"))))
			d.Parts = append(d.Parts, memo.Part{Number: i, Start: start, End: len(d.Text)})
			d.Text += random(3)
		}
		before := d.Text
		got := clean(d)
		if got.Text != "" && (!utf8.ValidString(got.Text) || strings.TrimSpace(got.Text)+"\n" != got.Text) {
			t.Fatalf("%q became %q", before, got.Text)
		}
		at := 0
		for _, p := range got.Parts {
			if p.Start < at || p.End <= p.Start || p.End > len(got.Text) {
				t.Fatalf("%q became %q with parts %+v", before, got.Text, got.Parts)
			}
			at = p.End
			if part := strings.TrimSpace(got.Text[p.Start:p.End]); part != want[p.Number] {
				t.Fatalf("part %d of %q is %q, want %q", p.Number, before, part, want[p.Number])
			}
			want[p.Number] = ""
		}
		for i, lost := range want {
			if lost != "" && len(got.Text) > 0 {
				t.Fatalf("part %d of %q, %q, is lost", i, before, lost)
			}
		}
	}
}
