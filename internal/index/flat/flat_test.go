package flat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/account"
	"kvasir/internal/index/flat"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// source is a store's change feed in memory: the last change of each memo.
type source struct {
	mu    sync.Mutex
	feeds map[account.ProjectID][]memo.Change
	pages int // that were pulled
}

func newSource() *source { return &source{feeds: map[account.ProjectID][]memo.Change{}} }

func (s *source) LatestChange(_ context.Context, p account.ProjectID) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.feeds[p]); n > 0 {
		return s.feeds[p][n-1].Seq, nil
	}
	return 0, nil
}

func (s *source) Changes(
	_ context.Context, p account.ProjectID, _ string, after int64, limit int,
) ([]memo.Change, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages++
	var out []memo.Change
	for _, c := range s.feeds[p] {
		if c.Seq > after && len(out) < limit {
			out = append(out, c)
		}
	}
	return out, nil
}

// put records a change, in place of the memo's last one.
func (s *source) put(p account.ProjectID, c memo.Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Seq = 1
	if n := len(s.feeds[p]); n > 0 {
		c.Seq = s.feeds[p][n-1].Seq + 1
	}
	s.feeds[p] = append(slices.DeleteFunc(s.feeds[p], func(old memo.Change) bool { return old.Memo == c.Memo }), c)
}

// memoOf is a memo whose chunks have these texts.
func memoOf(id string, texts ...string) memo.Change {
	c := memo.Change{Memo: memo.ID(id), Attributes: memo.Attributes{Title: "Title of " + id}}
	for i, text := range texts {
		c.Chunks = append(c.Chunks, memo.IndexedChunk{
			ID: memo.ChunkID(fmt.Sprint(id, "-", i)), Text: text, Vector: vector(text),
		})
	}
	return c
}

// vector points where the text's letters do.
func vector(text string) llm.Vector {
	v := make(llm.Vector, 26)
	for _, r := range strings.ToLower(text) {
		if 'a' <= r && r <= 'z' {
			v[r-'a']++
		}
	}
	return v
}

const project = account.ProjectID("p")

func within(filters ...memo.Filter) memo.Selection {
	return memo.Selection{Project: project, Filters: filters, Now: time.Now()}
}

func lexical(t *testing.T, ix *flat.Index, in memo.Selection, text string) []string {
	t.Helper()
	hits, err := ix.Lexical(t.Context(), in, text, 10)
	if err != nil {
		t.Fatal(err)
	}
	return chunks(t, hits)
}

func nearest(t *testing.T, ix *flat.Index, in memo.Selection, text string) []string {
	t.Helper()
	hits, err := ix.Nearest(t.Context(), in, "m", vector(text), 10, 1)
	if err != nil {
		t.Fatal(err)
	}
	return chunks(t, hits)
}

func chunks(t *testing.T, hits []memo.Hit) []string {
	t.Helper()
	var out []string
	for i, h := range hits {
		if i > 0 && h.Score > hits[i-1].Score {
			t.Errorf("hit %d has the score %v after %v", i, h.Score, hits[i-1].Score)
		}
		if !strings.HasPrefix(string(h.Chunk), string(h.Memo)+"-") {
			t.Errorf("chunk %s is said to be of memo %s", h.Chunk, h.Memo)
		}
		out = append(out, string(h.Chunk))
	}
	return out
}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: found %v, want %v", what, got, want)
	}
}

