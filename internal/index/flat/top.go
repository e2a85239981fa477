package flat

import (
	"cmp"
	"slices"
	"strings"

	"kvasir/internal/memo"
)

// A top keeps the limit best documents that were offered, as a heap with the
// worst of them first. Among equal scores the older memo is better, and in a memo
// the earlier chunk, so the order does not depend on how segments were merged.
type top struct {
	limit int
	found []found
}

type found struct {
	score float32
	doc   uint32
	view  *view
}

// after reports whether a is worse than b.
func (a found) after(b found) bool { return a.score < b.score || a.score == b.score && a.compare(b) > 0 }

func (a found) compare(b found) int {
	if a.score != b.score {
		return cmp.Compare(b.score, a.score)
	}
	x, y := a.view.docs[a.doc], b.view.docs[b.doc]
	return cmp.Or(
		strings.Compare(string(a.view.entries[x.entry].id), string(b.view.entries[y.entry].id)),
		cmp.Compare(a.doc, b.doc),
	)
}

// least returns the score below which nothing is taken.
func (t *top) least() float32 {
	if len(t.found) < t.limit {
		return 0
	}
	return t.found[0].score
}

func (t *top) offer(f found) {
	if len(t.found) < t.limit {
		t.found = append(t.found, f)
		for i := len(t.found) - 1; i > 0; {
			parent := (i - 1) / 2
			if !t.found[i].after(t.found[parent]) {
				return
			}
			t.found[i], t.found[parent] = t.found[parent], t.found[i]
			i = parent
		}
		return
	}
	if t.limit > 0 && t.found[0].after(f) {
		t.found[0] = f
		t.sink()
	}
}

// sink brings the first down to its place.
func (t *top) sink() {
	for i := 0; ; {
		worst := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(t.found); child++ {
			if t.found[child].after(t.found[worst]) {
				worst = child
			}
		}
		if worst == i {
			return
		}
		t.found[i], t.found[worst] = t.found[worst], t.found[i]
		i = worst
	}
}

// hits returns the documents, best first.
func (t *top) hits() []memo.Hit {
	slices.SortFunc(t.found, found.compare)
	out := make([]memo.Hit, len(t.found))
	for i, f := range t.found {
		d := &f.view.docs[f.doc]
		out[i] = memo.Hit{Chunk: d.chunk, Memo: f.view.entries[d.entry].id, Score: float64(f.score)}
	}
	return out
}
