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
		{"a model that tells nothing", llm.Coverage{}, 0.575},
		{"English", llm.Coverage{TokensPerWord: 1.3}, 0.575},
		{"code in an English model", llm.Coverage{TokensPerWord: 1.65}, 0.6125},
		{"German in an English model", llm.Coverage{TokensPerWord: 2.25}, 0.7625},
		{"Finnish in an English model", llm.Coverage{TokensPerWord: 3.4}, 0.95},
		{"Chinese in an English model", llm.Coverage{TokensPerWord: 1, UnknownShare: 0.3}, 0.95},
		{"a few unknown words", llm.Coverage{TokensPerWord: 1, UnknownShare: 0.01}, 0.65},
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
		share, cosine, best, weight, usual := r.Float64(), 2*r.Float64()-1, 2*r.Float64()-1, r.Float64(), r.Float64()
		more := r.Float64() / 10
		of := func(share, cosine, best float64) float64 {
			return rank.Score(share, rank.Feedback(rank.Likeness(cosine, usual), rank.Likeness(best, usual)), weight)
		}
		score := of(share, cosine, best)
		if score < 0 || score > 1 {
			t.Fatalf("a score of %v is not from 0 to 1", score)
		}
		for name, other := range map[string]float64{
			"share": of(share+more, cosine, best), "cosine": of(share, cosine+more, best), "best": of(share, cosine, best+more),
		} {
			if other < score {
				t.Fatalf("more of the %s takes the score from %v to %v", name, score, other)
			}
		}
		if both := rank.Both(share, share+more); both < share || both > share+more || rank.Both(share, 0) != share {
			t.Fatalf("Both(%v, %v) = %v", share, share+more, both)
		}
	}
}

// A model whose cosines all lie near 1 is judged like one that uses the whole range.
func TestLikenessDoesNotDependOnAModelsRange(t *testing.T) {
	t.Parallel()
	narrow := func(cosine float64) float64 { return 0.7 + 0.3*cosine }
	for _, cosine := range []float64{-0.2, 0.1, 0.3, 0.8, 1} {
		if a, b := rank.Likeness(cosine, 0.1), rank.Likeness(narrow(cosine), narrow(0.1)); !about(a, b) {
			t.Errorf("the cosine %v: likeness %v and %v", cosine, a, b)
		}
	}
	one, none, odd := rank.Likeness(1, 0.4), rank.Likeness(0.4, 0.4), rank.Likeness(1, 1)
	if one != 1 || none != 0 || odd < 0.99 {
		t.Errorf("the same %v, no more than usual %v, where all are the same %v", one, none, odd)
	}
}

func TestBetween(t *testing.T) {
	t.Parallel()
	a, b := llm.Vector{1, 0}, llm.Vector{0, 1}
	if got := rank.Between(a, b); !about(rank.Dot(got, a), math.Sqrt2/2) || !about(rank.Dot(got, b), math.Sqrt2/2) {
		t.Errorf("between %v and %v is %v", a, b, got)
	}
	if got := rank.Between(nil, b); !about(rank.Dot(got, b), 1) {
		t.Errorf("between nothing and %v is %v", b, got)
	}
	for _, other := range []llm.Vector{nil, {1, 2, 3}} {
		if got := rank.Between(a, other); !about(rank.Dot(got, a), 1) {
			t.Errorf("between %v and %v is %v", a, other, got)
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
