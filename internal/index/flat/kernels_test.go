package flat

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"kvasir/internal/llm"
)

func randomVector(r *rand.Rand, dim int) llm.Vector {
	v := make(llm.Vector, dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return unit(v)
}

func TestKernelsGiveTheSameNumbers(t *testing.T) {
	t.Parallel()
	for _, k := range supportedKernels() {
		for _, dim := range []int{1, 63, 64, 130, 384, 1000, 1536, 4096} {
			t.Run(fmt.Sprint(k.name, " ", dim), func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(uint64(dim), 1))
				const docs = 21
				vs := newVectors(docs, dim)
				for n := range uint32(docs) {
					if n != 9 {
						vs.put(n, pack(randomVector(r, dim)))
					}
				}
				to := newTarget(randomVector(r, dim), 1, 2)
				got, want := make([]float32, 24), make([]float32, 24)
				k.estimate(to.signs(), vs.codes, vs.factors, got)
				portable().estimate(to.signs(), vs.codes, vs.factors, want)
				if !slices.Equal(got, want) {
					t.Errorf("estimates %v, want %v", got, want)
				}
				for n := range uint32(docs) {
					a := k.product(to.numbers, vs.magnitudesOf(n), vs.codeOf(n))
					if b := productPortable(to.numbers, vs.magnitudesOf(n), vs.codeOf(n)); a != b {
						t.Errorf("product %d is %d, want %d", n, a, b)
					}
				}
			})
		}
	}
}

// TestLargestProducts multiplies vectors whose numbers are all as large as can be.
func TestLargestProducts(t *testing.T) {
	t.Parallel()
	for _, k := range supportedKernels() {
		for _, words := range []int{1, 6, 24, 64} {
			to := newTarget(slices.Repeat(llm.Vector{1}, 64*words), 1, 2)
			for i := range to.numbers {
				to.numbers[i] = int16(math.MaxInt32 / (512 * len(to.numbers)))
			}
			magnitudes := slices.Repeat([]uint8{255}, 64*words)
			code := slices.Repeat([]uint64{math.MaxUint64}, lanes*words)
			want := int32(511 * int(to.numbers[0]) * len(magnitudes))
			if got := k.product(to.numbers, magnitudes, code); got != want {
				t.Errorf("%s: %d words give %d, want %d", k.name, words, got, want)
			}
		}
	}
}

func BenchmarkKernels(b *testing.B) {
	for _, k := range supportedKernels() {
		for _, dim := range []int{384, 1536} {
			const docs = 1 << 14
			vs := newVectors(docs, dim)
			r := rand.New(rand.NewPCG(1, 1))
			for n := range uint32(docs) {
				vs.put(n, pack(randomVector(r, dim)))
			}
			to := newTarget(randomVector(r, dim), 1, 2)
			q, out := to.signs(), make([]float32, docs)
			b.Run(fmt.Sprintf("%s/estimate/%d", k.name, dim), func(b *testing.B) {
				for b.Loop() {
					k.estimate(q, vs.codes, vs.factors, out)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/docs, "ns/doc")
			})
			b.Run(fmt.Sprintf("%s/product/%d", k.name, dim), func(b *testing.B) {
				for n := uint32(0); b.Loop(); n = (n + 7919) % docs {
					_ = to.cosine(&vs, n)
				}
			})
		}
	}
}

func BenchmarkPack(b *testing.B) {
	for _, dim := range []int{384, 1536} {
		v := randomVector(rand.New(rand.NewPCG(1, 1)), dim)
		p := pack(v)
		b.Run(fmt.Sprint("pack/", dim), func(b *testing.B) {
			for b.Loop() {
				pack(v)
			}
		})
		b.Run(fmt.Sprint("unpack/", dim), func(b *testing.B) {
			for b.Loop() {
				p.unpack()
			}
		})
	}
}
