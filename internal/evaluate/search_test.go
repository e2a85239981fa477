package evaluate_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kvasir/internal/evaluate"
)

// found returns a searcher that finds a fixed list for each text.
func found(lists map[string][]string) evaluate.Searcher {
	return func(_ context.Context, text string) ([]string, error) { return lists[text], nil }
}

var nearly = cmpopts.EquateApprox(0, 1e-9)

func TestRunsAreScoredByTheBestPassageOfEachDocument(t *testing.T) {
	t.Parallel()
	list := []evaluate.Query{{ID: "1", Text: "one"}, {ID: "2", Text: "two"}}
	judged := evaluate.Judgements{"1": {"a": 1}, "2": {"b": 2, "c": 1}}
	asked := 0
	runs, err := evaluate.Search(t.Context(), list, judged, []evaluate.Configuration{{
		Options: "fusion=rrf",
		Search: found(map[string][]string{
			"one": {"x", "x", "x", "a", "a"}, // a is second
			"two": {"c", "c", "b"},
		}),
	}}, evaluate.SearchOptions{Asked: func() { asked++ }})
	if err != nil || len(runs) != 1 || asked != 2 {
		t.Fatalf("%d runs, asked %d, error %v", len(runs), asked, err)
	}
	second := 1 / math.Log2(3)
	two := (1 + 2*second) / (2 + second)
	want := map[string]float64{
		"ndcg@10": (second + two) / 2, "recall@10": 1, "recall@50": 1, "mrr@10": 0.75, "success@5": 1,
	}
	if diff := cmp.Diff(want, runs[0].Scores, nearly); diff != "" || runs[0].Options != "fusion=rrf" {
		t.Errorf("%q (-want +got):\n%s", runs[0].Options, diff)
	}
	if q := runs[0].Queries[1]; q.ID != "2" || q.Text != "two" || math.Abs(q.Scores["ndcg@10"]-two) > 1e-9 {
		t.Errorf("the second query: %+v", q)
	}
	if l := runs[0].Latency; l.P50 > l.P99 || l.P50 < 0 {
		t.Errorf("latency %+v", l)
	}
}

func TestConfigurationsTakeTurns(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var order []string
	notes := func(name string) evaluate.Searcher {
		return func(_ context.Context, text string) ([]string, error) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, name+text)
			return []string{name}, nil
		}
	}
	list := []evaluate.Query{{ID: "1", Text: "1"}, {ID: "2", Text: "2"}, {ID: "3", Text: "3"}}
	judged := evaluate.Judgements{"1": {"a": 1}, "2": {"a": 1}, "3": {"b": 1}}
	runs, err := evaluate.Search(t.Context(), list, judged,
		[]evaluate.Configuration{{Search: notes("a")}, {Search: notes("b")}}, evaluate.SearchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a1", "b1", "a1", "b1", "b2", "a2", "a3", "b3"} // the first query once more, to warm up
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("the order (-want +got):\n%s", diff)
	}
	if a, b := runs[0].Scores["ndcg@10"], runs[1].Scores["ndcg@10"]; math.Abs(a-2.0/3) > 1e-9 || math.Abs(b-1.0/3) > 1e-9 {
		t.Errorf("scores %v and %v, want 2/3 and 1/3: each configuration its own", a, b)
	}
}

func TestWhatWasAskedBeforeAnErrorCounts(t *testing.T) {
	t.Parallel()
	var list []evaluate.Query
	judged := evaluate.Judgements{}
	for i := range 20 {
		id := fmt.Sprint(i)
		list = append(list, evaluate.Query{ID: id, Text: id})
		judged[id] = map[string]float64{"a": 1}
	}
	broken := errors.New("the line is cut")
	for _, jobs := range []int{1, 4} {
		runs, err := evaluate.Search(t.Context(), list, judged, []evaluate.Configuration{{
			Search: func(_ context.Context, text string) ([]string, error) {
				if text == "7" {
					return nil, broken
				}
				return []string{"a"}, nil
			},
		}}, evaluate.SearchOptions{Jobs: jobs})
		if !errors.Is(err, broken) || err.Error() != "query 7: the line is cut" {
			t.Errorf("error %v", err)
		}
		ids := []string{}
		for _, q := range runs[0].Queries {
			ids = append(ids, q.ID)
		}
		if len(ids) < 7 || slices.Contains(ids, "7") || math.Abs(runs[0].Scores["mrr@10"]-1) > 1e-9 {
			t.Errorf("with %d at once there are %v, scored %v", jobs, ids, runs[0].Scores)
		}
	}
}

func TestAnInterruptedRunEndsSoon(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	list := []evaluate.Query{{ID: "1", Text: "1"}, {ID: "2", Text: "2"}, {ID: "3", Text: "3"}}
	runs, err := evaluate.Search(ctx, list, evaluate.Judgements{}, []evaluate.Configuration{{
		Search: func(ctx context.Context, text string) ([]string, error) {
			if text == "2" {
				cancel()
			}
			return nil, ctx.Err()
		},
	}}, evaluate.SearchOptions{})
	if !errors.Is(err, context.Canceled) || len(runs) != 1 || len(runs[0].Queries) != 1 {
		t.Errorf("%+v, %v; want the first query alone", runs, err)
	}
}

func TestMeasuresAreNamed(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"NDCG@10": "ndcg@10", "recall@50": "recall@50", "mrr@007": "mrr@7"} {
		if m, err := evaluate.ParseMeasure(name); err != nil || m.Name != want {
			t.Errorf("ParseMeasure(%q) = %q, %v", name, m.Name, err)
		}
	}
	for _, name := range []string{"", "ndcg", "ndcg@", "ndcg@0", "ndcg@51", "ndcg@-1", "precision@5", "ndcg@ten"} {
		if m, err := evaluate.ParseMeasure(name); err == nil {
			t.Errorf("ParseMeasure(%q) = %q", name, m.Name)
		}
	}
}
