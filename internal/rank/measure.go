package rank

import (
	"cmp"
	"math"
	"slices"
)

// The measures judge a list of items, best first, none twice, by grades: how
// relevant each item is to the query. What has no grade, or one of 0 or less, is not
// relevant. They are those of trec_eval (ndcg_cut, recall, recip_rank and success),
// and all are from 0 to 1. A query to which nothing is relevant scores 0; averages
// leave such queries out.

// NDCG returns the normalised discounted cumulative gain of the first k items: the
// sum of grade/log2(rank+1), divided by that of the best order there could be. The
// gain is the grade itself, as in trec_eval and in Järvelin and Kekäläinen,
// "Cumulated gain-based evaluation of IR techniques" (TOIS 20, 2002), not 2^grade-1.
func NDCG[T comparable](ranked []T, grades map[T]float64, k int) float64 {
	ideal := make([]float64, 0, len(grades))
	for _, grade := range grades {
		ideal = append(ideal, max(grade, 0))
	}
	slices.SortFunc(ideal, func(a, b float64) int { return cmp.Compare(b, a) })
	best := gain(ideal, k)
	if best == 0 {
		return 0
	}
	got := make([]float64, min(len(ranked), k))
	for i := range got {
		got[i] = max(grades[ranked[i]], 0)
	}
	return gain(got, k) / best
}

// gain returns the discounted cumulative gain of the first k gains.
func gain(gains []float64, k int) float64 {
	sum := 0.0
	for i, g := range gains[:min(len(gains), k)] {
		sum += g / math.Log2(float64(i+2))
	}
	return sum
}

// Recall returns the share of the relevant items that are among the first k.
func Recall[T comparable](ranked []T, grades map[T]float64, k int) float64 {
	relevant, found := 0, 0
	for _, grade := range grades {
		if grade > 0 {
			relevant++
		}
	}
	for _, item := range ranked[:min(len(ranked), k)] {
		if grades[item] > 0 {
			found++
		}
	}
	if relevant == 0 {
		return 0
	}
	return float64(found) / float64(relevant)
}

// ReciprocalRank returns one divided by the rank, from 1, of the first relevant item,
// and 0 if none is among the first k. Its mean over queries is MRR@k.
func ReciprocalRank[T comparable](ranked []T, grades map[T]float64, k int) float64 {
	for i, item := range ranked[:min(len(ranked), k)] {
		if grades[item] > 0 {
			return 1 / float64(i+1)
		}
	}
	return 0
}

// Success returns 1 if any of the first k items is relevant, else 0.
func Success[T comparable](ranked []T, grades map[T]float64, k int) float64 {
	return math.Ceil(ReciprocalRank(ranked, grades, k))
}
