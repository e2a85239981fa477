package flat_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kvasir/internal/account"
	"kvasir/internal/index"
	"kvasir/internal/index/flat"
	"kvasir/internal/index/indextest"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

const project = account.ProjectID("p")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	t.Parallel()
	indextest.Run(t, func(_ *testing.T, source index.Source, model string) indextest.Index {
		return flat.New(source, &flat.Options{Model: model})
	})
}

func within(filters ...memo.Filter) memo.Selection {
	return memo.Selection{Project: project, Filters: filters, Now: time.Now()}
}

func found(t *testing.T, ix *flat.Index, in memo.Selection, text string, limit int) []memo.Hit {
	t.Helper()
	hits, err := ix.Lexical(t.Context(), in, text, limit)
	if err != nil {
		t.Fatal(err)
	}
	return hits
}

func TestPartsAreDroppedAndBuiltAgain(t *testing.T) {
	t.Parallel()
	s := indextest.NewSource(nil)
	for p := range 4 {
		for i := range 20 {
			s.Put(account.ProjectID(fmt.Sprint("p", p)), indextest.Memo(fmt.Sprint("a", i), "heron duck ship"))
		}
	}
	search := func(ix *flat.Index) {
		for range 3 {
			for p := range 4 {
				in := memo.Selection{Project: account.ProjectID(fmt.Sprint("p", p)), Now: time.Now()}
				if got := found(t, ix, in, "heron", 100); len(got) != 20 {
					t.Fatalf("project %d found %v", p, got)
				}
			}
		}
	}
	search(flat.New(s, nil))
	roomy := s.Calls()
	search(flat.New(s, &flat.Options{Bytes: 1}))
	if tight := s.Calls() - roomy; tight != 3*roomy {
		t.Errorf("%d pages were pulled with room for all, %d with room for one: want three times as many", roomy, tight)
	}
}

// brittle fails to give changes a few times.
type brittle struct {
	*indextest.Source
	fail map[int]bool // by number of the call
	call int
}

var errBrittle = errors.New("disk is gone")

func (b *brittle) Changes(
	ctx context.Context, p account.ProjectID, model string, after int64, limit int,
) ([]memo.Change, error) {
	b.call++
	if b.fail[b.call] {
		return nil, errBrittle
	}
	return b.Source.Changes(ctx, p, model, after, limit)
}

func TestWhatWasReadBeforeAnErrorIsKept(t *testing.T) {
	t.Parallel()
	s := &brittle{Source: indextest.NewSource(nil), fail: map[int]bool{1: true, 4: true}}
	for i := range 500 {
		s.Put(project, indextest.Memo(fmt.Sprint("m", i), "heron"))
	}
	ix := flat.New(s, nil)
	for range 2 {
		if hits, err := ix.Lexical(t.Context(), within(), "heron", 10); !errors.Is(err, errBrittle) {
			t.Errorf("the source fails, but the search gives %v, %v", hits, err)
		}
	}
	before := s.Calls()
	if got := found(t, ix, within(), "heron", 1000); len(got) != 500 {
		t.Errorf("after the errors %d of 500 are found", len(got))
	}
	rest := s.Calls() - before
	found(t, flat.New(s, nil), within(), "heron", 1)
	if all := s.Calls() - before - rest; rest >= all {
		t.Errorf("%d pages were pulled after an error, and %d at once", rest, all)
	}
}

// TestManyDocuments fills several segments, replaces most of them, and finds each
// document as often as it should.
func TestManyDocuments(t *testing.T) {
	t.Parallel()
	s := indextest.NewSource(nil)
	make1000 := func(i, chunks int, word string) []memo.Change {
		var out []memo.Change
		for j := range 1000 {
			var texts []string
			for k := range chunks {
				texts = append(texts, fmt.Sprintf("%s all%d", word, k))
			}
			out = append(out, indextest.Memo(fmt.Sprintf("m%d", 1000*i+j), texts...))
		}
		return out
	}
	for i := range 10 {
		s.Put(project, make1000(i, 4, fmt.Sprintf("heron part%dx", i))...)
	}
	ix := flat.New(s, nil)
	count := func(text string, want int) {
		t.Helper()
		if got := found(t, ix, within(), text, 100_000); len(got) != want {
			t.Errorf("%q is in %d documents, want %d", text, len(got), want)
		}
	}
	count("heron", 40_000)
	count("part3x", 4000)
	count("all2", 10_000)
	for i := range 8 {
		s.Put(project, make1000(i, 1, "duck")...)
		count("heron", 40_000-4000*(i+1))
		count("duck", 1000*(i+1))
	}
	count("part9x", 4000)
	count("all0", 10_000)
	count("all3", 2000)
}

// clustered are unit-like vectors as embedding models make them: around topics.
func clustered(r *rand.Rand, n, dim int) []llm.Vector {
	topics := make([]llm.Vector, 100)
	for i := range topics {
		topics[i] = make(llm.Vector, dim)
		for j := range topics[i] {
			topics[i][j] = float32(r.NormFloat64() / math.Sqrt(float64(j+10)))
		}
	}
	out := make([]llm.Vector, n)
	for i := range out {
		topic := topics[r.IntN(len(topics))]
		out[i] = make(llm.Vector, dim)
		for j := range out[i] {
			out[i][j] = topic[j] + 0.7*float32(r.NormFloat64()/math.Sqrt(float64(j+10)))
		}
	}
	return out
}

func TestTheScanFindsWhatAnExactSearchFinds(t *testing.T) {
	t.Parallel()
	const n, dim = 8000, 384
	r := rand.New(rand.NewPCG(1, 2))
	vectors := clustered(r, n, dim)
	s := indextest.NewSource(nil)
	for i := 0; i < n; i += 100 {
		c := memo.Change{Memo: memo.ID(fmt.Sprint("m", i))}
		for j := range 100 {
			c.Chunks = append(c.Chunks, memo.IndexedChunk{
				ID: memo.ChunkID(fmt.Sprint("m", i, "-", i+j)), Vector: vectors[i+j],
			})
		}
		s.Put(project, c)
	}
	ix := flat.New(s, &flat.Options{Model: "m"})
	found, wanted := 0, 0
	for _, q := range clustered(rand.New(rand.NewPCG(1, 2)), 30, dim) {
		hits, err := ix.Nearest(t.Context(), within(), "m", q, 10, 2)
		if err != nil {
			t.Fatal(err)
		}
		got := map[memo.ChunkID]bool{}
		for _, h := range hits {
			got[h.Chunk] = true
		}
		for _, i := range exact(vectors, q)[:10] {
			wanted++
			if got[memo.ChunkID(fmt.Sprint("m", i/100*100, "-", i))] {
				found++
			}
		}
	}
	if recall := float64(found) / float64(wanted); recall < 0.99 {
		t.Errorf("recall@10 = %.3f, want at least 0.99", recall)
	}
}

// exact returns the numbers of the vectors, the nearest first.
func exact(vectors []llm.Vector, q llm.Vector) []int {
	score := make([]float64, len(vectors))
	order := make([]int, len(vectors))
	for i, v := range vectors {
		var dot, norm float64
		for j := range v {
			dot += float64(v[j]) * float64(q[j])
			norm += float64(v[j]) * float64(v[j])
		}
		score[i], order[i] = dot/math.Sqrt(norm), i
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
