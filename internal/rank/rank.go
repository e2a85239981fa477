// Package rank orders candidates: it fuses the lists of two searches into one.
//
// Scores of words and of vectors have no common scale, so each list is first
// brought to 0..1 by its own least and greatest score. The weight between them
// was measured on seven collections (doc/decisions); it depends on how well the
// embedding model's vocabulary covers the language at hand.
package rank

import (
	"cmp"
	"slices"

	"kvasir/internal/llm"
)

// A Scored is an item with its score in one list; higher is better.
type Scored[T comparable] struct {
	Item  T
	Score float64
}

// The weights of words against vectors.
const (
	BalancedWeight = 0.5 // the model knows the language
	LeaningWeight  = 0.7 // the model spells many of its words
	DistrustWeight = 0.8 // the model hardly knows it
)

// LexicalWeight returns the weight of words, from 0 to 1, for a text that an
// embedding model covers this well. Above 1.75 tokens a word the model spells
// rather than reads; above 3, or with one word in twenty unknown, it guesses.
func LexicalWeight(c llm.Coverage) float64 {
	switch {
	case c.TokensPerWord > 3 || c.UnknownShare > 0.05:
		return DistrustWeight
	case c.TokensPerWord > 1.75:
		return LeaningWeight
	}
	return BalancedWeight
}

// Fuse joins a lexical and a vector list, whatever their order: the score of an
// item is weight times its lexical score plus the rest times its vector score,
// each brought to 0..1 over its list; a list that lacks the item gives 0. The
// result is sorted, best first; equal scores keep the order of first mention.
func Fuse[T comparable](lexical, vector []Scored[T], weight float64) []Scored[T] {
	at := make(map[T]int, len(lexical)+len(vector))
	var out []Scored[T]
	add := func(list []Scored[T], weight float64) {
		low, high := bounds(list)
		for _, s := range list {
			i, ok := at[s.Item]
			if !ok {
				i = len(out)
				at[s.Item] = i
				out = append(out, Scored[T]{Item: s.Item})
			}
			out[i].Score += weight * scale(s.Score, low, high)
		}
	}
	add(lexical, weight)
	add(vector, 1-weight)
	slices.SortStableFunc(out, func(a, b Scored[T]) int { return cmp.Compare(b.Score, a.Score) })
	return out
}

func bounds[T comparable](list []Scored[T]) (low, high float64) {
	for i, s := range list {
		if i == 0 {
			low, high = s.Score, s.Score
		}
		low, high = min(low, s.Score), max(high, s.Score)
	}
	return low, high
}

// scale brings a score to 0..1. A list of equals scores 1: nothing is worse.
func scale(score, low, high float64) float64 {
	if high <= low {
		return 1
	}
	return (score - low) / (high - low)
}
