package flat

import (
	"context"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

const (
	// Filters that leave few documents, or few of the index's finds, are not for it:
	// all that is left is compared then. A find costs the index as much as comparing
	// some documents does.
	outsideExact  = 2000
	outsideEffort = 8
	outsideFinds  = 20_000
	// outsideSpare is how many more than wanted are asked for, beside a quarter: some
	// may be gone.
	outsideSpare = 32
	// outsideTries is how often a search looks outside because what it has read here and
	// there are of different times. At last it takes what it has, where memos that have
	// changed since it began may be missing.
	outsideTries = 4
)

// nearestOutside joins the nearest of the vectors that are here, of what has changed
// lately, with those outside.
func (ix *Index) nearestOutside(
	ctx context.Context, s *snapshot, sv *sieve, t *target, v llm.Vector,
) ([]memo.Hit, error) {
	in := sv.in
	for try := range outsideTries {
		far := s.outside(sv)
		old, through, err := ix.lookOutside(ctx, s, far, t, v)
		if err != nil {
			return nil, err
		}
		if s.away <= through && (through <= s.seq || try == outsideTries-1) {
			return ix.join(ctx, s, sv, t, old)
		}
		if through < s.away { // it has begun anew
			ix.drop(ix.part(in.Project))
		}
		// Else what is gone outside may have come again here.
		in.Now = time.Now()
		if s, _, err = ix.open(ctx, in); err != nil {
			return nil, err
		}
		if s.away == 0 {
			return s.nearest(ctx, sv, t, &ix.scans)
		}
	}
	return nil, fault.New(fault.Unavailable, "The project's vectors are being moved; try again")
}

// join returns the best of what is here and of what was found outside.
func (ix *Index) join(ctx context.Context, s *snapshot, sv *sieve, t *target, old []found) ([]memo.Hit, error) {
	best, err := s.best(ctx, sv, t, &ix.scans)
	if err != nil {
		return nil, err
	}
	for _, f := range old {
		if f.score >= t.least {
			best.offer(f)
		}
	}
	return best.hits(s), nil
}

// far are documents whose vectors are not here.
type far struct {
	pass  []bitset // of each view, those that a search may find
	count int      // of them
	total int
}

func (s *snapshot) outside(sv *sieve) *far {
	f := &far{pass: make([]bitset, len(s.views))}
	for i, v := range s.views {
		f.pass[i] = v.notHere(sv.pass(v))
		f.count += f.pass[i].count()
		f.total += v.notHere(v.alive).count()
	}
	return f
}

// notHere returns those of the documents that have no vector here.
func (v *view) notHere(docs bitset) bitset {
	if v.vectors.dim == 0 {
		return docs
	}
	out := make(bitset, len(docs))
	for i := range out {
		out[i] = docs[i] &^ v.vectors.has[i]
	}
	return out
}

// lookOutside returns the nearest of the far documents, and up to which change it was
// looked for.
func (ix *Index) lookOutside(
	ctx context.Context, s *snapshot, f *far, t *target, v llm.Vector,
) (out []found, through int64, err error) {
	if f.count == 0 {
		return nil, s.seq, nil
	}
	id := s.project
	wanted := t.limit + t.limit/4 + outsideSpare
	finds := wanted * f.total / f.count
	for finds*outsideEffort <= f.count && f.count > outsideExact && finds <= outsideFinds {
		hits, through, err := ix.opts.Outside.Nearest(ctx, id, v, finds)
		if err != nil {
			return nil, 0, err
		}
		out = s.place(hits, f)
		enough := len(out) >= min(t.limit, f.count) || len(hits) > 0 && hits[len(hits)-1].Score < float64(t.least)
		if enough || through < s.away || through > s.seq {
			return out, through, nil
		}
		finds *= 4
	}
	hits, through, err := ix.opts.Outside.Among(ctx, id, v, s.memosOf(f), wanted)
	return s.place(hits, f), through, err
}

// memosOf returns the memos of documents.
func (s *snapshot) memosOf(f *far) (out []memo.ID) {
	for i, v := range s.views {
		last := -1
		for doc := range f.pass[i].all() {
			if e := int(v.docs[doc].entry); e != last {
				out = append(out, v.entries[e].id)
				last = e
			}
		}
	}
	return out
}

// place returns those of the hits that are among the far documents.
func (s *snapshot) place(hits []memo.Hit, f *far) (out []found) {
	numbers := make(map[*view]uint32, len(s.views))
	for i, v := range s.views {
		numbers[v] = uint32(i)
	}
	for _, h := range hits {
		v, i, ok := findEntry(s.views, h.Memo)
		if !ok {
			continue
		}
		for doc := v.entries[i].first; doc < v.entries[i].end; doc++ {
			if v.docs[doc].chunk == h.Chunk {
				if n := numbers[v]; f.pass[n].has(doc) {
					out = append(out, found{score: float32(h.Score), view: n, doc: doc})
				}
				break
			}
		}
	}
	return out
}

// addOutside adds the vectors of hits that are there and whose vectors are not here.
func (ix *Index) addOutside(
	ctx context.Context, id account.ProjectID, at map[memo.ChunkID]location, hits []memo.Hit, out []llm.Vector,
) error {
	var missing []memo.Hit
	var places []int
	for i, h := range hits {
		if out[i] == nil && at[h.Chunk].view != nil {
			missing, places = append(missing, h), append(places, i)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	vectors, err := ix.opts.Outside.Vectors(ctx, id, missing)
	for i, v := range vectors {
		out[places[i]] = unit(v)
	}
	return err
}
