package flat_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"kvasir/internal/index/flat"
	"kvasir/internal/index/indextest"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

func clustered(r *rand.Rand, n, dim int) []llm.Vector {
	return indextest.Usual().Clustered(r.Uint64(), n, dim)
}

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
		shape  indextest.Shape
		n, dim int
	}{
		{"usual, 384 dimensions", indextest.Usual(), 20_000, 384},
		{"hard, 384 dimensions", indextest.Hard(), 20_000, 384},
		{"usual, 1536 dimensions", indextest.Usual(), 6000, 1536},
		{"hard, 1536 dimensions", indextest.Hard(), 6000, 1536},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const queries = 25
			vectors := tt.shape.Clustered(1, tt.n+queries, tt.dim)
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
					for _, i := range indextest.Exact(vectors, q, may)[:10] {
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
	vectors := indextest.Usual().Clustered(1, 5000, 130)
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
