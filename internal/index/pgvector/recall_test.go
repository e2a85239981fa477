package pgvector_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/index"
	"kvasir/internal/index/flat"
	"kvasir/internal/index/indextest"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/testenv"
)

var howMany = flag.Int("vectors", 5000, "how many vectors recall is measured on")

// vectored is a source with these vectors, ten a memo. One memo of a hundred is rare,
// one of ten is common.
func vectored(vectors []llm.Vector) *indextest.Source {
	s := indextest.NewSource(nil)
	var changes []memo.Change
	for i := 0; i < len(vectors); i += 10 {
		c := memo.Change{Memo: memo.ID(fmt.Sprint("m", i))}
		if i/10%10 == 0 {
			c.Tags = append(c.Tags, "common")
		}
		if i/10%100 == 0 {
			c.Tags = append(c.Tags, "rare")
		}
		for j := i; j < min(i+10, len(vectors)); j++ {
			c.Chunks = append(c.Chunks, memo.IndexedChunk{ID: memo.ChunkID(fmt.Sprint("m", i, "-", j)), Vector: vectors[j]})
		}
		changes = append(changes, c)
	}
	s.Put(project, changes...)
	return s
}

func within(tags ...string) memo.Selection {
	in := memo.Selection{Project: project, Now: time.Now()}
	if len(tags) > 0 {
		in.Filters = memo.Filters{{Type: memo.FilterNative, Field: "tags", Operator: "in", Values: tags}}
	}
	return in
}

// settle waits until the project's vectors are outside.
func settle(t *testing.T, ix *flat.Index, k interface {
	Kept(account.ProjectID) (index.Kept, bool)
}, latest int64) {
	t.Helper()
	if _, err := ix.Titles(t.Context(), within(), "", true, 1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		if kept, ok := k.Kept(project); ok && kept.Through >= latest {
			return
		}
		time.Sleep(every)
	}
	t.Fatal("the vectors are not in the database")
}

func TestRecall(t *testing.T) {
	t.Parallel()
	cluster := testenv.Postgres(t)
	for _, tt := range []struct {
		name  string
		shape indextest.Shape
		dim   int
	}{
		{"usual, 384 dimensions", indextest.Usual(), 384},
		{"hard, 384 dimensions", indextest.Hard(), 384},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const queries = 25
			vectors := tt.shape.Clustered(1, *howMany+queries, tt.dim)
			asked, vectors := vectors[*howMany:], vectors[:*howMany]
			source := vectored(vectors)
			outside := open(t, cluster.Database(t), source, "m")
			ix := flat.New(source, &flat.Options{Model: "m", Bytes: 1, Outside: outside})
			latest, _ := source.LatestChange(t.Context(), project)
			began := time.Now()
			settle(t, ix, outside, latest)
			t.Logf("%d vectors were in the database after %v", len(vectors), time.Since(began))
			for share, in := range map[int]memo.Selection{1: within(), 10: within("common"), 100: within("rare")} {
				for _, limit := range []int{10, 200} {
					began = time.Now()
					found, wanted := 0, 0
					for _, q := range asked {
						hits, err := ix.Nearest(t.Context(), in, "m", q, limit, 2)
						if err != nil || len(hits) != min(limit, len(vectors)/share) {
							t.Fatalf("%d hits, %v", len(hits), err)
						}
						for _, i := range indextest.Exact(vectors, q, func(i int) bool { return i/10%share == 0 })[:10] {
							wanted++
							if slices.ContainsFunc(hits, func(h memo.Hit) bool { return h.Chunk == memo.ChunkID(fmt.Sprint("m", i/10*10, "-", i)) }) {
								found++
							}
						}
					}
					recall := float64(found) / float64(wanted)
					t.Logf("one of %d, limit %d: recall@10 = %.4f, %v a search", share, limit, recall, time.Since(began)/queries)
					if recall < 0.99 {
						t.Errorf("one of %d: recall@10 = %.3f, want at least 0.99", share, recall)
					}
				}
			}
		})
	}
}
