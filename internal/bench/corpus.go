package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/account"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// What a made-up corpus is like. Words come as often as in a language; vectors lie
// around topics, not all directions have the same share in them, and all have one
// direction in common, as those of embedding models do.
const (
	corpusProject = account.ProjectID("bench")
	corpusModel   = "made up"
	chunksOfMemo  = 10
	vocabulary    = 100_000
	topics        = 1000
	scatter       = 0.7 // of a vector around its topic, of what topics are spread
	common        = 0.5 // what all vectors have in common, likewise
	neighbours    = 10  // as in recall@10
)

// A corpus is a project that is made up while it is read, and a source of an
// index. What it gives is the same each time. While it is read, it compares every
// vector with those of the questions, exactly.
type corpus struct {
	chunks, words int
	filter        float64 // share of the memos that are marked
	topics        []llm.Vector
	common        llm.Vector
	deviations    llm.Vector // of each number of a vector

	questions []*question
	added     atomic.Int64 // memos that came after the project was read
}

// A question is a query and what an exact search for it finds.
type question struct {
	text   string
	vector llm.Vector

	mu          sync.Mutex
	all, marked []neighbour // the nearest, nearest first
}

type neighbour struct {
	chunk  memo.ChunkID
	cosine float64
}

func newCorpus(o *IndexOptions) *corpus {
	r := rand.New(rand.NewPCG(1, 2))
	c := &corpus{chunks: o.Chunks, words: o.Words, filter: o.Filter, deviations: make(llm.Vector, o.Dimensions)}
	for i := range c.deviations {
		c.deviations[i] = float32(1 / math.Sqrt(float64(i+10)))
	}
	c.common = c.scattered(r, nil, common)
	for range topics {
		c.topics = append(c.topics, c.scattered(r, c.common, 1))
	}
	frequency := frequencies(r)
	for range o.Queries {
		q := &question{vector: c.vector(r)}
		var text strings.Builder
		for range 10 {
			fmt.Fprintf(&text, "w%dx ", frequency.Uint64())
		}
		q.text = text.String()
		c.questions = append(c.questions, q)
	}
	return c
}

func frequencies(r *rand.Rand) *rand.Zipf { return rand.NewZipf(r, 1.1, 2, vocabulary) }

// scattered returns a vector by chance around another one.
func (c *corpus) scattered(r *rand.Rand, around llm.Vector, by float32) llm.Vector {
	v := make(llm.Vector, len(c.deviations))
	for i, deviation := range c.deviations {
		v[i] = by * deviation * float32(r.NormFloat64())
		if around != nil {
			v[i] += around[i]
		}
	}
	return v
}

// vector returns a vector of length 1.
func (c *corpus) vector(r *rand.Rand) llm.Vector {
	v := c.scattered(r, c.topics[r.IntN(len(c.topics))], scatter)
	scale := float32(1 / math.Sqrt(product(v, v)))
	for i := range v {
		v[i] *= scale
	}
	return v
}

func product(a, b llm.Vector) float64 {
	var s [4]float32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s[0] += a[i] * b[i]
		s[1] += a[i+1] * b[i+1]
		s[2] += a[i+2] * b[i+2]
		s[3] += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s[0] += a[i] * b[i]
	}
	return float64(s[0]) + float64(s[1]) + float64(s[2]) + float64(s[3])
}

// last is the sequence number of the last memo of those that are there at first.
func (c *corpus) last() int64 { return int64(c.chunks+chunksOfMemo-1) / chunksOfMemo }

// LatestChange implements index.Source.
func (c *corpus) LatestChange(ctx context.Context, _ account.ProjectID) (int64, error) {
	return c.last() + c.added.Load(), ctx.Err()
}

// Changes implements index.Source.
func (c *corpus) Changes(
	ctx context.Context, _ account.ProjectID, _ string, after int64, limit int,
) ([]memo.Change, error) {
	out := make([]memo.Change, min(int64(limit), c.last()+c.added.Load()-after))
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			for i := next.Add(1) - 1; i < int64(len(out)); i = next.Add(1) - 1 {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				out[i] = c.memo(after + i + 1)
			}
			return nil
		})
	}
	return out, g.Wait()
}

// memo makes the memo of a sequence number.
func (c *corpus) memo(seq int64) memo.Change {
	r := rand.New(rand.NewPCG(3, uint64(seq)))
	m := memo.Change{Seq: seq, Memo: memo.ID(fmt.Sprintf("%036d", seq))}
	m.Title = fmt.Sprint("Memo ", seq)
	marked := r.Float64() < c.filter
	m.Metadata = json.RawMessage(fmt.Sprintf(`{"marked": %t}`, marked))
	frequency := frequencies(r)
	first := int(seq-1) * chunksOfMemo
	end := first + chunksOfMemo
	if seq == c.last() {
		end = c.chunks
	}
	for n := first; n < end; n++ {
		var text strings.Builder
		for range c.words {
			fmt.Fprintf(&text, "w%dx ", frequency.Uint64())
		}
		chunk := memo.IndexedChunk{ID: memo.ChunkID(fmt.Sprintf("%036d", n)), Text: text.String(), Vector: c.vector(r)}
		for _, q := range c.questions {
			q.compare(&chunk, marked)
		}
		m.Chunks = append(m.Chunks, chunk)
	}
	return m
}

// compare remembers a chunk if it is among the nearest.
func (q *question) compare(c *memo.IndexedChunk, marked bool) {
	n := neighbour{c.ID, product(q.vector, c.Vector)}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.all = inserted(q.all, n)
	if marked {
		q.marked = inserted(q.marked, n)
	}
}

func inserted(list []neighbour, n neighbour) []neighbour {
	if len(list) == neighbours {
		if n.cosine <= list[neighbours-1].cosine {
			return list
		}
		list = list[:neighbours-1]
	}
	at, _ := slices.BinarySearchFunc(list, n.cosine, func(a neighbour, cosine float64) int {
		if a.cosine > cosine {
			return -1
		}
		return 1
	})
	return slices.Insert(list, at, n)
}

// found returns how many of the nearest are among the first hits.
func found(nearest []neighbour, hits []memo.Hit) int {
	n := 0
	hits = hits[:min(len(hits), neighbours)]
	for _, want := range nearest {
		if slices.ContainsFunc(hits, func(h memo.Hit) bool { return h.Chunk == want.chunk }) {
			n++
		}
	}
	return n
}
