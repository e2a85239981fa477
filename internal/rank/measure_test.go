package rank_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"kvasir/internal/rank"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

// TestMeasures holds the measures against figures worked out by hand; those of nDCG
// are written as sums, with 1/log2(2) = 1, 1/log2(3) = 0.63093 and 1/log2(4) = 0.5.
func TestMeasures(t *testing.T) {
	t.Parallel()
	const second, third, fourth = 0.6309297535714575, 0.5, 0.43067655807339306
	graded := map[string]float64{"a": 3, "b": 2, "c": 1, "bad": -1, "none": 0}
	tests := []struct {
		name                        string
		ranked                      []string
		grades                      map[string]float64
		k                           int
		ndcg, recall, rr, successes float64
	}{
		{"the best order", []string{"a", "b", "c"}, graded, 10, 1, 1, 1, 1},
		{
			"one late and one missing", []string{"x", "b", "none", "a"}, graded, 10,
			(2*second + 3*fourth) / (3 + 2*second + third), 2.0 / 3, 0.5, 1,
		},
		{"cut before the first", []string{"x", "y", "a"}, graded, 2, 0, 0, 0, 0},
		{"the ideal is cut, too", []string{"c", "a"}, graded, 1, 1.0 / 3, 1.0 / 3, 1, 1},
		{"a negative grade gains nothing", []string{"bad", "a"}, graded, 2, 3 * second / (3 + 2*second), 1.0 / 3, 0.5, 1},
		{"a list shorter than k", []string{"c"}, graded, 10, 1 / (3 + 2*second + third), 1.0 / 3, 1, 1},
		{"nothing found", nil, graded, 10, 0, 0, 0, 0},
		{"nothing is relevant", []string{"a"}, map[string]float64{"a": 0}, 10, 0, 0, 0, 0},
		{"no grades", []string{"a"}, nil, 10, 0, 0, 0, 0},
		{"the third of one", []string{"x", "y", "a"}, map[string]float64{"a": 1}, 3, third, 1, 1.0 / 3, 1},
	}
	for _, tt := range tests {
		for _, m := range []struct {
			name      string
			got, want float64
		}{
			{"NDCG", rank.NDCG(tt.ranked, tt.grades, tt.k), tt.ndcg},
			{"Recall", rank.Recall(tt.ranked, tt.grades, tt.k), tt.recall},
			{"ReciprocalRank", rank.ReciprocalRank(tt.ranked, tt.grades, tt.k), tt.rr},
			{"Success", rank.Success(tt.ranked, tt.grades, tt.k), tt.successes},
		} {
			if !near(m.got, m.want) {
				t.Errorf("%s: %s = %v, want %v", tt.name, m.name, m.got, m.want)
			}
		}
	}
}

func TestRandomisationTestCountsAllAssignmentsOfFew(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		differences []float64
		want        float64
	}{
		{"nothing to compare", nil, 1},
		{"no difference", []float64{0, 0, 0}, 1},
		{"one difference says nothing", []float64{0.4}, 1},
		{"of 4 signs the 2 extremes", []float64{1, 1}, 0.5},
		{"ties leave the others", []float64{0, 1, 0, 1, 1, 0, 1, 1}, 2.0 / 32},
		// The sums over the signs of 3, 1 and 1 are 5, 3, 3, 1 and their negatives.
		{"one against two", []float64{3, -1, 1}, 6.0 / 8},
		{"either direction", []float64{-3, -1, -1}, 2.0 / 8},
		{"rounding does not matter", []float64{0.1, 0.2, 0.3}, 2.0 / 8},
	}
	for _, tt := range tests {
		if got := rank.RandomisationTest(tt.differences); !near(got, tt.want) {
			t.Errorf("%s: p = %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestRandomisationTestAgreesWithTheNormal holds random assignments against the normal
// distribution that their mean comes near to.
func TestRandomisationTestAgreesWithTheNormal(t *testing.T) {
	t.Parallel()
	for _, shift := range []float64{0, 0.05, 0.1, 0.2} {
		random := rand.New(rand.NewPCG(7, 9))
		differences := make([]float64, 300)
		sum, squares := 0.0, 0.0
		for i := range differences {
			differences[i] = random.NormFloat64() + shift
			sum += differences[i]
			squares += differences[i] * differences[i]
		}
		want := math.Erfc(math.Abs(sum) / math.Sqrt(2*squares))
		if got := rank.RandomisationTest(differences); math.Abs(got-want) > 0.02 {
			t.Errorf("shifted by %v: p = %v, the normal says %v", shift, got, want)
		}
	}
}

func TestRandomisationTestIsNeverZero(t *testing.T) {
	t.Parallel()
	differences := make([]float64, 100)
	for i := range differences {
		differences[i] = 1
	}
	p := rank.RandomisationTest(differences)
	if p <= 0 || p > 0.001 || p != rank.RandomisationTest(differences) {
		t.Errorf("p = %v, want a little above 0, the same each time", p)
	}
}

func ExampleNDCG() {
	grades := map[string]float64{"herons": 2, "ducks": 1}
	fmt.Printf("%.3f\n", rank.NDCG([]string{"swans", "herons", "ducks"}, grades, 10))
	// Output: 0.670
}
