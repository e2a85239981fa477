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
	queues   [2]*queue // interactive, bulk
	length   atomic.Int64
}

func newPacker(cfg Config, l *lane) *packer {
	p := &packer{embedder: cfg.Embedder, count: llm.EstimateTokens, lane: l}
	if t, ok := cfg.Embedder.(llm.Tokenizer); ok {
		p.count = t.CountTokens
	}
	p.length.Store(int64(cfg.Dimensions))
	p.queues[0] = newQueue(llm.PriorityQuery, 0, 0)
	p.queues[1] = newQueue(llm.PriorityIngest, cfg.Linger, cfg.QueueBytes)
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
	q := s.packer.queues[0]
	if bulky(call.Priority) {
		q = s.packer.queues[1]
	}
	return q.embed(ctx, call, input, texts, s.packer.count)
}

// run sends what is in the queue until ctx ends, then waits for its requests.
func (p *packer) run(ctx context.Context, q *queue) error {
	var sent sync.WaitGroup
	defer sent.Wait()
	defer q.close()
	for {
		if err := p.await(ctx, q); err != nil {
			return err
		}
		// The slot comes first and the texts after: what arrives while all slots
		// are taken shares the next request.
		if err := p.lane.enter(ctx, q.call, 1); err != nil {
			return err
		}
		b, bctx := q.take(ctx, p.embedder.Spec())
		if b == nil {
			p.lane.leave(q.call)
			continue
		}
		sent.Go(func() {
			defer b.cancel()
			p.send(bctx, q, b.items, b.tokens, true)
		})
	}
}

// await waits until there is something to send: a full request, or texts that
// have waited for company long enough.
func (p *packer) await(ctx context.Context, q *queue) error {
	for {
		since, full, ok := q.head(p.embedder.Spec())
		wait := time.Until(since.Add(q.linger))
		if ok && (full || wait <= 0) {
			return ctx.Err()
		}
		ripe := time.NewTimer(wait)
		if !ok {
			ripe.Stop() // nothing is in line, so nothing ripens
		}
		select {
		case <-ctx.Done():
		case <-q.news:
		case <-ripe.C:
		}
		ripe.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// send makes the request for items, and halves it when the provider calls it
// bad, until the bad text is alone.
func (p *packer) send(ctx context.Context, q *queue, items []*item, tokens int, entered bool) {
	texts := make([]string, len(items))
	for i, it := range items {
		texts[i] = it.key.text
	}
	var vectors []llm.Vector
	exchange := func(ctx context.Context) error {
		answer, err := p.embedder.Embed(ctx, llm.EmbedRequest{Texts: texts, Input: items[0].key.input})
		if err == nil {
			vectors, err = answer.Vectors, p.check(answer.Vectors, len(texts))
		}
		return err
	}
	try := p.lane.try
	if entered {
		try = p.lane.tryEntered
	}
	err := try(ctx, q.call, tokens, exchange)
	class := llm.ClassOf(err)
	if len(items) > 1 && (class == llm.ClassBadRequest || class == llm.ClassTooLong) {
		half := len(items) / 2
		p.send(ctx, q, items[:half], tokens/2, false)
		p.send(ctx, q, items[half:], tokens/2, false)
		return
	}
	q.settle(items, vectors, err)
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
