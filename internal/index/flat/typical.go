package flat

import (
	"context"
	"sync"

	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// typicalSample is how many vectors, about, stand for all of a project's.
const typicalSample = 256

// A mean is the middle of a snapshot's vectors, made when first asked for.
type mean struct {
	mu     sync.Mutex
	known  bool
	vector llm.Vector
}

// Typical returns the mean of a project's vectors, whatever the filters; nil if
// there are none, or none of the index's model. Its product with a vector of length
// 1 is the cosine to be expected of that with passages that have nothing to do with
// it, which differs between models.
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
	vectors, err := ix.Vectors(ctx, in, model, s.sample(typicalSample))
	if err != nil {
		return nil, err
	}
	s.mean.known, s.mean.vector = true, meanOf(vectors)
	return s.mean.vector, nil
}

// sample returns about n living documents from all over the project, the same every
// time. Their places are scattered: those in even steps may have something in common.
func (s *snapshot) sample(n int) []memo.Hit {
	const scatter = 2654435761 // 2^32 over the golden ratio
	bound := uint64(1 << 32)
	if s.stats.docs > n {
		bound = bound * uint64(n) / uint64(s.stats.docs)
	}
	var hits []memo.Hit
	count := uint32(0)
	for _, v := range s.views {
		for doc := range v.alive.all() {
			if uint64(count*scatter) < bound {
				d := v.docs[doc]
				hits = append(hits, memo.Hit{Chunk: d.chunk, Memo: v.entries[d.entry].id})
			}
			count++
		}
	}
	return hits
}

// meanOf returns the mean of the vectors that there are, all of one length.
func meanOf(vectors []llm.Vector) llm.Vector {
	var sum llm.Vector
	n := float32(0)
	for _, v := range vectors {
		if v == nil || sum != nil && len(v) != len(sum) {
			continue
		}
		if sum == nil {
			sum = make(llm.Vector, len(v))
		}
		for i, x := range v {
			sum[i] += x
		}
		n++
	}
	for i := range sum {
		sum[i] /= n
	}
	return sum
}
