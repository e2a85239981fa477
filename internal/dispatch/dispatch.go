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
	embed      *pool
	generators []*pool
	rerank     *pool
	packer     *packer // nil without an embedder
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
	s.embed = newPool(llm.KindEmbed, "", s.cfg, s.books)
	for i, l := range cfg.Embed {
		s.embed.add(newLane(l.Lane, i, calls, now))
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
	if len(cfg.Embed) > 0 {
		s.packer = newPacker(s.cfg, s.embed, s.books)
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
	if s.packer != nil {
		for _, q := range s.packer.queues {
			senders.Go(func() { s.packer.run(ctx, q) })
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

// EmbedSpec returns what the embedding model takes and gives. It reports false
// when there is none.
func (s *Scheduler) EmbedSpec() (llm.EmbedSpec, bool) {
	if s.packer == nil {
		return llm.EmbedSpec{}, false
	}
	return s.packer.spec(), true
}

// CountTokens counts as the embedding model does, or else estimates.
func (s *Scheduler) CountTokens(text string) int {
	if s.packer == nil {
		return llm.EstimateTokens(text)
	}
	return s.packer.count(text)
}

// Coverage tells how well the embedding model's vocabulary covers a text. It
// reports false when the model cannot say.
func (s *Scheduler) Coverage(text string) (llm.Coverage, bool) {
	if len(s.cfg.Embed) == 0 {
		return llm.Coverage{}, false
	}
	c, ok := s.cfg.Embed[0].Embedder.(llm.Coverer)
	if !ok {
		return llm.Coverage{}, false
	}
	return c.Coverage(text), true
}
