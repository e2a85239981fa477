package flat

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// A register finds the entries of a segment by their ids. It is made when first
// asked for: a segment that is merged soon never needs one.
type register struct {
	once sync.Once
	byID []uint32
}

// find returns the entry of a memo.
func (s *segment) find(id memo.ID) (*entry, bool) {
	s.register.once.Do(func() {
		s.register.byID = make([]uint32, len(s.entries))
		for i := range s.entries {
			s.register.byID[i] = uint32(i)
		}
		slices.SortFunc(s.register.byID, func(a, b uint32) int {
			return cmp.Compare(s.entries[a].id, s.entries[b].id)
		})
	})
	i, ok := slices.BinarySearchFunc(s.register.byID, id, func(n uint32, id memo.ID) int {
		return strings.Compare(string(s.entries[n].id), string(id))
	})
	if !ok {
		return nil, false
	}
	return &s.entries[s.register.byID[i]], true
}

// find returns where a living memo is.
func (s *snapshot) find(id memo.ID) (*view, *entry) {
	for _, v := range slices.Backward(s.views) { // the newest change most often
		if e, ok := v.segment.find(id); ok && v.alive.has(e.first) {
			return v, e
		}
	}
	return nil, nil
}

// Vectors returns the vectors of found chunks, of length 1, in the hits' order;
// nil where there is none, or not of the index's model.
func (ix *Index) Vectors(
	ctx context.Context, in memo.Selection, model string, hits []memo.Hit,
) ([]llm.Vector, error) {
	out := make([]llm.Vector, len(hits))
	if model != ix.opts.Model || len(hits) == 0 {
		return out, nil
	}
	s, _, err := ix.open(ctx, in)
	if err != nil {
		return nil, err
	}
	for i, h := range hits {
		v, e := s.find(h.Memo)
		if v == nil {
			continue
		}
		for n := e.first; n < e.end; n++ {
			if v.docs[n].chunk == h.Chunk {
				out[i] = v.vectors.unpack(n)
				break
			}
		}
	}
	return out, nil
}

// unpack returns the vector of a document, nil if it has none.
func (vs *vectors) unpack(n uint32) llm.Vector {
	p := vs.get(n)
	if p == nil {
		return nil
	}
	out := make(llm.Vector, len(p.values))
	for i, x := range p.values {
		out[i] = p.scale * float32(x)
	}
	return out
}

// Attributes returns the attributes of the hits' memos, nil where one is gone.
// They are shared and must not be changed.
func (ix *Index) Attributes(
	ctx context.Context, in memo.Selection, hits []memo.Hit,
) ([]*memo.Attributes, error) {
	s, _, err := ix.open(ctx, in)
	if err != nil {
		return nil, err
	}
	out := make([]*memo.Attributes, len(hits))
	for i, h := range hits {
		if _, e := s.find(h.Memo); e != nil {
			out[i] = &e.attrs
		}
	}
	return out, nil
}
