// Package dispatch is the scheduler of every outbound model call.
//
// There is a [lane] for each kind of call to each model: embed, generate, rerank.
// A lane has slots, one for each request in flight ([gate]), which go to the most
// urgent call first and inside one urgency in turn over tenants ([shares]). Texts
// to embed wait in a [queue] of their own, where those of many memos and tenants
// are packed into shared requests ([packer]). What fails is tried again in one
// place ([lane.try]): nothing else in the product retries or sleeps.
//
// From the outside in: single flight, batch, retry, slot, adapter. So each try
// takes a slot anew, and no slot sleeps through a backoff. Whoever waits can be
// told why ([Scheduler.Snapshot]), and a person never waits in line for longer
// than [Config.InteractiveWithin].
package dispatch

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

// A Named is a generator under the name by which requests ask for it.
type Named struct {
	Name      string
	Generator llm.Generator
}

// A Config is the models to call and the bounds to keep. The zero value of a
// bound is its default.
type Config struct {
	Embedder   llm.Embedder // nil for none
	Dimensions int          // of the embedder's vectors; 0 until it has answered
	Generators []Named      // the first is the default
	Reranker   llm.Reranker // nil for none

	EmbedSlots    int           // embedding requests in flight; 32
	GenerateSlots int           // answers of one generator in flight; 256
	RerankSlots   int           // 32
	Linger        time.Duration // how long bulk texts wait for company; 4 ms
	QueueBytes    int64         // of bulk texts under way, beyond which callers block; 64 MiB
	// InteractiveWithin bounds the wait for a slot and the tries of a call that a
	// person waits for, up to the first word of an answer; 25 s. An exchange that
	// has begun is the adapter's to end: a model on this machine may be slow.
	InteractiveWithin time.Duration
	// BulkWithin bounds the tries of any other call; 10 min.
	BulkWithin time.Duration
	Log        *slog.Logger
}

func (c Config) withDefaults() Config {
	c.EmbedSlots = cmp.Or(c.EmbedSlots, 32)
	c.GenerateSlots = cmp.Or(c.GenerateSlots, 256)
	c.RerankSlots = cmp.Or(c.RerankSlots, 32)
	c.Linger = cmp.Or(c.Linger, 4*time.Millisecond)
	c.QueueBytes = cmp.Or(c.QueueBytes, 64<<20)
	c.InteractiveWithin = cmp.Or(c.InteractiveWithin, 25*time.Second)
	c.BulkWithin = cmp.Or(c.BulkWithin, 10*time.Minute)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return c
}

// A Scheduler makes the calls. Embedding needs [Scheduler.Run].
type Scheduler struct {
	cfg        Config
	embed      *lane
	generators []generatorLane
	rerank     *lane
	packer     *packer // nil without an embedder
}

// New returns a scheduler; it starts nothing.
func New(cfg Config) *Scheduler {
	cfg = cfg.withDefaults()
	s := &Scheduler{
		cfg:    cfg,
		embed:  newLane("embed", cfg.EmbedSlots, cfg),
		rerank: newLane("rerank", cfg.RerankSlots, cfg),
	}
	for _, g := range cfg.Generators {
		s.generators = append(s.generators, generatorLane{g, newLane("generate", cfg.GenerateSlots, cfg)})
	}
	if cfg.Embedder != nil {
		s.packer = newPacker(cfg, s.embed)
	}
	return s
}

// Run packs and sends texts to embed until ctx ends, and then waits for the
// requests in flight, which it cancels. It runs once.
func (s *Scheduler) Run(ctx context.Context) error {
	if s.packer == nil {
		<-ctx.Done()
		return nil
	}
	var running sync.WaitGroup
	for _, q := range s.packer.queues {
		running.Go(func() { s.packer.run(ctx, q) })
	}
	running.Wait()
	return nil
}

// EmbedSpec returns what the embedding model takes and gives. It reports false
// when there is none.
func (s *Scheduler) EmbedSpec() (llm.EmbedSpec, bool) {
	if s.cfg.Embedder == nil {
		return llm.EmbedSpec{}, false
	}
	spec := s.cfg.Embedder.Spec()
	spec.Dimensions = s.packer.dimensions()
	return spec, true
}

// CountTokens counts as the embedding model does, or else estimates.
func (s *Scheduler) CountTokens(text string) int {
	if t, ok := s.cfg.Embedder.(llm.Tokenizer); ok {
		return t.CountTokens(text)
	}
	return llm.EstimateTokens(text)
}

// Coverage tells how well the embedding model's vocabulary covers a text. It
// reports false when the model cannot say.
func (s *Scheduler) Coverage(text string) (llm.Coverage, bool) {
	c, ok := s.cfg.Embedder.(llm.Coverer)
	if !ok {
		return llm.Coverage{}, false
	}
	return c.Coverage(text), true
}

// Reranks reports whether there is a reranker.
func (s *Scheduler) Reranks() bool { return s.cfg.Reranker != nil }

// Rerank scores every document of the request.
func (s *Scheduler) Rerank(
	ctx context.Context, call llm.Call, req llm.RerankRequest,
) (answer llm.RerankResponse, err error) {
	if s.cfg.Reranker == nil {
		return answer, fault.New(fault.Unavailable, "No reranking provider is configured")
	}
	cost := len(req.Query)
	for _, d := range req.Documents {
		cost += len(d)
	}
	err = s.rerank.try(ctx, call, cost, false, func(ctx context.Context) error {
		var err error
		answer, err = s.cfg.Reranker.Rerank(ctx, req)
		if err == nil && len(answer.Scores) != len(req.Documents) {
			return &llm.Error{
				Class: llm.ClassSick, Provider: s.cfg.Reranker.Model(),
				Message: fmt.Sprintf("%d scores for %d documents", len(answer.Scores), len(req.Documents)),
			}
		}
		return err
	})
	return answer, err
}
