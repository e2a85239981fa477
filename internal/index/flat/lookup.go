package flat

import (
	"context"
	"runtime"

	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// Vectors returns the vectors of chunks that were found, in the order of the
// hits: of length 1, and nil where the project has none, as for a memo that has
// changed since. Filters are left aside: who found a chunk may know its vector.
func (ix *Index) Vectors(
	ctx context.Context, in memo.Selection, model string, hits []memo.Hit,
) ([]llm.Vector, error) {
	out := make([]llm.Vector, len(hits))
	if model != ix.opts.Model || len(hits) == 0 {
		return out, nil
	}
	s, _, err := ix.open(ctx, memo.Selection{Project: in.Project, Now: in.Now})
	if err != nil {
		return nil, err
	}
	at := s.locate(hits)
	err = share(ctx, len(hits), func(i, _ int) {
		if d := at[hits[i].Chunk]; d.view != nil {
			if p := d.view.vectors.get(d.doc); p != nil {
				out[i] = p.unpack()
			}
		}
	})
	runtime.KeepAlive(s)
	if err != nil || s.away == 0 {
		return out, err
	}
	err = ix.addOutside(ctx, in.Project, at, hits, out)
	return out, err
}

// Attributes returns the attributes of the hits' memos, nil where one is gone.
// They are shared and must not be changed.
func (ix *Index) Attributes(
	ctx context.Context, in memo.Selection, hits []memo.Hit,
) ([]*memo.Attributes, error) {
	s, _, err := ix.open(ctx, memo.Selection{Project: in.Project, Now: in.Now})
	if err != nil {
		return nil, err
	}
	out := make([]*memo.Attributes, len(hits))
	for i, h := range hits {
		if v, n, ok := findEntry(s.views, h.Memo); ok {
			out[i] = &v.entries[n].attrs
		}
	}
	return out, nil
}

// A location is where a chunk stands; no view if it is not there.
type location struct {
	view *view
	doc  uint32
}

// locate finds the chunks of hits. Each memo is looked up once, and its documents
// are gone through once, however many of them are wanted.
func (s *snapshot) locate(hits []memo.Hit) map[memo.ChunkID]location {
	at := make(map[memo.ChunkID]location, len(hits))
	for _, h := range hits {
		at[h.Chunk] = location{}
	}
	done := make(map[memo.ID]bool, len(hits))
	for _, h := range hits {
		if done[h.Memo] {
			continue
		}
		done[h.Memo] = true
		v, i, ok := findEntry(s.views, h.Memo)
		if !ok {
			continue
		}
		e := &v.entries[i]
		for n := e.first; n < e.end; n++ {
			if _, wanted := at[v.docs[n].chunk]; wanted {
				at[v.docs[n].chunk] = location{v, n}
			}
		}
	}
	return at
}
