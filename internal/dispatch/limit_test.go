package dispatch_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/dispatch"
	"kvasir/internal/llm"
)

// A limiter is a provider with limits of requests and tokens a minute, as token
// buckets, and with headers if it is honest.
type limiter struct {
	rpm, tpm float64
	holds    float64 // minutes' worth that the buckets hold; 1 if 0
	honest   bool
	daily    bool // tells the requests of a day
	takes    time.Duration
	jitter   time.Duration
	random   float64 // share of calls that fail whatever the rate

	mu               sync.Mutex
	requests, tokens float64 // used up, draining
	at               time.Time
	good, refused    int
	goodTokens       int
	first            time.Time
}

func (p *limiter) Spec() llm.EmbedSpec {
	return llm.EmbedSpec{Model: "limiter", MaxTokens: 8000, MaxItems: 32, MaxBatchTokens: 100_000}
}

func (p *limiter) Embed(ctx context.Context, req llm.EmbedRequest) (llm.EmbedResponse, error) {
	tokens := 0
	for _, text := range req.Texts {
		tokens += llm.EstimateTokens(text)
	}
	time.Sleep(rand.N(5*time.Millisecond) + p.jitter/2)
	err := p.admit(ctx, float64(tokens))
	time.Sleep(p.takes + rand.N(p.jitter+1))
	if err != nil {
		return llm.EmbedResponse{}, err
	}
	vectors := make([]llm.Vector, len(req.Texts))
	for i := range vectors {
		vectors[i] = llm.Vector{1, 2}
	}
	return llm.EmbedResponse{Vectors: vectors, Usage: llm.Usage{InputTokens: tokens}}, nil
}

func (p *limiter) admit(ctx context.Context, tokens float64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	passed := now.Sub(p.at).Minutes()
	p.requests, p.tokens = max(0, p.requests-passed*p.rpm), max(0, p.tokens-passed*p.tpm)
	p.at = now
	holds := cmp.Or(p.holds, 1)
	over := p.requests+1 > p.rpm*holds || p.tokens+tokens > p.tpm*holds
	if !over {
		p.requests, p.tokens = p.requests+1, p.tokens+tokens
	}
	if p.honest {
		requests := quota(p.rpm, p.requests)
		if p.daily {
			requests = quota(p.rpm*24*60, p.requests)
		}
		llm.ReportQuotas(ctx, llm.Quotas{Requests: requests, Tokens: quota(p.tpm, p.tokens)})
	}
	if over || rand.Float64() < p.random {
		p.refused++
		return &llm.Error{Class: llm.ClassThrottled, Provider: "limiter", Status: 429}
	}
	p.good, p.goodTokens = p.good+1, p.goodTokens+int(tokens)
	return nil
}

func quota(limit, used float64) llm.Quota {
	return llm.Quota{
		Limit: int(limit), Remaining: int(limit - used), Told: true,
		Reset: time.Duration(used / limit * float64(time.Minute)),
	}
}

// counts returns how many requests were answered and refused.
func (p *limiter) counts() (good, refused, goodTokens int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.good, p.refused, p.goodTokens
}

// forget begins the count anew, after what is not to be counted.
func (p *limiter) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.good, p.refused, p.goodTokens, p.first = 0, 0, 0, time.Now()
}

// flood keeps texts of a length in line until ctx ends.
func flood(ctx context.Context, s *dispatch.Scheduler, g *errgroup.Group, callers, letters int) {
	text := func(i, j int) string { return fmt.Sprintf("%*d %d", letters, i, j) }
	for i := range callers {
		g.Go(func() error {
			for n := 0; ctx.Err() == nil; n++ {
				batch := make([]string, 32)
				for j := range batch {
					batch[j] = text(i, n*len(batch)+j)
				}
				_, _ = s.Embed(ctx, ingest, llm.InputDocument, batch)
			}
			return nil
		})
	}
}

