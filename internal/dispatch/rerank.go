package dispatch

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

// Reranks reports whether there is a reranker.
func (s *Scheduler) Reranks() bool { return len(s.cfg.Rerank) > 0 }

// Rerank scores every document of the request. One model scores them all: what two
// models say cannot be compared.
func (s *Scheduler) Rerank(
	ctx context.Context, call llm.Call, req llm.RerankRequest,
) (llm.RerankResponse, error) {
	if !s.Reranks() {
		return llm.RerankResponse{}, fault.New(fault.Unavailable, "No reranking provider is configured")
	}
	tokens := llm.EstimateTokens(req.Query) * len(req.Documents) // providers count it with each
	for _, d := range req.Documents {
		tokens += llm.EstimateTokens(d)
	}
	expected := llm.Usage{InputTokens: tokens, Searches: (len(req.Documents) + 99) / 100}
	free, err := s.books.reserve(ctx, call.Tenant, s.rerank.price(expected, false))
	if err != nil {
		return llm.RerankResponse{}, err
	}
	defer free()
	answer, a, err := try(ctx, s.rerank, job[llm.RerankResponse]{
		call: call, tokens: tokens, texts: len(req.Documents),
		exchange: func(ctx context.Context, l *lane) (llm.RerankResponse, error) {
			return s.cfg.Rerank[l.index].rerank(ctx, req)
		},
		discard: func(llm.RerankResponse) {},
	})
	if err != nil {
		return answer, err
	}
	a.end(outcome{usage: answer.Usage})
	s.books.enter(llm.KindRerank, a.lane, []payer{{call, tokens}}, answer.Usage, false)
	return answer, nil
}

// rerank scores the documents in as many requests as the lane's bound makes of them,
// one after the other: a server that takes few at once has no more to give beside.
func (l *RerankLane) rerank(ctx context.Context, req llm.RerankRequest) (llm.RerankResponse, error) {
	var all llm.RerankResponse
	for part := range slices.Chunk(req.Documents, cmp.Or(l.MaxDocuments, max(len(req.Documents), 1))) {
		answer, err := l.Reranker.Rerank(ctx, llm.RerankRequest{Query: req.Query, Documents: part})
		if err != nil {
			return llm.RerankResponse{}, err
		}
		if len(answer.Scores) != len(part) {
			return llm.RerankResponse{}, &llm.Error{
				Class: llm.ClassSick, Provider: l.Name(),
				Message: fmt.Sprintf("%d scores for %d documents", len(answer.Scores), len(part)),
			}
		}
		all.Scores = append(all.Scores, answer.Scores...)
		all.Usage.InputTokens += answer.Usage.InputTokens
		all.Usage.CachedTokens += answer.Usage.CachedTokens
		all.Usage.OutputTokens += answer.Usage.OutputTokens
		all.Usage.Searches += answer.Usage.Searches
	}
	return all, nil
}