func TestAnIndexFollowsItsSource(t *testing.T) {
	t.Parallel()
	s := newSource()
	ix := flat.New(s, &flat.Options{Model: "m"})
	want(t, "an empty project", lexical(t, ix, within(), "heron"))
	s.put(project, memoOf("a", "The heron waits.", "A duck dives."))
	s.put(project, memoOf("b", "Herons and more herons."))
	want(t, "two memos", lexical(t, ix, within(), "heron"), "b-0", "a-0")
	want(t, "nearest", nearest(t, ix, within(), "a duck dives")[:1], "a-1")
	s.put(project, memoOf("b", "Ships."))
	want(t, "after an edit", lexical(t, ix, within(), "heron"), "a-0")
	want(t, "the new text", lexical(t, ix, within(), "ship"), "b-0")
	s.put(project, memo.Change{Memo: "a", Deleted: true})
	want(t, "after a delete", lexical(t, ix, within(), "heron duck"))
	want(t, "nearest after a delete", nearest(t, ix, within(), "a duck dives"), "b-0")
	pages := s.pages
	want(t, "nothing new", lexical(t, ix, within(), "ship"), "b-0")
	if s.pages != pages {
		t.Error("changes were pulled although there are none")
	}
}

func TestRareWordsCountMore(t *testing.T) {
	t.Parallel()
	s := newSource()
	for i := range 50 {
		s.put(project, memoOf(fmt.Sprintf("common-%02d", i), "The ordinary text about ordinary things."))
	}
	s.put(project, memoOf("rare", "A text about xylophones."))
	ix := flat.New(s, nil)
	want(t, "rare word", lexical(t, ix, within(), "ordinary xylophone")[:1], "rare-0")
}

func TestProjectsNeverMix(t *testing.T) {
	t.Parallel()
	s := newSource()
	ix := flat.New(s, &flat.Options{Model: "m"})
	s.put(project, memoOf("a", "The heron waits.", "A text without the bird."))
	alone, err := ix.Lexical(t.Context(), within(), "heron", 10)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		s.put("other", memoOf(fmt.Sprint("x", i), "heron heron heron"))
	}
	other := memo.Selection{Project: "other", Now: time.Now()}
	if got := lexical(t, ix, other, "heron"); len(got) != 10 || slices.Contains(got, "a-0") {
		t.Errorf("the other project found %v", got)
	}
	again, err := ix.Lexical(t.Context(), within(), "heron", 10)
	if err != nil || len(again) != 1 || again[0] != alone[0] {
		t.Errorf("another tenant's memos changed the hit from %v to %v, %v", alone, again, err)
	}
}

func TestFiltersExpiryAndArchive(t *testing.T) {
	t.Parallel()
	s := newSource()
	now := time.Now()
	for i := range 30 {
		c := memoOf(fmt.Sprintf("noise-%02d", i), "heron heron heron")
		c.Metadata = json.RawMessage(`{"kind": "noise"}`)
		s.put(project, c)
	}
	c := memoOf("wanted", "One heron among many other words of this text.")
	c.Metadata = json.RawMessage(`{"kind": "signal"}`)
	s.put(project, c)
	soon := memoOf("soon", "heron")
	soon.Expires = new(now.Add(time.Hour))
	s.put(project, soon)
	gone := memoOf("gone", "heron")
	gone.Archived = true
	s.put(project, gone)
	ix := flat.New(s, &flat.Options{Model: "m"})
	signal := memo.Filter{Type: memo.FilterMetadata, Field: "kind", Operator: "eq", Values: []string{"signal"}}
	want(t, "filtered", lexical(t, ix, within(signal), "heron"), "wanted-0")
	want(t, "filtered nearest", nearest(t, ix, within(signal), "heron"), "wanted-0")
	notNoise := memo.Filter{Type: memo.FilterMetadata, Field: "kind", Operator: "neq", Values: []string{"noise"}}
	want(t, "before the expiry", lexical(t, ix, within(notNoise), "heron"), "soon-0", "wanted-0")
	later := within(notNoise)
	later.Now = now.Add(time.Hour)
	want(t, "at the expiry", lexical(t, ix, later, "heron"), "wanted-0")
}

