package dispatch

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

// An item is one text on its way to a vector, for everybody who asked for it
// while it was under way.
type item struct {
	key    itemKey
	tokens int
	call   llm.Call
	start  float64   // virtual time at which its turn comes; see [gate]
	order  int64     // of arrival, to keep equals in line
	since  time.Time // of arrival

	waiters int    // guarded by the queue's lock
	batch   *batch // guarded by the queue's lock; nil while in line

	done   chan struct{} // closed after vector and err are set
	vector llm.Vector
	err    error
}

type itemKey struct {
	input llm.Input
	text  string
}

// A queue holds texts in the order of their turn. There is one for calls that a
// person waits for and one for bulk, so that neither is behind the other.
type queue struct {
	call   llm.Call            // what the queue asks for slots as
	linger time.Duration       // how long texts wait for company
	bytes  *semaphore.Weighted // of texts in line and in flight; nil for no bound
	limit  int64               // of bytes
	news   chan struct{}       // of capacity 1: signalled when a text arrives
	mu     sync.Mutex          // guards all below
	byKey  map[itemKey]*item   // in line or in flight: identical texts go once
	line   itemHeap            // abandoned ones drop out when their turn comes
	tokens int                 // of the line
	served map[string]float64  // virtual time of tenants
	now    float64
	order  int64
	closed bool
}

func newQueue(p llm.Priority, linger time.Duration, limit int64) *queue {
	q := &queue{
		call: llm.Call{Priority: p}, linger: linger, limit: limit, news: make(chan struct{}, 1),
		byKey: map[itemKey]*item{}, served: map[string]float64{},
	}
	if limit > 0 {
		q.bytes = semaphore.NewWeighted(limit)
	}
	return q
}

// errStopping is what texts get that nobody will send any more.
var errStopping = fault.New(fault.Unavailable, "The server is stopping")

// embed puts texts in line and waits for their vectors. While too many bytes are
// in line it blocks: that is what slows ingestion down.
func (q *queue) embed(
	ctx context.Context, call llm.Call, input llm.Input, texts []string, count func(string) int,
) ([]llm.Vector, error) {
	if q.bytes != nil {
		var bytes int64
		for _, t := range texts {
			bytes += int64(len(t))
		}
		bytes = min(bytes, q.limit)
		if err := q.bytes.Acquire(ctx, bytes); err != nil {
			return nil, err
		}
		defer q.bytes.Release(bytes)
	}
	items, err := q.join(call, input, texts, count)
	if err != nil {
		return nil, err
	}
	defer q.abandon(items)
	vectors := make([]llm.Vector, len(items))
	for i, it := range items {
		select {
		case <-it.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if it.err != nil && err == nil {
			err = it.err
		}
		vectors[i] = it.vector
	}
	if err != nil {
		return nil, err
	}
	return vectors, nil
}

// join returns an item for every text: the one that is under way, or a new one.
func (q *queue) join(
	call llm.Call, input llm.Input, texts []string, count func(string) int,
) ([]*item, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil, errStopping
	}
	items := make([]*item, len(texts))
	for i, text := range texts {
		key := itemKey{input, text}
		it := q.byKey[key]
		if it == nil {
			it = q.arrive(key, call, count(text))
		}
		it.waiters++
		items[i] = it
	}
	select {
	case q.news <- struct{}{}:
	default:
	}
	return items, nil
}

func (q *queue) arrive(key itemKey, call llm.Call, tokens int) *item {
	start := max(q.served[call.Tenant], q.now)
	q.served[call.Tenant] = start + float64(max(tokens, 1))
	q.order++
	it := &item{
		key: key, tokens: tokens, call: call, start: start, order: q.order, since: time.Now(),
		done: make(chan struct{}),
	}
	q.byKey[key] = it
	q.tokens += tokens
	heap.Push(&q.line, it)
	return it
}

// abandon takes one waiter from each item. A text that nobody waits for is not
// sent, and a request for nobody is cancelled.
func (q *queue) abandon(items []*item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range items {
		if it.waiters--; it.waiters > 0 || q.byKey[it.key] != it {
			continue
		}
		delete(q.byKey, it.key)
		if it.batch != nil {
			it.batch.lose()
		}
	}
}

// head returns when the oldest text in line arrived, and whether the line fills
// a request. It reports false when the line is empty.
func (q *queue) head(spec llm.EmbedSpec) (since time.Time, full, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.line) == 0 {
		return time.Time{}, false, false
	}
	full = len(q.line) >= spec.MaxItems || q.tokens >= spec.MaxBatchTokens
	return q.line[0].since, full, true
}

// take removes as many texts as fit into one request, of one input, and returns
// them with the request's context. The batch is nil when all were abandoned.
func (q *queue) take(ctx context.Context, spec llm.EmbedSpec) (*batch, context.Context) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b := &batch{}
	tokens := 0
	var other []*item
	for len(q.line) > 0 && len(b.items) < spec.MaxItems {
		it := q.line[0]
		if it.waiters > 0 && len(b.items) > 0 && tokens+it.tokens > spec.MaxBatchTokens {
			break
		}
		heap.Pop(&q.line)
		switch {
		case it.waiters == 0:
			q.tokens -= it.tokens
			continue
		case len(b.items) > 0 && it.key.input != b.items[0].key.input:
			other = append(other, it)
			continue
		}
		q.tokens -= it.tokens
		q.now = max(q.now, it.start)
		tokens += it.tokens
		it.batch = b
		b.items = append(b.items, it)
	}
	for _, it := range other {
		heap.Push(&q.line, it)
	}
	if len(q.line) == 0 {
		clear(q.served)
		q.now = 0
	}
	if len(b.items) == 0 {
		return nil, ctx
	}
	b.tokens, b.live = tokens, len(b.items)
	ctx, b.cancel = context.WithCancel(ctx)
	return b, ctx
}

// settle ends items: everybody who waits for them has their vector or error.
func (q *queue) settle(items []*item, vectors []llm.Vector, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, it := range items {
		if it.err = err; err == nil {
			it.vector = vectors[i]
		}
		if q.byKey[it.key] == it {
			delete(q.byKey, it.key)
		}
		close(it.done)
	}
}

// close fails what is in line and refuses what comes.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	line := q.line
	q.line, q.tokens = nil, 0
	q.mu.Unlock()
	q.settle(line, nil, errStopping)
}

// An itemHeap keeps the next item first: by priority, then turn, then arrival.
type itemHeap []*item

func (h itemHeap) Len() int { return len(h) }

func (h itemHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	if a.call.Priority != b.call.Priority {
		return a.call.Priority < b.call.Priority
	}
	if a.start != b.start {
		return a.start < b.start
	}
	return a.order < b.order
}

func (h itemHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push and Pop are for package heap.
func (h *itemHeap) Push(x any) { *h = append(*h, x.(*item)) }

// Pop removes the last item.
func (h *itemHeap) Pop() any {
	last := len(*h) - 1
	it := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return it
}
