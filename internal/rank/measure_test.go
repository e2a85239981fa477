package rank_test

import (
	"math"
	"testing"

	"kvasir/internal/rank"
)

func TestMeasures(t *testing.T) {
	t.Parallel()
	relevant := rank.Gains[string]{"a": 3, "b": 1, "c": 2}
	best := 3 + 2/math.Log2(3) + 1/math.Log2(4)
	tests := []struct {
		name              string
		found             []string
		relevant          rank.Gains[string]
		k                 int
		ndcg, recall, mrr float64
	}{
		{"the best order", []string{"a", "c", "b", "x"}, relevant, 10, 1, 1, 1},
		{"the gains are as they are", []string{"b", "a"}, relevant, 10, (1 + 3/math.Log2(3)) / best, 2.0 / 3, 1},
		{"found late", []string{"x", "y", "c"}, relevant, 10, (2 / math.Log2(4)) / best, 1.0 / 3, 1.0 / 3},
		{"found too late", []string{"x", "y", "c"}, relevant, 2, 0, 0, 0},
		{"the best order within k", []string{"a", "x"}, relevant, 1, 1, 1.0 / 3, 1},
		{"nothing found", nil, relevant, 10, 0, 0, 0},
		{"nothing relevant", []string{"x"}, nil, 10, 0, 0, 0},
	}
	for _, tt := range tests {
		got := [3]float64{
			rank.NDCG(tt.found, tt.relevant, tt.k),
			rank.Recall(tt.found, tt.relevant, tt.k),
			rank.ReciprocalRank(tt.found, tt.relevant, tt.k),
		}
		for i, want := range [3]float64{tt.ndcg, tt.recall, tt.mrr} {
			if math.Abs(got[i]-want) > 1e-12 {
				t.Errorf("%s: nDCG, recall and reciprocal rank are %v, want %v %v %v",
					tt.name, got, tt.ndcg, tt.recall, tt.mrr)
				break
			}
		}
	}
}
