package test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/client"
	"kvasir/internal/provider/providertest"
	"kvasir/internal/testenv"
)

const (
	liveLength = 64 // of the vectors of the model that is live first
	nextLength = 48 // and of the other
)

// twoModels starts two providers, and returns the environments of a server that has
// the first model, and of one that has both. The other one is slower, and reads less:
// long passages are cut anew for it.
func twoModels(t *testing.T) (first, second *providertest.Server, one, both []string) {
	t.Helper()
	first, one = paced(t, providertest.Behaviour{})
	second, _ = paced(t, providertest.Behaviour{Embed: providertest.Manner{
		Pace: providertest.Pace{Latency: providertest.Duration(60 * time.Millisecond), Jitter: 0.5},
	}})
	one = append(one, "KVASIR_API_KEY="+key, "OPENAI_EMBEDDING_MODEL=text-embedding-3-small",
		fmt.Sprint("EMBEDDING_VECTOR_DIMENSION=", liveLength))
	both = append(one, "NEXT_EMBEDDING_PROVIDER=openai", "NEXT_EMBEDDING_MODEL=short-reader",
		fmt.Sprint("NEXT_EMBEDDING_VECTOR_DIMENSION=", nextLength), "NEXT_EMBEDDING_BASE_URL="+second.BaseURL(),
		// Of what is built, one request of some fifty texts at once.
		"KVASIR_EMBED_CONCURRENCY=2", "KVASIR_EMBED_TPM=1500000")
	return first, second, one, both
}

// pond is the text of a memo of several passages.
func pond(i int) string {
	var b strings.Builder
	for j := range 120 {
		fmt.Fprintf(&b, "Sentence %d of pond%dx tells of ducks, reeds and the seeds that grow around it. ", j, i)
	}
	return b.String()
}

