package chat

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/memo"
)

// document is a memo of chunks with these headings, one word each.
func document(id memo.ID, headings ...string) []memo.Passage {
	out := make([]memo.Passage, len(headings))
	for i, h := range headings {
		word := string(rune('a'+i)) + " "
		out[i] = memo.Passage{Memo: id, Chunk: memo.Chunk{
			ID: memo.ChunkID(string(id) + word), Index: i, Start: 2 * i, End: 2*i + 2, Headings: []string{h}, Content: word,
		}}
	}
	return out
}

// pick returns chunks of a document.
func pick(from []memo.Passage, indexes ...int) (out []memo.Passage) {
	for _, i := range indexes {
		out = append(out, from[i])
	}
	return out
}

func TestPassagesGrowWithinTheirSection(t *testing.T) {
	t.Parallel()
	d := document("m", "One", "One", "One", "Two", "Two", "Two", "Two")
	for _, tt := range []struct {
		name  string
		found []int
		left  int
		want  []string
	}{
		{"both sides", []int{1}, 10, []string{"a b c "}},
		{"not over a heading", []int{2}, 10, []string{"b c "}},
		{"the best first, within the budget", []int{1, 4}, 3, []string{"a b c ", "d e "}},
		{"nothing left", []int{1}, 0, []string{"b "}},
		{"neighbours become one", []int{4, 5}, 10, []string{"d e f g "}},
		{"also in the other order", []int{5, 4}, 10, []string{"d e f g "}},
		{"what meets becomes one", []int{3, 5}, 10, []string{"d e f g "}},
		{"at the edges", []int{0, 6}, 10, []string{"a b ", "f g "}},
	} {
		count := func(text string) int { return len(strings.Fields(text)) }
		got := grow(pick(d, tt.found...), d, tt.left, count)
		var texts []string
		for _, p := range got {
			texts = append(texts, p.Content)
			if p.End-p.Start != len(p.Content) {
				t.Errorf("%s: %d to %d of %q", tt.name, p.Start, p.End, p.Content)
			}
		}
		if diff := cmp.Diff(tt.want, texts); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if got[0].ID != d[tt.found[0]].ID {
			t.Errorf("%s: the first is %q, want the best", tt.name, got[0].ID)
		}
	}
}
