package dispatch_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/dispatch"
	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

func sick(n int, _ []string) error {
	return &llm.Error{Class: llm.ClassSick, Provider: "test", Status: 503}
}

func deadKey(int, []string) error {
	return &llm.Error{Class: llm.ClassDeadKey, Provider: "test", Status: 401, Message: "no such key"}
}

// pair is two lanes, of one tier or two.
func pair(first, second *embedder, tier int) []dispatch.EmbedLane {
	lanes := append(embedIn(4, first), embedIn(4, second)...)
	lanes[1].Key, lanes[1].Tier = "#2", tier
	return lanes
}

func TestKeysOfOneTierShareTheWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := &embedder{takes: time.Second}, &embedder{takes: time.Second}
		s, stop := start(t, dispatch.Config{Embed: pair(a, b, 0)})
		began := time.Now()
		if _, err := s.Embed(t.Context(), ingest, llm.InputDocument, texts("x", 6*4*10)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 11*time.Second {
			t.Errorf("took %v, want the 10 s that six slots take", took)
		}
		stop()
		if n, m := a.sent(), b.sent(); n != m {
			t.Errorf("%d and %d requests, want as many in both lanes", n, m)
		}
	})
}

func TestADeadKeyIsPassedOverAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dead, well := &embedder{script: deadKey}, &embedder{}
		s, stop := start(t, dispatch.Config{Embed: pair(dead, well, 0)})
		defer stop()
		began := time.Now()
		for i := range 20 {
			if _, err := s.Embed(t.Context(), query, llm.InputQuery, texts(fmt.Sprint(i), 1)); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took > 0 || dead.sent() != 1 {
			t.Errorf("20 queries took %v, %d of them by the dead key", took, dead.sent())
		}
		lane := s.Snapshot()[0].Lanes[0]
		if want := "test/e: the key is refused until "; !strings.HasPrefix(lane.Reason, want) {
			t.Errorf("the dead lane says %q, want %q and a time", lane.Reason, want)
		}
		dead.set(nil)
		time.Sleep(time.Minute)
		for i := range 4 {
			if _, err := s.Embed(t.Context(), query, llm.InputQuery, texts(fmt.Sprint("again", i), 1)); err != nil {
				t.Fatal(err)
			}
		}
		if lane := s.Snapshot()[0].Lanes[0]; lane.State != "open" {
			t.Errorf("the key works again, and the lane is %s", lane.State)
		}
	})
}

func TestTheNextTierIsForWhenTheFirstFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first, second := &embedder{takes: time.Second}, &embedder{takes: time.Second}
		s, stop := start(t, dispatch.Config{Embed: pair(first, second, 1)})
		defer stop()
		if _, err := s.Embed(t.Context(), ingest, llm.InputDocument, texts("x", 100)); err != nil {
			t.Fatal(err)
		}
		if n := second.sent(); n != 0 {
			t.Fatalf("%d requests in the second tier, though the first works", n)
		}
		first.set(sick)
		began := time.Now()
		if _, err := s.Embed(t.Context(), query, llm.InputQuery, texts("q", 1)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 2*time.Second || second.sent() != 1 {
			t.Errorf("a query took %v and %d requests in the second tier, want a try in each", took, second.sent())
		}
		if _, err := s.Embed(t.Context(), ingest, llm.InputDocument, texts("y", 400)); err != nil {
			t.Fatal(err)
		}
		if n := first.sent(); n > 60 {
			t.Errorf("%d requests went to the sick lane", n)
		}
	})
}

func TestTheCircuitOpensAndOneCallProbes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{items: 1, script: sick}
		s, stop := start(t, dispatch.Config{Embed: embedIn(4, e), BulkWithin: time.Hour})
		defer stop()
		var g errgroup.Group
		g.Go(func() error {
			_, err := s.Embed(t.Context(), ingest, llm.InputDocument, texts("x", 200))
			return err
		})
		time.Sleep(5 * time.Minute)
		lane := s.Snapshot()[0].Lanes[0]
		if lane.State != "broken" && lane.State != "probing" || !strings.HasPrefix(lane.Reason, "test/e: 503") {
			t.Errorf("lane %s, %q", lane.State, lane.Reason)
		}
		if n := e.sent(); n > 40 {
			t.Errorf("%d requests in five minutes to a sick upstream, want a few and the probes", n)
		}
		e.set(nil)
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
		if lane := s.Snapshot()[0].Lanes[0]; lane.State != "open" || lane.Reason != "" {
			t.Errorf("all is well, and the lane is %s: %q", lane.State, lane.Reason)
		}
	})
}

