package sqlite_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"kvasir/internal/account"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/store"
	"kvasir/internal/store/sqlite"
)

func openBench(b *testing.B) (*store.Store, account.ProjectID) {
	b.Helper()
	s, err := sqlite.Open(b.Context(), b.TempDir(), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	key, err := s.EnsureProject(b.Context(), account.Key{}, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	caller, err := s.FindKey(b.Context(), key.Hash())
	if err != nil {
		b.Fatal(err)
	}
	return s, caller.Project
}

func benchID() memo.ID { return memo.ID(uuid.Must(uuid.NewV7()).String()) }

// create stores n memos from 32 callers at once and calls timed for each.
func create(b *testing.B, s *store.Store, p account.ProjectID, n int, content string, timed func(time.Duration)) {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for next.Add(1) <= int64(n) {
				began := time.Now()
				d := memo.Draft{Attributes: memo.Attributes{Title: "A title"}, Content: content}
				if err := s.CreateMemo(b.Context(), p, benchID(), d, time.Now()); err != nil {
					b.Error(err)
					return
				}
				timed(time.Since(began))
			}
		})
	}
	wg.Wait()
}

func BenchmarkCreateMemo(b *testing.B) {
	s, p := openBench(b)
	content := strings.Repeat("Eight KB. ", 819)
	var mu sync.Mutex
	var took []time.Duration
	b.ResetTimer()
	create(b, s, p, b.N, content, func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		took = append(took, d)
	})
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "memos/s")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

