package search

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"kvasir/internal/memo"
	"kvasir/internal/rank"
	"kvasir/internal/retrieval"
)

// bm25Scale is the least BM25 score that may look half certain.
const bm25Scale = 6.0

// fuse joins what the probes have found, best first.
func (r *run) fuse(ctx context.Context, probes []*probe, weight float64) ([]*candidate, error) {
	s := r.trace.begin("fuse")
	list := r.union(probes)
	switch {
	case r.q.Fusion == retrieval.FusionRRF:
		s.notef("reciprocal ranks")
		r.byRanks(probes, list)
	case probes[0].vector == nil:
		s.notef("words alone")
		for i, shares := 0, sharesOf(probes); i < len(list); i++ {
			list[i].score = share(shares, list[i].chunk)
		}
	default:
		s.notef("weight of words %.2f", weight)
		if err := r.weigh(ctx, probes, list, weight); err != nil {
			return nil, err
		}
	}
	byScore(list)
	list = slices.DeleteFunc(list, func(c *candidate) bool {
		far := r.q.MaxDistance != nil && c.distance > *r.q.MaxDistance
		if far {
			s.drop(c, "farther than %v", *r.q.MaxDistance)
		}
		return far
	})
	s.left(list)
	return list, nil
}

// union returns the members of all lists, each once, with their distance: by cosine
// where the vectors found it, else by BM25 on a scale that leaves the best word
// match of a query short of certainty.
func (r *run) union(probes []*probe) []*candidate {
	var list []*candidate
	at := map[memo.ChunkID]*candidate{}
	add := func(h memo.Hit, near bool, distance float64) {
		c := at[h.Chunk]
		switch {
		case c == nil:
			c = &candidate{chunk: h.Chunk, memo: h.Memo, near: near, factor: 1, distance: distance}
			at[h.Chunk] = c
			list = append(list, c)
		case c.near == near:
			c.distance = min(c.distance, distance)
		}
	}
	for _, p := range probes {
		for _, h := range p.near {
			add(h, true, min(max(1-h.Score, 0), 1))
		}
	}
	for _, p := range probes {
		for _, h := range p.words[:min(r.listed(), len(p.words))] {
			scale := max(p.words[0].Score/2, bm25Scale)
			add(h, false, 1-h.Score/(h.Score+scale))
		}
	}
	return list
}

// headLength is how many candidates are compared by their vectors, at least: those
// below have no way to the first page.
const headLength = 100

// weigh scores the candidates by the share of the query that their words answer and
// by their likeness to it; then the best of those once more, by what the first of
// them tells of the others. Only their vectors are read.
func (r *run) weigh(ctx context.Context, probes []*probe, list []*candidate, weight float64) error {
	spec, _ := r.models.EmbedSpec()
	var err error
	if r.typical, err = r.index.Typical(ctx, r.scope, spec.Model); err != nil {
		return err
	}
	for _, p := range probes {
		p.usual = rank.Dot(p.vector, r.typical)
	}
	guess(probes, list)
	for _, c := range list {
		c.score = rank.Score(c.share, c.likeness, weight)
	}
	byScore(list)
	head := list[:min(max(headLength, 2*r.keep()), len(list))]
	if err := r.readVectors(ctx, head); err != nil {
		return err
	}
	measure(probes, head)
	best := bestOf(head, weight)
	for i, c := range list {
		toBest := 0.0 // of those that nobody looks at
		switch {
		case c.vector != nil:
			toBest = r.alike(best, c)
		case i < len(head):
			toBest = c.likeness
		}
		c.score = rank.Score(c.share, rank.Feedback(c.likeness, toBest), weight)
	}
	return nil
}

// alike returns the likeness of two candidates that have vectors.
func (r *run) alike(a, b *candidate) float64 {
	return rank.Likeness(rank.Dot(a.vector, b.vector), rank.Dot(a.vector, r.typical))
}

