package flat

import (
	"context"
	"math"
	"sync"
)

// The scan estimates cosines from signs. After the rotation, a vector of length 1
// is about its signs, each times the same length; the cosine to a query is then
// the sum of the query's numbers with these signs, over the sum of the vector's
// numbers without any. It is right on average, and off by less than 1/sqrt(dim).

// signs makes the target ready for the scan: its numbers in 16 steps.
func (t *target) signs() *signQuery {
	const halves = 1<<planes - 1 // the largest number, in half steps
	q := &signQuery{planes: make([]uint64, len(t.numbers)/64*planes)}
	largest := float32(0)
	for _, x := range t.vector {
		largest = max(largest, x, -x)
	}
	q.step = 2 * largest / halves
	for i, x := range t.vector {
		steps := uint64(math.Round(float64((x + largest) / q.step)))
		for bit := range planes {
			q.planes[i/64*planes+bit] |= steps >> bit & 1 << (i % 64)
		}
		q.sum += q.step * (float32(steps) - halves/2.)
	}
	return q
}

// An estimatePool keeps the arrays of scans, to be used again.
type estimatePool struct{ pool sync.Pool }

func (p *estimatePool) get(n int) *[]float32 {
	e, ok := p.pool.Get().(*[]float32)
	if !ok || cap(*e) < n {
		e = new(make([]float32, n))
	}
	*e = (*e)[:n]
	return e
}

// bins is how finely estimates are told apart, from -2 to 2.
const bins = 1 << 14

func bin(estimate float32) int { return min(max(int((estimate+2)*(bins/4)), 0), bins-1) }

// scan returns of the documents about the keep ones whose estimates are highest:
// all that are in the bin of the last of them, too.
func (s *snapshot) scan(
	ctx context.Context, among []bitset, q *signQuery, keep int, pool *estimatePool,
) ([]bitset, error) {
	starts, total := make([]int, len(s.views)+1), 0
	for i, v := range s.views {
		if among[i] != nil {
			total += len(v.vectors.factors)
		}
		starts[i+1] = total
	}
	estimates := pool.get(total)
	defer pool.pool.Put(estimates)
	of := func(i int) []float32 { return (*estimates)[starts[i]:starts[i+1]] }
	counts := make([][]int32, workers(len(s.views)))
	use := supportedKernels()[0]
	err := share(ctx, len(s.views), func(i, worker int) {
		if counts[worker] == nil {
			counts[worker] = make([]int32, bins)
		}
		s.views[i].vectors.estimate(use, q, among[i], of(i))
		tally(counts[worker], among[i], of(i))
	})
	if err != nil {
		return nil, err
	}
	bound := lowest(counts, keep)
	chosen := make([]bitset, len(s.views))
	err = share(ctx, len(s.views), func(i, _ int) {
		chosen[i] = newBitset(len(s.views[i].docs), false)
		for n := range among[i].all() {
			if of(i)[n] >= bound {
				chosen[i].add(n)
			}
		}
	})
	return chosen, err
}

// estimate sets the estimates of the documents that are among some, and of those
// that share a block with them.
func (vs *vectors) estimate(use kernels, q *signQuery, among bitset, out []float32) {
	blocks := len(out) / lanes
	wanted := func(b int) bool { return among[b*lanes/64]>>(b*lanes%64)&(1<<lanes-1) != 0 }
	for first := 0; first < blocks; {
		if !wanted(first) {
			first++
			continue
		}
		end := first + 1
		for end < blocks && wanted(end) {
			end++
		}
		use.estimate(q, vs.codes[first*lanes*vs.words:end*lanes*vs.words], vs.factors[first*lanes:end*lanes],
			out[first*lanes:end*lanes])
		first = end
	}
}

func tally(counts []int32, among bitset, estimates []float32) {
	for n := range among.all() {
		counts[bin(estimates[n])]++
	}
}

// lowest returns the estimate above which keep documents are.
func lowest(counts [][]int32, keep int) float32 {
	for b := bins - 1; b > 0; b-- {
		for _, c := range counts {
			if c != nil {
				keep -= int(c[b])
			}
		}
		if keep <= 0 {
			return float32(b)/(bins/4) - 2
		}
	}
	return float32(math.Inf(-1))
}
