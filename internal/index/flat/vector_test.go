package flat

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"kvasir/internal/llm"
)

func TestRotationKeepsAnglesAndComesBack(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, dim := range []int{1, 2, 3, 26, 64, 100, 384, 768, 1000, 1536} {
		a, b := randomVector(r, dim), randomVector(r, dim)
		x, y := slices.Clone(a), slices.Clone(b)
		rotate(x)
		rotate(y)
		if got, want := dot(x, y), dot(a, b); math.Abs(got-want) > 1e-5 {
			t.Errorf("%d numbers: the rotation changes a product from %v to %v", dim, want, got)
		}
		rotateBack(x)
		if got := dot(x, a); math.Abs(got-1) > 1e-5 {
			t.Errorf("%d numbers: there and back gives a cosine of %v", dim, got)
		}
	}
}

func TestRotationSpreads(t *testing.T) {
	t.Parallel()
	for _, dim := range []int{128, 384, 768, 1000, 1536} {
		for at := range dim {
			v := make(llm.Vector, dim)
			v[at] = 1
			rotate(v)
			if largest := max(slices.Max(v), -slices.Min(v)); largest > 0.75 || dim >= 384 && largest > 0.4 {
				t.Errorf("of %d numbers, number %d still has %.2f in one", dim, at, largest)
				break
			}
		}
	}
}

func TestPackedVectors(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for _, dim := range []int{26, 130, 384, 1536} {
		vs := newVectors(20, dim)
		given := make([]llm.Vector, 20)
		for n := range given {
			given[n] = randomVector(r, dim)
			given[n][3] += 2 // some models have a number larger than all others
			given[n] = unit(given[n])
			vs.put(uint32(n), pack(given[n]))
		}
		vs.put(7, pack(randomVector(r, dim+1))) // damaged: it is left as it was
		for n, v := range given {
			back := vs.get(uint32(n)).unpack()
			least := 0.9999
			if dim < fineBelow {
				least = 0.9999999
			}
			if cos := dot(back, v); cos < least || math.Abs(dot(back, back)-1) > 1e-5 {
				t.Errorf("%d numbers: a vector comes back with a cosine of %v, length² %v", dim, cos, dot(back, back))
			}
			to := newTarget(v, 1, 2)
			for m, w := range given {
				got, want := float64(to.cosine(&vs, uint32(m))), dot(v, w)
				if math.Abs(got-want) > 0.03/math.Sqrt(float64(dim)) {
					t.Errorf("%d numbers: the cosine is %v, want %v", dim, got, want)
				}
			}
		}
	}
	for _, v := range []llm.Vector{nil, {}, {0, 0}, {float32(math.NaN()), 1}, {float32(math.Inf(1)), 1}} {
		if pack(v) != nil || newTarget(v, 1, 2) != nil {
			t.Errorf("%v has a direction", v)
		}
	}
}

// TestEstimates holds what signs tell against the cosines.
func TestEstimates(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	const dim, docs = 384, 4000
	vs := newVectors(docs, dim)
	q := randomVector(r, dim)
	cosines := make([]float64, docs)
	for n := range cosines {
		v := randomVector(r, dim)
		for i := range v {
			v[i] += q[i] * float32(n) / docs
		}
		v = unit(v)
		cosines[n] = dot(v, q)
		vs.put(uint32(n), pack(v))
	}
	out := make([]float32, docs)
	vs.estimate(portable(), newTarget(q, 1, 2).signs(), newBitset(docs, true), out)
	var sum, squares float64
	for n, e := range out {
		off := float64(e) - cosines[n]
		sum += off
		squares += off * off
	}
	if bias, deviation := sum/docs, math.Sqrt(squares/docs); math.Abs(bias) > 0.02 || deviation > 1/math.Sqrt(dim) {
		t.Errorf("estimates are off by %v on average, and by %v", bias, deviation)
	}
}
