package flat

import (
	"context"
	"runtime"
	"sync"

	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

const (
	// typicalSample is how many vectors, about, stand for all of a project's.
	typicalSample = 256
	// fewVectors is how many it takes to tell half of what is typical: of few, each
	// may be the one that is looked for.
	fewVectors = 8
)

// A mean is the middle of a snapshot's vectors, made when first asked for.
type mean struct {
	mu     sync.Mutex
	known  bool
	vector llm.Vector
}

// Typical returns the mean of a project's vectors, whatever the filters, shorter
// where there are few; nil if there are none, or none of the index's model. Its
// product with a vector of length 1 is the cosine to be expected of that with
// passages that have nothing to do with it, which differs between models.
func (ix *Index) Typical(ctx context.Context, in memo.Selection, model string) (llm.Vector, error) {
	if model != ix.opts.Model {
		return nil, nil
	}
	in = memo.Selection{Project: in.Project, Now: in.Now}
	s, _, err := ix.open(ctx, in)
	if err != nil {
		return nil, err
	}
	s.mean.mu.Lock()
	defer s.mean.mu.Unlock()
	if s.mean.known {
		return s.mean.vector, nil
	}
	s.mean.known, s.mean.vector = true, s.middle(typicalSample)
	runtime.KeepAlive(s)
	return s.mean.vector, nil
}

// middle returns the mean of the vectors of about n living documents from all over
// the project, drawn towards nothing, the same every time. Their places are scattered: those in even steps
// may have something in common. The mean of rotated vectors is the rotated mean.
func (s *snapshot) middle(n int) llm.Vector {
	const scatter = 2654435761 // 2^32 over the golden ratio
	bound := uint64(1 << 32)
	if s.stats.docs > n {
		bound = bound * uint64(n) / uint64(s.stats.docs)
	}
	var sum llm.Vector
	place, used := uint32(0), float32(0)
	for _, v := range s.views {
		for doc := range v.alive.all() {
			place++
			if uint64((place-1)*scatter) >= bound {
				continue
			}
			p := v.vectors.get(doc)
			if sum == nil && p != nil {
				sum = make(llm.Vector, p.dim)
			}
			if p != nil && p.dim == len(sum) { // others are of a damaged kind
				p.addTo(sum)
				used++
			}
		}
	}
	if sum == nil {
		return nil
	}
	rotateBack(sum)
	for i := range sum {
		sum[i] /= used + fewVectors
	}
	return sum
}
