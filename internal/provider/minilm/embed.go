package minilm

import (
	"context"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/llm"
)

// groupTokens is about how many tokens run through the model together. More would
// not be faster: at this size the weights are already fetched once for many rows;
// and a cancelled call waits for one group.
const groupTokens = 256

// Embed implements [llm.Embedder]. Texts beyond the model's limit are cut. It
// returns soon after ctx ends. A query does not wait for documents that other
// calls embed.
func (e *Embedder) Embed(ctx context.Context, req llm.EmbedRequest) (llm.EmbedResponse, error) {
	if len(req.Texts) == 0 {
		return llm.EmbedResponse{}, &llm.Error{Class: llm.ClassBadRequest, Provider: "minilm", Message: "no texts"}
	}
	v, err := e.vocabulary()
	if err != nil {
		return llm.EmbedResponse{}, err
	}
	m, err := e.model()
	if err != nil {
		return llm.EmbedResponse{}, err
	}
	var answer llm.EmbedResponse
	sequences := make([][]int32, len(req.Texts))
	for i, text := range req.Texts {
		if err := ctx.Err(); err != nil {
			return llm.EmbedResponse{}, err
		}
		sequences[i] = v.encode(text, e.folder.shape.sequence())
		answer.Usage.InputTokens += len(sequences[i]) - specials
	}
	j := job{
		model: m, input: req.Input, sequences: sequences, vectors: make([]llm.Vector, len(sequences)),
	}
	if err := e.run(ctx, &j); err != nil {
		return llm.EmbedResponse{}, err
	}
	answer.Vectors = j.vectors
	return answer, nil
}

// A job is the work of one call.
type job struct {
	model     *model
	input     llm.Input
	sequences [][]int32
	vectors   []llm.Vector // one a sequence; each is set by the group that has it
}

// run computes the groups of a job, several at a time.
func (e *Embedder) run(ctx context.Context, j *job) error {
	groups := groupsOf(j.sequences)
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range min(e.threads, len(groups)) {
		g.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(groups) {
					return nil
				}
				if err := e.compute(ctx, j, groups[i]); err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
}

// compute embeds one group as soon as it may.
func (e *Embedder) compute(ctx context.Context, j *job, members []int) error {
	sequences := make([][]int32, len(members))
	for i, m := range members {
		sequences[i] = j.sequences[m]
	}
	s, err := e.take(ctx, j.input)
	if err != nil {
		return err
	}
	defer func() { s.home <- s }()
	vectors, err := j.model.embed(s, sequences)
	if err != nil {
		return e.unreadable(err)
	}
	for i, m := range members {
		j.vectors[m] = vectors[i]
	}
	return nil
}

// take waits for the right to compute. Those who wait are served in turn.
func (e *Embedder) take(ctx context.Context, input llm.Input) (*scratch, error) {
	var extra chan *scratch // never ready for documents
	if input == llm.InputQuery {
		extra = e.extra
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case s := <-e.bulk:
		return s, nil
	case s := <-extra:
		return s, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// groupsOf returns the indices of the sequences in groups to compute together,
// the longest first, so that the last groups, which some threads have none of, are
// the smallest.
func groupsOf(sequences [][]int32) [][]int {
	order := make([]int, len(sequences))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(sequences[b]) - len(sequences[a]) })
	var groups [][]int
	for len(order) > 0 {
		n, tokens := 1, len(sequences[order[0]])
		for n < len(order) && tokens+len(sequences[order[n]]) <= groupTokens {
			tokens += len(sequences[order[n]])
			n++
		}
		groups = append(groups, order[:n])
		order = order[n:]
	}
	return groups
}
