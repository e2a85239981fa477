package flat_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"kvasir/internal/index/flat"
	"kvasir/internal/index/indextest"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// The benchmarks search one project of 100,000 chunks, ten a memo.
const (
	largeMemos = 10_000
	largeWords = 180 // in a chunk
	vocabulary = 100_000
)

// frequencies draws words as often as a language does.
func frequencies(r *rand.Rand) *rand.Zipf { return rand.NewZipf(r, 1.1, 2, vocabulary) }

// load fills an index and reports how long that took.
func load(b *testing.B, fill func(memo, chunk int, c *memo.IndexedChunk)) (*indextest.Source, *flat.Index) {
	b.Helper()
	changes := make([]memo.Change, largeMemos)
	for i := range changes {
		changes[i] = indextest.Memo(fmt.Sprintf("m%05d", i), make([]string, 10)...)
		for j := range changes[i].Chunks {
			fill(i, j, &changes[i].Chunks[j])
		}
		if i%100 == 0 {
			changes[i].Tags = []string{"marked"}
		}
	}
	s := indextest.NewSource(nil)
	s.Put(project, changes...)
	ix := flat.New(s, &flat.Options{Model: "m"})
	began := time.Now()
	if _, err := ix.Lexical(b.Context(), within(), "w1x", 1); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(time.Since(began).Seconds(), "load-s")
	return s, ix
}

func words(b *testing.B) (*indextest.Source, *flat.Index) {
	b.Helper()
	frequency := frequencies(rand.New(rand.NewPCG(3, 4)))
	return load(b, func(_, _ int, c *memo.IndexedChunk) {
		var text strings.Builder
		for range largeWords {
			fmt.Fprintf(&text, "w%dx ", frequency.Uint64())
		}
		c.Text = text.String()
	})
}

// BenchmarkLexical searches for ten words, drawn like those of the texts: half of
// them are in most documents, as only the commonest words of a language are.
func BenchmarkLexical(b *testing.B) {
	_, ix := words(b)
	frequency := frequencies(rand.New(rand.NewPCG(5, 6)))
	for b.Loop() {
		var query strings.Builder
		for range 10 {
			fmt.Fprintf(&query, "w%dx ", frequency.Uint64())
		}
		if _, err := ix.Lexical(b.Context(), within(), query.String(), 200); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCatchUp changes one memo and searches.
func BenchmarkCatchUp(b *testing.B) {
	s, ix := words(b)
	i := 0
	for b.Loop() {
		i++
		texts := make([]string, 10)
		for j := range texts {
			texts[j] = strings.Repeat(fmt.Sprintf("w%dx w%dx w%dx ", i, j, i+j), largeWords/3)
		}
		s.Put(project, indextest.Memo(fmt.Sprintf("m%05d", 7*i%largeMemos), texts...))
		if _, err := ix.Lexical(b.Context(), within(), "w5000x", 200); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNearest searches vectors, all of them and those of 1 % of the memos.
func BenchmarkNearest(b *testing.B) {
	marked := memo.Filter{Type: memo.FilterNative, Field: "tags", Operator: "in", Values: []string{"marked"}}
	for _, dim := range []int{384, 1536} {
		b.Run(fmt.Sprint(dim), func(b *testing.B) {
			const queries = 100
			vectors := indextest.Usual().Clustered(3, 10*largeMemos+queries, dim)
			_, ix := load(b, func(i, j int, c *memo.IndexedChunk) { c.Vector = vectors[10*i+j] })
			for name, in := range map[string]memo.Selection{"all": within(), "filtered": within(marked)} {
				b.Run(name, func(b *testing.B) {
					i := 0
					for b.Loop() {
						i++
						q := vectors[10*largeMemos+i%queries]
						if _, err := ix.Nearest(b.Context(), in, "m", q, 200, 2); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}

// BenchmarkVectors asks for the vectors of 400 hits.
func BenchmarkVectors(b *testing.B) {
	for _, dim := range []int{384, 1536} {
		b.Run(fmt.Sprint(dim), func(b *testing.B) {
			vectors := indextest.Usual().Clustered(3, 20_000, dim)
			ix := flat.New(vectored(vectors), &flat.Options{Model: "m"})
			hits, err := ix.Nearest(b.Context(), within(), "m", vectors[0], 400, 2)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := ix.Vectors(b.Context(), within(), "m", hits); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFilter searches with a filter that was not used before.
func BenchmarkFilter(b *testing.B) {
	vector := llm.Vector{1, 2, 3}
	_, ix := load(b, func(i, j int, c *memo.IndexedChunk) { c.Text, c.Vector = fmt.Sprint("heron ", i, " ", j), vector })
	i := 0
	for b.Loop() {
		i++
		f := memo.Filter{Type: memo.FilterScope, Field: "team", Operator: "neq", Values: []string{fmt.Sprint(i)}}
		if _, err := ix.Lexical(b.Context(), within(f), "heron", 200); err != nil {
			b.Fatal(err)
		}
	}
}
