package minilm

import "math"

// kernels are the inner loops, for one kind of processor.
type kernels struct {
	name string
	// mul sets the first rows of c to those of a times p, plus p's bias. Both a and
	// c need room for slack more rows, and c for whole strips.
	mul func(rows int, a matrix, p *panel, c matrix)
	// gelu replaces every x by x times the share of a normal distribution that lies
	// below x. The length is a multiple of 8.
	gelu func(x []float32)
	// softmax replaces x by its exponentials, x scaled by a positive number, and
	// these by their shares of their sum. The length is a multiple of 8.
	softmax func(x []float32, scale float32)
}

// portable is for any processor.
func portable() kernels {
	return kernels{name: "portable", mul: mulPortable, gelu: geluPortable, softmax: softmaxPortable}
}

func mulPortable(rows int, a matrix, p *panel, c matrix) {
	const lane = 8 // as many sums as the compiler keeps in registers
	for column := 0; column < p.width; column += lane {
		b := p.data[column/strip*strip*p.depth+column%strip:]
		for i := range rows {
			sums := (*[lane]float32)(c.row(i, column+lane)[column:])
			*sums = [lane]float32(p.bias[column:])
			dot8(sums, a.row(i, p.depth), b)
		}
	}
}

// dot8 adds to sums the products of a with eight columns of a strip.
func dot8(sums *[8]float32, a, strip8 []float32) {
	s0, s1, s2, s3, s4, s5, s6, s7 := sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], sums[6], sums[7]
	for i, v := range a {
		b := (*[8]float32)(strip8[i*strip:])
		s0 += v * b[0]
		s1 += v * b[1]
		s2 += v * b[2]
		s3 += v * b[3]
		s4 += v * b[4]
		s5 += v * b[5]
		s6 += v * b[6]
		s7 += v * b[7]
	}
	*sums = [8]float32{s0, s1, s2, s3, s4, s5, s6, s7}
}

func geluPortable(x []float32) {
	for i, v := range x {
		x[i] = float32(0.5 * float64(v) * (1 + math.Erf(float64(v)/math.Sqrt2)))
	}
}

func softmaxPortable(x []float32, scale float32) {
	most := x[0]
	for _, v := range x {
		most = max(most, v)
	}
	var sum float32
	for i, v := range x {
		x[i] = float32(math.Exp(float64(scale * (v - most))))
		sum += x[i]
	}
	share := 1 / sum
	for i := range x {
		x[i] *= share
	}
}
