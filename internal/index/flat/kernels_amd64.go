package flat

import "golang.org/x/sys/cpu"

// supportedKernels returns the kernels that this processor can run, the fastest
// first.
func supportedKernels() []kernels {
	x := &cpu.X86
	if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512VPOPCNTDQ {
		return []kernels{{name: "avx512", estimate: estimateAVX512, product: productAVX512}, portable()}
	}
	return []kernels{portable()}
}

// A scanned is the argument of estimate512. kernels_amd64.s reads its fields by name.
type scanned struct {
	planes, codes *uint64
	factors, out  *float32
	words, blocks int
	step, sum     float32
}

//go:noescape
func estimate512(s *scanned)

//go:noescape
func product512(q *int16, magnitudes *uint8, code *uint64, words int) int32

func estimateAVX512(q *signQuery, codes []uint64, factors, out []float32) {
	words, blocks := len(q.planes)/planes, len(out)/lanes
	if words*blocks == 0 {
		return
	}
	_, _ = codes[lanes*words*blocks-1], factors[lanes*blocks-1]
	estimate512(&scanned{
		planes: &q.planes[0], codes: &codes[0], factors: &factors[0], out: &out[0],
		words: words, blocks: blocks, step: q.step, sum: q.sum,
	})
}

func productAVX512(q []int16, magnitudes []uint8, code []uint64) int32 {
	words := len(magnitudes) / 64
	_, _ = q[64*words-1], code[lanes*(words-1)]
	return product512(&q[0], &magnitudes[0], &code[0], words)
}
