package flat

import (
	"math"
	"math/bits"

	"kvasir/internal/llm"
)

// A rotation spreads each number of a vector over all of them, so that none is
// much larger than the others and every sign tells about as much: what models
// put into a few numbers would be lost in few bits. Signs are flipped as if by
// chance, and Hadamard's transform is taken of the first and of the last numbers,
// as many as a power of two; all this twice. It keeps lengths and angles.

// rotate rotates v in place.
func rotate(v llm.Vector) {
	p := powerBelow(len(v))
	for round := range uint64(2) {
		flip(v, round)
		hadamard(v[:p])
		if p < len(v) {
			hadamard(v[len(v)-p:])
		}
	}
}

// rotateBack undoes rotate.
func rotateBack(v llm.Vector) {
	p := powerBelow(len(v))
	for _, round := range []uint64{1, 0} {
		if p < len(v) {
			hadamard(v[len(v)-p:])
		}
		hadamard(v[:p])
		flip(v, round)
	}
}

// powerBelow returns the largest power of two that is not above n.
func powerBelow(n int) int { return 1 << (bits.Len(uint(n)) - 1) }

// flip changes the signs that a round's bits say: always the same ones.
func flip(v llm.Vector, round uint64) {
	var word uint64
	for i, x := range v {
		if i%64 == 0 {
			word = scramble(round<<32 | uint64(i))
		}
		v[i] = math.Float32frombits(math.Float32bits(x) ^ uint32(word&1)<<31)
		word >>= 1
	}
}

// scramble makes 64 bits that look like chance (splitmix64).
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hadamard multiplies v, whose length is a power of two, with Hadamard's matrix
// scaled to length 1; it is its own inverse. Two steps are taken at once: half
// the way through memory.
func hadamard(v llm.Vector) {
	step := 1
	if bits.Len(uint(len(v)))%2 == 0 { // an odd number of steps
		for i := 0; i+1 < len(v); i += 2 {
			v[i], v[i+1] = v[i]+v[i+1], v[i]-v[i+1]
		}
		step = 2
	}
	for ; step < len(v); step *= 4 {
		for i := 0; i < len(v); i += 4 * step {
			a, b := v[i:i+step], v[i+step:i+2*step]
			c, d := v[i+2*step:i+3*step], v[i+3*step:i+4*step]
			b, c, d = b[:len(a)], c[:len(a)], d[:len(a)]
			for j := range a {
				sum, difference := a[j]+b[j], a[j]-b[j]
				sum2, difference2 := c[j]+d[j], c[j]-d[j]
				a[j], b[j] = sum+sum2, difference+difference2
				c[j], d[j] = sum-sum2, difference-difference2
			}
		}
	}
	scale := float32(1 / math.Sqrt(float64(len(v))))
	for i := range v {
		v[i] *= scale
	}
}
