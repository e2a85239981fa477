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
	if err := r.readVectors(ctx, probes, list); err != nil {
		return nil, err
	}
	if r.q.Fusion == retrieval.FusionRRF {
		s.notef("reciprocal ranks")
		r.byRanks(probes, list)
	} else {
		s.notef("weight of words %.2f", weight)
		weigh(probes, list, weight)
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

// readVectors gives the candidates their vectors, if there is one of the query.
func (r *run) readVectors(ctx context.Context, probes []*probe, list []*candidate) error {
	spec, _ := r.models.EmbedSpec()
	if probes[0].vector == nil || len(list) == 0 {
		return nil
	}
	vectors, err := r.index.Vectors(ctx, r.scope, spec.Model, hitsOf(list))
	if err != nil {
		return err
	}
	for i, v := range vectors {
		list[i].vector = v
	}
	return nil
}

func hitsOf(list []*candidate) []memo.Hit {
	hits := make([]memo.Hit, len(list))
	for i, c := range list {
		hits[i] = memo.Hit{Chunk: c.chunk, Memo: c.memo}
	}
	return hits
}

// weigh scores the candidates by the share of the query that their words answer and
// by the cosine with the query, then once more by what the best of them tells of
// the others.
func weigh(probes []*probe, list []*candidate, weight float64) {
	collect(probes, list)
	var best *candidate
	for _, c := range list {
		c.score = rank.Score(c.share, c.cosine, weight)
		if c.vector != nil && (best == nil || c.score > best.score) {
			best = c
		}
	}
	if best == nil {
		return
	}
	for _, c := range list {
		if c.vector != nil {
			c.cosine = rank.Feedback(c.cosine, rank.Dot(best.vector, c.vector))
		}
	}
	typical := typicalCosine(list)
	for _, c := range list {
		if c.vector == nil {
			c.cosine = typical
		}
		c.score = rank.Score(c.share, c.cosine, weight)
	}
}

// collect gives the candidates the share and the cosine of the query, and of the
// others that were made of it.
func collect(probes []*probe, list []*candidate) {
	shares := make([]map[memo.ChunkID]float64, len(probes))
	for i, p := range probes {
		shares[i] = make(map[memo.ChunkID]float64, len(p.words))
		for _, h := range p.words {
			shares[i][h.Chunk] = h.Share
		}
	}
	for _, c := range list {
		var share, cosine float64 // the most of the others
		for i, p := range probes[1:] {
			share = max(share, shares[i+1][c.chunk])
			cosine = max(cosine, rank.Dot(p.vector, c.vector))
		}
		c.share, c.cosine = shares[0][c.chunk], rank.Dot(probes[0].vector, c.vector)
		if len(probes) > 1 {
			c.share, c.cosine = rank.Both(c.share, share), rank.Both(c.cosine, cosine)
		}
	}
}

// typicalCosine is what a candidate that has no vector yet is taken to have: as much
// as others that the words have found.
func typicalCosine(list []*candidate) float64 {
	sum, n := 0.0, 0
	for _, c := range list {
		if c.vector != nil && c.share > 0 {
			sum += c.cosine
			n++
		}
	}
	return sum / float64(max(n, 1))
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

// byScore sorts, best first. Of equals the older memo goes first, so the order
// does not depend on which list has named one.
func byScore(list []*candidate) {
	slices.SortStableFunc(list, func(a, b *candidate) int {
		return cmp.Or(
			cmp.Compare(b.score, a.score),
			strings.Compare(string(a.memo), string(b.memo)),
			strings.Compare(string(a.chunk), string(b.chunk)),
		)
	})
}
