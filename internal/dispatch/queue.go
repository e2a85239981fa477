package dispatch

import (
	"container/heap"
	"context"
	"slices"
	"sync"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

// A queue holds texts in the order of their turn: by priority, then by [shares].
// There is one for texts that a person waits for and one for bulk, so that
// neither is behind the other.
type queue struct {
	call   llm.Call      // what the queue asks for lanes as
	linger time.Duration // how long texts wait for company
	room   *room         // bounds the texts in line and in flight; nil for no bound
	news   chan struct{} // of capacity 1: signalled when a text arrives

	mu      sync.Mutex // guards all below, and the items
	byKey   map[itemKey]*item
	line    itemHeap
	tokens  int       // of the line
	since   time.Time // of the first text since the line was empty, or the last batch
	shares  [priorities]shares
	arrived int64 // texts so far
	closed  bool
}

func newQueue(p llm.Priority, linger time.Duration, room *room, weights map[string]float64) *queue {
	q := &queue{
		call: llm.Call{Priority: p}, linger: linger, room: room, news: make(chan struct{}, 1),
		byKey: map[itemKey]*item{},
	}
	for i := range q.shares {
		q.shares[i] = newShares(weights)
	}
	return q
}

// errStopping is what texts get that nobody will send any more.
var errStopping = fault.New(fault.Unavailable, "The server is stopping")

// embed puts texts in line and waits for their vectors. While there is no room it
// blocks. With an error there may be vectors, too: of the texts that did not fail.
func (q *queue) embed(ctx context.Context, call llm.Call, keys []itemKey, tokens []int) ([]llm.Vector, error) {
	if q.room != nil {
		var bytes int64
		for _, k := range keys {
			bytes += int64(len(k.text))
		}
		if err := q.room.enter(ctx, call.Tenant, bytes); err != nil {
			return nil, err
		}
		defer q.room.leave(call.Tenant, bytes)
	}
	items, err := q.join(call, keys, tokens)
	if err != nil {
		return nil, err
	}
	defer q.abandon(items)
	vectors := make([]llm.Vector, len(items))
	for i, it := range items {
		select {
		case <-it.done:
		case <-ctx.Done():
			return vectors, ctx.Err()
		}
		if it.err != nil && err == nil {
			err = it.err
		}
		vectors[i] = it.vector
	}
	return vectors, err
}

// join returns an item for every key: the one that is under way, or a new one.
func (q *queue) join(call llm.Call, keys []itemKey, tokens []int) ([]*item, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil, errStopping
	}
	items := make([]*item, len(keys))
	for i, key := range keys {
		it := q.byKey[key]
		if it == nil {
			it = q.arrive(key, call, tokens[i])
		} else {
			q.hurry(it, call)
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
	q.arrived++
	it := &item{
		key: key, tokens: tokens, call: call, order: q.arrived, done: make(chan struct{}),
		start: q.shares[call.Priority].book(call.Tenant, tokens),
	}
	q.byKey[key] = it
	q.tokens += tokens
	if len(q.line) == 0 {
		q.since = time.Now()
	}
	heap.Push(&q.line, it)
	return it
}

// hurry moves a text in line forward when a further caller's turn is sooner: who
// asks for the same as a large tenant does not wait with it.
func (q *queue) hurry(it *item, call llm.Call) {
	if it.at < 0 {
		return
	}
	if call.Priority > it.call.Priority {
		return
	}
	start := q.shares[call.Priority].next(call.Tenant)
	if call.Priority == it.call.Priority {
		start = min(start, it.start)
	}
	it.call.Priority, it.start = call.Priority, start
	heap.Fix(&q.line, it.at)
}

// abandon takes one waiter from each item. A text that nobody waits for leaves
// the line, and a request for nobody is cancelled.
func (q *queue) abandon(items []*item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range slices.Backward(items) { // the last booked is the first to be given back
		if it.waiters--; it.waiters > 0 || q.byKey[it.key] != it {
			continue
		}
		delete(q.byKey, it.key)
		if it.at < 0 {
			it.batch.lose()
			continue
		}
		heap.Remove(&q.line, it.at)
		q.tokens -= it.tokens
		q.shares[it.call.Priority].giveBack(it.call.Tenant, it.start, it.tokens)
	}
}

// ripe tells when the line is worth a request: now, if it fills one. It reports
// false when the line is empty.
func (q *queue) ripe(spec llm.EmbedSpec) (at time.Time, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case len(q.line) == 0:
		return time.Time{}, false
	case len(q.line) >= spec.MaxItems, q.tokens >= spec.MaxBatchTokens:
		return time.Time{}, true
	}
	return q.since.Add(q.linger), true
}

// take removes as many texts as one request holds, all of one input and at least
// one, and returns them with the request's context. The batch is nil if the line
// is empty.
func (q *queue) take(ctx context.Context, spec llm.EmbedSpec) (*batch, context.Context) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.line) == 0 {
		return nil, ctx
	}
	b := &batch{}
	for input := q.line[0].key.input; len(q.line) > 0; {
		it := q.line[0]
		full := len(b.items) >= spec.MaxItems || b.tokens+it.tokens > spec.MaxBatchTokens
		if len(b.items) > 0 && (full || it.key.input != input) {
			break
		}
		heap.Pop(&q.line)
		q.tokens -= it.tokens
		q.shares[it.call.Priority].pass(it.start)
		it.batch = b
		b.items, b.tokens = append(b.items, it), b.tokens+it.tokens
	}
	q.since = time.Now()
	if len(q.line) == 0 {
		for i := range q.shares {
			q.shares[i].clear()
		}
	}
	b.live = len(b.items)
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
	q.mu.Unlock()
	q.fail(errStopping)
}

// fail ends everything in line with an error.
func (q *queue) fail(err error) {
	q.mu.Lock()
	line := q.line
	q.line, q.tokens = nil, 0
	for _, it := range line {
		it.at = -1
	}
	q.mu.Unlock()
	q.settle(line, nil, err)
}

// load returns the tokens of the first text in line, and of all.
func (q *queue) load() (first, all int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.line) > 0 {
		first = q.line[0].tokens
	}
	return first, q.tokens
}

// waiting adds up what each tenant has in line.
func (q *queue) waiting(by map[string]TenantWaiting) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range q.line {
		w := by[it.call.Tenant]
		w.Tenant, w.Count, w.Tokens = it.call.Tenant, w.Count+1, w.Tokens+it.tokens
		by[it.call.Tenant] = w
	}
}

// ahead returns how many texts, and of how many tokens, go before the first one of
// a memo; none, if it is on its way already. It reports false when the queue has
// none of the memo's texts.
func (q *queue) ahead(memo string) (texts, tokens int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var first *item
	for _, it := range q.byKey {
		if it.call.Memo == memo && (first == nil || it.batch != nil || first.batch == nil && it.before(first)) {
			first = it
		}
	}
	if first == nil || first.batch != nil {
		return 0, 0, first != nil
	}
	for _, it := range q.line {
		if it.before(first) {
			texts, tokens = texts+1, tokens+it.tokens
		}
	}
	return texts, tokens, true
}
