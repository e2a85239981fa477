package search

import (
	"context"
	"sync"

	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/rank"
)

const (
	// coverageSample is how many of the best lexical passages show the language.
	coverageSample = 5
	// coveragesKept is how many passages' figures are remembered: those that many
	// queries find.
	coveragesKept = 1 << 13
)

// coverages remembers how well the model covers passages, whose texts never change.
type coverages struct {
	mu sync.Mutex
	of map[memo.ChunkID]llm.Coverage
}

func (c *coverages) find(id memo.ChunkID) (llm.Coverage, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	coverage, ok := c.of[id]
	return coverage, ok
}

func (c *coverages) keep(id memo.ChunkID, coverage llm.Coverage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil || len(c.of) >= coveragesKept {
		c.of = make(map[memo.ChunkID]llm.Coverage)
	}
	c.of[id] = coverage
}

// lexicalWeight chooses the weight of words against vectors by how well the
// model's vocabulary covers the best lexical passages, which are in the
// project's language, whatever the query's is; see rank.
func (r *run) lexicalWeight(ctx context.Context, words []memo.Hit, s *stage) (float64, error) {
	if _, ok := r.models.EmbedSpec(); !ok {
		return 1, nil
	}
	if _, ok := r.models.Coverage(""); !ok {
		s.notef("the model cannot say how well it covers the language")
		return rank.TrustingWeight, nil
	}
	coverage, err := r.coverage(ctx, words[:min(coverageSample, len(words))])
	s.notef("the model takes %.2f tokens a word and does not know %.1f %% of them",
		coverage.TokensPerWord, 100*coverage.UnknownShare)
	return rank.LexicalWeight(coverage), err
}

// coverage returns the mean over passages, or that of the query if there are none.
func (r *run) coverage(ctx context.Context, words []memo.Hit) (llm.Coverage, error) {
	var unknown []memo.ChunkID
	for _, h := range words {
		if _, ok := r.covered.find(h.Chunk); !ok {
			unknown = append(unknown, h.Chunk)
		}
	}
	if err := r.shelf.fetch(ctx, unknown); err != nil {
		return llm.Coverage{}, err
	}
	for _, id := range unknown {
		if p := r.shelf.read[id]; p != nil {
			coverage, _ := r.models.Coverage(p.Content)
			r.covered.keep(id, coverage)
		}
	}
	var sum llm.Coverage
	n := 0.0
	for _, h := range words {
		if coverage, ok := r.covered.find(h.Chunk); ok && coverage.TokensPerWord > 0 {
			sum.TokensPerWord += coverage.TokensPerWord
			sum.UnknownShare += coverage.UnknownShare
			n++
		}
	}
	if n == 0 {
		coverage, _ := r.models.Coverage(r.q.Text)
		return coverage, nil
	}
	return llm.Coverage{TokensPerWord: sum.TokensPerWord / n, UnknownShare: sum.UnknownShare / n}, nil
}