// The goals of the issue: a limit is used up and hardly ever hit.
func TestLimitsAreUsedAndNotHit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		p       *limiter
		letters int // of a text; tokens bind from some 100 on
		lane    dispatch.Limits
		learn   time.Duration // not counted
		used    float64       // of the limit that binds
		refused float64       // at most, of all requests
	}{
		{"requests bind, honest headers", &limiter{rpm: 600, tpm: 1e9, honest: true}, 20, dispatch.Limits{}, 0, 0.95, 0.01},
		{"tokens bind, honest headers", &limiter{rpm: 600, tpm: 1e6, honest: true}, 800, dispatch.Limits{}, 0, 0.95, 0.01},
		{"both nearly", &limiter{rpm: 600, tpm: 1.1e6, honest: true}, 220, dispatch.Limits{}, 0, 0.95, 0.01},
		{
			"configured, no headers", &limiter{rpm: 600, tpm: 1e6}, 800,
			dispatch.Limits{RequestsPerMinute: 600, TokensPerMinute: 1e6}, time.Minute, 0.95, 0.01,
		},
		{"few requests, no headers", &limiter{rpm: 60, tpm: 1e9}, 20, dispatch.Limits{}, 20 * time.Minute, 0.85, 0.03},
		{
			"a bucket of a second, no headers", &limiter{rpm: 600, tpm: 1e9, holds: 1.0 / 60}, 20, dispatch.Limits{},
			2 * time.Minute, 0.85, 0.03,
		},
		{
			"a bucket of a second, configured", &limiter{rpm: 600, tpm: 1e6, holds: 1.0 / 60}, 400,
			dispatch.Limits{RequestsPerMinute: 600, TokensPerMinute: 1e6}, time.Minute, 0.95, 0.01,
		},
		{
			"a bucket of a second, honest headers", &limiter{rpm: 600, tpm: 1e6, holds: 1.0 / 60, honest: true}, 400,
			dispatch.Limits{}, time.Minute, 0.95, 0.01,
		},
		{
			"a bucket of a second, tokens bind, honest headers",
			&limiter{rpm: 600, tpm: 2e5, holds: 1.0 / 60, honest: true}, 400, dispatch.Limits{}, time.Minute, 0.95, 0.01,
		},
		{
			"requests told of a day", &limiter{rpm: 600, tpm: 1e9, honest: true, daily: true}, 20, dispatch.Limits{},
			2 * time.Minute, 0.85, 0.03,
		},
		{"requests bind, no headers", &limiter{rpm: 600, tpm: 1e9}, 20, dispatch.Limits{}, 2 * time.Minute, 0.85, 0.03},
		{"tokens bind, no headers", &limiter{rpm: 1e6, tpm: 1e6}, 800, dispatch.Limits{}, 20 * time.Minute, 0.85, 0.03},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := tt.p
				p.takes, p.jitter, p.first = 100*time.Millisecond, 50*time.Millisecond, time.Now()
				lanes := embedIn(0, p)
				lanes[0].Limits = tt.lane
				s, stop := start(t, dispatch.Config{Embed: lanes})
				ctx, cancel := context.WithCancel(t.Context())
				var g errgroup.Group
				flood(ctx, s, &g, 32, tt.letters)
				time.Sleep(tt.learn)
				if tt.learn > 0 {
					p.forget()
				}
				long := max(5*time.Minute, 2*tt.learn) // where requests are few, learning is slow
				time.Sleep(long)
				good, refused, goodTokens := p.counts()
				cancel()
				_ = g.Wait()
				stop()
				used := max(float64(good)/p.rpm, float64(goodTokens)/p.tpm) / long.Minutes()
				share := float64(refused) / math.Max(1, float64(good+refused))
				t.Logf("%.1f %% of the limit used, %.2f %% of requests refused", 100*used, 100*share)
				if used < tt.used || share > tt.refused {
					t.Errorf("%.3f of the limit used, want %.2f; %.4f refused, want %.2f", used, tt.used, share, tt.refused)
				}
			})
		})
	}
}

// Refusals that come whatever the rate cost their calls and nothing else.
func TestRefusalsAtRandomAreNotTakenForALimit(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, random float64) (good int) {
		synctest.Test(t, func(t *testing.T) {
			p := &limiter{rpm: 1e9, tpm: 1e12, takes: 100 * time.Millisecond, random: random}
			s, stop := start(t, dispatch.Config{Embed: embedIn(16, p)})
			ctx, cancel := context.WithCancel(t.Context())
			var g errgroup.Group
			flood(ctx, s, &g, 64, 20)
			time.Sleep(time.Minute)
			good, _, _ = p.counts()
			cancel()
			_ = g.Wait()
			stop()
		})
		return good
	}
	well, ill := run(t, 0), run(t, 0.07)
	t.Logf("%d requests without refusals, %d with", well, ill)
	if float64(ill) < 0.8*float64(well) {
		t.Errorf("%d requests with 7 %% refused at random, of %d without", ill, well)
	}
}
