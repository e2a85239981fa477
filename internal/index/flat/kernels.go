package flat

import "math/bits"

// planes is of how many bits a number of the query is in the scan.
const planes = 4

// kernels are the inner loops of a search, for one kind of processor. All give the
// same numbers.
type kernels struct {
	name string
	// estimate sets out to the cosines of documents as their signs tell them: of
	// lanes documents a block. Its arrays are of whole blocks.
	estimate func(q *signQuery, codes []uint64, factors, out []float32)
	// product multiplies a query with the numbers of a document, in half steps. The
	// document's signs are each eighth word of code.
	product func(q []int16, magnitudes []uint8, code []uint64) int32
}

// A signQuery is a query for the scan: each number is in 16 steps around 0, and the
// bits of the steps are in planes, to be joined with signs and counted.
type signQuery struct {
	planes []uint64 // for each word of a code one of each bit, the lowest first
	step   float32
	sum    float32 // of all numbers
}

// portable is for any processor.
func portable() kernels {
	return kernels{name: "portable", estimate: estimatePortable, product: productPortable}
}

// estimatePortable adds the numbers of the query where a document's sign is
// positive and subtracts them elsewhere.
func estimatePortable(q *signQuery, codes []uint64, factors, out []float32) {
	words := len(q.planes) / planes
	for n := range out {
		code := codes[n/lanes*lanes*words+n%lanes:]
		positive, steps := 0, 0
		for w := range words {
			c, p := code[lanes*w], (*[planes]uint64)(q.planes[planes*w:])
			positive += bits.OnesCount64(c)
			steps += bits.OnesCount64(c&p[0]) + 2*bits.OnesCount64(c&p[1]) +
				4*bits.OnesCount64(c&p[2]) + 8*bits.OnesCount64(c&p[3])
		}
		// A number is step * (steps - 7.5); twice the positive ones less all.
		out[n] = factors[n] * (q.step*float32(2*steps-15*positive) - q.sum)
	}
}

func productPortable(q []int16, magnitudes []uint8, code []uint64) int32 {
	q = q[:len(magnitudes)]
	sum := int32(0)
	for i := 0; i < len(magnitudes); i += 64 {
		signs := ^code[i/64*lanes]
		for j := i; j < i+64; j++ {
			negative := -int32(signs & 1)
			signs >>= 1
			sum += int32(q[j]) * (halfSteps(magnitudes[j]) ^ negative - negative)
		}
	}
	return sum
}
