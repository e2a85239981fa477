package flat_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"kvasir/internal/index/flat"
	"kvasir/internal/index/indextest"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// A shape is what made-up vectors have of real ones: they lie around topics, some
// directions have a larger share than others, and all have one in common, by which
// any two of them are alike.
type shape struct {
	topics         int
	spread, common float64 // of vectors in a topic, and of what is common, to that of topics
}

var (
	usual = shape{topics: 100, spread: 0.7, common: 0.5}
	// hard has few topics and much chance, so that a query has thousands of vectors
	// about as near as the nearest, and a mean as long as the notorious models have it.
	hard = shape{topics: 20, spread: 2, common: 1.5}
)

// clustered makes n vectors and then some queries.
func (s shape) clustered(seed uint64, n, dim int) []llm.Vector {
	r := rand.New(rand.NewPCG(seed, 2))
	scattered := func(around llm.Vector, by float64) llm.Vector {
		v := make(llm.Vector, dim)
		for j := range v {
			v[j] = float32(by * r.NormFloat64() / math.Sqrt(float64(j+10)))
			if around != nil {
				v[j] += around[j]
			}
		}
		return v
	}
	common := scattered(nil, s.common)
	common[5] += float32(s.common) // and most of it in one number
	topics := make([]llm.Vector, s.topics)
	for i := range topics {
		topics[i] = scattered(common, 1)
	}
	out := make([]llm.Vector, n)
	for i := range out {
		out[i] = scattered(topics[r.IntN(len(topics))], s.spread)
	}
	return out
}

func clustered(r *rand.Rand, n, dim int) []llm.Vector { return usual.clustered(r.Uint64(), n, dim) }

// vectored is a source with these vectors, a hundred a memo; every tenth memo is
// marked.
func vectored(vectors []llm.Vector) *indextest.Source {
	s := indextest.NewSource(nil)
	var changes []memo.Change
	for i := 0; i < len(vectors); i += 100 {
		c := memo.Change{Memo: memo.ID(fmt.Sprint("m", i))}
		if i%1000 == 0 {
			c.Tags = []string{"marked"}
		}
		for j := i; j < min(i+100, len(vectors)); j++ {
			c.Chunks = append(c.Chunks, memo.IndexedChunk{ID: memo.ChunkID(fmt.Sprint(j)), Vector: vectors[j]})
		}
		changes = append(changes, c)
	}
	s.Put(project, changes...)
	return s
}

func TestTheScanFindsWhatAnExactSearchFinds(t *testing.T) {
	t.Parallel()
	marked := memo.Filter{Type: memo.FilterNative, Field: "tags", Operator: "in", Values: []string{"marked"}}
	for _, tt := range []struct {
		name   string
		shape  shape
		n, dim int
	}{
		{"usual, 384 dimensions", usual, 20_000, 384},
		{"hard, 384 dimensions", hard, 20_000, 384},
		{"usual, 1536 dimensions", usual, 6000, 1536},
		{"hard, 1536 dimensions", hard, 6000, 1536},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const queries = 25
			vectors := tt.shape.clustered(1, tt.n+queries, tt.dim)
			asked := vectors[tt.n:]
			vectors = vectors[:tt.n]
			ix := flat.New(vectored(vectors), &flat.Options{Model: "m"})
			for name, in := range map[string]memo.Selection{"all": within(), "filtered": within(marked)} {
				found, wanted := 0, 0
				for _, q := range asked {
					hits, err := ix.Nearest(t.Context(), in, "m", q, 10, 2)
					if err != nil || len(hits) != 10 {
						t.Fatalf("%d hits, %v", len(hits), err)
					}
					may := func(i int) bool { return len(in.Filters) == 0 || i%1000 < 100 }
					for _, i := range exact(vectors, q, may)[:10] {
						wanted++
						if slices.ContainsFunc(hits, func(h memo.Hit) bool { return h.Chunk == memo.ChunkID(fmt.Sprint(i)) }) {
							found++
						}
					}
				}
				if recall := float64(found) / float64(wanted); recall < 0.99 {
					t.Errorf("%s: recall@10 = %.3f, want at least 0.99", name, recall)
				}
			}
		})
	}
}

func TestASearchThatIsGivenUpStops(t *testing.T) {
	t.Parallel()
	vectors := usual.clustered(1, 5000, 130)
	ix := flat.New(vectored(vectors), &flat.Options{Model: "m"})
	if _, err := ix.Nearest(t.Context(), within(), "m", vectors[0], 10, 2); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if hits, err := ix.Nearest(ctx, within(), "m", vectors[0], 10, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled search gives %v, %v", hits, err)
	}
}

// exact returns the numbers of the vectors that may be found, the nearest first.
func exact(vectors []llm.Vector, q llm.Vector, may func(int) bool) []int {
	score := make([]float64, len(vectors))
	var order []int
	for i, v := range vectors {
		if may(i) {
			score[i] = dot(v, q) / math.Sqrt(dot(v, v))
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case score[a] > score[b]:
			return -1
		case score[a] < score[b]:
			return 1
		}
		return a - b
	})
	return order
}
