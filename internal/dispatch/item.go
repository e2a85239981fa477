package dispatch

import (
	"cmp"
	"context"

	"kvasir/internal/llm"
)

// An item is one text on its way to a vector, for everybody who asked for it
// while it was under way.
type item struct {
	key    itemKey
	tokens int
	call   llm.Call
	start  float64 // its turn; see [shares]
	order  int64   // of arrival, to keep equals in line

	at      int // in the line; -1 after
	waiters int
	batch   *batch // nil while in line

	done   chan struct{} // closed after vector and err are set
	vector llm.Vector
	err    error
}

type itemKey struct {
	input llm.Input
	text  string
}

// A batch is the texts of one request.
type batch struct {
	items  []*item
	tokens int
	live   int // items that somebody waits for; guarded by the queue's lock
	cancel context.CancelFunc
}

// lose notes that nobody waits for one of the items any more.
func (b *batch) lose() {
	if b.live--; b.live == 0 {
		b.cancel()
	}
}

// An itemHeap keeps the next item first: by priority, then turn, then arrival.
type itemHeap []*item

func (h itemHeap) Len() int { return len(h) }

func (h itemHeap) Less(i, j int) bool { return h[i].before(h[j]) }

// before reports whether an item goes before another.
func (it *item) before(other *item) bool {
	return cmp.Or(
		cmp.Compare(it.call.Priority, other.call.Priority), cmp.Compare(it.start, other.start),
		cmp.Compare(it.order, other.order),
	) < 0
}

func (h itemHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push and Pop are for package heap.
func (h *itemHeap) Push(x any) {
	it := x.(*item)
	it.at = len(*h)
	*h = append(*h, it)
}

// Pop removes the last item.
func (h *itemHeap) Pop() any {
	last := len(*h) - 1
	it := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	it.at = -1
	return it
}
