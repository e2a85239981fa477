package minilm

import (
	"slices"

	"golang.org/x/sys/cpu"
)

// supportedKernels returns the kernels that this processor can run, the fastest
// first.
func supportedKernels() []kernels {
	found := []kernels{portable()}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		t := tiles{tile{6, tile6x32}, tile{6, tile6x32}}
		found = append(found, kernels{"avx2", t.mul, gelu, softmax})
		if cpu.X86.HasAVX512F {
			t := tiles{tile{12, tile12x32}, tile{4, tile4x32}}
			found = append(found, kernels{"avx512", t.mul, gelu, softmax})
		}
	}
	slices.Reverse(found)
	return found
}

// A block is the argument of a tile: some rows of a matrix times a strip. Strides
// are in bytes. kernels_amd64.s reads its fields by name.
type block struct {
	depth       int
	a           *float32
	aStride     int
	strip, bias *float32
	c           *float32
	cStride     int
}

// A tile multiplies a fixed number of rows by a strip.
type tile struct {
	rows int
	run  func(*block)
}

// tiles cut a product into tall pieces, and what remains into short ones.
type tiles struct{ tall, short tile }

//go:noescape
func tile12x32(b *block)

//go:noescape
func tile4x32(b *block)

//go:noescape
func tile6x32(b *block)

//go:noescape
func geluAVX2(x *float32, n int)

//go:noescape
func softmaxAVX2(x *float32, n int, scale float32)

// mul is [kernels].mul. A band of rows stays in the near cache while all strips
// stream over it.
func (t tiles) mul(rows int, a matrix, p *panel, c matrix) {
	const rowsAtOnce = 48
	b := block{depth: p.depth, aStride: 4 * a.stride, cStride: 4 * c.stride}
	for top := 0; top < rows; top += rowsAtOnce {
		bottom := min(top+rowsAtOnce, rows)
		for column := 0; column < p.width; column += strip {
			b.strip, b.bias = &p.data[column*p.depth], &p.bias[column]
			for i := top; i < bottom; {
				use := t.tall
				if bottom-i <= t.tall.rows-t.short.rows {
					use = t.short
				}
				b.a, b.c = &a.data[i*a.stride], &c.data[i*c.stride+column]
				use.run(&b)
				i += use.rows
			}
		}
	}
}

func gelu(x []float32) { geluAVX2(&x[0], len(x)) }

func softmax(x []float32, scale float32) { softmaxAVX2(&x[0], len(x), scale) }
