package dispatch_test

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/dispatch"
	"kvasir/internal/llm"
)

// A memo of another project takes at most what it takes alone, and an interval
// between two requests, and the latency of one.
func TestALargeProjectDelaysAMemoByOneRequest(t *testing.T) {
	t.Parallel()
	for _, letters := range []int{20, 800} { // requests bind, or tokens
		synctest.Test(t, func(t *testing.T) {
			p := &limiter{rpm: 600, tpm: 1e6, honest: true, takes: 100 * time.Millisecond}
			s, stop := start(t, dispatch.Config{Embed: embedIn(0, p)})
			ctx, cancel := context.WithCancel(t.Context())
			one := func(i int) time.Duration {
				began := time.Now()
				call := llm.Call{Tenant: fmt.Sprint("small ", i), Priority: llm.PriorityIngest}
				if _, err := s.Embed(ctx, call, llm.InputDocument, texts(call.Tenant, 3)); err != nil {
					t.Error(err)
				}
				return time.Since(began)
			}
			var idle time.Duration
			for i := range 20 {
				idle = max(idle, one(i))
			}
			var g errgroup.Group
			flood(ctx, s, &g, 64, letters)
			time.Sleep(time.Minute)
			var worst time.Duration
			for i := range 200 {
				time.Sleep(rand.N(100 * time.Millisecond))
				worst = max(worst, one(1000+i))
			}
			cancel()
			_ = g.Wait()
			stop()
			most := idle + 100*time.Millisecond + p.takes + 10*time.Millisecond // jitter of the provider
			t.Logf("texts of %d letters: %v alone, %v at worst beside 100,000 texts", letters, idle, worst)
			if worst > most {
				t.Errorf("a memo took %v, want at most %v", worst, most)
			}
		})
	}
}

// Ten queries a second in a twentieth of the lane: bulk that fills the lane does
// not slow them down.
func TestBulkDoesNotSlowQueriesDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &limiter{rpm: 12_000, tpm: 1e9, honest: true, takes: 100 * time.Millisecond, jitter: 20 * time.Millisecond}
		s, stop := start(t, dispatch.Config{Embed: embedIn(0, p)})
		ctx, cancel := context.WithCancel(t.Context())
		ask := func(name string) (p99 time.Duration) {
			var mu sync.Mutex
			var took []time.Duration
			var g errgroup.Group
			for i := range 200 {
				time.Sleep(100 * time.Millisecond)
				g.Go(func() error {
					began := time.Now()
					_, err := s.Embed(ctx, query, llm.InputQuery, texts(fmt.Sprint(name, i), 1))
					mu.Lock()
					defer mu.Unlock()
					took = append(took, time.Since(began))
					return err
				})
			}
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
			slices.Sort(took)
			return took[len(took)*99/100]
		}
		idle := ask("idle")
		var g errgroup.Group
		flood(ctx, s, &g, 128, 20)
		time.Sleep(10 * time.Second)
		p.forget()
		busy := ask("busy")
		good, _, _ := p.counts()
		used := float64(good) / p.rpm * 3 // of 20 s
		cancel()
		_ = g.Wait()
		stop()
		t.Logf("p99 %v idle, %v busy, with %.0f %% of the limit used", idle, busy, 100*used)
		if float64(busy) > 1.2*float64(idle) || used < 0.5 {
			t.Errorf("p99 of queries is %v beside bulk and %v without, %.2f of the limit used", busy, idle, used)
		}
	})
}

// chaos is a provider that does anything, and counts what it is asked at once.
type chaos struct {
	mu       sync.Mutex
	rng      *rand.Rand
	most     int
	inFlight int
	vectors  map[string]int // successes by text
}

func (c *chaos) Model() string { return "chaos" }

func (c *chaos) Spec() llm.EmbedSpec {
	return llm.EmbedSpec{Model: "chaos", MaxTokens: 1000, MaxItems: 16, MaxBatchTokens: 1000}
}

// act waits a while and fails or not.
func (c *chaos) act(ctx context.Context) error {
	c.mu.Lock()
	c.inFlight++
	c.most = max(c.most, c.inFlight)
	d, dice := time.Duration(c.rng.Int64N(int64(time.Second))), c.rng.IntN(20)
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.inFlight--
		c.mu.Unlock()
	}()
	select {
	case <-time.After(d):
	case <-ctx.Done():
		return ctx.Err()
	}
	switch dice {
	case 0:
		return &llm.Error{Class: llm.ClassThrottled, Provider: "chaos", Status: 429}
	case 1:
		return &llm.Error{Class: llm.ClassThrottled, Provider: "chaos", Status: 429, RetryAfter: d}
	case 2, 3:
		return &llm.Error{Class: llm.ClassSick, Provider: "chaos"}
	}
	return nil
}