func BenchmarkClaimOf100kPending(b *testing.B) {
	s, p := openBench(b)
	create(b, s, p, 100_000, "short", func(time.Duration) {})
	for b.Loop() {
		work, err := s.Claim(b.Context(), "worker", 32, 1<<30, time.Now())
		if err != nil || len(work) != 32 {
			b.Fatalf("Claim = %d memos, %v, want 32", len(work), err)
		}
		b.StopTimer()
		if err := s.Release(b.Context(), "worker"); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkCountsOf100kPending(b *testing.B) {
	s, p := openBench(b)
	create(b, s, p, 100_000, "short", func(time.Duration) {})
	for b.Loop() {
		if c, err := s.Counts(b.Context()); c.Pending != 100_000 || err != nil {
			b.Fatalf("Counts = %+v, %v", c, err)
		}
	}
}

func BenchmarkUnfinishedOf100kPending(b *testing.B) {
	s, p := openBench(b)
	create(b, s, p, 100_000, "short", func(time.Duration) {})
	if _, err := s.Claim(b.Context(), "worker", 100, 1<<30, time.Now()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if list, err := s.Unfinished(b.Context(), p, 50); len(list) != 50 || err != nil {
			b.Fatalf("Unfinished = %d, %v", len(list), err)
		}
	}
}

func BenchmarkListOf100kMemos(b *testing.B) {
	s, p := openBench(b)
	create(b, s, p, 100_000, "short", func(time.Duration) {})
	for b.Loop() {
		page, total, err := s.ListMemos(b.Context(), p, 0, 20)
		if err != nil || len(page) != 20 || total != 100_000 {
			b.Fatalf("ListMemos = %d of %d, %v", len(page), total, err)
		}
	}
}

// benchChunked makes n memos of 8 KB, each with 8 chunks and their vectors, and
// returns the ids of all chunks.
func benchChunked(b *testing.B, s *store.Store, p account.ProjectID, n int) []memo.ChunkID {
	b.Helper()
	content := strings.Repeat("Eight KB. ", 819)
	create(b, s, p, n, content, func(time.Duration) {})
	var ids []memo.ChunkID
	for {
		work, err := s.Claim(b.Context(), "worker", 256, 1<<30, time.Now())
		if err != nil {
			b.Fatal(err)
		}
		if len(work) == 0 {
			return ids
		}
		for _, w := range work {
			ids = append(ids, benchFinish(b, s, w)...)
		}
	}
}

func benchFinish(b *testing.B, s *store.Store, w memo.Work) (ids []memo.ChunkID) {
	b.Helper()
	var chunks []memo.Chunk
	var vectors []memo.ChunkVector
	for i := range 8 {
		c := memo.Chunk{
			ID: memo.ChunkID(benchID()), Index: i, Start: i * 1000, End: (i + 1) * 1000,
			Headings: []string{"Chapter", fmt.Sprint("Section ", i)},
		}
		chunks, ids = append(chunks, c), append(ids, c.ID)
		vectors = append(vectors, memo.ChunkVector{Chunk: c.ID, Vector: make(llm.Vector, 384)})
	}
	if err := s.SaveChunks(b.Context(), w, chunks, memo.StageEmbedding, time.Now()); err != nil {
		b.Fatal(err)
	}
	if err := s.SaveVectors(b.Context(), "m", vectors); err != nil {
		b.Fatal(err)
	}
	if _, err := s.Finish(b.Context(), w, time.Now()); err != nil {
		b.Fatal(err)
	}
	return ids
}

func BenchmarkReadProcessed(b *testing.B) {
	const memos = 2_000
	s, p := openBench(b)
	ids := benchChunked(b, s, p, memos)
	b.Run("Changes", func(b *testing.B) {
		for b.Loop() {
			n, after := 0, int64(0)
			for {
				changes, err := s.Changes(b.Context(), p, "m", after, 256)
				if err != nil {
					b.Fatal(err)
				}
				for _, c := range changes {
					n, after = n+len(c.Chunks), c.Seq
				}
				if len(changes) < 256 {
					break
				}
			}
			if n != len(ids) {
				b.Fatalf("%d chunks, want %d", n, len(ids))
			}
		}
		b.ReportMetric(float64(b.N*len(ids))/b.Elapsed().Seconds(), "chunks/s")
	})
	b.Run("LatestChange", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.LatestChange(b.Context(), p); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Passages of 50", func(b *testing.B) {
		var wanted []memo.ChunkID
		for i := range 50 {
			wanted = append(wanted, ids[i*len(ids)/50])
		}
		for b.Loop() {
			found, err := s.Passages(b.Context(), p, wanted)
			if err != nil || len(found) != 50 {
				b.Fatalf("Passages = %d, %v", len(found), err)
			}
		}
	})
	b.Run("CountMissingVectors of none", func(b *testing.B) {
		for b.Loop() {
			if n, err := s.CountMissingVectors(b.Context(), memo.IndexVersion{Model: "m", Cut: 1}); n != 0 || err != nil {
				b.Fatalf("CountMissingVectors = %d, %v", n, err)
			}
		}
	})
	b.Run("CountMissingVectors of all", func(b *testing.B) {
		for b.Loop() {
			if n, err := s.CountMissingVectors(b.Context(), memo.IndexVersion{Model: "other", Cut: 1}); n != len(ids) || err != nil {
				b.Fatalf("CountMissingVectors = %d, %v", n, err)
			}
		}
	})
	b.Run("Counts", func(b *testing.B) {
		for b.Loop() {
			if c, err := s.Counts(b.Context()); c.Pending > memos || err != nil {
				b.Fatalf("Counts = %+v, %v", c, err)
			}
		}
	})
}

// The passages that a search finds are of many books, of a megabyte each.
func BenchmarkPassagesOfBooks(b *testing.B) {
	const books, length = 20, 1 << 20
	s, p := openBench(b)
	create(b, s, p, books, strings.Repeat("A megabyte. ", length/12), func(time.Duration) {})
	work, err := s.Claim(b.Context(), "worker", books, 1<<30, time.Now())
	if err != nil || len(work) != books {
		b.Fatalf("Claim = %d memos, %v", len(work), err)
	}
	var wanted []memo.ChunkID
	for _, w := range work {
		var chunks []memo.Chunk
		for start := 0; start < len(*w.Content); start += 1000 {
			chunks = append(chunks, memo.Chunk{
				ID: memo.ChunkID(benchID()), Index: len(chunks), Start: start, End: min(start+1000, len(*w.Content)),
			})
		}
		if err := s.SaveChunks(b.Context(), w, chunks, memo.StageEmbedding, time.Now()); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Finish(b.Context(), w, time.Now()); err != nil {
			b.Fatal(err)
		}
		wanted = append(wanted, chunks[100].ID, chunks[700].ID)
	}
	b.Run("Passages of 40", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			found, err := s.Passages(b.Context(), p, wanted)
			if err != nil || len(found) != len(wanted) {
				b.Fatalf("Passages = %d, %v", len(found), err)
			}
		}
	})
	b.Run("Neighbours of 8", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			found, err := s.Neighbours(b.Context(), p, wanted[:8], 1)
			if err != nil || len(found) != 24 {
				b.Fatalf("Neighbours = %d, %v", len(found), err)
			}
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		s, err := sqlite.Open(b.Context(), dir, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
