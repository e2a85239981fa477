package search

import (
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/rank"
	"kvasir/internal/retrieval"
)

const (
	// listLength is how many candidates each of the two lists gives to fusion:
	// the depth at which the weights were measured.
	listLength = 200
	// embedWithin bounds the wait for a query's vector. A person is waiting, and
	// the words alone are a fair answer.
	embedWithin = 10 * time.Second
	// coverageSample is how many of the best lexical passages show the language.
	coverageSample = 5
	// bm25Scale is the least BM25 score that may look half certain.
	bm25Scale = 6.0
)

// A candidate is a chunk on its way to being a hit.
type candidate struct {
	chunk    memo.ChunkID
	memo     memo.ID
	distance float64
}

// candidates returns the fused list, best first.
func (s *Service) candidates(ctx context.Context, q Query) ([]candidate, error) {
	scope := memo.Selection{Project: q.Project, Filters: q.Filters, Now: time.Now()}
	limit := max(listLength, q.Candidates, q.Limit)
	var words, near []memo.Hit
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		words, err = s.index.Lexical(gctx, scope, q.Text, limit)
		return err
	})
	g.Go(func() (err error) {
		near, err = s.nearest(gctx, scope, q, limit)
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	weight := 1.0
	if len(near) > 0 {
		var err error
		if weight, err = s.lexicalWeight(ctx, q, words); err != nil {
			return nil, err
		}
	}
	return fuse(q, words, near, weight), nil
}

// nearest returns the vector candidates; none when there is no model, or when
// the provider fails while the words can still answer.
func (s *Service) nearest(ctx context.Context, scope memo.Selection, q Query, limit int) ([]memo.Hit, error) {
	maxDistance := defaultMaxDistance
	if q.MaxDistance != nil {
		maxDistance = *q.MaxDistance
	}
	hits, err := s.embedAndFind(ctx, scope, q, limit, maxDistance)
	if err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "searching by words alone", "project", string(q.Project), "error", err)
		return nil, nil
	}
	return hits, err
}

func (s *Service) embedAndFind(
	ctx context.Context, scope memo.Selection, q Query, limit int, maxDistance float64,
) ([]memo.Hit, error) {
	spec, ok := s.embedder.EmbedSpec()
	if !ok {
		return nil, nil
	}
	within, cancel := context.WithTimeout(ctx, embedWithin)
	defer cancel()
	call := llm.Call{Tenant: string(q.Project), Key: q.Key, Priority: llm.PriorityQuery}
	vectors, err := s.embedder.Embed(within, call, llm.InputQuery, []string{q.Text})
	if err != nil {
		return nil, err
	}
	return s.index.Nearest(ctx, scope, spec.Model, vectors[0], limit, maxDistance)
}

// lexicalWeight chooses the weight of words against vectors by how well the
// model's vocabulary covers the best lexical passages, which are in the
// project's language; see ../../doc/decisions and rank.
func (s *Service) lexicalWeight(ctx context.Context, q Query, words []memo.Hit) (float64, error) {
	ids := make([]memo.ChunkID, 0, coverageSample)
	for _, h := range words[:min(coverageSample, len(words))] {
		ids = append(ids, h.Chunk)
	}
	sample := q.Text
	if len(ids) > 0 {
		passages, err := s.passages.Passages(ctx, q.Project, ids)
		if err != nil {
			return 0, err
		}
		var b strings.Builder
		for _, p := range passages {
			b.WriteString(p.Content)
			b.WriteByte('\n')
		}
		sample = b.String()
	}
	coverage, ok := s.embedder.Coverage(sample)
	if !ok {
		return rank.BalancedWeight, nil
	}
	return rank.LexicalWeight(coverage), nil
}

// fuse joins both lists and gives each chunk its distance: by cosine where the
// vectors found it, else by BM25 on a scale that leaves the best word match of a
// query short of certainty.
func fuse(q Query, words, near []memo.Hit, weight float64) []candidate {
	distance := make(map[memo.ChunkID]float64, len(words)+len(near))
	if len(words) > 0 {
		scale := max(words[0].Score/2, bm25Scale)
		for _, h := range words {
			distance[h.Chunk] = 1 - h.Score/(h.Score+scale)
		}
	}
	for _, h := range near {
		distance[h.Chunk] = min(max(1-h.Score, 0), 1)
	}
	memos := make(map[memo.ChunkID]memo.ID, len(distance))
	list := func(hits []memo.Hit) []rank.Scored[memo.ChunkID] {
		out := make([]rank.Scored[memo.ChunkID], len(hits))
		for i, h := range hits {
			out[i] = rank.Scored[memo.ChunkID]{Item: h.Chunk, Score: h.Score}
			memos[h.Chunk] = h.Memo
		}
		return out
	}
	var out []candidate
	for _, f := range rank.Fuse(list(words), list(near), weight) {
		c := candidate{chunk: f.Item, memo: memos[f.Item], distance: distance[f.Item]}
		if q.MaxDistance == nil || c.distance <= *q.MaxDistance {
			out = append(out, c)
		}
	}
	return out
}

// byScore orders hits by a reranker's scores, the fused order deciding ties.
func byScore(hits []retrieval.Hit, scores []float64) []retrieval.Hit {
	for i := range hits {
		hits[i].Distance = new(1 - min(max(scores[i], 0), 1))
	}
	slices.SortStableFunc(hits, func(a, b retrieval.Hit) int {
		switch {
		case *a.Distance < *b.Distance:
			return -1
		case *a.Distance > *b.Distance:
			return 1
		}
		return 0
	})
	return hits
}
