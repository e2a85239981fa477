package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/dispatch"
	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

func TestTextsOfManyCallersShareRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{takes: 100 * time.Millisecond, items: 64}
		s, stop := start(t, dispatch.Config{Embed: embedIn(0, e)})
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
		s, stop := start(t, dispatch.Config{Embed: embedIn(0, e)})
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
		s, stop := start(t, dispatch.Config{Embed: embedIn(4, e)})
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
		s, stop := start(t, dispatch.Config{Embed: embedIn(2, e)})
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

func TestACallerWhoLeavesCancelsWhatNobodyElseWants(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{takes: time.Hour}
		s, stop := start(t, dispatch.Config{Embed: embedIn(2, e)})
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

func TestTextsOfACallerWhoLeavesLeaveTheLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{takes: time.Minute, items: 10}
		s, stop := start(t, dispatch.Config{Embed: embedIn(2, e)})
		defer stop()
		var g errgroup.Group
		g.Go(func() error {
			_, err := s.Embed(t.Context(), ingest, llm.InputDocument, texts("first", 10))
			return err
		})
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		g.Go(func() error {
			if _, err := s.Embed(ctx, ingest, llm.InputDocument, texts("left", 10)); err == nil {
				t.Error("a caller who left has vectors")
			}
			return nil
		})
		synctest.Wait()
		if n := s.Snapshot()[0].Waiting; n != 10 {
			t.Errorf("%d texts are in line, want 10", n)
		}
		time.Sleep(2 * time.Second)
		if n := s.Snapshot()[0].Waiting; n != 0 {
			t.Errorf("%d texts of a caller who left are in line", n)
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		stop()
		if len(e.requests) != 1 {
			t.Errorf("requests: %v, want only the first caller's", e.requests)
		}
	})
}

func TestTextsWaitForCompanyButAQueryDoesNot(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		call  llm.Call
		texts int
		want  time.Duration
	}{
		{"a query goes at once", query, 1, 0},
		{"a few bulk texts linger", ingest, 3, 5 * time.Millisecond},
		{"a full request does not", ingest, 8, 0},
		{"the rest after a full one does", ingest, 9, 5 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := &embedder{items: 8}
				s, stop := start(t, dispatch.Config{Embed: embedIn(0, e), Linger: 5 * time.Millisecond})
				defer stop()
				began := time.Now()
				if _, err := s.Embed(t.Context(), tt.call, llm.InputDocument, texts("x", tt.texts)); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took != tt.want {
					t.Errorf("took %v, want %v", took, tt.want)
				}
			})
		})
	}
}

func TestRequestsHoldOneInputAndNoMoreTokensThanAllowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{items: 100, tokens: 50}
		s, stop := start(t, dispatch.Config{Embed: embedIn(0, e)})
		defer stop()
		var g errgroup.Group
		for _, input := range []llm.Input{llm.InputDocument, llm.InputQuery} {
			g.Go(func() error {
				long := append(texts(string(input), 40), strings.Repeat("long ", 100))
				_, err := s.Embed(t.Context(), ingest, input, long)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		stop()
		for _, request := range e.requests {
			tokens := 0
			for _, text := range request {
				tokens += llm.EstimateTokens(text)
			}
			if tokens > 50 && len(request) > 1 {
				t.Errorf("%d texts of %d tokens in one request of 50", len(request), tokens)
			}
		}
		if e.mixed > 0 {
			t.Errorf("%d requests hold texts of another input", e.mixed)
		}
	})
}

func TestBulkCallersBlockWhenTheLineIsFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{takes: time.Second}
		s, stop := start(t, dispatch.Config{Embed: embedIn(0, e), QueueBytes: 100})
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

func TestAFullLineKeepsNoOtherTenantOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{takes: time.Second}
		s, stop := start(t, dispatch.Config{Embed: embedIn(0, e), QueueBytes: 100})
		defer stop()
		var g errgroup.Group
		for i := range 10 {
			g.Go(func() error {
				_, err := s.Embed(t.Context(), ingest, llm.InputDocument, []string{strings.Repeat(fmt.Sprint(i), 200)})
				return err
			})
		}
		synctest.Wait()
		began := time.Now()
		other := llm.Call{Tenant: "other", Priority: llm.PriorityIngest}
		if _, err := s.Embed(t.Context(), other, llm.InputDocument, []string{"small"}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 1100*time.Millisecond {
			t.Errorf("another tenant waited %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := s.Embed(ctx, ingest, llm.InputDocument, []string{"x"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a caller who gives up at the door: %v", err)
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAStopFailsWhatIsInLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{takes: time.Hour}
		s, stop := start(t, dispatch.Config{Embed: embedIn(2, e)})
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
		s, stop := start(t, dispatch.Config{Embed: embedIn(0, &embedder{}), Dimensions: 3})
		defer stop()
		_, err := s.Embed(t.Context(), query, llm.InputQuery, []string{"x"})
		if err == nil || !strings.Contains(err.Error(), "3 dimensions before and now of 2") {
			t.Errorf("error: %v", err)
		}
	})
}

func BenchmarkEmbed(b *testing.B) {
	e := &embedder{takes: 100 * time.Millisecond, items: 256}
	s := dispatch.New(dispatch.Config{Embed: embedIn(0, e)})
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
