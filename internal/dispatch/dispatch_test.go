package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"kvasir/internal/dispatch"
	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// embedder answers after a while with vectors of a text's length. Its script
// decides about each request by number, from 0.
type embedder struct {
	takes  time.Duration
	items  int // MaxItems
	script func(n int, texts []string) error

	mu       sync.Mutex
	requests [][]string
	inFlight int
	most     int
	canceled int
}

func (e *embedder) Spec() llm.EmbedSpec {
	return llm.EmbedSpec{Model: "test", MaxTokens: 1000, MaxItems: max(e.items, 4), MaxBatchTokens: 1 << 30}
}

func (e *embedder) Embed(ctx context.Context, req llm.EmbedRequest) (llm.EmbedResponse, error) {
	e.mu.Lock()
	n := len(e.requests)
	e.requests = append(e.requests, req.Texts)
	e.inFlight++
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
	if e.script != nil {
		if err := e.script(n, req.Texts); err != nil {
			return llm.EmbedResponse{}, err
		}
	}
	out := make([]llm.Vector, len(req.Texts))
	for i, text := range req.Texts {
		out[i] = llm.Vector{float32(len(text)), 1}
	}
	return llm.EmbedResponse{Vectors: out}, nil
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

func texts(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s %d", prefix, i)
	}
	return out
}

func TestTextsOfManyCallersShareRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{takes: 100 * time.Millisecond, items: 64}
		s, stop := start(t, dispatch.Config{Embedder: e})
		defer stop()
		var g errgroup.Group
		for i := range 32 {
			g.Go(func() error {
				call := llm.Call{Tenant: fmt.Sprint("tenant ", i), Priority: llm.PriorityIngest}
				want := texts(fmt.Sprint("memo ", i), 8)
				got, err := s.Embed(t.Context(), call, llm.InputDocument, want)
				for j, v := range got {
					if v[0] != float32(len(want[j])) {
						t.Errorf("vector %d is of another text", j)
					}
				}
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		stop()
		if n := len(e.requests); n > 5 {
			t.Errorf("256 texts went in %d requests of at most 64, want 4 or 5", n)
		}
	})
}

func TestIdenticalTextsGoOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{takes: time.Second}
		s, stop := start(t, dispatch.Config{Embedder: e})
		defer stop()
		var g errgroup.Group
		for range 10 {
			g.Go(func() error {
				_, err := s.Embed(t.Context(), query, llm.InputQuery, []string{"same", "same"})
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		stop()
		if len(e.requests) != 1 || len(e.requests[0]) != 1 {
			t.Errorf("requests: %v, want one of one text", e.requests)
		}
	})
}

func TestAQueryDoesNotWaitBehindBulk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{takes: time.Second}
		s, stop := start(t, dispatch.Config{Embedder: e, EmbedSlots: 4})
		defer stop()
		var g errgroup.Group
		g.Go(func() error {
			_, err := s.Embed(t.Context(), ingest, llm.InputDocument, texts("bulk", 400))
			return err
		})
		time.Sleep(3500 * time.Millisecond)
		began := time.Now()
		if _, err := s.Embed(t.Context(), query, llm.InputQuery, []string{"urgent"}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("the query took %v, want the request's own second", took)
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		stop()
		if e.most > 4 {
			t.Errorf("%d requests in flight, want at most 4", e.most)
		}
	})
}

func TestASmallTenantDoesNotWaitForALargeOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{takes: time.Second}
		s, stop := start(t, dispatch.Config{Embedder: e, EmbedSlots: 2})
		defer stop()
		var g errgroup.Group
		g.Go(func() error {
			large := llm.Call{Tenant: "large", Priority: llm.PriorityIngest}
			_, err := s.Embed(t.Context(), large, llm.InputDocument, texts("large", 400))
			return err
		})
		time.Sleep(1500 * time.Millisecond)
		began := time.Now()
		small := llm.Call{Tenant: "small", Priority: llm.PriorityIngest}
		if _, err := s.Embed(t.Context(), small, llm.InputDocument, texts("small", 2)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the small tenant waited %v, want at most the request in flight and its own", took)
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestABadTextFailsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{items: 64, script: func(_ int, texts []string) error {
			if strings.Contains(strings.Join(texts, ""), "poison") {
				return &llm.Error{Class: llm.ClassBadRequest, Provider: "test", Status: 400, Message: "no"}
			}
			return nil
		}}
		s, stop := start(t, dispatch.Config{Embedder: e})
		defer stop()
		var g errgroup.Group
		errs := make([]error, 40)
		for i := range errs {
			g.Go(func() error {
				text := fmt.Sprint("text ", i)
				if i == 17 {
					text = "poison"
				}
				_, errs[i] = s.Embed(t.Context(), ingest, llm.InputDocument, []string{text})
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		for i, err := range errs {
			if bad := i == 17; bad != fault.Is(err, fault.Invalid) || !bad && err != nil {
				t.Errorf("text %d: %v", i, err)
			}
		}
		if want := "test: bad request (HTTP 400): no"; fault.Message(errs[17]) != want {
			t.Errorf("message %q, want %q", fault.Message(errs[17]), want)
		}
	})
}

func TestPassingFailuresAreTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{script: func(n int, _ []string) error {
			switch n {
			case 0:
				return &llm.Error{Class: llm.ClassThrottled, Provider: "test", Status: 429, RetryAfter: 5 * time.Second}
			case 1, 2:
				return &llm.Error{Class: llm.ClassSick, Provider: "test", Status: 500}
			}
			return nil
		}}
		s, stop := start(t, dispatch.Config{Embedder: e})
		defer stop()
		began := time.Now()
		if _, err := s.Embed(t.Context(), query, llm.InputQuery, []string{"x"}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 5*time.Second || took > 8*time.Second {
			t.Errorf("took %v, want the 5 s asked for and two short backoffs", took)
		}
	})
}

