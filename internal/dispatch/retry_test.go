package dispatch_test

import (
	"errors"
	"fmt"
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
		s, stop := start(t, dispatch.Config{Embed: embedIn(0, e)})
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
		s, stop := start(t, dispatch.Config{Embed: embedIn(0, e)})
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
		s, stop := start(t, dispatch.Config{Embed: embedIn(0, e)})
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
		if st := s.Snapshot()[0].Lanes[0]; !strings.HasPrefix(st.Reason, "test/e: 429 until ") || st.InFlight != 0 {
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

func TestABadTextFailsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{items: 64, script: func(_ int, texts []string) error {
			if strings.Contains(strings.Join(texts, ""), "poison") {
				return &llm.Error{Class: llm.ClassBadRequest, Provider: "test", Status: 400, Message: "no"}
			}
			return nil
		}}
		s, stop := start(t, dispatch.Config{Embed: embedIn(0, e)})
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

func TestARefusedKeyIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{script: func(int, []string) error {
			return &llm.Error{Class: llm.ClassDeadKey, Provider: "test", Status: 401, Message: "no such key"}
		}}
		s, stop := start(t, dispatch.Config{Embed: embedIn(0, e)})
		defer stop()
		_, err := s.Embed(t.Context(), ingest, llm.InputDocument, texts("x", 4))
		if !fault.Is(err, fault.Unavailable) || fault.Message(err) != "test: dead key (HTTP 401): no such key" {
			t.Errorf("error: %v", err)
		}
		if n := e.sent(); n != 1 {
			t.Errorf("%d requests, want one", n)
		}
		if st := s.Snapshot()[0].Lanes[0]; st.LastError != fault.Message(err) || st.State != "broken" {
			t.Errorf("state of the lane: %+v, want the last error", st)
		}
	})
}

func TestAPersonIsToldAtOnceOfALongPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{script: func(n int, _ []string) error {
			if n >= 2 {
				return nil
			}
			return &llm.Error{Class: llm.ClassThrottled, Provider: "test", Status: 429, RetryAfter: time.Minute}
		}}
		s, stop := start(t, dispatch.Config{Embed: embedIn(0, e)})
		defer stop()
		var g errgroup.Group
		for i := range 2 {
			g.Go(func() error {
				time.Sleep(time.Duration(i) * time.Second)
				_, err := s.Embed(t.Context(), ingest, llm.InputDocument, []string{fmt.Sprint(i)})
				return err
			})
		}
		time.Sleep(2 * time.Second)
		began := time.Now()
		_, err := s.Embed(t.Context(), query, llm.InputQuery, []string{"q"})
		if !fault.Is(err, fault.RateLimited) || !strings.HasPrefix(fault.Message(err), "test/e: 429 until ") {
			t.Errorf("error: %v", err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("a person waited %v for a pause of a minute", took)
		}
		if err := g.Wait(); err != nil { // bulk waits for its end
			t.Fatal(err)
		}
	})
}

func TestAPersonDoesNotWaitForASlotForever(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, stop := start(t, dispatch.Config{Embed: embedIn(1, &embedder{takes: time.Hour})})
		defer stop()
		began := time.Now()
		_, err := s.Embed(t.Context(), query, llm.InputQuery, []string{"q"})
		if want := "No answer from the model within 25s; test/e: 1 in flight, as many as go at once"; fault.Message(err) != want || !fault.Is(err, fault.Unavailable) {
			t.Errorf("error: %v, want %q", err, want)
		}
		if took := time.Since(began); took != 25*time.Second {
			t.Errorf("a person waited %v", took)
		}
	})
}

func TestTheSnapshotSaysWhyACallWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &embedder{script: func(n int, _ []string) error {
			if n > 0 {
				return nil
			}
			return &llm.Error{Class: llm.ClassSick, Provider: "test", Message: "reset", RetryAfter: time.Minute}
		}}
		s, stop := start(t, dispatch.Config{Embed: embedIn(0, e)})
		defer stop()
		var g errgroup.Group
		g.Go(func() error {
			_, err := s.Embed(t.Context(), ingest, llm.InputDocument, []string{"x"})
			return err
		})
		time.Sleep(time.Second)
		want := "test/e: sick upstream (reset) until " // and a time
		if st := s.Snapshot()[0].Lanes[0]; !strings.HasPrefix(st.Reason, want) || st.LastError != "test: sick upstream: reset" {
			t.Errorf("state of the lane: %+v, want the reason %q", st, want)
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if st := s.Snapshot()[0].Lanes[0]; st.Reason != "" {
			t.Errorf("the lane waits no more and says %q", st.Reason)
		}
	})
}

// One call in five fails, in every way that passes: the work is done nearly as
// fast, and no text is embedded again after it succeeded.
func TestFailuresDelayOnlyThemselves(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, failing bool) (took time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			var sent atomic.Int64
			var done sync.Map
			e := &embedder{takes: 100 * time.Millisecond, items: 16, script: func(_ int, texts []string) error {
				n := sent.Add(1)
				switch {
				case failing && n%20 == 0:
					return &llm.Error{Class: llm.ClassThrottled, Provider: "test", Status: 429, RetryAfter: time.Second}
				case failing && n%5 == 0:
					return &llm.Error{Class: llm.ClassSick, Provider: "test", Status: 500}
				}
				for _, text := range texts {
					if _, twice := done.LoadOrStore(text, true); twice {
						t.Errorf("%q is embedded twice", text)
					}
				}
				return nil
			}}
			s, stop := start(t, dispatch.Config{Embed: embedIn(8, e)})
			defer stop()
			began := time.Now()
			var g errgroup.Group
			for i := range 64 {
				g.Go(func() error {
					call := llm.Call{Tenant: fmt.Sprint(i % 4), Priority: llm.PriorityIngest}
					for j := range 40 {
						if _, err := s.Embed(t.Context(), call, llm.InputDocument, texts(fmt.Sprint(i, j), 16)); err != nil {
							return err
						}
					}
					return nil
				})
			}
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
			took = time.Since(began)
		})
		return took
	}
	smooth, rough := run(t, false), run(t, true)
	t.Logf("%v without failures, %v with", smooth, rough)
	// A quarter more exchanges are made; the rest is waiting.
	if rough > smooth*15/10 {
		t.Errorf("with failures it took %v instead of %v", rough, smooth)
	}
}
