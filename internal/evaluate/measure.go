package evaluate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"kvasir/internal/rank"
)

// Depth is how far down a list is looked: a search returns no more passages.
const Depth = 50

// A Measure is a number from 0 to 1 for what was found for a query, such as ndcg@10.
type Measure struct {
	Name string
	k    int
	of   func(ranked []string, grades map[string]float64, k int) float64
}

// kinds are the measures there are.
func kinds() []Measure {
	return []Measure{
		{Name: "ndcg", of: rank.NDCG[string]}, {Name: "recall", of: rank.Recall[string]},
		{Name: "mrr", of: rank.ReciprocalRank[string]}, {Name: "success", of: rank.Success[string]},
	}
}

// Measures returns those that every report has. The first is what runs are compared by.
func Measures() []Measure {
	var list []Measure
	for _, name := range []string{"ndcg@10", "recall@10", "recall@50", "mrr@10", "success@5"} {
		m, err := ParseMeasure(name)
		if err != nil {
			panic(err) // the list above is wrong
		}
		list = append(list, m)
	}
	return list
}

// Names returns the names of a run's measures, those of every report first.
func Names(r *Run) []string {
	var names []string
	for _, m := range Measures() {
		if _, ok := r.Scores[m.Name]; ok {
			names = append(names, m.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Scores)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// ParseMeasure reads a name such as ndcg@10, in any case.
func ParseMeasure(name string) (Measure, error) {
	kind, cut, _ := strings.Cut(strings.ToLower(name), "@")
	k, err := strconv.Atoi(cut)
	for _, m := range kinds() {
		if m.Name != kind || err != nil || k < 1 || k > Depth {
			continue
		}
		m.Name, m.k = kind+"@"+strconv.Itoa(k), k
		return m, nil
	}
	return Measure{}, fmt.Errorf("there is no measure %q, only ndcg@K, recall@K, mrr@K and success@K with K from 1 to %d",
		name, Depth)
}

// Of scores what was found, best first, none twice.
func (m Measure) Of(ranked []string, grades map[string]float64) float64 {
	return m.of(ranked, grades, m.k)
}
