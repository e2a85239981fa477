package cohere

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestScoresKeepTheirOrder(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		scores, want []float64
	}{
		{"shares stay", []float64{0, 0.25, 1}, []float64{0, 0.25, 1}},
		{"rounding is no other scale", []float64{-0.0001, 1.0001}, []float64{0, 1}},
		{"cosines", []float64{-0.5, 0, 1}, []float64{0.25, 0.5, 1}},
		{"logits", []float64{0, math.Log(3), -math.Log(3)}, []float64{0.5, 0.75, 0.25}},
	}
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-12 })
	for _, tt := range tests {
		var s scale
		got := slices.Clone(tt.scores)
		s.fit(got)
		if diff := cmp.Diff(tt.want, got, near); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestAScaleIsKept(t *testing.T) {
	t.Parallel()
	var s scale
	s.fit([]float64{7.7, -2.3})
	later := []float64{0.5, 0.4} // which by themselves might be shares
	s.fit(later)
	if later[0] >= 0.63 || later[0] <= 0.62 || later[1] >= later[0] {
		t.Errorf("later scores are %v, want them as logits, too", later)
	}
}

func FuzzScale(f *testing.F) {
	f.Add(0.1, 0.2, -3.0)
	f.Add(-0.9, 1e300, -1e300)
	f.Fuzz(func(t *testing.T, a, b, c float64) {
		if math.IsNaN(a + b + c) {
			return // JSON has no such number
		}
		var s scale
		given := []float64{a, b, c}
		got := slices.Clone(given)
		s.fit(got)
		for i := range got {
			if !(got[i] >= 0 && got[i] <= 1) {
				t.Errorf("%v became %v", given, got)
			}
			for j := range got {
				if given[i] < given[j] && got[i] > got[j] {
					t.Errorf("the order of %v changed: %v", given, got)
				}
			}
		}
	})
}
