package minilm

import (
	"math"
	"math/rand/v2"
	"testing"

	"kvasir/internal/llm"
)

// A slow model is the same transformer written for clarity, in double precision,
// straight from the tensors of a file.
type slow struct {
	shape shape
	w     weights
}

func (m slow) row(name string, i int) []float64 {
	a := m.w[name]
	n := a.shape[len(a.shape)-1]
	out := make([]float64, n)
	for j := range out {
		out[j] = float64(a.data[i*n+j])
	}
	return out
}

func (m slow) dense(x []float64, name string) []float64 {
	out := m.row(name+".bias", 0)
	for i := range out {
		out[i] += dot(m.row(name+".weight", i), x)
	}
	return out
}

func (m slow) norm(x []float64, name string) []float64 {
	gain, bias := m.row(name+"LayerNorm.weight", 0), m.row(name+"LayerNorm.bias", 0)
	var mean, variance float64
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x))
	}
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = (v-mean)/math.Sqrt(variance+m.shape.epsilon)*gain[i] + bias[i]
	}
	return out
}

func (m slow) attention(state [][]float64, name string) [][]float64 {
	var q, k, v [][]float64
	for _, x := range state {
		q = append(q, m.dense(x, name+"attention.self.query"))
		k = append(k, m.dense(x, name+"attention.self.key"))
		v = append(v, m.dense(x, name+"attention.self.value"))
	}
	out := make([][]float64, len(state))
	width := m.shape.head()
	for i := range state {
		out[i] = make([]float64, m.shape.hidden)
		for first := 0; first < m.shape.hidden; first += width {
			var sum float64
			shares := make([]float64, len(state))
			for j := range state {
				score := dot(q[i][first:first+width], k[j][first:first+width]) / math.Sqrt(float64(width))
				shares[j] = math.Exp(score)
				sum += shares[j]
			}
			for j := range state {
				for d := first; d < first+width; d++ {
					out[i][d] += shares[j] / sum * v[j][d]
				}
			}
		}
	}
	return out
}

func (m slow) embed(ids []int32) llm.Vector {
	var state [][]float64
	for at, id := range ids {
		x := m.row("embeddings.word_embeddings.weight", int(id))
		x = add(x, m.row("embeddings.position_embeddings.weight", at))
		x = add(x, m.row("embeddings.token_type_embeddings.weight", 0))
		state = append(state, m.norm(x, "embeddings."))
	}
	for l := range m.shape.layers {
		name := m.shape.layer(l)
		mixed := m.attention(state, name)
		for i, x := range state {
			x = m.norm(add(x, m.dense(mixed[i], name+"attention.output.dense")), name+"attention.output.")
			inner := m.dense(x, name+"intermediate.dense")
			for j, v := range inner {
				inner[j] = 0.5 * v * math.Erfc(-v/math.Sqrt2)
			}
			state[i] = m.norm(add(x, m.dense(inner, name+"output.dense")), name+"output.")
		}
	}
	sum := make([]float64, m.shape.hidden)
	for _, x := range state {
		sum = add(sum, x)
	}
	out := make(llm.Vector, len(sum))
	for i, v := range sum {
		out[i] = float32(v / math.Sqrt(dot(sum, sum)))
	}
	return out
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func add(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] + b[i]
	}
	return out
}

func compare(t *testing.T, what string, got, want llm.Vector) {
	t.Helper()
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > 1e-4 {
			t.Fatalf("%s: number %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

func TestForwardAgreesWithTheSlowModel(t *testing.T) {
	t.Parallel()
	w := randomWeights(tinyShape, 7)
	reference := slow{tinyShape, w}
	rng := rand.New(rand.NewPCG(8, 9))
	var sequences [][]int32
	for n := 1; n <= tinyShape.positions; n++ {
		ids := make([]int32, n)
		for i := range ids {
			ids[i] = rng.Int32N(int32(tinyShape.vocabulary))
		}
		sequences = append(sequences, ids)
	}
	for _, dtype := range []string{"F16", "F32"} {
		m := tinyModel(t, w.file(t, dtype))
		for _, k := range supportedKernels() {
			m.kernels = k
			// One scratch serves all: what a longer sequence left behind must not matter.
			s := &scratch{}
			together, err := m.embed(s, sequences)
			if err != nil {
				t.Fatal(err)
			}
			for i, ids := range sequences {
				want := reference.embed(ids)
				compare(t, dtype+" "+k.name+" together", together[i], want)
				alone, err := m.embed(s, [][]int32{ids})
				if err != nil {
					t.Fatal(err)
				}
				compare(t, dtype+" "+k.name+" alone", alone[0], want)
			}
		}
	}
}

func TestDamagedWeightsMakeAnErrorNotAVector(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]float32{"not a number": float32(math.NaN()), "infinite": float32(math.Inf(1))} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := randomWeights(tinyShape, 7)
			w["encoder.layer.1.output.LayerNorm.bias"].data[5] = value
			m := tinyModel(t, w.file(t, "F32"))
			if v, err := m.embed(&scratch{}, [][]int32{{1, 2, 3}}); err == nil {
				t.Errorf("embed = %v, want an error", v)
			}
		})
	}
}
