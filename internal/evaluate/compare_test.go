package evaluate_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/evaluate"
)

// scored returns a run whose queries have these scores, by their number from 1.
func scored(scores ...float64) *evaluate.Run {
	r := &evaluate.Run{Scores: map[string]float64{"ndcg@10": 0}}
	for i, score := range scores {
		if math.IsNaN(score) {
			continue // not asked
		}
		r.Queries = append(r.Queries, evaluate.QueryScore{
			ID: fmt.Sprint(i + 1), Text: fmt.Sprint("text ", i+1), Scores: map[string]float64{"ndcg@10": score},
		})
	}
	return r
}

func TestRunsAreComparedQueryByQuery(t *testing.T) {
	t.Parallel()
	none := math.NaN()
	first := scored(0.5, 0.5, 0.5, 0.5, 1, none)
	second := scored(1, 0.75, 0.25, 0.5, none, 1)
	second.Scores["success@5"] = 1 // which the first has not
	got, err := evaluate.Compare(first, second)
	if err != nil {
		t.Fatal(err)
	}
	want := &evaluate.Comparison{
		Queries: 4, Unpaired: 2,
		Differences: []evaluate.Difference{{
			Measure: "ndcg@10", First: 0.5, Second: 0.625, Difference: 0.125, Better: 2, Worse: 1,
			P: 6.0 / 8, // sums of ±0.5 ±0.25 ±0.25 that are 0.5 from 0 or farther: all but two
		}},
		Changed: []evaluate.Change{
			{ID: "3", Text: "text 3", First: 0.5, Second: 0.25},
			{ID: "2", Text: "text 2", First: 0.5, Second: 0.75},
			{ID: "1", Text: "text 1", First: 0.5, Second: 1},
		},
	}
	if diff := cmp.Diff(want, got, nearly); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheMostChangedAreFew(t *testing.T) {
	t.Parallel()
	a, b := make([]float64, 40), make([]float64, 40)
	for i := range b {
		b[i] = float64(i-20) / 40
	}
	got, err := evaluate.Compare(scored(a...), scored(b...))
	if err != nil || len(got.Changed) != 10 {
		t.Fatalf("%+v, %v", got, err)
	}
	if got.Changed[0].ID != "1" || got.Changed[9].ID != "40" || got.Changed[0].Second != -0.5 {
		t.Errorf("changed most: %+v", got.Changed)
	}
}

func TestRunsOfOtherQueriesAreNotCompared(t *testing.T) {
	t.Parallel()
	none := math.NaN()
	if c, err := evaluate.Compare(scored(1, none), scored(none, 1)); err == nil {
		t.Errorf("compared: %+v", c)
	}
}

func TestAReportIsABaseline(t *testing.T) {
	t.Parallel()
	kept := evaluate.Report{
		Collection: "herons", Runs: []evaluate.Run{*scored(0.5, 1)}, Loaded: &evaluate.Loaded{Documents: 3},
		Asking: evaluate.Spent{Tokens: 12, Dollars: 0.5}.Since(evaluate.Spent{Tokens: 2}),
	}
	raw, err := json.Marshal(kept)
	if err != nil {
		t.Fatal(err)
	}
	got, err := evaluate.ReadReport(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&kept, got); diff != "" || got.Asking.Tokens != 10 {
		t.Errorf("%+v (-want +got):\n%s", got.Asking, diff)
	}
	for _, wrong := range []string{"", "{", `{"collection":"herons"}`, `[]`} {
		if got, err := evaluate.ReadReport(strings.NewReader(wrong)); err == nil {
			t.Errorf("ReadReport(%q) = %+v", wrong, got)
		}
	}
}