// sharesOf returns for each probe which share of it the chunks answer.
func sharesOf(probes []*probe) []map[memo.ChunkID]float64 {
	shares := make([]map[memo.ChunkID]float64, len(probes))
	for i, p := range probes {
		shares[i] = make(map[memo.ChunkID]float64, len(p.words))
		for _, h := range p.words {
			shares[i][h.Chunk] = h.Share
		}
	}
	return shares
}

// share joins what a chunk answers of the query and of the others made of it.
func share(shares []map[memo.ChunkID]float64, id memo.ChunkID) float64 {
	return together(len(shares), func(i int) float64 { return shares[i][id] })
}

// together joins what a candidate is to each of n probes, the first of which is the
// query itself.
func together(n int, to func(i int) float64) float64 {
	own := to(0)
	if n == 1 {
		return own
	}
	most := to(1)
	for i := 2; i < n; i++ {
		most = max(most, to(i))
	}
	return rank.Both(own, most)
}

// guess gives the candidates their shares, and the most that their likeness can be
// as far as the lists tell.
func guess(probes []*probe, list []*candidate) {
	shares := sharesOf(probes)
	cosines := make([]map[memo.ChunkID]float64, len(probes))
	for i, p := range probes {
		cosines[i] = make(map[memo.ChunkID]float64, len(p.near))
		for _, h := range p.near {
			cosines[i][h.Chunk] = h.Score
		}
	}
	for _, c := range list {
		c.share = share(shares, c.chunk)
		c.likeness = together(len(probes), func(i int) float64 {
			cosine, known := cosines[i][c.chunk]
			if !known {
				cosine = probes[i].beyond
			}
			return rank.Likeness(cosine, probes[i].usual)
		})
	}
}

// readVectors gives the candidates their vectors.
func (r *run) readVectors(ctx context.Context, list []*candidate) error {
	spec, _ := r.models.EmbedSpec()
	vectors, err := r.index.Vectors(ctx, r.scope, spec.Model, hitsOf(list))
	for i, v := range vectors {
		list[i].vector = v
	}
	return err
}

func hitsOf(list []*candidate) []memo.Hit {
	hits := make([]memo.Hit, len(list))
	for i, c := range list {
		hits[i] = memo.Hit{Chunk: c.chunk, Memo: c.memo}
	}
	return hits
}

// measure gives the candidates their likeness to the query. One that has no vector
// yet is taken to be as alike as others that the words have found.
func measure(probes []*probe, list []*candidate) {
	sum, n := 0.0, 0
	for _, c := range list {
		if c.vector == nil {
			continue
		}
		c.likeness = together(len(probes), func(i int) float64 {
			return rank.Likeness(rank.Dot(probes[i].vector, c.vector), probes[i].usual)
		})
		if c.share > 0 {
			sum += c.likeness
			n++
		}
	}
	for _, c := range list {
		if c.vector == nil {
			c.likeness = sum / float64(max(n, 1))
		}
	}
}

// bestOf returns the best candidate that has a vector, nil for none.
func bestOf(list []*candidate, weight float64) *candidate {
	var best *candidate
	score := 0.0
	for _, c := range list {
		s := rank.Score(c.share, c.likeness, weight)
		if c.vector != nil && (best == nil || s > score) {
			best, score = c, s
		}
	}
	return best
}

// byRanks scores the candidates by their places in the lists.
func (r *run) byRanks(probes []*probe, list []*candidate) {
	scores := make(map[memo.ChunkID]float64, len(list))
	for _, p := range probes {
		for _, hits := range [][]memo.Hit{p.words[:min(r.listed(), len(p.words))], p.near} {
			for place, h := range hits {
				scores[h.Chunk] += rank.Reciprocal(place)
			}
		}
	}
	for _, c := range list {
		c.score = scores[c.chunk]
	}
}

// byScore sorts, best first. Of equals the more alike goes first, then the older
// memo, so the order does not depend on which list has named one.
func byScore(list []*candidate) {
	slices.SortFunc(list, func(a, b *candidate) int {
		return cmp.Or(
			cmp.Compare(b.score, a.score),
			cmp.Compare(b.likeness, a.likeness),
			strings.Compare(string(a.memo), string(b.memo)),
			strings.Compare(string(a.chunk), string(b.chunk)),
		)
	})
}
