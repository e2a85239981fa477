package api

import (
	"cmp"
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"kvasir/internal/api/field"
	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
	"kvasir/internal/search"
)

const (
	defaultLimit = 10
	maxLimit     = 50

	queryRequired = "Query is required"
)

// A searchBody is the body of POST /api/v1/search.
type searchBody struct {
	Query   field.Of[string] `json:"query" minLength:"1"`
	Limit   field.Of[int]    `json:"limit" required:"false" nullable:"true" minimum:"0" maximum:"50"`
	Filters filters          `json:"filters" required:"false" nullable:"true"`
	Method  field.Of[string] `json:"search_method" required:"false" nullable:"true"`

	Retrieval field.Of[searchRetrieval] `json:"retrieval" required:"false"`
	Explain   field.Of[bool]            `json:"explain" required:"false" nullable:"true"`
}

// TransformSchema explains the fields.
func (searchBody) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["search_method"].Enum = []any{
		"title_contains", "title_startswith", "chunk_vector_search", "chunk_semantic_search",
	}
	return field.Explain(field.MayBeNull(s, "retrieval"),
		"limit", "How many results at most; 0 means 10, the default.",
		"filters", "All of them must hold.",
		"search_method", "For old clients. Without it the search is by meaning and by words.",
		"explain", "Whether to tell what each stage of the search did.",
	)
}

func (b *searchBody) validate() (search.Query, error) {
	if field.IsBlank(b.Query) {
		return search.Query{}, invalid(queryRequired)
	}
	var c field.Complaints
	field.Check(&c, "query", b.Query)
	field.CheckNullable(&c, "search_method", b.Method)
	field.CheckNullable(&c, "explain", b.Explain)
	q := search.Query{Request: retrieval.Request{Text: b.Query.Value, Limit: defaultLimit}}
	if field.CheckNullable(&c, "limit", b.Limit) {
		switch limit := b.Limit.Value; {
		case limit > maxLimit:
			return q, invalid("Limit must be less than or equal to 50")
		case limit < 0:
			return q, invalid("Limit must be greater than or equal to 0")
		case limit > 0:
			q.Limit = limit
		}
	}
	if err := c.Err(", "); err != nil {
		return q, err
	}
	var err error
	if q.Method, err = methodOf(b.Method.Value); err != nil {
		return q, err
	}
	q.Explain = b.Explain.Value
	if err := cmp.Or(field.Object("retrieval", b.Retrieval), b.Retrieval.Value.into(&q.Options)); err != nil {
		return q, err
	}
	q.Filters, err = b.Filters.parse()
	return q, err
}

// methodOf reads a search_method. Clients of today send none, or anything.
func methodOf(name string) (search.Method, error) {
	switch name {
	case "":
		return search.MethodHybrid, nil
	case "title_contains":
		return search.MethodTitleContains, nil
	case "title_startswith":
		return search.MethodTitleStartsWith, nil
	case "chunk_vector_search", "chunk_semantic_search":
		return search.MethodVector, nil
	}
	return "", invalid("Search method is required and must be one of: " +
		"title_contains, title_startswith, chunk_vector_search")
}

// A searchResult is one found passage. The second set of names is for old
// clients.
type searchResult struct {
	ChunkUUID      memo.ChunkID `json:"chunk_uuid"`
	MemoUUID       memo.ID      `json:"memo_uuid"`
	MemoTitle      string       `json:"memo_title"`
	MemoSummary    string       `json:"memo_summary"`
	ContentSnippet string       `json:"content_snippet" doc:"The beginning of the memo."`
	ChunkContent   string       `json:"chunk_content" doc:"The passage that was found."`
	Distance       *float64     `json:"distance" minimum:"0" maximum:"1" doc:"0 is best. Null for searches in titles."`

	UUID    memo.ID `json:"uuid" deprecated:"true" doc:"memo_uuid"`
	Title   string  `json:"title" deprecated:"true" doc:"memo_title"`
	Summary string  `json:"summary" deprecated:"true" doc:"memo_summary"`
}

// A searchOutput is what was found, best first.
type searchOutput struct {
	Body searchResults
}

type searchResults struct {
	Results     []searchResult `json:"results" nullable:"false"`
	Inferred    []filter       `json:"inferred_filters,omitempty" doc:"Read from the query, and in effect."`
	Explanation *explanation   `json:"explanation,omitempty" doc:"If it was asked for."`
}

type searchInput struct{ request }

func (s *server) search(ctx context.Context, in *searchInput) (*searchOutput, error) {
	var body searchBody
	if err := s.decodeJSON(&in.request, &body); err != nil {
		return nil, err
	}
	q, err := body.validate()
	if err != nil {
		return nil, err
	}
	q.Project, q.Key = in.project, in.key
	found, err := s.Searcher.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	results := make([]searchResult, len(found.Hits))
	for i, h := range found.Hits {
		results[i] = searchResult{
			ChunkUUID: h.ID, MemoUUID: h.Memo, MemoTitle: h.Title, MemoSummary: h.Summary,
			ContentSnippet: h.Snippet, ChunkContent: h.Content, Distance: h.Distance,
			UUID: h.Memo, Title: h.Title, Summary: h.Summary,
		}
	}
	return &searchOutput{searchResults{
		results, filtersOf(found.Inferred), explanationOf("", found.Explanation),
	}}, nil
}

const searchExample = `{
	"query": "when may I travel first class?",
	"limit": 5,
	"filters": [{"field": "source", "operator": "eq", "value": "handbook", "filter_type": "native_field"}],
	"retrieval": {"diversity": 0.3, "recency": {"half_life_days": 90, "weight": 0.5}, "tag_boosts": {"policy": 1.5}},
	"explain": false
}`

func (s *server) registerSearch() {
	register(s, huma.Operation{
		OperationID: "search", Method: http.MethodPost, Path: "/api/v1/search", Tags: []string{"search"},
		Summary: "Find passages", RequestBody: jsonBody[searchBody](s, searchExample),
		Description: "Best first. Expired and archived memos are not found.",
	}, []int{400, 402, 413, 415, 503}, s.search)
}