// ponds adds memos by their reference ids, in parallel.
func ponds(t *testing.T, c *client.Client, from, to int) {
	t.Helper()
	var g errgroup.Group
	g.SetLimit(8)
	for i := from; i < to; i++ {
		g.Go(func() error {
			_, err := c.UpsertMemo(t.Context(), client.NewMemo{
				Title: fmt.Sprint("Pond ", i), Content: pond(i),
				MemoOptions: client.MemoOptions{ReferenceID: fmt.Sprint("pond-", i)},
			})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

// finds wants the pond to be found first, or not.
func finds(ctx context.Context, c *client.Client, i int, want bool) error {
	hits, err := c.Search(ctx, client.SearchRequest{Query: fmt.Sprintf("pond%dx", i), Limit: 5})
	if err != nil {
		return err
	}
	found := len(hits) > 0 && strings.Contains(hits[0].Content, fmt.Sprintf("pond%dx", i))
	if found != want {
		return fmt.Errorf("pond %d is found: %v, among %d passages", i, found, len(hits))
	}
	return nil
}

// A searching asks all the time, and fails the test if a search fails or finds
// nothing.
type searching struct {
	asked atomic.Int64
	stop  context.CancelFunc
	group errgroup.Group
}

// searchFrom asks for ponds from one number to another.
func searchFrom(t *testing.T, c *client.Client, from, to int) *searching {
	ctx, stop := context.WithCancel(t.Context())
	s := &searching{stop: stop}
	for w := range 3 {
		s.group.Go(func() error {
			for i := w; ctx.Err() == nil; i++ {
				if err := finds(ctx, c, from+i%(to-from), true); err != nil && ctx.Err() == nil {
					return err
				}
				s.asked.Add(1)
			}
			return nil
		})
	}
	return s
}

// writing adds ponds from a number on, until the function that it returns is called.
// That tells the number after the last.
func writing(t *testing.T, c *client.Client, from int) (stop func() int) {
	ctx, cancel := context.WithCancel(t.Context())
	next := from
	var g errgroup.Group
	g.Go(func() error {
		for ; ctx.Err() == nil; next++ {
			_, err := c.UpsertMemo(t.Context(), client.NewMemo{
				Title: fmt.Sprint("Pond ", next), Content: pond(next),
				MemoOptions: client.MemoOptions{ReferenceID: fmt.Sprint("pond-", next)},
			})
			if err != nil {
				return err
			}
			pause := time.NewTimer(50 * time.Millisecond)
			<-pause.C
		}
		return nil
	})
	return func() int {
		cancel()
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
		return next
	}
}

// end waits for the last search.
func (s *searching) end(t *testing.T) {
	t.Helper()
	s.stop()
	if err := s.group.Wait(); err != nil {
		t.Error(err)
	}
	t.Logf("%d searches", s.asked.Load())
}

// length wants the live version's vectors to be that long.
func (s *server) length(t *testing.T, want int) {
	t.Helper()
	h, err := s.Health(t.Context())
	if err != nil || h.Providers.Embeddings.Dimensions != want || h.Providers.Embeddings.MissingVectors != 0 {
		t.Errorf("embeddings are %+v, %v; want %d dimensions, none missing", h.Providers.Embeddings, err, want)
	}
}

// TestReindex changes the embedding model, and with it how texts are cut, of a server
// that is written to and searched: it builds another index, is killed meanwhile, goes
// on, is compared, flips, goes back, and flips for good.
func TestReindex(t *testing.T) {
	t.Parallel()
	first, second, one, both := twoModels(t)
	data := t.TempDir()
	s := serveFolder(t, data, one...)
	if _, err := s.SetProcessing(t.Context(), client.Processing{ChunkWords: 600}); err != nil {
		t.Fatal(err)
	}
	const memos = 34
	ponds(t, s.Client, 0, memos)
	processed(t, s)
	s.length(t, liveLength)
	s.stop(t)

	s = serveFolder(t, data, both...)
	environment := append(both, "KVASIR_URL="+s.url)
	if said, err := run(t, environment, "reindex", "flip"); err == nil || !strings.Contains(said, "no next version") {
		t.Errorf("a flip to nothing: %q, %v", said, err)
	}
	quick := second.Behaviour()
	second.Behave(providertest.Behaviour{Embed: providertest.Manner{
		Pace: providertest.Pace{Latency: providertest.Duration(5 * time.Second)}, // a command takes a second on a busy machine
	}})
	said, err := run(t, environment, "reindex", "--detach")
	if err != nil || !strings.Contains(said, "Version 2 is being built") {
		t.Fatalf("%q, %v", said, err)
	}
	if said, err := run(t, environment, "reindex", "flip"); err == nil || !strings.Contains(said, "not complete") {
		t.Errorf("a flip too early: %q, %v", said, err)
	}
	second.Behave(quick)
	// Memos come, change and go meanwhile.
	ponds(t, s.Client, memos, memos+5)
	for i := range 5 {
		ref := client.ByReference(fmt.Sprint("pond-", i))
		content := pond(1000 + i)
		if err := s.UpdateMemo(t.Context(), ref, client.MemoPatch{Content: &content}); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteMemo(t.Context(), client.ByReference(fmt.Sprint("pond-", 5+i))); err != nil {
			t.Fatal(err)
		}
	}
	built(t, s, 25)
	onTheWay := s.killAt(t, second, 0)

	s = serveFolder(t, data, both...)
	environment = append(both, "KVASIR_URL="+s.url)
	if said, err = run(t, environment, "reindex"); err != nil || !strings.Contains(said, "Version 2 is complete") {
		t.Fatalf("%q, %v\n%s", said, err, &s.log)
	}
	processed(t, s)
	totals := second.Totals(providertest.Embed)
	t.Logf("%d texts, %d of them bought again, %d were on their way at the kill",
		totals.Texts, totals.Duplicates, onTheWay)
	const slice = 64 // texts that are stored together, a moment after they are answered
	if totals.Duplicates > onTheWay+slice {
		t.Errorf("%d texts were bought again, %d were on their way at the kill", totals.Duplicates, onTheWay)
	}
	if again := first.Totals(providertest.Embed).Duplicates; again != 0 {
		t.Errorf("%d texts were bought again for the live index", again)
	}
	compare(t, environment)

	before := chunksOf(t, s, 20)
	queries := searchFrom(t, s.Client, 10, memos)
	eventually(t, "searches are under way", func() bool { return queries.asked.Load() > 15 })
	written := writing(t, s.Client, 2000)
	if said, err := run(t, environment, "reindex", "flip"); err != nil || !strings.Contains(said, "former") {
		t.Fatalf("%q, %v", said, err)
	}
	flipped := queries.asked.Load()
	eventually(t, "searches go on", func() bool { return queries.asked.Load() > flipped+15 })
	queries.end(t)
	last := written()
	processed(t, s)
	for i := 2000; i < last; i++ {
		if err := finds(t.Context(), s.Client, i, true); err != nil {
			t.Error(err)
		}
	}
	s.length(t, nextLength)
	if after := chunksOf(t, s, 20); after <= before {
		t.Errorf("a memo has %d passages now, and had %d: it is not cut for the other model", after, before)
	}
	asked := first.Totals(providertest.Embed).Requests
	for i := range 5 {
		for pond, want := range map[int]bool{1000 + i: true, i: false, 5 + i: false, memos + i: true} {
			if err := finds(t.Context(), s.Client, pond, want); err != nil {
				t.Error(err)
			}
		}
	}
	if n := first.Totals(providertest.Embed).Requests; n != asked {
		t.Errorf("the former model was asked %d queries", n-asked)
	}
	goBack(t, s, environment, memos)
}

// built waits until so many passages of the next version have their vectors.
func built(t *testing.T, s *server, passages int) {
	t.Helper()
	eventually(t, "a part is built", func() bool {
		status, err := s.Reindexing(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		next := status.Version(client.IndexNext)
		return next != nil && next.Passages-next.Lacking >= passages
	})
}

func chunksOf(t *testing.T, s *server, pond int) int {
	t.Helper()
	m, err := s.GetMemo(t.Context(), client.ByReference(fmt.Sprint("pond-", pond)))
	if err != nil {
		t.Fatal(err)
	}
	return len(m.Chunks)
}

// compare measures both versions on a collection of some of the memos.
func compare(t *testing.T, environment []string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ponds")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var corpus, queries, qrels strings.Builder
	qrels.WriteString("query-id\tcorpus-id\tscore\n")
	for i := 20; i < 26; i++ {
		fmt.Fprintf(&corpus, `{"id":"pond-%d","title":"Pond %d","text":"x"}`+"\n", i, i)
		fmt.Fprintf(&queries, `{"id":"q%d","text":"What lives at pond%dx?"}`+"\n", i, i)
		fmt.Fprintf(&qrels, "q%d\tpond-%d\t1\n", i, i)
	}
	for name, text := range map[string]string{
		"corpus.jsonl": corpus.String(), "queries.jsonl": queries.String(), "qrels.tsv": qrels.String(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	said, err := run(t, environment, "reindex", "compare", "--collection", dir)
	if err != nil {
		t.Fatalf("%q, %v", said, err)
	}
	for _, want := range []string{"version 1 (live", "version 2 (next", "ndcg@10", "mrr", "recall", "difference"} {
		if !strings.Contains(said, want) {
			t.Errorf("the comparison does not say %q:\n%s", want, said)
		}
	}
}

// goBack goes back to the former version after memos came and went, flips again, and
// gives the former one up.
func goBack(t *testing.T, s *server, environment []string, memos int) {
	t.Helper()
	ponds(t, s.Client, memos+5, memos+8)
	if err := s.DeleteMemo(t.Context(), client.ByReference("pond-30")); err != nil {
		t.Fatal(err)
	}
	processed(t, s)
	for _, step := range []struct {
		action string
		length int
	}{{"rollback", liveLength}, {"flip", nextLength}} {
		if said, err := run(t, environment, "reindex", step.action); err != nil {
			t.Fatalf("%s: %q, %v", step.action, said, err)
		}
		s.length(t, step.length)
		for pond, want := range map[int]bool{memos + 5: true, memos + 7: true, 30: false, 31: true} {
			if err := finds(t.Context(), s.Client, pond, want); err != nil {
				t.Errorf("after %s: %v", step.action, err)
			}
		}
	}
	if said, err := run(t, environment, "reindex", "drop"); err != nil {
		t.Fatalf("%q, %v", said, err)
	}
	said, err := run(t, environment, "reindex", "status", "--json")
	var status client.Reindexing
	if err == nil {
		err = json.Unmarshal([]byte(said), &status)
	}
	if err != nil || len(status.Versions) != 1 || !status.Versions[0].Complete || status.Versions[0].Lacking != 0 {
		t.Errorf("in the end there is %q, %v", said, err)
	}
	if err := finds(t.Context(), s.Client, 40, true); err != nil {
		t.Error(err)
	}
}

// TestReindexOnTwoNodes builds on two nodes, of which the one that does it is killed,
// and flips by the other: both notice.
func TestReindexOnTwoNodes(t *testing.T) {
	t.Parallel()
	_, second, _, both := twoModels(t)
	both = append(both, "DATABASE_URL="+testenv.Postgres(t).Database(t))
	a := serve(t, both...)
	const memos = 20
	ponds(t, a.Client, 0, memos)
	processed(t, a)
	if _, err := a.Reindex(t.Context(), client.ReindexStart); err != nil {
		t.Fatal(err)
	}
	b := serve(t, both...)
	built(t, b, 10)
	onTheWay := a.killAt(t, second, 0) // it was alone when the build began, so it is the one
	c := serve(t, both...)
	eventually(t, "the other node has built all", func() bool {
		status, err := b.Reindexing(t.Context())
		return err == nil && status.Version(client.IndexNext).Complete
	})
	if again := second.Totals(providertest.Embed).Duplicates; again > onTheWay {
		t.Errorf("%d texts were bought again, %d were on their way at the kill", again, onTheWay)
	}
	queries := searchFrom(t, c.Client, 0, memos)
	eventually(t, "searches are under way", func() bool { return queries.asked.Load() > 10 })
	if _, err := b.Reindex(t.Context(), client.ReindexFlip); err != nil {
		t.Fatal(err)
	}
	b.length(t, nextLength)
	began := time.Now()
	eventually(t, "the other node has noticed", func() bool {
		h, err := c.Health(t.Context())
		return err == nil && h.Providers.Embeddings.Dimensions == nextLength
	})
	t.Logf("noticed after %v", time.Since(began))
	queries.end(t)
}
