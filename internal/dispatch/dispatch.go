// Package dispatch is the scheduler of every outbound model call.
//
// A [lane] is one way to a model: a provider, a key, and the model. It knows its
// limits: requests and tokens a minute ([limit.Bucket]), told or learned ([limit.Rate]), how
// many requests it may have in flight ([limit.Concurrency]), and whether the upstream works at
// all ([limit.Breaker]). Lanes that stand in for each other are a [pool] with one line
// before them, in the order of urgency, and inside one urgency in turn over tenants
// ([shares]). Texts to embed wait in a [queue] of their own, where those of many
// memos and tenants are packed into shared requests ([packer]). What fails is tried
// again in one place ([try]): nothing else in the product retries or sleeps. What a
// person waits for too long is asked a second time beside ([race]).
//
// From the outside in: cache, budget, single flight, batch, retry, lane, hedge,
// adapter. So each try takes a lane anew, and no lane is held through a backoff.
// Whoever waits can be told why ([Scheduler.Snapshot], [Scheduler.Waiting]), and
// what was spent is in the books ([books]).
//
// doc/dispatch.md explains the algorithms and where they come from.
package dispatch

import (
	"context"
	"sync"
	"time"

	"kvasir/internal/llm"
)

// A concurrency is how many requests a lane has in flight at first, and at most if
// it does not say.
type concurrency struct{ first, most int }

// A Scheduler makes the calls. Embedding, and keeping books, need [Scheduler.Run].
type Scheduler struct {
	cfg        *Config
	embedders  []*Embedder // one for each space
	generators []*pool
	rerank     *pool
	books      *books
	memory     *memory
}

// New returns a scheduler; it starts nothing.
func New(cfg Config) *Scheduler {
	cfg = cfg.withDefaults()
	s := &Scheduler{cfg: &cfg, books: newBooks(&cfg), memory: newMemory(&cfg)}
	now := time.Now()
	// Answers are many, slow, and waited for by people, so they begin with many.
	calls, answers := concurrency{first: 32, most: 128}, concurrency{first: 256, most: 1024}
	for _, sp := range []space{{"", cfg.Embed, cfg.Dimensions}, {nextName, cfg.Next, cfg.NextDimensions}} {
		if len(sp.lanes) == 0 {
			continue
		}
		p := newPool(llm.KindEmbed, sp.name, s.cfg, s.books)
		for i, l := range sp.lanes {
			p.add(newLane(l.Lane, i, calls, now))
		}
		s.embedders = append(s.embedders, &Embedder{packer: newPacker(s.cfg, sp, p, s.books), memory: s.memory})
	}
	s.rerank = newPool(llm.KindRerank, "", s.cfg, s.books)
	for i, l := range cfg.Rerank {
		s.rerank.add(newLane(l.Lane, i, calls, now))
	}
	for i, l := range cfg.Generate {
		p, err := s.generator(l.Pool)
		if err != nil || l.Pool == "" && len(s.generators) == 0 {
			p = newPool(llm.KindGenerate, l.Pool, s.cfg, s.books)
			s.generators = append(s.generators, p)
		}
		p.add(newLane(l.Lane, i, answers, now))
	}
	return s
}

// Run packs and sends texts to embed, and keeps the books, until ctx ends. Then it
// waits for the requests in flight, which it cancels. It runs once.
func (s *Scheduler) Run(ctx context.Context) error {
	if err := s.books.load(ctx); err != nil {
		return err
	}
	var senders, keepers sync.WaitGroup
	for _, e := range s.embedders {
		for _, q := range e.packer.queues {
			senders.Go(func() { e.packer.run(ctx, q) })
		}
	}
	sent := make(chan struct{})
	keepers.Go(func() { s.books.run(ctx, sent) })
	keepers.Go(func() { s.memory.run(ctx, sent) })
	<-ctx.Done()
	senders.Wait()
	close(sent)
	keepers.Wait()
	return nil
}
