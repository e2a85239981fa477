package minilm

import "golang.org/x/sys/cpu"

// fastKernels reports whether the processor has what the assembly needs.
var fastKernels = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// kern6x16 computes 6 rows and 16 columns of a product: c = a * b, where b is a
// strip of k rows. Distances of rows are in bytes.
//
//go:noescape
func kern6x16(k int, a *float32, lda int, b *float32, c *float32, ldc int)

// vexp replaces n values, a multiple of 8, by e to their power, within 2 units in
// the last place, for values from -87 to 88.
//
//go:noescape
func vexp(x *float32, n int)