func TestVectorsOfOneModelOnly(t *testing.T) {
	t.Parallel()
	s := newSource()
	c := memoOf("a", "heron", "duck", "ship")
	c.Chunks[1].Vector = nil              // not embedded yet
	c.Chunks[2].Vector = llm.Vector{1, 2} // damaged
	s.put(project, c)
	ix := flat.New(s, &flat.Options{Model: "m"})
	want(t, "nearest", nearest(t, ix, within(), "heron"), "a-0")
	want(t, "by words", lexical(t, ix, within(), "duck ship"), "a-1", "a-2")
	if hits, err := ix.Nearest(t.Context(), within(), "another", vector("heron"), 10, 1); err != nil || len(hits) != 0 {
		t.Errorf("vectors of another model found %v, %v", hits, err)
	}
	if hits, err := ix.Nearest(t.Context(), within(), "m", llm.Vector{1}, 10, 1); err != nil || len(hits) != 0 {
		t.Errorf("a vector of another length found %v, %v", hits, err)
	}
	s.put(project, memoOf("a", "heron", "duck", "ship"))
	if got := nearest(t, ix, within(), "duck"); got[0] != "a-1" || len(got) != 3 {
		t.Errorf("after the vectors came: %v", got)
	}
}

func TestMaxDistance(t *testing.T) {
	t.Parallel()
	s := newSource()
	s.put(project, memoOf("a", "aaaa", "ab", "zzzz"))
	ix := flat.New(s, &flat.Options{Model: "m"})
	for distance, n := range map[float64]int{0.01: 1, 0.5: 2, 1: 3} {
		hits, err := ix.Nearest(t.Context(), within(), "m", vector("aa"), 10, distance)
		if err != nil || len(hits) != n {
			t.Errorf("within %v: %v, %v, want %d", distance, hits, err, n)
		}
	}
}

func TestTitles(t *testing.T) {
	t.Parallel()
	s := newSource()
	for i, title := range []string{"Heron facts", "On HERONS", "Ships", "heron without chunks"} {
		c := memoOf(fmt.Sprint("memo", i), "text")
		if c.Title = title; i == 3 {
			c.Chunks = nil
		}
		s.put(project, c)
	}
	ix := flat.New(s, nil)
	find := func(text string, prefix bool, limit int) []string {
		hits, err := ix.Titles(t.Context(), within(), text, prefix, limit)
		if err != nil {
			t.Fatal(err)
		}
		return chunks(t, hits)
	}
	want(t, "contains", find("heron", false, 10), "memo1-0", "memo0-0")
	want(t, "begins with", find("HERON", true, 10), "memo0-0")
	want(t, "cut", find("heron", false, 1), "memo1-0")
}

func TestQueriesAreReadInTheProjectsLanguages(t *testing.T) {
	t.Parallel()
	s := newSource()
	for i := range 5 {
		s.put(project, memoOf(fmt.Sprint("en", i), "The growing of cells is what this is about, and it was done."))
		s.put(project, memoOf(fmt.Sprint("de", i), "Die Häuser und die Gärten sind nicht so groß wie das Schloss."))
	}
	ix := flat.New(s, nil)
	if got := lexical(t, ix, within(), "haus"); len(got) != 5 || got[0] != "de0-0" {
		t.Errorf("a German word found %v", got)
	}
	if got := lexical(t, ix, within(), "grows"); len(got) != 5 || got[0] != "en0-0" {
		t.Errorf("an English word found %v", got)
	}
}

func TestPartsAreDroppedAndBuiltAgain(t *testing.T) {
	t.Parallel()
	s := newSource()
	for p := range 4 {
		for i := range 20 {
			s.put(account.ProjectID(fmt.Sprint("p", p)), memoOf(fmt.Sprint("a", i), strings.Repeat("heron duck ship ", 20)))
		}
	}
	ix := flat.New(s, &flat.Options{Model: "m", Bytes: 1})
	for range 3 {
		for p := range 4 {
			in := memo.Selection{Project: account.ProjectID(fmt.Sprint("p", p)), Now: time.Now()}
			if got := lexical(t, ix, in, "heron"); len(got) != 10 {
				t.Fatalf("project %d found %v", p, got)
			}
		}
	}
	if s.pages < 12 {
		t.Errorf("%d pages were pulled: nothing was dropped", s.pages)
	}
}

