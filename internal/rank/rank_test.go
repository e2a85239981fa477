package rank_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"kvasir/internal/llm"
	"kvasir/internal/rank"
)

func about(a, b float64) bool { return math.Abs(a-b) < 1e-6 }

func TestLexicalWeight(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		c    llm.Coverage
		want float64
	}{
		{"a model that tells nothing", llm.Coverage{}, 0.6},
		{"English", llm.Coverage{TokensPerWord: 1.3}, 0.6},
		{"code in an English model", llm.Coverage{TokensPerWord: 1.65}, 0.63},
		{"German in an English model", llm.Coverage{TokensPerWord: 2.25}, 0.75},
		{"Finnish in an English model", llm.Coverage{TokensPerWord: 3.4}, 0.9},
		{"Chinese in an English model", llm.Coverage{TokensPerWord: 1, UnknownShare: 0.3}, 0.9},
		{"a few unknown words", llm.Coverage{TokensPerWord: 1, UnknownShare: 0.01}, 0.66},
	}
	for _, tt := range tests {
		if got := rank.LexicalWeight(tt.c); !about(got, tt.want) {
			t.Errorf("%s: weight %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestMoreEvidenceNeverCountsLess(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		share, cosine, best, weight := r.Float64(), 2*r.Float64()-1, 2*r.Float64()-1, r.Float64()
		more := r.Float64() / 10
		score := rank.Score(share, rank.Feedback(cosine, best), weight)
		if score < 0 || score > 1 {
			t.Fatalf("a score of %v is not from 0 to 1", score)
		}
		for name, other := range map[string]float64{
			"share":     rank.Score(share+more, rank.Feedback(cosine, best), weight),
			"cosine":    rank.Score(share, rank.Feedback(cosine+more, best), weight),
			"with best": rank.Score(share, rank.Feedback(cosine, best+more), weight),
		} {
			if other < score {
				t.Fatalf("more %s takes the score from %v to %v", name, score, other)
			}
		}
		if both := rank.Both(share, share+more); both < share || both > share+more || rank.Both(share, 0) != share {
			t.Fatalf("Both(%v, %v) = %v", share, share+more, both)
		}
	}
}

func TestReciprocalFallsWithThePlace(t *testing.T) {
	t.Parallel()
	if first, second := rank.Reciprocal(0), rank.Reciprocal(1); !about(first, 1.0/61) || !about(second, 1.0/62) {
		t.Errorf("the first two places give %v and %v", first, second)
	}
}

func TestRecency(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	tests := []struct {
		name          string
		age, halfLife time.Duration
		weight, want  float64
	}{
		{"no half-life", 100 * day, 0, 1, 1},
		{"no weight", 100 * day, day, 0, 1},
		{"new", 0, 30 * day, 0.5, 1},
		{"of tomorrow", -day, 30 * day, 0.5, 1},
		{"a half-life old", 30 * day, 30 * day, 0.5, 0.75},
		{"two half-lives old", 60 * day, 30 * day, 1, 0.25},
		{"very old", 100000 * day, day, 0.4, 0.6},
	}
	for _, tt := range tests {
		if got := rank.Recency(tt.age, tt.halfLife, tt.weight); !about(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestUnitAndDot(t *testing.T) {
	t.Parallel()
	v := rank.Unit(llm.Vector{3, 0, 4})
	if !about(rank.Dot(v, v), 1) || !about(float64(v[2]), 0.8) {
		t.Errorf("Unit = %v", v)
	}
	if got := rank.Dot(v, llm.Vector{1, 2}); got != 0 {
		t.Errorf("vectors of two lengths have the product %v", got)
	}
	for _, none := range []llm.Vector{nil, {0, 0}, {float32(math.NaN())}, {float32(math.Inf(1))}} {
		if got := rank.Unit(none); got != nil {
			t.Errorf("Unit(%v) = %v, want nil", none, got)
		}
	}
}
