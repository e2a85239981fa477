package dispatch

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

// A packer sends the texts of its queues in shared requests.
type packer struct {
	embedder llm.Embedder
	count    func(string) int
	lane     *lane
	queues   [2]*queue    // interactive, bulk
	length   atomic.Int64 // of vectors; 0 until known
}

func newPacker(cfg Config, l *lane) *packer {
	p := &packer{embedder: cfg.Embedder, count: llm.EstimateTokens, lane: l}
	if t, ok := cfg.Embedder.(llm.Tokenizer); ok {
		p.count = t.CountTokens
	}
	p.length.Store(int64(cfg.Dimensions))
	p.queues[0] = newQueue(llm.PriorityQuery, 0, nil)
	p.queues[1] = newQueue(llm.PriorityIngest, cfg.Linger, newRoom(cfg.QueueBytes))
	return p
}

// dimensions returns the length of the vectors, 0 until it is known.
func (p *packer) dimensions() int {
	if n := int(p.length.Load()); n > 0 {
		return n
	}
	return p.embedder.Spec().Dimensions
}

// Embed returns a vector for every text. Texts of many callers share requests;
// the caller gets an error only if one of its own texts failed.
func (s *Scheduler) Embed(
	ctx context.Context, call llm.Call, input llm.Input, texts []string,
) ([]llm.Vector, error) {
	if s.packer == nil {
		return nil, fault.New(fault.Unavailable, "No embedding provider is configured")
	}
	if len(texts) == 0 {
		return nil, nil
	}
	keys, tokens := make([]itemKey, len(texts)), make([]int, len(texts))
	for i, text := range texts {
		keys[i], tokens[i] = itemKey{input, text}, s.packer.count(text)
	}
	if bulky(call.Priority) {
		return s.packer.queues[1].embed(ctx, call, keys, tokens)
	}
	deadline := s.embed.deadline(call.Priority)
	if s.embed.closedUntil().After(deadline) {
		return nil, s.embed.late()
	}
	within, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	vectors, err := s.packer.queues[0].embed(within, call, keys, tokens)
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		return nil, s.embed.late()
	}
	return vectors, err
}

// run sends what is in the queue until ctx ends, then waits for its requests.
func (p *packer) run(ctx context.Context, q *queue) {
	var sent sync.WaitGroup
	defer sent.Wait()
	defer q.close()
	for p.await(ctx, q) {
		// The slot comes first and the texts after: what arrives while all slots
		// are taken shares the next request.
		if p.lane.enter(ctx, q.call, 1) != nil {
			return
		}
		b, bctx := q.take(ctx, p.embedder.Spec())
		if b == nil {
			p.lane.leave(q.call)
			continue
		}
		sent.Go(func() {
			defer b.cancel()
			p.send(bctx, q, b)
		})
	}
}

// await waits until there is something to send: a full request, or texts that
// have waited for company long enough. It reports false when ctx has ended.
func (p *packer) await(ctx context.Context, q *queue) bool {
	for ctx.Err() == nil {
		at, ok := q.ripe(p.embedder.Spec())
		if ok && !time.Now().Before(at) {
			return true
		}
		var ripens <-chan time.Time // nil while nothing is in line
		if ok {
			ripens = time.After(time.Until(at))
		}
		select {
		case <-ctx.Done():
		case <-q.news:
		case <-ripens:
		}
	}
	return false
}

// send makes the request for a batch, for which there is a slot. What the
// provider calls bad is halved until the bad text is alone.
func (p *packer) send(ctx context.Context, q *queue, b *batch) {
	entered := true
	for parts := [][]*item{b.items}; len(parts) > 0; parts = parts[1:] {
		items := parts[0]
		vectors, err := p.request(ctx, q.call, items, entered)
		entered = false
		class := llm.ClassOf(err)
		if len(items) > 1 && (class == llm.ClassBadRequest || class == llm.ClassTooLong) {
			half := len(items) / 2
			parts = append(parts, items[:half], items[half:])
			continue
		}
		q.settle(items, vectors, err)
	}
}

// request gets vectors for items of one input. Entered says that there is a slot.
func (p *packer) request(
	ctx context.Context, call llm.Call, items []*item, entered bool,
) (vectors []llm.Vector, err error) {
	req := llm.EmbedRequest{Texts: make([]string, len(items)), Input: items[0].key.input}
	cost := 0
	for i, it := range items {
		req.Texts[i] = it.key.text
		cost += it.tokens
	}
	err = p.lane.try(ctx, call, cost, entered, func(ctx context.Context) error {
		answer, err := p.embedder.Embed(ctx, req)
		if err == nil {
			vectors, err = answer.Vectors, p.check(answer.Vectors, len(items))
		}
		return err
	})
	if ctx.Err() != nil && err != nil {
		// If nobody waited for the batch, nobody sees this either.
		return nil, errStopping
	}
	return vectors, err
}

// check holds an answer against what was asked for and what came before.
func (p *packer) check(vectors []llm.Vector, want int) error {
	name := p.embedder.Spec().Model
	if len(vectors) != want {
		return &llm.Error{
			Class: llm.ClassSick, Provider: name, Message: fmt.Sprintf("%d vectors for %d texts", len(vectors), want),
		}
	}
	for _, v := range vectors {
		p.length.CompareAndSwap(0, int64(len(v)))
		if known := p.length.Load(); int64(len(v)) != known {
			return fault.New(fault.Unavailable, fmt.Sprintf(
				"%s made vectors of %d dimensions before and now of %d; name the model that made them, "+
					"or set EMBEDDING_VECTOR_DIMENSION", name, known, len(v)))
		}
	}
	return nil
}
