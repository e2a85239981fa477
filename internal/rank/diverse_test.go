package rank_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"kvasir/internal/rank"
)

func TestDiversify(t *testing.T) {
	t.Parallel()
	// 0 and 1 are twins, 2 is another thing, 3 is a third and hardly relevant.
	relevance := []float64{0.8, 0.78, 0.6, 0.1}
	similar := func(i, j int) float64 {
		if i+j == 1 {
			return 0.95
		}
		return 0.1
	}
	tests := []struct {
		diversity float64
		limit     int
		want      []int
	}{
		{0, 4, []int{0, 1, 2, 3}},
		{0.3, 4, []int{0, 2, 1, 3}},
		{1, 4, []int{0, 2, 3, 1}},
		{0.3, 2, []int{0, 2}},
		{0.5, 0, []int{}},
	}
	for _, tt := range tests {
		if diff := gocmp.Diff(tt.want, rank.Diversify(relevance, tt.diversity, tt.limit, similar)); diff != "" {
			t.Errorf("diversity %v, limit %d (-want +got):\n%s", tt.diversity, tt.limit, diff)
		}
	}
	if got := rank.Diversify([]float64{0, 0}, 0.5, 5, similar); len(got) != 2 {
		t.Errorf("nothing relevant: %v, want both", got)
	}
}

func TestDiversifyLosesNothing(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		relevance := make([]float64, r.IntN(20))
		for i := range relevance {
			relevance[i] = r.Float64()
		}
		got := rank.Diversify(relevance, r.Float64(), 20, func(i, j int) float64 { return float64(i*j%7) / 7 })
		if len(got) > 0 && relevance[got[0]] != slices.Max(relevance) {
			t.Fatalf("the first of %v is not the most relevant of %v", got, relevance)
		}
		slices.Sort(got)
		if len(slices.Compact(got)) != len(relevance) {
			t.Fatalf("%v is not an order of %d items", got, len(relevance))
		}
	}
}
