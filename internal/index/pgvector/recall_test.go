package pgvector_test

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"kvasir/internal/index"
	"kvasir/internal/index/flat"
	"kvasir/internal/index/indextest"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/testenv"
)

var howMany = flag.Int("vectors", 5000, "how many vectors recall is measured on")

// vectored is a source with these vectors, ten a memo. Every second memo is usual, one
// of ten is special, and one of a hundred is rare.
func vectored(vectors []llm.Vector) *indextest.Source {
	s := indextest.NewSource(nil)
	var changes []memo.Change
	for i := 0; i < len(vectors); i += 10 {
		c := memo.Change{Memo: memo.ID(fmt.Sprint("m", i))}
		if i/10%2 == 0 {
			c.Tags = append(c.Tags, "usual")
		}
		if i/10%10 == 0 {
			c.Tags = append(c.Tags, "special")
		}
		if i/10%100 == 0 {
			c.Tags = append(c.Tags, "rare")
		}
		for j := i; j < min(i+10, len(vectors)); j++ {
			c.Chunks = append(c.Chunks, memo.IndexedChunk{ID: chunkID(j), Vector: vectors[j]})
		}
		changes = append(changes, c)
	}
	s.Put(project, changes...)
	return s
}

func chunkID(i int) memo.ChunkID { return memo.ChunkID(fmt.Sprint("m", i/10*10, "-", i)) }

func within(tags ...string) memo.Selection {
	in := memo.Selection{Project: project, Now: time.Now()}
	if len(tags) > 0 {
		in.Filters = memo.Filters{{Type: memo.FilterNative, Field: "tags", Operator: "in", Values: tags}}
	}
	return in
}

// settle waits until the project's vectors are in the database.
func settle(t *testing.T, ix *flat.Index, k index.Outside, source index.Source) {
	t.Helper()
	latest, err := source.LatestChange(t.Context(), project)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ix.Titles(t.Context(), within(), "", true, 1); err != nil { // it learns how many there are
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Minute); time.Now().Before(deadline); time.Sleep(every) {
		if kept, ok := k.Kept(project); ok && kept.Through >= latest {
			return
		}
	}
	t.Fatal("the vectors are not in the database")
}

// recall compares what is found with what is nearest. Filters that leave much go
// through the graph, those that leave little do not.
func recall(t *testing.T, cluster *testenv.Cluster) {
	const queries, dim = 25, 128
	all := indextest.Hard().Clustered(1, *howMany+queries, dim)
	vectors, asked := all[:*howMany], all[*howMany:]
	source := vectored(vectors)
	outside := &counted{Keeper: open(t, cluster.Database(t), source, "m")}
	ix := flat.New(source, &flat.Options{Model: "m", Bytes: 1, Outside: outside})
	settle(t, ix, outside, source)
	for _, tt := range []struct {
		in    memo.Selection
		share int // one vector of so many may be found
		graph bool
	}{
		{within(), 1, true}, {within("usual"), 2, true}, {within("special"), 10, false}, {within("rare"), 100, false},
	} {
		for _, limit := range []int{10, 40} {
			found, wanted := 0, 0
			for _, q := range asked {
				hits, err := ix.Nearest(t.Context(), tt.in, "m", q, limit, 2)
				if err != nil || len(hits) != min(limit, len(vectors)/tt.share) {
					t.Fatalf("%d hits, %v", len(hits), err)
				}
				for _, i := range indextest.Exact(vectors, q, func(i int) bool { return i/10%tt.share == 0 })[:10] {
					wanted++
					if slices.ContainsFunc(hits, func(h memo.Hit) bool { return h.Chunk == chunkID(i) }) {
						found++
					}
				}
			}
			recall := float64(found) / float64(wanted)
			t.Logf("one of %d, limit %d: recall@10 is %.4f", tt.share, limit, recall)
			if recall < 0.99 {
				t.Errorf("one of %d, limit %d: recall@10 is %.4f, want at least 0.99", tt.share, limit, recall)
			}
			if graph, among := outside.graph.Swap(0), outside.among.Swap(0); graph > 0 != tt.graph || among > 0 == tt.graph {
				t.Errorf("one of %d: the graph was asked %d times, all memos %d times", tt.share, graph, among)
			}
		}
	}
}
