package search

import (
	"context"
	"slices"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
)

// titles answers the title methods of old clients: no distance, newest first.
func (r *run) titles(ctx context.Context) ([]retrieval.Hit, error) {
	found, err := r.index.Titles(ctx, r.scope, r.q.Text, r.q.Method == MethodTitleStartsWith, r.q.Limit)
	if err != nil {
		return nil, err
	}
	list := make([]*candidate, len(found))
	for i, h := range found {
		list[i] = &candidate{chunk: h.Chunk, memo: h.Memo}
	}
	hits, err := r.readAll(ctx, list)
	for i := range hits {
		hits[i].Distance = nil
	}
	return hits, err
}

// vectors answers the vector method of old clients: the best chunk of each
// memo by cosine. Without an embedding model the words stand in.
func (r *run) vectors(ctx context.Context) ([]retrieval.Hit, error) {
	p := &probe{text: r.q.Text}
	var err error
	if _, ok := r.models.EmbedSpec(); ok {
		err = r.embedAndFind(ctx, []*probe{p}, listLength, legacyMaxDistance)
	} else {
		p.words, err = r.index.Lexical(ctx, r.scope, r.q.Text, listLength)
	}
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), "The query could not be embedded", err)
	}
	seen := map[memo.ID]bool{}
	var best []*candidate
	for _, c := range r.union([]*probe{p}) {
		far := r.q.MaxDistance != nil && c.distance > *r.q.MaxDistance
		if !far && !seen[c.memo] && len(best) < r.q.Limit {
			seen[c.memo] = true
			best = append(best, c)
		}
	}
	return r.readAll(ctx, best)
}

// readAll turns candidates into hits; those that are gone meanwhile drop out.
func (r *run) readAll(ctx context.Context, list []*candidate) ([]retrieval.Hit, error) {
	if err := r.read(ctx, list); err != nil {
		return nil, err
	}
	return settle(slices.DeleteFunc(list, func(c *candidate) bool { return c.passage == nil })), nil
}
