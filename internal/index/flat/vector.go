package flat

import (
	"math"
	"math/bits"

	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

const (
	// exactBelow is how many documents are compared exactly without a scan.
	exactBelow = 2000
	// rescored is how many of the scan's best are compared exactly, at least:
	// the depth at which recall@10 was 1.000 on three sets of vectors.
	rescored = 1000
)

// vectors are the unit vectors of a part's documents and their signs. A document
// without a vector has a zero one, which is near to nothing.
type vectors struct {
	dim    int
	words  int // of 64 bits in a code
	values []float32
	codes  []uint64
	has    []bool
}

// add stores the vector of document n. All vectors of a model have one length;
// one of another length counts as missing.
func (vs *vectors) add(n int, v llm.Vector) {
	if vs.dim == 0 && len(v) > 0 {
		vs.dim, vs.words = len(v), (len(v)+63)/64
		vs.values, vs.codes = make([]float32, n*vs.dim), make([]uint64, n*vs.words)
	}
	ok := len(v) > 0 && len(v) == vs.dim
	vs.has = append(vs.has, ok)
	if !ok {
		v = make(llm.Vector, vs.dim)
	}
	v = unit(v)
	vs.values = append(vs.values, v...)
	vs.codes = append(vs.codes, signs(v, vs.words)...)
}

func unit(v llm.Vector) llm.Vector {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	out := make(llm.Vector, len(v))
	if sum == 0 {
		return out
	}
	inv := float32(1 / math.Sqrt(sum))
	for i, x := range v {
		out[i] = x * inv
	}
	return out
}

func signs(v llm.Vector, words int) []uint64 {
	code := make([]uint64, words)
	for i, x := range v {
		if x > 0 {
			code[i/64] |= 1 << (i % 64)
		}
	}
	return code
}

// nearest compares the query with every document, or, in a large part, with
// those whose signs differ least.
func (p *part) nearest(s *sieve, v llm.Vector, limit int, maxDistance float64) []memo.Hit {
	vs := &p.vectors
	if vs.dim == 0 || len(v) != vs.dim {
		return nil
	}
	v = unit(v)
	top := best{limit: limit}
	least := float32(1 - maxDistance)
	compare := func(n uint32) {
		if score := dot(v, vs.values[int(n)*vs.dim:]); score >= least {
			top.offer(s, scoredDoc{n, score})
		}
	}
	if p.alive < exactBelow {
		for n := range p.docs {
			if vs.has[n] {
				compare(uint32(n))
			}
		}
		return top.hits(p)
	}
	for _, n := range p.scan(s, signs(v, vs.words), max(rescored, 5*limit)) {
		compare(n)
	}
	return top.hits(p)
}

// scan returns about the keep documents whose signs differ least from code, of
// those that pass.
func (p *part) scan(s *sieve, code []uint64, keep int) []uint32 {
	vs := &p.vectors
	distances := make([]uint16, len(p.docs))
	histogram := make([]int, vs.dim+1)
	const skip = math.MaxUint16
	for n := range p.docs {
		if !vs.has[n] || !s.pass(uint32(n)) {
			distances[n] = skip
			continue
		}
		d := hamming(code, vs.codes[n*vs.words:])
		distances[n] = uint16(d)
		histogram[d]++
	}
	bound, count := 0, 0
	for bound < vs.dim && count+histogram[bound] < keep {
		count += histogram[bound]
		bound++
	}
	out := make([]uint32, 0, count+histogram[bound])
	for n, d := range distances {
		if d != skip && int(d) <= bound {
			out = append(out, uint32(n))
		}
	}
	return out
}

// hamming counts the bits in which code and the beginning of other differ.
func hamming(code, other []uint64) int {
	other = other[:len(code)]
	n := 0
	for i, w := range code {
		n += bits.OnesCount64(w ^ other[i])
	}
	return n
}

// dot multiplies v with the beginning of w, in four sums for the processor's
// pipelines.
func dot(v, w []float32) float32 {
	w = w[:len(v)]
	var a, b, c, d float32
	i := 0
	for ; i+4 <= len(v); i += 4 {
		a += v[i] * w[i]
		b += v[i+1] * w[i+1]
		c += v[i+2] * w[i+2]
		d += v[i+3] * w[i+3]
	}
	for ; i < len(v); i++ {
		a += v[i] * w[i]
	}
	return a + b + c + d
}
