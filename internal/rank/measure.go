package rank

import (
	"maps"
	"math"
	"slices"
)

// Gains are the judgements of one query: how good each relevant item is, above 0.
// Items that are not in it are not relevant.
type Gains[T comparable] map[T]float64

// NDCG returns the normalised discounted cumulative gain of the first k items, as
// trec_eval counts it: gains as they are, divided by the binary logarithm of the
// place plus one, over what the best possible order would have. It is 0 where
// nothing is relevant.
func NDCG[T comparable](found []T, relevant Gains[T], k int) float64 {
	ideal := slices.Sorted(maps.Values(relevant))
	slices.Reverse(ideal)
	most := discounted(len(ideal), k, func(i int) float64 { return ideal[i] })
	if most == 0 {
		return 0
	}
	return discounted(len(found), k, func(i int) float64 { return relevant[found[i]] }) / most
}

func discounted(n, k int, gain func(i int) float64) float64 {
	sum := 0.0
	for i := range min(n, k) {
		sum += gain(i) / math.Log2(float64(i+2))
	}
	return sum
}

// Recall returns the part of the relevant items that is among the first k, 0
// where nothing is relevant.
func Recall[T comparable](found []T, relevant Gains[T], k int) float64 {
	if len(relevant) == 0 {
		return 0
	}
	n := 0
	for _, item := range found[:min(k, len(found))] {
		if relevant[item] > 0 {
			n++
		}
	}
	return float64(n) / float64(len(relevant))
}

// ReciprocalRank returns 1 divided by the place of the first relevant item among
// the first k, 0 if there is none. Its mean over queries is the MRR.
func ReciprocalRank[T comparable](found []T, relevant Gains[T], k int) float64 {
	for i, item := range found[:min(k, len(found))] {
		if relevant[item] > 0 {
			return 1 / float64(i+1)
		}
	}
	return 0
}
