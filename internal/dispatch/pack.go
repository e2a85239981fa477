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
	lanes  []EmbedLane
	count  func(string) int
	pool   *pool
	books  *books
	queues [2]*queue    // interactive, bulk
	length atomic.Int64 // of vectors; 0 until known
}

func newPacker(cfg *Config, sp space, p *pool, b *books) *packer {
	k := &packer{lanes: sp.lanes, count: llm.EstimateTokens, pool: p, books: b}
	if t, ok := sp.lanes[0].Embedder.(llm.Tokenizer); ok {
		k.count = t.CountTokens
	}
	k.length.Store(int64(sp.dimensions))
	k.queues[0] = newQueue(llm.PriorityQuery, 0, nil, cfg.Weights)
	k.queues[1] = newQueue(llm.PriorityIngest, cfg.Linger, newRoom(cfg.QueueBytes), cfg.Weights)
	return k
}

// spec returns what every lane takes: a batch may go to any.
func (p *packer) spec() llm.EmbedSpec {
	spec := p.lanes[0].Embedder.Spec()
	for _, l := range p.lanes[1:] {
		other := l.Embedder.Spec()
		spec.MaxTokens = min(spec.MaxTokens, other.MaxTokens)
		spec.MaxItems = min(spec.MaxItems, other.MaxItems)
		spec.MaxBatchTokens = min(spec.MaxBatchTokens, other.MaxBatchTokens)
	}
	if n := int(p.length.Load()); n > 0 {
		spec.Dimensions = n
	}
	return spec
}

// Embed returns a vector for every text. Texts of many callers share requests, and
// none is paid for that the cache has. The caller gets an error only if one of its
// own texts failed; the vectors of the others are there all the same, and nil
// where there is none.
func (e *Embedder) Embed(
	ctx context.Context, call llm.Call, input llm.Input, texts []string,
) ([]llm.Vector, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	spec := e.packer.spec()
	space := llm.VectorSpace{Model: spec.Model, Dimensions: spec.Dimensions, Input: input}
	known, found := e.memory.recall(ctx, call.Tenant, space, texts)
	if found == len(texts) {
		return known.vectors, nil
	}
	at := make([]int, 0, len(texts)-found) // of the texts that are not known
	lacking := make([]string, 0, len(texts)-found)
	for i, text := range texts {
		if known.vectors[i] == nil {
			at, lacking = append(at, i), append(lacking, text)
		}
	}
	vectors, err := e.packer.buy(ctx, call, input, lacking)
	fresh := kept{project: call.Tenant, space: space}
	for i, v := range vectors {
		known.vectors[at[i]] = v
		if v != nil && known.hashes != nil {
			fresh.space.Dimensions = len(v)
			fresh.hashes, fresh.vectors = append(fresh.hashes, known.hashes[at[i]]), append(fresh.vectors, v)
		}
	}
	e.memory.learn(fresh)
	return known.vectors, err
}

// buy gets vectors from the model.
func (p *packer) buy(ctx context.Context, call llm.Call, input llm.Input, texts []string) ([]llm.Vector, error) {
	keys, tokens, all := make([]itemKey, len(texts)), make([]int, len(texts)), 0
	for i, text := range texts {
		keys[i], tokens[i] = itemKey{input, text}, p.count(text)
		all += tokens[i]
	}
	free, err := p.books.reserve(ctx, call.Tenant, p.pool.price(llm.Usage{InputTokens: all}, false))
	if err != nil {
		return nil, err
	}
	defer free()
	if bulky(call.Priority) {
		return p.queues[1].embed(ctx, call, keys, tokens)
	}
	deadline := p.pool.deadline(call.Priority)
	if err := p.pool.hope(deadline); err != nil {
		return nil, err
	}
	within, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	vectors, err := p.queues[0].embed(within, call, keys, tokens)
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		return vectors, p.pool.late()
	}
	return vectors, err
}

// run sends what is in the queue until ctx ends, then waits for its requests.
func (p *packer) run(ctx context.Context, q *queue) {
	var sent sync.WaitGroup
	defer sent.Wait()
	defer q.close()
	for p.await(ctx, q) {
		// The lane comes first and the texts after: what arrives while all lanes are
		// taken shares the next request.
		a, err := p.pool.enter(ctx, &ticket{call: q.call, texts: q}, p.pool.deadline(q.call.Priority))
		if ctx.Err() != nil {
			if err == nil {
				a.giveBack()
			}
			return
		}
		if err != nil {
			q.fail(err)
			continue
		}
		spec := p.spec()
		spec.MaxBatchTokens = min(spec.MaxBatchTokens, a.spare)
		b, bctx := q.take(ctx, spec)
		if b == nil {
			a.giveBack()
			continue
		}
		a.charge(b.tokens)
		sent.Go(func() {
			defer b.cancel()
			p.send(bctx, q, b, a)
		})
	}
}

// await waits until there is something to send: a full request, or texts that
// have waited for company long enough. It reports false when ctx has ended.
func (p *packer) await(ctx context.Context, q *queue) bool {
	for ctx.Err() == nil {
		at, ok := q.ripe(p.spec())
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

// send makes the request for a batch, for which there is a lane. What the
// provider calls bad is halved until the bad text is alone.
func (p *packer) send(ctx context.Context, q *queue, b *batch, a *attempt) {
	for parts := [][]*item{b.items}; len(parts) > 0; parts = parts[1:] {
		items := parts[0]
		vectors, err := p.request(ctx, q.call, items, a)
		a = nil
		class := llm.ClassOf(err)
		if len(items) > 1 && (class == llm.ClassBadRequest || class == llm.ClassTooLong) {
			half := len(items) / 2
			parts = append(parts, items[:half], items[half:])
			continue
		}
		q.settle(items, vectors, err)
	}
}

// request gets vectors for items of one input, in the attempt that the lane was
// given for, if any.
func (p *packer) request(ctx context.Context, call llm.Call, items []*item, a *attempt) ([]llm.Vector, error) {
	req := llm.EmbedRequest{Texts: make([]string, len(items)), Input: items[0].key.input}
	payers := make([]payer, 0, 8)
	tokens := 0
	for i, it := range items {
		req.Texts[i] = it.key.text
		tokens += it.tokens
		if n := len(payers); n > 0 && payers[n-1].call == it.call {
			payers[n-1].tokens += it.tokens
		} else {
			payers = append(payers, payer{it.call, it.tokens})
		}
	}
	answer, a, err := try(ctx, p.pool, job[llm.EmbedResponse]{
		call: call, tokens: tokens, texts: len(items), entered: a,
		exchange: func(ctx context.Context, l *lane) (llm.EmbedResponse, error) {
			answer, err := p.lanes[l.index].Embedder.Embed(ctx, req)
			if err == nil {
				err = p.check(answer.Vectors, len(items))
			}
			return answer, err
		},
		discard: func(llm.EmbedResponse) {},
	})
	if err != nil {
		if ctx.Err() != nil {
			// If nobody waited for the batch, nobody sees this either.
			return nil, errStopping
		}
		return nil, err
	}
	a.end(outcome{usage: answer.Usage})
	p.books.enter(llm.KindEmbed, a.lane, payers, answer.Usage, false)
	return answer.Vectors, nil
}

// check holds an answer against what was asked for and what came before.
func (p *packer) check(vectors []llm.Vector, want int) error {
	name := p.lanes[0].Embedder.Spec().Model
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
