package evaluate

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"kvasir/internal/rank"
)

// A Comparison tells how a second run differs from a first, query by query.
type Comparison struct {
	Queries     int          `json:"queries"`          // in both runs
	Unpaired    int          `json:"unpaired"`         // in one of them alone, which does not count
	Differences []Difference `json:"differences"`      // of each measure that both have
	Changed     []Change     `json:"changed_the_most"` // by the first measure, from worse to better
}

// A Difference is that of one measure over the queries of both runs.
type Difference struct {
	Measure    string  `json:"measure"`
	First      float64 `json:"first"`
	Second     float64 `json:"second"`
	Difference float64 `json:"difference"` // second less first
	// P is how likely so large a difference is if both ways to search are equally
	// good, by [rank.RandomisationTest].
	P      float64 `json:"p"`
	Better int     `json:"better"` // queries that scored higher in the second run
	Worse  int     `json:"worse"`
}

// A Change is a query whose score differs.
type Change struct {
	ID     string  `json:"id"`
	Text   string  `json:"text"`
	First  float64 `json:"first"`
	Second float64 `json:"second"`
}

func (c Change) difference() float64 { return c.Second - c.First }

// mostChanged is how many queries a comparison names.
const mostChanged = 10

// A pair is a query in both runs.
type pair struct{ first, second QueryScore }

// Compare compares a second run with a first.
func Compare(first, second *Run) (*Comparison, error) {
	before := make(map[string]QueryScore, len(first.Queries))
	for _, q := range first.Queries {
		before[q.ID] = q
	}
	var pairs []pair
	for _, q := range second.Queries {
		if earlier, ok := before[q.ID]; ok {
			pairs = append(pairs, pair{earlier, q})
		}
	}
	if len(pairs) == 0 {
		return nil, errors.New("the two runs have no query in common")
	}
	c := &Comparison{Queries: len(pairs), Unpaired: len(first.Queries) + len(second.Queries) - 2*len(pairs)}
	for _, name := range Names(second) {
		if _, both := first.Scores[name]; both {
			c.Differences = append(c.Differences, differ(name, pairs))
		}
	}
	if len(c.Differences) > 0 {
		c.Changed = changed(c.Differences[0].Measure, pairs)
	}
	return c, nil
}

// differ compares by one measure.
func differ(name string, pairs []pair) Difference {
	d := Difference{Measure: name}
	n := float64(len(pairs))
	differences := make([]float64, len(pairs))
	for i, p := range pairs {
		a, b := p.first.Scores[name], p.second.Scores[name]
		differences[i] = b - a
		d.First += a / n
		d.Second += b / n
		switch {
		case b > a:
			d.Better++
		case b < a:
			d.Worse++
		}
	}
	d.Difference, d.P = d.Second-d.First, rank.RandomisationTest(differences)
	return d
}

// changed returns the queries that a measure tells apart most.
func changed(name string, pairs []pair) []Change {
	list := []Change{}
	for _, p := range pairs {
		change := Change{ID: p.second.ID, Text: p.second.Text, First: p.first.Scores[name], Second: p.second.Scores[name]}
		if change.difference() != 0 {
			list = append(list, change)
		}
	}
	slices.SortStableFunc(list, func(a, b Change) int {
		return cmp.Compare(math.Abs(b.difference()), math.Abs(a.difference()))
	})
	list = list[:min(len(list), mostChanged)]
	slices.SortStableFunc(list, func(a, b Change) int { return cmp.Compare(a.difference(), b.difference()) })
	return list
}
