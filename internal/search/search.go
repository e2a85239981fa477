// Package search turns a query into ranked passages: lexical and vector
// candidates, fused, optionally reranked, and cut.
package search

import (
	"context"

	"kvasir/internal/account"
	"kvasir/internal/memo"
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

// A Query asks for the best passages of a project.
type Query struct {
	Project account.ProjectID
	Text    string
	Filters memo.Filters
	Method  Method
	Limit   int // results at most

	// Candidates is how many fused candidates are reranked; 0 means 50.
	Candidates int
	// MaxDistance cuts vector candidates by cosine distance; nil means 0.75.
	// Lexical candidates are cut by it only if it was set.
	MaxDistance *float64
	// SkipRerank leaves the fused order as it is.
	SkipRerank bool
}

// A Hit is one result. Distance is from 0 (best) to 1 and never decreases down
// the list; nil for title methods.
type Hit struct {
	memo.Passage
	Distance *float64
}

// A Service answers queries.
type Service struct{}

// Search returns at most q.Limit hits, best first.
func (s *Service) Search(ctx context.Context, q Query) ([]Hit, error) {
	panic("not written yet")
}
