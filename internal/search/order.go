package search

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/rank"
)

// rerankWithin bounds the wait for a reranker. The fused order is a fair answer.
const rerankWithin = 15 * time.Second

// boost multiplies the candidates' scores by what the query wants to have preferred.
func (r *run) boost(ctx context.Context, list []*candidate) error {
	recent := r.q.Recency.HalfLife > 0 && r.q.Recency.Weight > 0
	if !recent && len(r.q.TagBoosts) == 0 {
		return nil
	}
	s := r.trace.begin("boost")
	if recent {
		s.notef("new memos: weight %v, half-life %v", r.q.Recency.Weight, r.q.Recency.HalfLife)
		for _, c := range list {
			if created, ok := c.memo.Created(); ok {
				c.factor *= rank.Recency(r.scope.Now.Sub(created), r.q.Recency.HalfLife, r.q.Recency.Weight)
			}
		}
	}
	if len(r.q.TagBoosts) > 0 {
		s.notef("%d tags", len(r.q.TagBoosts))
		attributes, err := r.index.Attributes(ctx, r.scope, hitsOf(list))
		if err != nil {
			return err
		}
		for i, a := range attributes {
			if a != nil {
				list[i].factor *= tagFactor(a.Tags, r.q.TagBoosts)
			}
		}
	}
	for _, c := range list {
		c.score *= c.factor
	}
	byScore(list)
	s.left(list)
	return nil
}

func tagFactor(tags []string, boosts map[string]float64) float64 {
	factor := 1.0
	for _, tag := range tags {
		if f, ok := boosts[tag]; ok {
			factor *= f
		}
	}
	return factor
}

// distinct reads the best candidates, as many as wanted, and leaves out those that
// repeat a better one and those that are gone by now.
func (r *run) distinct(ctx context.Context, list []*candidate, wanted int) ([]*candidate, error) {
	s := r.trace.begin("dedup")
	if r.q.KeepDuplicates {
		s.notef("repetitions stay")
	}
	outliner := rank.NewOutliner(r.q.Text)
	var out []*candidate
	var outlines []*rank.Outline
	for len(out) < wanted && len(list) > 0 {
		next := list[:min(wanted-len(out), len(list))]
		list = list[len(next):]
		if err := r.read(ctx, next); err != nil {
			return nil, err
		}
		for _, c := range next {
			if c.passage == nil {
				s.drop(c, "gone meanwhile")
				continue
			}
			if !r.q.KeepDuplicates {
				outline := outlineOf(outliner, c.passage)
				if i := repeated(outline, outlines); i >= 0 {
					s.drop(c, "nearly repeats %s", out[i].chunk)
					continue
				}
				outlines = append(outlines, outline)
			}
			out = append(out, c)
		}
	}
	for _, c := range list {
		s.drop(c, "beyond the best %d, which are enough", wanted)
	}
	s.left(out)
	return out, nil
}

// read gives the candidates their passages.
func (r *run) read(ctx context.Context, list []*candidate) error {
	ids := make([]memo.ChunkID, len(list))
	for i, c := range list {
		ids[i] = c.chunk
	}
	if err := r.shelf.fetch(ctx, ids); err != nil {
		return err
	}
	for _, c := range list {
		c.passage = r.shelf.read[c.chunk]
	}
	return nil
}

// speaking is how many words a passage has, at least, that says the same under
// every title. What a shorter one is about is told by what stands above it.
const speaking = 20

func outlineOf(o *rank.Outliner, p *memo.Passage) *rank.Outline {
	around := p.Title + "\n" + strings.Join(p.Headings, "\n") + "\n" + memo.PassageLead(&p.Chunk)
	if outline := o.Outline(p.Content, around); outline.Words() >= speaking {
		return outline
	}
	return o.Outline(around+p.Content, "")
}

// repeated returns which of the outlines says all that a does, -1 for none.
func repeated(a *rank.Outline, outlines []*rank.Outline) int {
	for i, b := range outlines {
		if a.Repeats(b) {
			return i
		}
	}
	return -1
}

func (r *run) reranks() bool { return !r.q.SkipRerank && r.models.Reranks() }

// rerank puts the candidates into the order of the reranker's scores, the fused
// order deciding ties. If it fails, the fused order stands.
func (r *run) rerank(ctx context.Context, list []*candidate) []*candidate {
	if !r.reranks() || len(list) == 0 {
		return list
	}
	s := r.trace.begin("rerank")
	documents := make([]string, len(list))
	for i, c := range list {
		documents[i] = memo.PassageText(c.passage.Title, &c.passage.Chunk)
	}
	within, cancel := context.WithTimeout(ctx, rerankWithin)
	defer cancel()
	call := llm.Call{Tenant: string(r.q.Project), Key: r.q.Key, Priority: llm.PriorityRerank}
	answer, err := r.models.Rerank(within, call, llm.RerankRequest{Query: r.q.Text, Documents: documents})
	if err != nil {
		r.log.WarnContext(ctx, "not reranked; the fused order stands", "project", string(r.q.Project), "error", err)
		s.notef("the reranker failed; the fused order stands")
		s.left(list)
		return list
	}
	for i, c := range list {
		relevance := min(max(answer.Scores[i], 0), 1)
		c.score, c.distance = relevance*c.factor, 1-relevance
	}
	slices.SortStableFunc(list, func(a, b *candidate) int { return cmp.Compare(b.score, a.score) })
	s.left(list)
	return list
}

// diversify prefers what is unlike the hits before it, as far as the query wants.
func (r *run) diversify(list []*candidate) []*candidate {
	if r.q.Diversity <= 0 || len(list) == 0 {
		return list
	}
	s := r.trace.begin("diversify")
	s.notef("diversity %v", r.q.Diversity)
	relevance := make([]float64, len(list))
	outlines := make([]*rank.Outline, len(list))
	outliner := rank.NewOutliner(r.q.Text)
	for i, c := range list {
		relevance[i] = c.score
		outlines[i] = outliner.Outline(c.passage.Content, "")
	}
	out := make([]*candidate, 0, len(list))
	for _, i := range rank.Diversify(relevance, r.q.Diversity, r.q.Limit, func(i, j int) float64 {
		if list[i].vector == nil || list[j].vector == nil {
			return outlines[i].Resembles(outlines[j])
		}
		return max(r.alike(list[i], list[j]), 0)
	}) {
		out = append(out, list[i])
	}
	s.left(out)
	return out
}

// cut leaves as many as were asked for.
func (r *run) cut(list []*candidate) []*candidate {
	s := r.trace.begin("cut")
	if r.q.Limit < len(list) {
		for _, c := range list[r.q.Limit:] {
			s.drop(c, "beyond the limit of %d", r.q.Limit)
		}
		list = list[:r.q.Limit]
	}
	s.left(list)
	return list
}
