package flat_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"kvasir/internal/index/flat"
	"kvasir/internal/index/indextest"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// vectorsOf returns the vectors of chunks named "memo-number".
func vectorsOf(t *testing.T, ix *flat.Index, in memo.Selection, model string, hits ...memo.Hit) []llm.Vector {
	t.Helper()
	out, err := ix.Vectors(t.Context(), in, model, hits)
	if err != nil || len(out) != len(hits) {
		t.Fatalf("%d vectors of %d hits, %v", len(out), len(hits), err)
	}
	return out
}

// TestVectorsOfHits stores vectors in several segments, changes some memos, and
// asks for all of them.
func TestVectorsOfHits(t *testing.T) {
	t.Parallel()
	s := indextest.NewSource(nil)
	ix := flat.New(s, &flat.Options{Model: "m"})
	const memos, chunks, dim = 60, 5, 130
	want := map[memo.ChunkID]llm.Vector{}
	put := func(i, round int) {
		c := indextest.Memo(fmt.Sprint("m", i), make([]string, chunks)...)
		vectors := clustered(rand.New(rand.NewPCG(uint64(i), uint64(round))), chunks, dim)
		for j := range c.Chunks {
			if j != 2 {
				c.Chunks[j].Vector = vectors[j]
			}
			want[c.Chunks[j].ID] = c.Chunks[j].Vector
		}
		s.Put(project, c)
		found(t, ix, within(), "x", 1)
	}
	for i := range memos {
		put(i, 1)
	}
	for i := 0; i < memos; i += 3 {
		put(i, 2)
	}
	var hits []memo.Hit
	for i := memos - 1; i >= 0; i-- {
		for j := range chunks {
			id := memo.ID(fmt.Sprint("m", i))
			hits = append(hits, memo.Hit{Chunk: memo.ChunkID(fmt.Sprint(id, "-", j)), Memo: id})
		}
	}
	hits = append(hits, hits[0]) // twice
	for i, got := range vectorsOf(t, ix, within(), "m", hits...) {
		v := want[hits[i].Chunk]
		if v == nil && got == nil {
			continue
		}
		if len(got) != len(v) {
			t.Fatalf("%s: a vector of %d numbers, want %d", hits[i].Chunk, len(got), len(v))
		}
		if cos, length := cosine(got, v), math.Sqrt(dot(got, got)); cos < 0.9999 || math.Abs(length-1) > 1e-5 {
			t.Errorf("%s: a cosine of %v to its vector, and length %v", hits[i].Chunk, cos, length)
		}
	}
}

func TestVectorsThatAreNotThere(t *testing.T) {
	t.Parallel()
	s := indextest.NewSource(indextest.Letters)
	s.Put(project, indextest.Memo("a", "heron"), indextest.Memo("gone", "duck"))
	s.Put("other", indextest.Memo("b", "ship"))
	ix := flat.New(s, &flat.Options{Model: "letters"})
	s.Put(project, memo.Change{Memo: "gone", Deleted: true})
	hits := []memo.Hit{
		{Chunk: "a-0", Memo: "a"}, {Chunk: "a-1", Memo: "a"}, {Chunk: "gone-0", Memo: "gone"}, {Chunk: "b-0", Memo: "b"},
		{Chunk: "a-0", Memo: "b"},
	}
	for i, v := range vectorsOf(t, ix, within(), "letters", hits...) {
		if (v != nil) != (i == 0 || i == 4) {
			t.Errorf("the vector of %s of %s is %v", hits[i].Chunk, hits[i].Memo, v)
		}
	}
	for i, v := range vectorsOf(t, ix, within(), "pairs", hits...) {
		if v != nil {
			t.Errorf("%s has a vector of another model, %v", hits[i].Chunk, v)
		}
	}
	other := memo.Selection{Project: "other", Now: time.Now()}
	if got := vectorsOf(t, ix, other, "letters", hits...); got[0] != nil || got[3] == nil {
		t.Errorf("the other project has %v", got)
	}
	vectorsOf(t, ix, within(), "letters")
}

func dot(a, b llm.Vector) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func cosine(a, b llm.Vector) float64 { return dot(a, b) / math.Sqrt(dot(a, a)*dot(b, b)) }
