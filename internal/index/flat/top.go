package flat

import (
	"slices"

	"kvasir/internal/memo"
)

// A top keeps the limit best documents that were offered, as a heap with the
// worst of them first. Among equal scores the document whose memo changed longest ago
// is better, so the order does not depend on how segments were merged.
type top struct {
	limit int
	found []found
}

// found is a document by the numbers of its view and its own. There are no pointers in
// it: a heap is moved about much.
type found struct {
	score     float32
	view, doc uint32
}

// after reports whether a is worse than b.
func (a found) after(b found) bool {
	if a.score != b.score {
		return a.score < b.score
	}
	return a.view > b.view || a.view == b.view && a.doc > b.doc
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
	heap := t.found
	first, i := heap[0], 0
	for {
		child := 2*i + 1
		if child >= len(heap) {
			break
		}
		if other := child + 1; other < len(heap) && heap[other].after(heap[child]) {
			child = other
		}
		if !heap[child].after(first) {
			break
		}
		heap[i] = heap[child]
		i = child
	}
	heap[i] = first
}

// hits returns the documents of a snapshot, best first.
func (t *top) hits(s *snapshot) []memo.Hit {
	slices.SortFunc(t.found, func(a, b found) int {
		if a.after(b) {
			return 1
		}
		return -1 // no two are the same
	})
	out := make([]memo.Hit, len(t.found))
	for i, f := range t.found {
		v := s.views[f.view]
		out[i] = v.hit(f.doc, float64(f.score))
	}
	return out
}

// hit returns a document as it is told to others.
func (v *view) hit(doc uint32, score float64) memo.Hit {
	d := &v.docs[doc]
	return memo.Hit{Chunk: d.chunk, Memo: v.entries[d.entry].id, Score: score}
}
