package flat

import (
	"math"
	"math/bits"

	"kvasir/internal/llm"
)

// A packed is a vector of length 1 in half its space: integers of 16 bits with a
// common scale, exact to a few millionths, and its signs.
type packed struct {
	values []int16
	scale  float32
	code   []uint64
}

// pack brings a vector to length 1. A vector without a direction is nil.
func pack(v llm.Vector) *packed {
	v = unit(v)
	if v == nil {
		return nil
	}
	largest := float32(0)
	for _, x := range v {
		largest = max(largest, x, -x)
	}
	p := &packed{values: make([]int16, len(v)), scale: largest / math.MaxInt16, code: signs(v)}
	for i, x := range v {
		p.values[i] = int16(math.Round(float64(x / p.scale)))
	}
	return p
}

// unit returns v at length 1, nil if it has none.
func unit(v llm.Vector) llm.Vector {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if !(sum > 0) || math.IsInf(sum, 0) {
		return nil
	}
	inv := 1 / math.Sqrt(sum)
	out := make(llm.Vector, len(v))
	for i, x := range v {
		out[i] = float32(float64(x) * inv)
	}
	return out
}

func signs(v llm.Vector) []uint64 {
	code := make([]uint64, (len(v)+63)/64)
	for i, x := range v {
		if x > 0 {
			code[i/64] |= 1 << (i % 64)
		}
	}
	return code
}

// vectors are those of a segment, all of one length.
type vectors struct {
	dim    int // 0 if no document has a vector
	words  int // in a code
	values []int16
	scales []float32
	codes  []uint64
	has    bitset // documents with a vector
}

func newVectors(docs, dim int) vectors {
	if dim == 0 {
		return vectors{}
	}
	words := (dim + 63) / 64
	return vectors{
		dim: dim, words: words, values: make([]int16, docs*dim), scales: make([]float32, docs),
		codes: make([]uint64, docs*words), has: newBitset(docs, false),
	}
}

// put stores the vector of a document. One of another length counts as missing.
func (vs *vectors) put(n uint32, v *packed) {
	if v == nil || len(v.values) != vs.dim {
		return
	}
	copy(vs.values[int(n)*vs.dim:], v.values)
	vs.scales[n] = v.scale
	copy(vs.codes[int(n)*vs.words:], v.code)
	vs.has.add(n)
}

// get returns the vector of a document, nil if it has none.
func (vs *vectors) get(n uint32) *packed {
	if vs.dim == 0 || !vs.has.has(n) {
		return nil
	}
	v, c := int(n)*vs.dim, int(n)*vs.words
	return &packed{values: vs.values[v : v+vs.dim], scale: vs.scales[n], code: vs.codes[c : c+vs.words]}
}

// vector returns the vector of a document at length 1, nil if it has none.
func (vs *vectors) vector(n uint32) llm.Vector {
	p := vs.get(n)
	if p == nil {
		return nil
	}
	v := make(llm.Vector, len(p.values))
	for i, x := range p.values {
		v[i] = p.scale * float32(x)
	}
	return unit(v)
}

func (vs *vectors) bytes() int {
	return 2*cap(vs.values) + 4*cap(vs.scales) + 8*cap(vs.codes) + 8*cap(vs.has)
}

// cosine compares a vector of length 1 with a document's.
func (vs *vectors) cosine(v llm.Vector, n uint32) float32 {
	return vs.scales[n] * dot(v, vs.values[int(n)*vs.dim:])
}

// differing counts the signs in which code and a document's differ.
func (vs *vectors) differing(code []uint64, n uint32) int {
	other := vs.codes[int(n)*vs.words:]
	other = other[:len(code)]
	sum := 0
	for i, w := range code {
		sum += bits.OnesCount64(w ^ other[i])
	}
	return sum
}

// dot multiplies v with the beginning of w, in four sums for the processor's
// pipelines.
func dot(v llm.Vector, w []int16) float32 {
	w = w[:len(v)]
	var a, b, c, d float32
	i := 0
	for ; i+4 <= len(v); i += 4 {
		a += v[i] * float32(w[i])
		b += v[i+1] * float32(w[i+1])
		c += v[i+2] * float32(w[i+2])
		d += v[i+3] * float32(w[i+3])
	}
	for ; i < len(v); i++ {
		a += v[i] * float32(w[i])
	}
	return a + b + c + d
}
