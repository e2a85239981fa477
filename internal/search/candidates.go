package search

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/rank"
)

const (
	// listLength is how many candidates each of the two lists gives to fusion:
	// the depth at which the weights were measured.
	listLength = 200
	// lexicalLength is how far down the list of words a share is looked up for what
	// the vectors have found.
	lexicalLength = 500
	// embedWithin bounds the wait for a query's vector. A person is waiting, and
	// the words alone are a fair answer.
	embedWithin = 10 * time.Second
)

// A candidate is a chunk on its way to being a hit.
type candidate struct {
	chunk    memo.ChunkID
	memo     memo.ID
	near     bool       // the vectors found it
	share    float64    // of the query that its words answer
	likeness float64    // of its vector to the query's
	vector   llm.Vector // nil for none, or if it did not matter
	score    float64    // by what the stages so far know; higher is better
	factor   float64    // what the boosts multiply scores by
	distance float64
	passage  *memo.Passage // nil until it is read
}

// A probe is a text that is looked up, with what it finds.
type probe struct {
	text   string
	answer string     // whose vector stands beside that of the text; empty for none
	vector llm.Vector // of length 1; nil for none
	usual  float64    // the cosine of its vector with unrelated passages
	words  []memo.Hit
	near   []memo.Hit
	beyond float64 // the most that the cosine of what is not in near can be
}

// candidates returns the fused list, best first.
func (r *run) candidates(ctx context.Context, plan Plan) ([]*candidate, error) {
	probes := []*probe{{text: r.q.Text, answer: plan.Answer}}
	for _, text := range plan.Queries {
		probes = append(probes, &probe{text: text})
	}
	weight, err := r.lookUp(ctx, probes)
	if err != nil {
		return nil, err
	}
	return r.fuse(ctx, probes, weight)
}

// listed is how many candidates a list gives to fusion.
func (r *run) listed() int { return max(listLength, r.q.Candidates, r.q.Limit) }

// lookUp finds by words and by vectors at the same time, and weighs the words.
func (r *run) lookUp(ctx context.Context, probes []*probe) (weight float64, err error) {
	lexical, vector := r.trace.begin("lexical"), r.trace.begin("vector")
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		for _, p := range probes {
			p.words, err = r.index.Lexical(gctx, r.scope, p.text, max(lexicalLength, r.listed()))
			if err != nil {
				return err
			}
			lexical.found(p.words)
		}
		lexical.end()
		weight, err = r.lexicalWeight(gctx, probes[0].words, lexical)
		return err
	})
	g.Go(func() error { return r.nearest(gctx, probes, vector) })
	err = g.Wait()
	return weight, err
}

// nearest finds by vectors; nothing when there is no model, or when the provider
// fails while the words can still answer.
func (r *run) nearest(ctx context.Context, probes []*probe, s *stage) error {
	maxDistance := defaultMaxDistance
	if r.q.MaxDistance != nil {
		maxDistance = *r.q.MaxDistance
	}
	defer s.end()
	err := r.embedAndFind(ctx, probes, r.listed(), maxDistance)
	switch {
	case err != nil && ctx.Err() == nil:
		r.log.WarnContext(ctx, "searching by words alone", "project", string(r.q.Project), "error", err)
		s.notef("left out: the query could not be embedded")
		return nil
	case err != nil:
		return err
	case probes[0].vector == nil:
		s.notef("there is no embedding model")
	default:
		s.notef("within the distance %v", maxDistance)
	}
	for _, p := range probes {
		s.found(p.near)
	}
	return nil
}

func (r *run) embedAndFind(ctx context.Context, probes []*probe, limit int, maxDistance float64) error {
	spec, ok := r.models.EmbedSpec()
	if !ok {
		return nil
	}
	if err := r.embed(ctx, probes); err != nil {
		return err
	}
	for _, p := range probes {
		var err error
		if p.near, err = r.index.Nearest(ctx, r.scope, spec.Model, p.vector, limit, maxDistance); err != nil {
			return err
		}
		if p.beyond = 1 - maxDistance; len(p.near) >= limit {
			p.beyond = p.near[len(p.near)-1].Score
		}
	}
	return nil
}

// embed gives the probes their vectors: that of the text, or the middle between it
// and that of the answer.
func (r *run) embed(ctx context.Context, probes []*probe) error {
	ctx, cancel := context.WithTimeout(ctx, embedWithin)
	defer cancel()
	call := llm.Call{Tenant: string(r.q.Project), Key: r.q.Key, Priority: llm.PriorityQuery}
	texts := make([]string, len(probes))
	for i, p := range probes {
		texts[i] = p.text
	}
	var queries, answers []llm.Vector
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		queries, err = r.models.Embed(ctx, call, llm.InputQuery, texts)
		return err
	})
	if answer := probes[0].answer; answer != "" {
		g.Go(func() (err error) {
			answers, err = r.models.Embed(ctx, call, llm.InputDocument, []string{answer})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, p := range probes {
		p.vector = rank.Unit(queries[i])
	}
	for _, answer := range answers {
		probes[0].vector = rank.Between(probes[0].vector, rank.Unit(answer))
	}
	return nil
}
