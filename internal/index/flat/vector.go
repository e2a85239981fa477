package flat

import (
	"math"

	"kvasir/internal/llm"
)

// A packed is a vector of length 1, rotated, in nine bits a number: the sign and,
// of 256 equal steps up to the largest, the one it is in. A number is taken to
// be in the middle of its step, so in half steps it is an odd one of -511 to 511.
// Short vectors have eight bits more, by which the nearest are told apart; in the
// sum of many numbers the errors of nine bits are small enough.
type packed struct {
	dim        int
	code       []uint64 // the signs, 1 for positive
	magnitudes []uint8  // as many as the code has bits
	fine       []uint8  // where in its step each is, in 256 parts; nil for a long vector
	scale      float32  // half a step, and a little more or less: see pack
	factor     float32  // brings the sum of a vector's numbers, each with a sign, to a cosine
}

// pack brings a vector to length 1. A vector without a direction is nil.
//
// What is packed is a little longer or shorter than what was given, and turned a
// little. The scale makes up for that such that the product of both is 1: equal
// vectors have a cosine of 1, and others the right one on average.
func pack(v llm.Vector) *packed {
	v = unit(v)
	if v == nil {
		return nil
	}
	rotate(v)
	largest, sum := float32(0), float64(0)
	for _, x := range v {
		largest = max(largest, x, -x)
		sum += math.Abs(float64(x))
	}
	words := (len(v) + 63) / 64
	p := &packed{dim: len(v), code: make([]uint64, words), magnitudes: make([]uint8, 64*words), factor: float32(1 / sum)}
	if len(v) < fineBelow {
		p.fine = make([]uint8, 64*words)
	}
	steps, product := 256/largest, float64(0)
	for i, x := range v {
		if x > 0 {
			p.code[i/64] |= 1 << (i % 64)
		} else {
			x = -x
		}
		p.magnitudes[i] = uint8(min(x*steps, 255))
		if p.fine != nil {
			p.fine[i] = uint8(min(256*(x*steps-float32(p.magnitudes[i])), 255))
		}
		product += float64(x) * float64(halfSteps(p.magnitudes[i]))
	}
	p.scale = float32(1 / product)
	return p
}

// fineBelow is the length below which a vector is short.
const fineBelow = 1024

// halfSteps is a magnitude in halves of a step.
func halfSteps(magnitude uint8) int32 { return int32(magnitude)<<1 | 1 }

// unpack returns the vector at length 1.
func (p *packed) unpack() llm.Vector {
	v := make(llm.Vector, p.dim)
	p.addTo(v)
	rotateBack(v)
	return unit(v)
}

// addTo adds the rotated vector to another.
func (p *packed) addTo(v llm.Vector) {
	signs := uint64(0)
	for i := range v {
		if i%64 == 0 {
			signs = ^p.code[i/64]
		}
		negative := -int32(signs & 1)
		signs >>= 1
		if p.fine != nil {
			parts := 256*int32(p.magnitudes[i]) + int32(p.fine[i])
			v[i] += p.scale / 256 * float32(halfParts(parts)^negative-negative)
			continue
		}
		v[i] += p.scale * float32(halfSteps(p.magnitudes[i])^negative-negative)
	}
}

// halfParts are parts of a step in halves, taken to be in the middle of the last.
func halfParts(parts int32) int32 { return parts<<1 | 1 }

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

// lanes is how many documents' codes are kept together: the scan reads the same
// word of all of them at once.
const lanes = 8

// vectors are those of a segment, all of one length, outside of the Go heap.
type vectors struct {
	dim        int      // 0 if no document has a vector
	words      int      // in a code
	codes      []uint64 // of eight documents the first words, then the second ones, and so on
	magnitudes []uint8  // document by document
	fine       []uint8  // likewise, of short vectors
	scales     []float32
	factors    []float32 // 0 for a document without a vector
	has        bitset    // documents with a vector
	memory     *memory   // of codes and magnitudes
}

func newVectors(docs, dim int) vectors {
	if dim == 0 {
		return vectors{}
	}
	words, padded := (dim+63)/64, (docs+lanes-1)/lanes*lanes
	numbers, fine := 64*docs*words, 0
	if dim < fineBelow {
		fine = numbers
	}
	m := newMemory(8*padded*words + numbers + fine)
	vs := vectors{
		dim: dim, words: words, codes: m.words(padded * words), memory: m,
		scales: make([]float32, docs), factors: make([]float32, padded), has: newBitset(docs, false),
	}
	rest := m.rest()
	vs.magnitudes, vs.fine = rest[:numbers], rest[numbers:]
	return vs
}

// codeOf returns the words from the first of a document's code; each eighth is its
// own.
func (vs *vectors) codeOf(n uint32) []uint64 {
	return vs.codes[int(n)/lanes*lanes*vs.words+int(n)%lanes:]
}

func (vs *vectors) magnitudesOf(n uint32) []uint8 {
	width := 64 * vs.words
	return vs.magnitudes[int(n)*width : (int(n)+1)*width]
}

// fineOf returns nil for a long vector.
func (vs *vectors) fineOf(n uint32) []uint8 {
	if vs.dim >= fineBelow {
		return nil
	}
	width := 64 * vs.words
	return vs.fine[int(n)*width : (int(n)+1)*width]
}

// put stores the vector of a document. One of another length counts as missing.
func (vs *vectors) put(n uint32, v *packed) {
	if v == nil || v.dim != vs.dim {
		return
	}
	for i, code := 0, vs.codeOf(n); i < vs.words; i++ {
		code[lanes*i] = v.code[i]
	}
	copy(vs.magnitudesOf(n), v.magnitudes)
	copy(vs.fineOf(n), v.fine)
	vs.scales[n], vs.factors[n] = v.scale, v.factor
	vs.has.add(n)
}

// get returns the vector of a document, nil if it has none. It shares memory with
// the segment.
func (vs *vectors) get(n uint32) *packed {
	if vs.dim == 0 || !vs.has.has(n) {
		return nil
	}
	p := &packed{
		dim: vs.dim, code: make([]uint64, vs.words), magnitudes: vs.magnitudesOf(n), fine: vs.fineOf(n),
		scale: vs.scales[n], factor: vs.factors[n],
	}
	for i, code := 0, vs.codeOf(n); i < vs.words; i++ {
		p.code[i] = code[lanes*i]
	}
	return p
}

func (vs *vectors) bytes() int {
	return 8*len(vs.codes) + len(vs.magnitudes) + len(vs.fine) + 4*cap(vs.scales) + 4*cap(vs.factors) + 8*cap(vs.has)
}
