package dispatch_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"kvasir/internal/dispatch"
	"kvasir/internal/llm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// embedder answers after a while with vectors of a text's length. Its script
// decides about each request by number, from 0.
type embedder struct {
	takes  time.Duration
	items  int // MaxItems
	tokens int // MaxBatchTokens
	script func(n int, texts []string) error

	mu       sync.Mutex
	requests [][]string
	inFlight int
	most     int
	canceled int
	mixed    int // requests with a text that is of another input, by its first word
}

func (e *embedder) Spec() llm.EmbedSpec {
	return llm.EmbedSpec{
		Model: "test", MaxTokens: 1000, MaxItems: max(e.items, 4), MaxBatchTokens: cmp.Or(e.tokens, 1<<30),
	}
}

func (e *embedder) Embed(ctx context.Context, req llm.EmbedRequest) (llm.EmbedResponse, error) {
	e.mu.Lock()
	n := len(e.requests)
	e.requests = append(e.requests, req.Texts)
	e.inFlight++
	for _, text := range req.Texts {
		word, _, _ := strings.Cut(text, " ")
		if other := llm.Input(word); other != req.Input && (other == llm.InputDocument || other == llm.InputQuery) {
			e.mixed++
			break
		}
	}
	e.most = max(e.most, e.inFlight)
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		e.inFlight--
		e.mu.Unlock()
	}()
	select {
	case <-time.After(e.takes):
	case <-ctx.Done():
		e.mu.Lock()
		e.canceled++
		e.mu.Unlock()
		return llm.EmbedResponse{}, ctx.Err()
	}
	e.mu.Lock()
	script := e.script
	e.mu.Unlock()
	if script != nil {
		if err := script(n, req.Texts); err != nil {
			return llm.EmbedResponse{}, err
		}
	}
	out := make([]llm.Vector, len(req.Texts))
	for i, text := range req.Texts {
		out[i] = llm.Vector{float32(len(text)), 1}
	}
	return llm.EmbedResponse{Vectors: out}, nil
}

// set changes the script.
func (e *embedder) set(script func(n int, texts []string) error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.script = script
}

func (e *embedder) sent() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.requests)
}

// start runs a scheduler until the test's bubble ends it.
func start(t *testing.T, cfg dispatch.Config) (*dispatch.Scheduler, func()) {
	t.Helper()
	s := dispatch.New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	var g errgroup.Group
	g.Go(func() error { return s.Run(ctx) })
	return s, sync.OnceFunc(func() {
		cancel()
		if err := g.Wait(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

var (
	ingest = llm.Call{Tenant: "p", Priority: llm.PriorityIngest}
	query  = llm.Call{Tenant: "p", Priority: llm.PriorityQuery}
)

// embedIn is one lane to an embedder; concurrency 0 is the default.
func embedIn(concurrency int, e llm.Embedder) []dispatch.EmbedLane {
	return []dispatch.EmbedLane{{
		Lane:     dispatch.Lane{Provider: "test", Model: "e", Limits: dispatch.Limits{Concurrency: concurrency}},
		Embedder: e,
	}}
}

func writeBy(pool string, g llm.Generator) dispatch.GenerateLane {
	return dispatch.GenerateLane{Lane: dispatch.Lane{Provider: pool, Model: g.Model()}, Pool: pool, Generator: g}
}

func texts(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s %d", prefix, i)
	}
	return out
}

// speaker is an embedder that knows its tokens and words.
type speaker struct{ embedder }

func (*speaker) CountTokens(text string) int { return len(text) }

func (*speaker) Coverage(string) llm.Coverage { return llm.Coverage{TokensPerWord: 1.5} }

func TestWhatTheEmbedderKnowsIsPassedOn(t *testing.T) {
	t.Parallel()
	s := dispatch.New(dispatch.Config{})
	if _, ok := s.EmbedSpec(); ok || s.CountTokens("12345678") != llm.EstimateTokens("12345678") {
		t.Error("a scheduler without embedder knows a model")
	}
	s = dispatch.New(dispatch.Config{Embed: embedIn(0, &speaker{}), Dimensions: 384})
	if spec, ok := s.EmbedSpec(); !ok || spec.Dimensions != 384 || spec.Model != "test" {
		t.Errorf("EmbedSpec() = %+v, want the model and the dimension from the store", spec)
	}
	if n := s.CountTokens("12345678"); n != 8 {
		t.Errorf("CountTokens = %d, want the tokenizer's 8", n)
	}
	e := s.Embedders()[0]
	if c, ok := e.Coverage("x"); !ok || c.TokensPerWord != 1.5 || e.Tokenizer() != "test" {
		t.Errorf("Coverage = %+v, want the model's, and its tokenizer, not %s", c, e.Tokenizer())
	}
}

func TestAnotherModelHasALineOfItsOwn(t *testing.T) {
	t.Parallel()
	first, second := &embedder{}, &embedder{}
	s, stop := start(t, dispatch.Config{Embed: embedIn(0, first), Next: embedIn(0, second), NextDimensions: 2})
	defer stop()
	all := s.Embedders()
	if len(all) != 2 || all[1].Spec().Dimensions != 2 || all[1].Tokenizer() != "estimate" {
		t.Fatalf("there are %d models", len(all))
	}
	call := llm.Call{Tenant: "p", Memo: "m", Priority: llm.PriorityReindex}
	if _, err := all[1].Embed(t.Context(), call, llm.InputDocument, texts("x", 3)); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range s.Snapshot() {
		names = append(names, p.Name)
	}
	if !slices.Equal(names, []string{"", "next"}) {
		t.Errorf("the lines are %q", names)
	}
	if _, ok := s.Embedders()[0].Coverage("x"); ok {
		t.Error("an embedder without a vocabulary tells how it covers")
	}
}

func TestSnapshotNamesEveryLane(t *testing.T) {
	t.Parallel()
	limited := writeBy("b", &teller{})
	limited.Limits = dispatch.Limits{RequestsPerMinute: 60, Concurrency: 3}
	s := dispatch.New(dispatch.Config{
		Embed:    embedIn(2, &embedder{}),
		Generate: []dispatch.GenerateLane{writeBy("a", &teller{}), limited, writeBy("a", &teller{})},
		Rerank:   rerankBy(scorer(1)),
	})
	var got []string
	for _, p := range s.Snapshot() {
		for _, l := range p.Lanes {
			got = append(got, fmt.Sprintf("%s %s %s %s %d %.0f %s", p.Kind, p.Name, l.Name(), l.State, l.Concurrency,
				l.Requests.PerMinute, l.Requests.Source))
		}
	}
	want := []string{
		"embed  test/e open 2 0 ", "generate a a/teller open 256 0 ", "generate a a/teller open 256 0 ",
		"generate b b/teller open 3 60 configured", "rerank  test/r open 32 0 ",
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("Snapshot (-want +got):\n%s", diff)
	}
}

// BenchmarkRerank measures what a call costs beside its exchange.
func BenchmarkRerank(b *testing.B) {
	s := dispatch.New(dispatch.Config{Rerank: rerankBy(scorer(1))})
	req := llm.RerankRequest{Query: "q", Documents: []string{"a"}}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Rerank(b.Context(), query, req); err != nil {
				b.Error(err)
			}
		}
	})
}