func TestTriesEndAtTheirDeadlineInWords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{script: func(int, []string) error {
			return &llm.Error{Class: llm.ClassSick, Provider: "test", Status: 503, Err: errors.New("secret address")}
		}}
		s, stop := start(t, dispatch.Config{Embedder: e})
		defer stop()
		began := time.Now()
		_, err := s.Embed(t.Context(), query, llm.InputQuery, []string{"x"})
		if !fault.Is(err, fault.Unavailable) || fault.Message(err) != "test: sick upstream (HTTP 503)" {
			t.Errorf("error: %v", err)
		}
		if took := time.Since(began); took > 25*time.Second {
			t.Errorf("a person waited %v", took)
		}
	})
}

func TestTwoRefusalsForRatePauseTheLane(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		e := &embedder{script: func(int, []string) error {
			if time.Since(began) < 20*time.Second {
				return &llm.Error{
					Class: llm.ClassThrottled, Provider: "test", Status: 429, RetryAfter: 20*time.Second - time.Since(began),
				}
			}
			return nil
		}}
		s, stop := start(t, dispatch.Config{Embedder: e})
		defer stop()
		var g errgroup.Group
		for i := range 100 {
			g.Go(func() error {
				time.Sleep(time.Duration(i) * 50 * time.Millisecond)
				_, err := s.Embed(t.Context(), ingest, llm.InputDocument, []string{fmt.Sprint(i)})
				return err
			})
		}
		time.Sleep(6 * time.Second)
		if st := s.Snapshot()[0]; !strings.HasPrefix(st.Reason, "test: 429 until ") || st.Busy != 0 {
			t.Errorf("state of the lane: %+v, want the reason and the time", st)
		}
		if n := e.sent(); n > 5 {
			t.Errorf("%d requests went out while the lane was refused, want a few", n)
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestACallerWhoLeavesCancelsWhatNobodyElseWants(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{takes: time.Hour}
		s, stop := start(t, dispatch.Config{Embedder: e, EmbedSlots: 2})
		defer stop()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := s.Embed(ctx, ingest, llm.InputDocument, texts("x", 20))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error: %v", err)
		}
		stop()
		if e.canceled != len(e.requests) || e.inFlight != 0 {
			t.Errorf("%d of %d requests were cancelled, %d are in flight", e.canceled, len(e.requests), e.inFlight)
		}
		if n := len(e.requests); n > 2 {
			t.Errorf("%d requests were sent, want only those that had a slot", n)
		}
	})
}

func TestBulkCallersBlockWhenTheLineIsFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{takes: time.Second}
		s, stop := start(t, dispatch.Config{Embedder: e, QueueBytes: 100})
		defer stop()
		var g errgroup.Group
		for i := range 10 {
			g.Go(func() error {
				text := strings.Repeat(fmt.Sprint(i), 60)
				_, err := s.Embed(t.Context(), ingest, llm.InputDocument, []string{text})
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		stop()
		if e.most > 1 {
			t.Errorf("%d texts of 60 bytes were under way in 100 bytes", e.most)
		}
	})
}

func TestAStopFailsWhatIsInLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{takes: time.Hour}
		s, stop := start(t, dispatch.Config{Embedder: e, EmbedSlots: 2})
		var g errgroup.Group
		g.Go(func() error {
			_, err := s.Embed(t.Context(), ingest, llm.InputDocument, texts("x", 20))
			return err
		})
		synctest.Wait()
		time.Sleep(time.Second)
		stop()
		if err := g.Wait(); err == nil {
			t.Error("texts that nobody sends any more have vectors")
		}
		if _, err := s.Embed(t.Context(), query, llm.InputQuery, []string{"y"}); !fault.Is(err, fault.Unavailable) {
			t.Errorf("after the stop: %v", err)
		}
	})
}

func TestVectorsOfAnotherLengthAreRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, stop := start(t, dispatch.Config{Embedder: &embedder{}, Dimensions: 3})
		defer stop()
		_, err := s.Embed(t.Context(), query, llm.InputQuery, []string{"x"})
		if err == nil || !strings.Contains(err.Error(), "3 dimensions before and now of 2") {
			t.Errorf("error: %v", err)
		}
	})
}

// teller streams its words, failing as told before word number fail.
type teller struct {
	words  []string
	fail   []int // for each exchange; -1 for none
	n      int
	closed int
}

func (w *teller) Model() string { return "teller" }

func (w *teller) Generate(context.Context, llm.GenerateRequest) iter.Seq2[llm.Event, error] {
	fail := -1
	if w.n < len(w.fail) {
		fail = w.fail[w.n]
	}
	w.n++
	return func(yield func(llm.Event, error) bool) {
		defer func() { w.closed++ }()
		for i, word := range w.words {
			if i == fail {
				yield(llm.Event{}, &llm.Error{Class: llm.ClassSick, Provider: "teller", Message: "cut"})
				return
			}
			if !yield(llm.Event{Text: word}, nil) {
				return
			}
		}
	}
}

func read(events iter.Seq2[llm.Event, error]) (string, error) {
	var b strings.Builder
	for ev, err := range events {
		if err != nil {
			return b.String(), err
		}
		b.WriteString(ev.Text)
	}
	return b.String(), nil
}

func TestGenerate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fail  []int
		want  string
		fails bool
		calls int
	}{
		{"a stream", nil, "one two three", false, 1},
		{"a failure before the first word is not seen", []int{0, 0}, "one two three", false, 3},
		{"one after it is", []int{2}, "one two ", true, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &teller{words: []string{"one ", "two ", "three"}, fail: tt.fail}
				s := dispatch.New(dispatch.Config{Generators: []dispatch.Named{{Name: "a", Generator: w}}})
				got, err := read(s.Generate(t.Context(), llm.Call{}, "", llm.GenerateRequest{}))
				if got != tt.want || (err != nil) != tt.fails || w.n != tt.calls {
					t.Errorf("got %q, %v after %d exchanges", got, err, w.n)
				}
				if st := s.Snapshot()[1]; st.Busy != 0 {
					t.Errorf("a slot is still taken: %+v", st)
				}
			})
		})
	}
}

func TestGenerateEndsWithItsConsumer(t *testing.T) {
	t.Parallel()
	w := &teller{words: []string{"one", "two"}}
	s := dispatch.New(dispatch.Config{Generators: []dispatch.Named{{Name: "a", Generator: w}}})
	for range s.Generate(t.Context(), llm.Call{}, "a", llm.GenerateRequest{}) {
		break
	}
	if w.closed != 1 || s.Snapshot()[1].Busy != 0 {
		t.Error("the exchange goes on without its consumer")
	}
	_, err := read(s.Generate(t.Context(), llm.Call{}, "b", llm.GenerateRequest{}))
	if fault.Message(err) != "Invalid LLM provider: b. Supported providers: a" {
		t.Errorf("unknown generator: %v", err)
	}
}

// scorer gives as many scores as it is told.
type scorer int

func (scorer) Model() string { return "scorer" }

func (n scorer) Rerank(context.Context, llm.RerankRequest) (llm.RerankResponse, error) {
	return llm.RerankResponse{Scores: make([]float64, n)}, nil
}

func TestRerank(t *testing.T) {
	t.Parallel()
	req := llm.RerankRequest{Query: "q", Documents: []string{"a", "b"}}
	s := dispatch.New(dispatch.Config{})
	if _, err := s.Rerank(t.Context(), llm.Call{}, req); s.Reranks() || !fault.Is(err, fault.Unavailable) {
		t.Errorf("without a reranker: %v", err)
	}
	s = dispatch.New(dispatch.Config{Reranker: scorer(2)})
	if got, err := s.Rerank(t.Context(), llm.Call{}, req); err != nil || len(got.Scores) != 2 {
		t.Errorf("scores %v, %v", got, err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := dispatch.New(dispatch.Config{Reranker: scorer(1)})
		if _, err := s.Rerank(t.Context(), llm.Call{}, req); !fault.Is(err, fault.Unavailable) {
			t.Errorf("one score for two documents: %v", err)
		}
	})
}

func BenchmarkEmbed(b *testing.B) {
	e := &embedder{takes: 100 * time.Millisecond, items: 256}
	s := dispatch.New(dispatch.Config{Embedder: e})
	ctx, cancel := context.WithCancel(b.Context())
	var g errgroup.Group
	g.Go(func() error { return s.Run(ctx) })
	var callers errgroup.Group
	callers.SetLimit(256)
	n := 0
	for b.Loop() {
		n++
		callers.Go(func() error {
			_, err := s.Embed(ctx, ingest, llm.InputDocument, texts(fmt.Sprint("memo ", n), 12))
			return err
		})
	}
	if err := callers.Wait(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(12*n)/b.Elapsed().Seconds(), "texts/s")
	cancel()
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
}
