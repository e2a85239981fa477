package evaluate_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kvasir/internal/evaluate"
)

func TestAnswersAreHeldAgainstTheRightOnes(t *testing.T) {
	t.Parallel()
	list := []evaluate.Question{
		{ID: "1", Text: "who?", Answers: []string{"grey  heron", "bird"}},
		{ID: "2", Text: "where?", Answers: []string{"pond"}},
		{ID: "3", Text: "when?", Answers: []string{"1998"}},
		{ID: "4", Text: "why?", Answers: []string{"hunger"}},
	}
	replies := map[string]evaluate.Reply{
		"who?":   {Text: "A Grey\nheron [[1]].", Cited: []string{"The grey heron stands.", "Elsewhere."}},
		"where?": {Text: "On a roof [[1]].", Cited: []string{"It sat by the pond."}},
		"when?":  {Text: "Nothing supports an answer: 1998?"},
		"why?":   {Text: "Out of hunger [[1]].", Cited: []string{"Ducks quack."}},
	}
	asked := 0
	got, err := evaluate.Ask(t.Context(), list, 1, func(_ context.Context, q string) (evaluate.Reply, error) {
		return replies[q], nil
	}, func() { asked++ })
	if err != nil || asked != 4 {
		t.Fatalf("asked %d: %v", asked, err)
	}
	want := &evaluate.Answers{
		Asked: 4, Answered: 3.0 / 4, Said: 2.0 / 3, Cited: 2.0 / 3, Citations: 4, Right: 2.0 / 4,
		Questions: []evaluate.AnswerScore{
			{ID: "1", Text: "who?", Answer: "A Grey\nheron [[1]].", Said: true, Citations: 2, Right: 1},
			{ID: "2", Text: "where?", Answer: "On a roof [[1]].", Citations: 1, Right: 1},
			{ID: "3", Text: "when?", Answer: "Nothing supports an answer: 1998?", Said: true},
			{ID: "4", Text: "why?", Answer: "Out of hunger [[1]].", Said: true, Citations: 1},
		},
	}
	took := cmpopts.IgnoreFields(evaluate.AnswerScore{}, "Took")
	if diff := cmp.Diff(want, got, took, nearly, cmpopts.IgnoreFields(evaluate.Answers{}, "Latency")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnErrorLeavesTheAnswersBefore(t *testing.T) {
	t.Parallel()
	list := []evaluate.Question{{ID: "1", Text: "a", Answers: []string{"x"}}, {ID: "2", Text: "b", Answers: []string{"x"}}}
	spent := errors.New("the budget is spent")
	got, err := evaluate.Ask(t.Context(), list, 1, func(_ context.Context, q string) (evaluate.Reply, error) {
		if q == "b" {
			return evaluate.Reply{}, spent
		}
		return evaluate.Reply{Text: "x", Cited: []string{"x"}}, nil
	}, func() {})
	if !errors.Is(err, spent) || got.Asked != 1 || got.Right != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = evaluate.Ask(t.Context(), list[1:], 1, func(context.Context, string) (evaluate.Reply, error) {
		return evaluate.Reply{}, spent
	}, func() {})
	if !errors.Is(err, spent) || got.Asked != 0 || got.Answered != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSomeQuestionsAreOfAllParts(t *testing.T) {
	t.Parallel()
	list := make([]evaluate.Question, 10)
	for i := range list {
		list[i] = evaluate.Question{ID: string(rune('a' + i))}
	}
	tests := []struct {
		n    int
		want []string
	}{{0, nil}, {1, []string{"a"}}, {3, []string{"a", "d", "g"}}, {10, strings.Split("abcdefghij", "")}}
	for _, tt := range tests {
		var got []string
		for _, q := range evaluate.Some(list, tt.n) {
			got = append(got, q.ID)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("Some(10 questions, %d) (-want +got):\n%s", tt.n, diff)
		}
	}
	if got := evaluate.Some(list, 99); len(got) != len(list) {
		t.Errorf("Some(10 questions, 99) returns %d", len(got))
	}
}
