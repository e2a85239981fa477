package indextest

import (
	"math"
	"math/rand/v2"
	"slices"

	"kvasir/internal/llm"
)

// A Shape is what made-up vectors have of real ones: they lie around topics, some
// directions have a larger share than others, and all have one in common, by which
// any two of them are alike.
type Shape struct {
	Topics         int
	Spread, Common float64 // of vectors in a topic, and of what is common, to that of topics
}

// Usual returns the shape of most models' vectors.
func Usual() Shape { return Shape{Topics: 100, Spread: 0.7, Common: 0.5} }

// Hard returns one with few topics and much chance, so that a query has thousands of
// vectors about as near as the nearest, and a mean as long as the notorious models
// have it.
func Hard() Shape { return Shape{Topics: 20, Spread: 2, Common: 1.5} }

// Clustered makes n vectors, the same for the same seed.
func (s Shape) Clustered(seed uint64, n, dim int) []llm.Vector {
	r := rand.New(rand.NewPCG(seed, 2))
	scattered := func(around llm.Vector, by float64) llm.Vector {
		v := make(llm.Vector, dim)
		for j := range v {
			v[j] = float32(by * r.NormFloat64() / math.Sqrt(float64(j+10)))
			if around != nil {
				v[j] += around[j]
			}
		}
		return v
	}
	common := scattered(nil, s.Common)
	common[5] += float32(s.Common) // and most of it in one number
	topics := make([]llm.Vector, s.Topics)
	for i := range topics {
		topics[i] = scattered(common, 1)
	}
	out := make([]llm.Vector, n)
	for i := range out {
		out[i] = scattered(topics[r.IntN(len(topics))], s.Spread)
	}
	return out
}

// Exact returns the numbers of the vectors that may be found, the nearest first.
func Exact(vectors []llm.Vector, q llm.Vector, may func(int) bool) []int {
	score := make([]float64, len(vectors))
	var order []int
	for i, v := range vectors {
		if may(i) {
			score[i] = dot(v, q) / math.Sqrt(dot(v, v))
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case score[a] > score[b]:
			return -1
		case score[a] < score[b]:
			return 1
		}
		return a - b
	})
	return order
}

func dot(a, b llm.Vector) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
