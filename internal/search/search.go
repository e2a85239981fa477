// Package search turns a query into ranked passages: understood, looked up by words
// and by vectors, fused, boosted, rid of repetitions, reranked, and cut.
//
// Words and vectors are looked up at the same time. What both say of a passage is
// fused by a weight that depends on how well the embedding model's vocabulary
// covers the project's language, so that an English model does not spoil German
// results. A provider that is down costs the part it does, not the search: without
// vectors the words alone rank, without a reranker the fused order stands.
package search

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"time"

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
	// Vectors returns vectors of length 1 in the hits' order, nil where there is none.
	Vectors(ctx context.Context, in memo.Selection, model string, hits []memo.Hit) ([]llm.Vector, error)
	// Typical returns the mean of the project's vectors, whatever the filters, shorter
	// where there are few; nil for none.
	Typical(ctx context.Context, in memo.Selection, model string) (llm.Vector, error)
	// Attributes returns those of the hits' memos, nil where one is gone.
	Attributes(ctx context.Context, in memo.Selection, hits []memo.Hit) ([]*memo.Attributes, error)
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

// Reranker is what search needs of dispatch for reranking. All documents of a
// request are in one ranking, however many there are.
type Reranker interface {
	Reranks() bool
	Rerank(ctx context.Context, call llm.Call, req llm.RerankRequest) (llm.RerankResponse, error)
}

// Models is what search needs of dispatch.
type Models interface {
	Embedder
	Reranker
}

// A Service answers queries.
type Service struct {
	index    Index
	passages Passages
	models   Models
	planner  Planner // nil for none
	covered  coverages
	log      *slog.Logger
}

// New returns a service. Without a planner, nil, questions are taken as they are.
func New(ix Index, passages Passages, models Models, planner Planner, log *slog.Logger) *Service {
	return &Service{index: ix, passages: passages, models: models, planner: planner, log: log}
}

// Search returns at most q.Limit hits, best first.
func (s *Service) Search(ctx context.Context, q Query) (retrieval.Found, error) {
	if strings.TrimSpace(q.Text) == "" {
		return retrieval.Found{}, fault.New(fault.Invalid, "Query is required")
	}
	r := s.start(q)
	var hits []retrieval.Hit
	var err error
	switch q.Method {
	case MethodTitleContains, MethodTitleStartsWith:
		hits, err = r.titles(ctx)
	case MethodVector:
		hits, err = r.vectors(ctx)
	default:
		hits, err = r.hybrid(ctx)
	}
	return retrieval.Found{Hits: hits, Inferred: r.inferred, Explanation: r.explain(ctx)}, err
}

// A run is one search.
type run struct {
	*Service
	q        Query
	scope    memo.Selection
	inferred memo.Filters // in effect beside the query's
	typical  llm.Vector   // of the project's; nil if no vectors are compared
	shelf    shelf
	trace    *trace // nil unless it is to be explained
}

func (s *Service) start(q Query) *run {
	r := &run{
		Service: s, q: q,
		scope: memo.Selection{Project: q.Project, Filters: q.Filters, Now: time.Now()},
		shelf: shelf{passages: s.passages, project: q.Project, read: map[memo.ChunkID]*memo.Passage{}},
	}
	if q.Explain {
		r.trace = &trace{}
	}
	return r
}

// hybrid finds by words and by vectors.
func (r *run) hybrid(ctx context.Context) ([]retrieval.Hit, error) {
	found, err := r.planned(ctx)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	if err := r.boost(ctx, found); err != nil {
		return nil, err
	}
	best, err := r.distinct(ctx, found, r.keep())
	if err != nil {
		return nil, err
	}
	return settle(r.cut(r.diversify(r.rerank(ctx, best)))), nil
}

// keep is how many candidates are read: no more than are shown, unless they are
// put into another order by what they say.
func (r *run) keep() int {
	if r.reranks() || r.q.Diversity > 0 {
		return max(cmp.Or(r.q.Candidates, defaultCandidates), r.q.Limit)
	}
	return r.q.Limit
}

// settle makes distances non-decreasing: the list's order is the better knowledge,
// and clients show 1 - distance as a percentage.
func settle(list []*candidate) []retrieval.Hit {
	hits := make([]retrieval.Hit, len(list))
	floor := 0.0
	for i, c := range list {
		floor = max(floor, c.distance)
		hits[i] = retrieval.Hit{Passage: *c.passage, Distance: new(floor)}
	}
	return hits
}
