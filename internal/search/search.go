// Package search turns a query into ranked passages: lexical and vector
// candidates, fused, optionally reranked, and cut.
//
// Words and vectors are looked up at the same time. Their scores are fused by a
// weight that depends on how well the embedding model's vocabulary covers the
// project's language, so that an English model does not spoil German results.
// A provider that is down costs the part it does, not the search: without
// vectors the words alone rank, without a reranker the fused order stands.
package search

import (
	"cmp"
	"context"
	"log/slog"
	"strings"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
)

// A Method is how candidates are found.
type Method string

// The methods. The title methods and MethodVector are what old clients name in
// search_method; everybody else gets MethodHybrid.
const (
	MethodHybrid          Method = ""
	MethodVector          Method = "chunk_vector_search" // one result a memo
	MethodTitleContains   Method = "title_contains"
	MethodTitleStartsWith Method = "title_startswith"
)

const (
	defaultCandidates  = 50
	defaultMaxDistance = 0.75 // cosine distance; section 6.4 of the wire
	legacyMaxDistance  = 0.55 // of MethodVector; section 3.15
	// spare is how many candidates are read beyond the limit, in place of those
	// whose chunk is gone by then.
	spare = 5
)

// A Query asks for the best passages of a project.
type Query struct {
	retrieval.Request
	Method Method
}

// Index finds candidates; see package index.
type Index interface {
	Lexical(ctx context.Context, in memo.Selection, text string, limit int) ([]memo.Hit, error)
	// Nearest returns hits within maxDistance by cosine.
	Nearest(
		ctx context.Context, in memo.Selection, model string, v llm.Vector, limit int, maxDistance float64,
	) ([]memo.Hit, error)
	// Titles returns the newest memos whose title contains text, or starts with it.
	Titles(ctx context.Context, in memo.Selection, text string, prefix bool, limit int) ([]memo.Hit, error)
}

// Passages reads chunks with what a result shows of their memos. It returns
// them in the order asked for and leaves out those that are gone.
type Passages interface {
	Passages(ctx context.Context, p account.ProjectID, ids []memo.ChunkID) ([]memo.Passage, error)
}

// Embedder is what search needs of dispatch for vectors. EmbedSpec reports false
// when there is no model; Coverage when the model cannot say.
type Embedder interface {
	EmbedSpec() (llm.EmbedSpec, bool)
	Embed(ctx context.Context, call llm.Call, input llm.Input, texts []string) ([]llm.Vector, error)
	Coverage(text string) (llm.Coverage, bool)
}

// Reranker is what search needs of dispatch for reranking.
type Reranker interface {
	Reranks() bool
	Rerank(ctx context.Context, call llm.Call, req llm.RerankRequest) (llm.RerankResponse, error)
}

// A Service answers queries.
type Service struct {
	index    Index
	passages Passages
	embedder Embedder
	reranker Reranker
	log      *slog.Logger
}

// New returns a service.
func New(ix Index, passages Passages, embedder Embedder, reranker Reranker, log *slog.Logger) *Service {
	return &Service{index: ix, passages: passages, embedder: embedder, reranker: reranker, log: log}
}

// Search returns at most q.Limit hits, best first.
func (s *Service) Search(ctx context.Context, q Query) (retrieval.Found, error) {
	hits, err := s.find(ctx, q)
	return retrieval.Found{Hits: hits}, err
}

func (s *Service) find(ctx context.Context, q Query) ([]retrieval.Hit, error) {
	if strings.TrimSpace(q.Text) == "" {
		return nil, fault.New(fault.Invalid, "Query is required")
	}
	switch q.Method {
	case MethodTitleContains, MethodTitleStartsWith:
		return s.titles(ctx, q)
	case MethodVector:
		return s.vectors(ctx, q)
	}
	found, err := s.candidates(ctx, q)
	if err != nil {
		return nil, err
	}
	rerank := !q.SkipRerank && s.reranker.Reranks()
	keep := q.Limit + spare
	if rerank {
		keep = max(cmp.Or(q.Candidates, defaultCandidates), keep)
	}
	hits, err := s.read(ctx, q.Project, found[:min(keep, len(found))])
	if err != nil {
		return nil, err
	}
	if rerank {
		hits = s.rerank(ctx, q, hits)
	}
	return settle(hits, q.Limit), nil
}

// read turns candidates into hits; those whose chunk is gone meanwhile drop out.
func (s *Service) read(ctx context.Context, p account.ProjectID, found []candidate) ([]retrieval.Hit, error) {
	if len(found) == 0 {
		return nil, nil
	}
	ids := make([]memo.ChunkID, len(found))
	distance := make(map[memo.ChunkID]float64, len(found))
	for i, c := range found {
		ids[i] = c.chunk
		distance[c.chunk] = c.distance
	}
	passages, err := s.passages.Passages(ctx, p, ids)
	if err != nil {
		return nil, err
	}
	hits := make([]retrieval.Hit, len(passages))
	for i, passage := range passages {
		hits[i] = retrieval.Hit{Passage: passage, Distance: new(distance[passage.ID])}
	}
	return hits, nil
}

// settle cuts the list and makes distances non-decreasing: the list's order is
// the better knowledge, and clients show 1 - distance as a percentage.
func settle(hits []retrieval.Hit, limit int) []retrieval.Hit {
	hits = hits[:min(limit, len(hits))]
	floor := 0.0
	for i := range hits {
		floor = max(floor, *hits[i].Distance)
		hits[i].Distance = new(floor)
	}
	return hits
}

func (s *Service) rerank(ctx context.Context, q Query, hits []retrieval.Hit) []retrieval.Hit {
	if len(hits) == 0 {
		return hits
	}
	documents := make([]string, len(hits))
	for i, h := range hits {
		documents[i] = memo.PassageText(h.Title, &h.Chunk)
	}
	call := llm.Call{Tenant: string(q.Project), Key: q.Key, Priority: llm.PriorityRerank}
	answer, err := s.reranker.Rerank(ctx, call, llm.RerankRequest{Query: q.Text, Documents: documents})
	if err != nil {
		s.log.WarnContext(ctx, "not reranked; the fused order stands", "project", string(q.Project), "error", err)
		return hits
	}
	return byScore(hits, answer.Scores)
}
