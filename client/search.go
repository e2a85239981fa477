package client

import (
	"context"
)

// The types of filter.
const (
	FilterNative   = "native_field"    // title, source, client_reference_id, tags
	FilterMetadata = "custom_metadata" // a top-level key of the metadata
	FilterScope    = "scope"           // a key of the scopes
)

// The operators of filters.
const (
	OpEqual      = "eq"
	OpNotEqual   = "neq"
	OpContains   = "contains" // whatever the case
	OpStartsWith = "startswith"
	OpEndsWith   = "endswith"
	OpIn         = "in" // the value is a list
	OpNotIn      = "not_in"
)

// A Filter lets only those memos be found that match. Of several, all must.
type Filter struct {
	Field    string `json:"field"`
	Operator string `json:"operator"`
	Value    any    `json:"value"`
	Type     string `json:"filter_type"`
}

// A SearchRequest asks for passages.
type SearchRequest struct {
	Query   string   `json:"query"`
	Limit   int      `json:"limit,omitzero"` // at most 50; 0 is 10
	Filters []Filter `json:"filters,omitempty"`
	// Retrieval chooses how they are found; nil is the server's default.
	Retrieval *Retrieval `json:"retrieval,omitempty"`
	Explain   bool       `json:"explain,omitzero"` // see [Client.Find]
}

// A SearchResult is one found passage.
type SearchResult struct {
	ChunkID     string `json:"chunk_uuid"`
	MemoID      string `json:"memo_uuid"`
	MemoTitle   string `json:"memo_title"`
	MemoSummary string `json:"memo_summary"`
	Snippet     string `json:"content_snippet"` // the beginning of the memo
	Content     string `json:"chunk_content"`   // the passage
	// Distance is from 0, the best, to 1.
	Distance float64 `json:"distance"`
}

// Found is what a search found, and what the server tells of it.
type Found struct {
	Results []SearchResult `json:"results"` // the best first
	// InferredFilters were read from the query, if that was asked for, and are in
	// effect beside those of the request.
	InferredFilters []Filter `json:"inferred_filters,omitempty"`
	// Explanation is nil unless it was asked for.
	Explanation *Explanation `json:"explanation,omitempty"`
}

// Search finds passages, the best first. Several may be of one memo.
func (c *Client) Search(ctx context.Context, r SearchRequest) ([]SearchResult, error) {
	found, err := c.Find(ctx, r)
	return found.Results, err
}

// Find is Search that also returns what the server tells beside the results.
func (c *Client) Find(ctx context.Context, r SearchRequest) (Found, error) {
	return post[Found](ctx, c, "/api/v1/search", r)
}
