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
	docs   int // how many there were
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
	if !s.mean.known {
		if s.mean.vector, err = ix.middle(ctx, s); err != nil {
			return nil, err
		}
		s.mean.known, s.mean.docs = true, s.stats.docs
	}
	runtime.KeepAlive(s)
	return s.mean.vector, nil
}

// lasting is how many documents there must be for a mean to be still good when few of
// them have changed.
const lasting = 16 * typicalSample

// keepMean takes over what is typical from an older snapshot, where vectors are
// outside and a new sample of them costs something.
func (s *snapshot) keepMean(old *snapshot) {
	if s.away == 0 || old == nil || !old.mean.mu.TryLock() {
		return
	}
	defer old.mean.mu.Unlock()
	change := s.stats.docs - old.mean.docs
	if old.mean.known && old.mean.docs >= lasting && max(change, -change) <= old.mean.docs/64 {
		s.mean.known, s.mean.docs, s.mean.vector = true, old.mean.docs, old.mean.vector
	}
}

// middle returns the mean of a sample of vectors, drawn towards nothing, the same
// every time. The mean of rotated vectors is the rotated mean.
func (ix *Index) middle(ctx context.Context, s *snapshot) (llm.Vector, error) {
	var sum llm.Vector
	used := float32(0)
	var far []memo.Hit
	for _, f := range s.sample(typicalSample) {
		v := s.views[f.view]
		p := v.vectors.get(f.doc)
		if sum == nil && p != nil {
			sum = make(llm.Vector, p.dim)
		}
		switch {
		case p != nil && p.dim == len(sum): // others are of a damaged kind
			p.addTo(sum)
			used++
		case p == nil && s.away > 0:
			far = append(far, v.hit(f.doc, 0))
		}
	}
	if len(far) > 0 {
		vectors, err := ix.opts.Outside.Vectors(ctx, s.project, far)
		if err != nil {
			return nil, err
		}
		for _, v := range vectors {
			if v = unit(v); sum == nil {
				sum = make(llm.Vector, len(v))
			}
			if v != nil && len(v) == len(sum) {
				rotate(v)
				for i := range sum {
					sum[i] += v[i]
				}
				used++
			}
		}
	}
	if used == 0 {
		return nil, nil
	}
	rotateBack(sum)
	for i := range sum {
		sum[i] /= used + fewVectors
	}
	return sum, nil
}

// sample returns about n living documents from all over the project. Their places are
// scattered: those in even steps may have something in common.
func (s *snapshot) sample(n int) (out []found) {
	const scatter = 2654435761 // 2^32 over the golden ratio
	bound := uint64(1 << 32)
	if s.stats.docs > n {
		bound = bound * uint64(n) / uint64(s.stats.docs)
	}
	place := uint32(0)
	for i, v := range s.views {
		for doc := range v.alive.all() {
			place++
			if uint64((place-1)*scatter) < bound {
				out = append(out, found{view: uint32(i), doc: doc})
			}
		}
	}
	return out
}