func (c *chaos) Embed(ctx context.Context, req llm.EmbedRequest) (llm.EmbedResponse, error) {
	if err := c.act(ctx); err != nil {
		return llm.EmbedResponse{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	answer := llm.EmbedResponse{Usage: llm.Usage{InputTokens: len(req.Texts)}}
	for _, text := range req.Texts {
		c.vectors[text]++
		answer.Vectors = append(answer.Vectors, llm.Vector{float32(len(text)), 1})
	}
	return answer, nil
}

func (c *chaos) Generate(ctx context.Context, _ llm.GenerateRequest) iter.Seq2[llm.Event, error] {
	return func(yield func(llm.Event, error) bool) {
		for range 3 {
			if err := c.act(ctx); err != nil {
				yield(llm.Event{}, err)
				return
			}
			if !yield(llm.Event{Text: "x"}, nil) {
				return
			}
		}
	}
}

// FuzzScheduler drives a scheduler by callers who come, wait, leave and share,
// against a provider that does anything: no more is in flight than allowed,
// whoever stays is served, no text is bought twice, the books add up, and nothing
// is left over at the end.
func FuzzScheduler(f *testing.F) {
	for seed := range uint64(12) {
		f.Add(seed, uint8(seed%7), uint8(seed%3))
	}
	f.Fuzz(func(t *testing.T, seed uint64, concurrency, lanes uint8) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			c := &chaos{rng: rand.New(rand.NewPCG(seed, 2)), vectors: map[string]int{}}
			most := int(concurrency%8) + 1
			books := &archive{}
			cfg := dispatch.Config{Ledger: books, BulkWithin: 24 * time.Hour, RetryShare: 10}
			for i := range int(lanes%3) + 1 {
				lane := dispatch.Lane{Provider: "c", Key: fmt.Sprint("#", i), Tier: i % 2, Limits: dispatch.Limits{
					Concurrency: most, RequestsPerMinute: float64(rng.IntN(3) * 300),
				}}
				cfg.Embed = append(cfg.Embed, dispatch.EmbedLane{Lane: lane, Embedder: c})
			}
			slices.SortStableFunc(cfg.Embed, func(a, b dispatch.EmbedLane) int { return cmp.Compare(a.Tier, b.Tier) })
			s, stop := start(t, cfg)
			served, stayed := 0, 0
			var mu sync.Mutex
			var g errgroup.Group
			for i := range 60 {
				call := llm.Call{
					Tenant: fmt.Sprint("o/", rng.IntN(5)), Memo: fmt.Sprint(i), Priority: llm.Priority(2 + rng.IntN(3)),
				}
				wants := texts(fmt.Sprint(i), 1+rng.IntN(30))
				patience := time.Duration(rng.Int64N(int64(10 * time.Second)))
				leaves := rng.IntN(4) == 0
				g.Go(func() error {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					if leaves {
						ctx, cancel = context.WithTimeout(ctx, patience)
						defer cancel()
					}
					vectors, err := s.Embed(ctx, call, llm.InputDocument, wants)
					mu.Lock()
					defer mu.Unlock()
					if !leaves && call.Priority >= llm.PriorityIngest {
						stayed++
						if err == nil && len(vectors) == len(wants) {
							served++
						} else {
							t.Errorf("bulk that stays: %v", err)
						}
					}
					return nil
				})
				time.Sleep(time.Duration(rng.Int64N(int64(300 * time.Millisecond))))
			}
			_ = g.Wait()
			synctest.Wait() // what nobody waits for is cancelled
			for _, l := range s.Snapshot()[0].Lanes {
				if l.InFlight != 0 {
					t.Errorf("%d requests are in flight for nobody", l.InFlight)
				}
			}
			time.Sleep(2 * time.Second)
			stop()
			if served != stayed {
				t.Errorf("%d of %d were served", served, stayed)
			}
			if c.most > most*len(cfg.Embed) {
				t.Errorf("%d in flight, %d allowed", c.most, most*len(cfg.Embed))
			}
			bought, booked := 0, int64(0)
			for text, n := range c.vectors {
				bought += n
				if n > 1 {
					t.Errorf("%q was bought %d times", text, n)
				}
			}
			for _, sum := range books.sums {
				booked += sum.InputTokens
			}
			if booked > int64(bought) {
				t.Errorf("%d tokens booked, %d bought", booked, bought)
			}
		})
	})
}
