package exchange

import "fmt"

// A Score is one document's score in the answer of a reranker.
type Score struct {
	Index int     `json:"index"`
	Score float64 `json:"relevance_score"`
}

// slack is how far rounding may push a score over the edge.
const slack = 1e-3

// Scores returns the scores in the order of the n documents that were sent.
// Every document has one, from 0 to 1, or there is an error.
func Scores(list []Score, n int) ([]float64, error) {
	out, err := InOrder(list, n)
	for i, s := range out {
		if s < -slack || s > 1+slack {
			return nil, fmt.Errorf("score %g of document %d is not between 0 and 1", s, i)
		}
		out[i] = min(max(s, 0), 1)
	}
	return out, err
}

// InOrder returns the scores in the order of the n documents that were sent,
// whatever they are. Every document has one, or there is an error.
func InOrder(list []Score, n int) ([]float64, error) {
	if len(list) != n {
		return nil, fmt.Errorf("%d scores for %d documents", len(list), n)
	}
	out := make([]float64, n)
	seen := make([]bool, n)
	for _, s := range list {
		if s.Index < 0 || s.Index >= n || seen[s.Index] {
			return nil, fmt.Errorf("score index %d is out of range or given twice", s.Index)
		}
		seen[s.Index] = true
		out[s.Index] = s.Score
	}
	return out, nil
}
