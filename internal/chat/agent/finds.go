package agent

import (
	"cmp"
	"slices"

	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
)

// finds are the passages found so far, each once, and how.
type finds struct {
	list     []find
	numbers  map[memo.ChunkID]int // from 1, in the order in which they were found
	chosen   []int                // numbers, as the model orders them
	inferred memo.Filters
	stages   []retrieval.Stage
}

// A find is a passage with its rank in the move that found it.
type find struct {
	retrieval.Hit
	rank, move int
}

func newFinds() finds { return finds{numbers: map[memo.ChunkID]int{}} }

// add keeps a passage and returns its number.
func (f *finds) add(hit retrieval.Hit, rank, move int) int {
	if n, known := f.numbers[hit.ID]; known {
		return n
	}
	f.list = append(f.list, find{hit, rank, move})
	f.numbers[hit.ID] = len(f.list)
	return len(f.list)
}

// explained keeps how a search went.
func (f *finds) explained(query string, e *retrieval.Explanation) {
	if e != nil {
		f.stages = append(f.stages, retrieval.Stage{Name: "step", Notes: []string{"search: " + query}})
		f.stages = append(f.stages, e.Stages...)
	}
}

// best returns up to limit passages: first those that the model has chosen, then the
// best of each move, the second best of each, and so on, so that what one move has
// found does not crowd out what another one has.
func (f *finds) best(limit int) []retrieval.Hit {
	place := func(x *find) int {
		if at := slices.Index(f.chosen, f.numbers[x.ID]); at >= 0 {
			return at
		}
		return len(f.chosen)
	}
	order := slices.Clone(f.list)
	slices.SortStableFunc(order, func(a, b find) int {
		return cmp.Or(cmp.Compare(place(&a), place(&b)), cmp.Compare(a.rank, b.rank), cmp.Compare(a.move, b.move))
	})
	hits := make([]retrieval.Hit, min(len(order), limit))
	for i := range hits {
		hits[i] = order[i].Hit
	}
	return hits
}
