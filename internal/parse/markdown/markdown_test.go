package markdown

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWriter(t *testing.T) {
	t.Parallel()
	var w Writer
	w.Heading(1, " A\ntitle ")
	w.Heading(9, "Deep")
	w.Heading(2, " ")
	w.Paragraph("Two lines\nof text.  \n")
	w.Paragraph("  ")
	w.Item(0, "-", "one")
	w.Item(1, "1.", "inner\nmore")
	w.Item(0, "-", "")
	w.Table([][]string{{"a", "b|c"}, {"one\ntwo"}, {"1", "2", "3"}})
	w.Table([][]string{{}, {}})
	w.Paragraph("# not a heading\n```\n#hash")
	want := `# A title

###### Deep

Two lines
of text.

- one
  1. inner
    more

| a | b\|c |  |
| --- | --- | --- |
| one two |  |  |
| 1 | 2 | 3 |

\# not a heading
\` + "```" + `
#hash
`
	if diff := cmp.Diff(want, w.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

func TestWriterOfNothing(t *testing.T) {
	t.Parallel()
	var w Writer
	w.Paragraph("")
	if got := w.String(); got != "" {
		t.Errorf("text = %q, want none", got)
	}
}

func TestTableWithOneWideRowIsNotFilled(t *testing.T) {
	t.Parallel()
	rows := make([][]string, 10_000)
	for i := range rows {
		rows[i] = []string{"x"}
	}
	rows[0] = make([]string, 10_000)
	var w Writer
	w.Table(rows)
	if n := len(w.String()); n > 1_000_000 {
		t.Errorf("the table takes %d bytes", n)
	}
}

func TestWriterStopsAtItsMost(t *testing.T) {
	t.Parallel()
	w := Writer{Max: 20}
	for range 10 {
		w.Paragraph("12345678")
	}
	if !w.Over || len(w.String()) > 20 || strings.Count(w.String(), "12345678") != 2 {
		t.Errorf("over %v, text %q; want two paragraphs", w.Over, w.String())
	}
}
