package client

import (
	"context"
	"net/http"
)

// An Aspect is something that a model writes about memos, so that they are found
// or understood better.
type Aspect string

// The aspects. Context and questions are written for each chunk.
const (
	AspectSummary   Aspect = "summary"
	AspectTags      Aspect = "tags"
	AspectContext   Aspect = "context"
	AspectQuestions Aspect = "questions"
)

// Processing says how a memo is cut and enriched. What is not set is as the
// project has it, and in the end as the server has it.
type Processing struct {
	ChunkWords int      `json:"chunk_words,omitzero"` // about, 20 to 2000; 0 if not set
	Enrich     []Aspect `json:"enrich,omitzero"`      // nil if not set; empty for none
}

// set returns 0 if nothing is.
func (p Processing) set() int {
	if p.Enrich != nil {
		return 1
	}
	return p.ChunkWords
}

const processingPath = "/api/v1/processing"

// Processing asks how the project's memos are processed unless they say otherwise.
func (c *Client) Processing(ctx context.Context) (Processing, error) {
	return fetch[Processing](ctx, c, request{method: http.MethodGet, path: processingPath})
}

// SetProcessing changes it for memos that are added or changed from now on. What p
// does not set is as the server has it.
func (c *Client) SetProcessing(ctx context.Context, p Processing) (Processing, error) {
	r, err := jsonRequest(http.MethodPut, processingPath, p)
	if err != nil {
		return Processing{}, err
	}
	return fetch[Processing](ctx, c, r)
}

// Enrich has a model write about a memo, anew if it has done so before. The memo
// stays searchable meanwhile.
func (c *Client) Enrich(ctx context.Context, ref Ref, aspects ...Aspect) error {
	r, err := jsonRequest(http.MethodPost, "", struct {
		Aspects []Aspect `json:"aspects"`
	}{aspects})
	if err != nil {
		return err
	}
	named := ref.request(http.MethodPost, "/enrich")
	r.path, r.query = named.path, named.query
	return c.do(ctx, r)
}
