package search

import (
	"context"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
)

// titles answers the title methods of old clients: no distance, newest first.
func (s *Service) titles(ctx context.Context, q Query) ([]retrieval.Hit, error) {
	scope := memo.Selection{Project: q.Project, Filters: q.Filters, Now: time.Now()}
	found, err := s.index.Titles(ctx, scope, q.Text, q.Method == MethodTitleStartsWith, q.Limit)
	if err != nil {
		return nil, err
	}
	list := make([]candidate, len(found))
	for i, h := range found {
		list[i] = candidate{chunk: h.Chunk, memo: h.Memo}
	}
	hits, err := s.read(ctx, q.Project, list)
	for i := range hits {
		hits[i].Distance = nil
	}
	return hits, err
}

// vectors answers the vector method of old clients: the best chunk of each
// memo by cosine. Without an embedding model the words stand in.
func (s *Service) vectors(ctx context.Context, q Query) ([]retrieval.Hit, error) {
	scope := memo.Selection{Project: q.Project, Filters: q.Filters, Now: time.Now()}
	var words, near []memo.Hit
	var err error
	weight := 0.0
	if _, ok := s.embedder.EmbedSpec(); ok {
		near, err = s.embedAndFind(ctx, scope, q, listLength, legacyMaxDistance)
	} else {
		weight = 1
		words, err = s.index.Lexical(ctx, scope, q.Text, listLength)
	}
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), "The query could not be embedded", err)
	}
	seen := map[memo.ID]bool{}
	var best []candidate
	for _, c := range fuse(q, words, near, weight) {
		if !seen[c.memo] && len(best) < q.Limit {
			seen[c.memo] = true
			best = append(best, c)
		}
	}
	hits, err := s.read(ctx, q.Project, best)
	return settle(hits, q.Limit), err
}