func TestSearchesAndChangesTogether(t *testing.T) {
	t.Parallel()
	s := newSource()
	ix := flat.New(s, &flat.Options{Model: "m"})
	var g errgroup.Group
	for w := range 4 {
		g.Go(func() error {
			for i := range 200 {
				s.put(project, memoOf(fmt.Sprint("memo", w, "-", i%20), fmt.Sprintf("heron needle%dx%d", w, i)))
				hits, err := ix.Lexical(t.Context(), within(), fmt.Sprintf("needle%dx%d", w, i), 5)
				if err != nil || len(hits) != 1 {
					return fmt.Errorf("own change is not found: %v, %v", hits, err)
				}
				if _, err := ix.Nearest(t.Context(), within(), "m", vector("heron"), 5, 1); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
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
	s := newSource()
	for i := 0; i < n; i += 100 {
		c := memo.Change{Memo: memo.ID(fmt.Sprint("m", i))}
		for j := range 100 {
			c.Chunks = append(c.Chunks, memo.IndexedChunk{
				ID: memo.ChunkID(fmt.Sprint("m", i, "-", i+j)), Vector: vectors[i+j],
			})
		}
		s.put(project, c)
	}
	ix := flat.New(s, &flat.Options{Model: "m"})
	found, wanted := 0, 0
	for _, q := range clustered(rand.New(rand.NewPCG(1, 2)), 30, dim) {
		hits, err := ix.Nearest(t.Context(), within(), "m", q, 10, 2)
		if err != nil {
			t.Fatal(err)
		}
		got := chunks(t, hits)
		for _, i := range exact(vectors, q)[:10] {
			wanted++
			if slices.Contains(got, fmt.Sprint("m", i/100*100, "-", i)) {
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

// large is a project of 100,000 chunks of 180 words as frequent as a language's.
func large(b *testing.B, dim int) *flat.Index {
	b.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	words := rand.NewZipf(r, 1.1, 2, 100_000)
	var vectors []llm.Vector
	if dim > 0 {
		vectors = clustered(r, 100_000, dim)
	}
	s := newSource()
	feed := make([]memo.Change, 10_000)
	for i := range feed {
		feed[i] = memo.Change{Seq: int64(i + 1), Memo: memo.ID(fmt.Sprint("m", i))}
		for j := range 10 {
			var text strings.Builder
			for range 180 {
				fmt.Fprintf(&text, "w%dx ", words.Uint64())
			}
			ic := memo.IndexedChunk{ID: memo.ChunkID(fmt.Sprint("m", i, "-", j)), Text: text.String()}
			if dim > 0 {
				ic.Text, ic.Vector = "", vectors[10*i+j]
			}
			feed[i].Chunks = append(feed[i].Chunks, ic)
		}
	}
	s.feeds[project] = feed
	ix := flat.New(s, &flat.Options{Model: "m", Bytes: 4 << 30})
	began := time.Now()
	if _, err := ix.Lexical(b.Context(), within(), "w1x", 1); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(time.Since(began).Seconds(), "load-s")
	return ix
}

// BenchmarkLexical searches 100,000 chunks for ten words.
func BenchmarkLexical(b *testing.B) {
	ix := large(b, 0)
	r := rand.New(rand.NewPCG(5, 6))
	words := rand.NewZipf(r, 1.1, 2, 100_000)
	for b.Loop() {
		var query strings.Builder
		for range 10 {
			fmt.Fprintf(&query, "w%dx ", words.Uint64())
		}
		if _, err := ix.Lexical(b.Context(), within(), query.String(), 200); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNearest searches 100,000 vectors of 384 dimensions.
func BenchmarkNearest(b *testing.B) {
	ix := large(b, 384)
	queries := clustered(rand.New(rand.NewPCG(7, 8)), 100, 384)
	i := 0
	for b.Loop() {
		i++
		if _, err := ix.Nearest(b.Context(), within(), "m", queries[i%100], 200, 2); err != nil {
			b.Fatal(err)
		}
	}
}