// When everything fails, tries end by the allowance, not by the number of callers.
func TestRetriesAreAShareOfTheTraffic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer := llm.Call{Tenant: "p", Priority: llm.PriorityAnswer}
		w := &teller{words: []string{"x"}, fail: make([]int, 10_000)}
		for i := range w.fail {
			w.fail[i] = []int{0, 0, 0, -1}[i%4] // three of four fail: no circuit opens
		}
		s := dispatch.New(dispatch.Config{Generate: []dispatch.GenerateLane{writeBy("a", w)}})
		for range 1000 {
			_, _ = read(s.Generate(t.Context(), answer, "", llm.GenerateRequest{}))
		}
		if n := w.n; n > 1500 {
			t.Errorf("1000 calls made %d exchanges", n)
		}
	})
}

// A slow one hangs until it is left when its number says so.
type slowTeller struct {
	teller
	mu   sync.Mutex // guards the counts, and hang
	hang func(n int) bool
	left int
}

func (w *slowTeller) Generate(ctx context.Context, req llm.GenerateRequest) iter.Seq2[llm.Event, error] {
	return func(yield func(llm.Event, error) bool) {
		w.mu.Lock()
		w.n++
		d := 100 * time.Millisecond
		if w.hang(w.n) {
			d = time.Hour
		}
		w.mu.Unlock()
		select {
		case <-time.After(d):
		case <-ctx.Done():
			w.mu.Lock()
			w.left++
			w.mu.Unlock()
			yield(llm.Event{}, ctx.Err())
			return
		}
		for _, word := range w.words {
			if !yield(llm.Event{Text: word}, nil) {
				return
			}
		}
		yield(llm.Event{Usage: llm.Usage{InputTokens: 10, OutputTokens: 5}}, nil)
	}
}

func TestALateAnswerIsAskedForTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &slowTeller{teller: teller{words: []string{"a", "b"}}, hang: func(n int) bool { return n%100 == 0 }}
		s := dispatch.New(dispatch.Config{Generate: []dispatch.GenerateLane{writeBy("a", w)}})
		answer := llm.Call{Tenant: "p", Priority: llm.PriorityAnswer}
		for i := range 500 {
			began := time.Now()
			if got, err := read(s.Generate(t.Context(), answer, "", llm.GenerateRequest{})); got != "ab" || err != nil {
				t.Fatalf("answer %d: %q, %v", i, got, err)
			}
			if took := time.Since(began); took > 250*time.Millisecond {
				t.Errorf("answer %d took %v", i, took)
			}
		}
		lane := s.Snapshot()[0].Lanes[0]
		if lane.Hedged < 4 || lane.Hedged > 10 || w.left != 5 || lane.InFlight != 0 {
			t.Errorf("%d hedged, %d left, %d in flight; want the five that hang asked for twice, and left",
				lane.Hedged, w.left, lane.InFlight)
		}
	})
}

func TestHedgesAreAShareOfTheSpending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// From the hundredth on every other call is late: the tail is the rule.
		w := &slowTeller{teller: teller{words: []string{"a"}}, hang: func(n int) bool { return n > 100 && n%2 == 0 }}
		s := dispatch.New(dispatch.Config{Generate: []dispatch.GenerateLane{writeBy("a", w)}})
		answer := llm.Call{Tenant: "p", Priority: llm.PriorityAnswer}
		for range 300 {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			_, _ = read(s.Generate(ctx, answer, "", llm.GenerateRequest{Messages: []llm.Message{{Text: "why?"}}}))
			cancel()
		}
		if n := s.Snapshot()[0].Lanes[0].Hedged; n == 0 || n > 300*3/100 {
			t.Errorf("%d of 300 calls were hedged, want at most 2 %%, and what was saved up", n)
		}
	})
}

func TestPartOfACallersTextsMayFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{items: 8, script: func(_ int, texts []string) error {
			if strings.Contains(strings.Join(texts, " "), "x 5") {
				return &llm.Error{Class: llm.ClassTooLong, Provider: "test", Status: 400}
			}
			return nil
		}}
		s, stop := start(t, dispatch.Config{Embed: embedIn(0, e)})
		defer stop()
		vectors, err := s.Embed(t.Context(), ingest, llm.InputDocument, texts("x", 10))
		if !fault.Is(err, fault.TooLarge) {
			t.Errorf("error: %v", err)
		}
		for i, v := range vectors {
			if (v == nil) != (i == 5) {
				t.Errorf("vector %d: %v", i, v)
			}
		}
	})
}

func TestTheLineIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &slowTeller{teller: teller{words: []string{"a"}}, hang: func(int) bool { return true }}
		lane := writeBy("a", w)
		lane.Limits.Concurrency = 1
		s := dispatch.New(dispatch.Config{Generate: []dispatch.GenerateLane{lane}, QueueCalls: 5})
		answer := llm.Call{Tenant: "p", Priority: llm.PriorityAnswer}
		var full atomic.Int64
		var g errgroup.Group
		for range 10 {
			g.Go(func() error {
				began := time.Now()
				_, err := read(s.Generate(t.Context(), answer, "", llm.GenerateRequest{}))
				if fault.Is(err, fault.RateLimited) && time.Since(began) == 0 {
					full.Add(1)
				}
				return nil
			})
			synctest.Wait()
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := read(s.Generate(ctx, answer, "", llm.GenerateRequest{})); err == nil {
			t.Error("a caller who has left has an answer")
		}
		time.Sleep(30 * time.Second)
		w.mu.Lock()
		w.hang = func(int) bool { return false }
		w.mu.Unlock()
		time.Sleep(time.Hour)
		if err := g.Wait(); err != nil || full.Load() != 4 {
			t.Errorf("%d of ten calls were refused at once, want the four beyond one in flight and five in line; %v", full.Load(), err)
		}
	})
}

func TestWeightsShareTheLane(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{takes: time.Second, items: 8}
		s, stop := start(t, dispatch.Config{Embed: embedIn(1, e), Weights: map[string]float64{"heavy": 3}})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second+time.Millisecond)
		defer cancel()
		var g errgroup.Group
		for _, tenant := range []string{"heavy", "light"} {
			g.Go(func() error {
				_, _ = s.Embed(ctx, of(tenant), llm.InputDocument, texts(tenant+strings.Repeat(" word", 20), 5000))
				return nil
			})
		}
		_ = g.Wait()
		stop()
		heavy := 0
		for _, request := range e.requests {
			for _, text := range request {
				if strings.HasPrefix(text, "heavy") {
					heavy++
				}
			}
		}
		if share := float64(heavy) / float64(8*len(e.requests)); share < 0.73 || share > 0.77 {
			t.Errorf("the tenant of weight 3 got %.2f of the lane, want three quarters", share)
		}
	})
}

func TestAMemoIsToldWhyItWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{takes: time.Second, items: 4}
		s, stop := start(t, dispatch.Config{Embed: embedIn(1, e)})
		defer stop()
		var g errgroup.Group
		for i, memo := range []string{"first", "second"} {
			g.Go(func() error {
				call := llm.Call{Tenant: "p", Memo: memo, Priority: llm.PriorityIngest}
				_, err := s.Embed(t.Context(), call, llm.InputDocument, texts(memo, 40+i))
				return err
			})
			time.Sleep(1500 * time.Millisecond)
		}
		wait, ok := s.Waiting("second")
		if !ok || wait.Ahead == 0 || wait.ETA <= 0 || wait.Reason != "test/e: 1 in flight, as many as go at once" {
			t.Errorf("Waiting = %+v, %t", wait, ok)
		}
		st := s.Snapshot()[0]
		if st.Waiting == 0 || len(st.Tenants) != 1 || st.Tenants[0].Count != st.Waiting || st.ETA <= 0 {
			t.Errorf("state of the pool: %+v", st)
		}
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
		if _, ok := s.Waiting("second"); ok {
			t.Error("a memo whose texts are embedded waits")
		}
	})
}

func TestAMemoIsToldWhyItIsNotEnrichedYet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lane := writeBy("a", &slowTeller{teller: teller{words: []string{"a"}}, hang: func(int) bool { return false }})
		lane.Limits.Concurrency = 1
		s, stop := start(t, dispatch.Config{Generate: []dispatch.GenerateLane{lane}})
		defer stop()
		var g errgroup.Group
		for _, memo := range []string{"first", "second", "third", "first"} {
			g.Go(func() error {
				call := llm.Call{Tenant: "p", Memo: memo, Priority: llm.PriorityEnrich}
				_, err := read(s.Generate(t.Context(), call, "", llm.GenerateRequest{}))
				return err
			})
			time.Sleep(time.Millisecond)
		}
		want := dispatch.Wait{Reason: "a/teller: 1 in flight, as many as go at once", Ahead: 1}
		if wait, ok := s.Waiting("third"); !ok || wait.Reason != want.Reason || wait.Ahead != want.Ahead {
			t.Errorf("Waiting = %+v, %t, want %+v", wait, ok, want)
		}
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
		if _, ok := s.Waiting("third"); ok {
			t.Error("a memo that is written about waits")
		}
	})
}
