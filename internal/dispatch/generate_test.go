package dispatch_test

import (
	"context"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kvasir/internal/dispatch"
	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

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
				s := dispatch.New(dispatch.Config{Generate: []dispatch.GenerateLane{writeBy("a", w)}})
				got, err := read(s.Generate(t.Context(), llm.Call{}, "", llm.GenerateRequest{}))
				if got != tt.want || (err != nil) != tt.fails || w.n != tt.calls {
					t.Errorf("got %q, %v after %d exchanges", got, err, w.n)
				}
				if st := s.Snapshot()[0].Lanes[0]; st.InFlight != 0 {
					t.Errorf("a slot is still taken: %+v", st)
				}
			})
		})
	}
}

func TestGenerateEndsWithItsConsumer(t *testing.T) {
	t.Parallel()
	w := &teller{words: []string{"one", "two"}}
	s := dispatch.New(dispatch.Config{Generate: []dispatch.GenerateLane{writeBy("a", w)}})
	for range s.Generate(t.Context(), llm.Call{}, "a", llm.GenerateRequest{}) {
		break
	}
	if w.closed != 1 || s.Snapshot()[0].Lanes[0].InFlight != 0 {
		t.Error("the exchange goes on without its consumer")
	}
	_, err := read(s.Generate(t.Context(), llm.Call{}, "b", llm.GenerateRequest{}))
	if fault.Message(err) != "Invalid LLM provider: b. Supported providers: a" {
		t.Errorf("unknown generator: %v", err)
	}
}

func TestAGeneratorDoesNotWaitForAnothersProvider(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := dispatch.New(dispatch.Config{Generate: []dispatch.GenerateLane{
			writeBy("limited", limited{}), writeBy("free", &teller{words: []string{"word"}}),
		}})
		answer := llm.Call{Tenant: "p", Priority: llm.PriorityAnswer}
		for range 2 {
			_, err := read(s.Generate(t.Context(), answer, "limited", llm.GenerateRequest{}))
			if !fault.Is(err, fault.RateLimited) {
				t.Errorf("a limited provider: %v", err)
			}
		}
		if reason := s.Snapshot()[0].Reason; !strings.HasPrefix(reason, "limited/limited: 429 until ") {
			t.Errorf("the limited lane says %q", reason)
		}
		began := time.Now()
		if got, err := read(s.Generate(t.Context(), answer, "free", llm.GenerateRequest{})); got != "word" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the other generator waited %v", took)
		}
	})
}

// limited is a generator over its rate for an hour.
type limited struct{}

func (limited) Model() string { return "limited" }

func (limited) Generate(context.Context, llm.GenerateRequest) iter.Seq2[llm.Event, error] {
	return func(yield func(llm.Event, error) bool) {
		yield(llm.Event{}, &llm.Error{
			Class: llm.ClassThrottled, Provider: "limited", Status: 429, RetryAfter: time.Hour,
		})
	}
}
