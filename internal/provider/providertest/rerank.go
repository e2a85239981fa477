package providertest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

type ranked struct {
	Index    int     `json:"index"`
	Score    float64 `json:"relevance_score"`
	Document string  `json:"document,omitzero"`
}

type rerankRequest struct {
	Model     string   `json:"model"`
	Query     string   `json:"query"`
	Documents []string `json:"documents"`
	TopK      int      `json:"top_k"` // Voyage's and the embedding service's word
	TopN      int      `json:"top_n"` // Cohere's and Jina's
	Return    *bool    `json:"return_documents"`
	Texts     []string `json:"texts"` // TEI's word for documents
}

func readRanking(body []byte) (rerankRequest, call, error) {
	var in rerankRequest
	if err := json.Unmarshal(body, &in); err != nil {
		return in, call{}, fmt.Errorf("read the request: %w", err)
	}
	in.Documents = append(in.Documents, in.Texts...)
	if in.Query == "" || len(in.Documents) == 0 {
		return in, call{}, errors.New("query and documents must not be empty")
	}
	return in, call{Request: Request{Model: in.Model, Query: in.Query, Texts: in.Documents}}, nil
}

// rank returns the best documents, best first.
func (r rerankRequest) rank(a Action) []ranked {
	out := make([]ranked, len(r.Documents))
	for i, d := range r.Documents {
		out[i] = ranked{Index: i, Score: Overlap(r.Query, d)}
	}
	slices.SortStableFunc(out, func(a, b ranked) int { return cmp.Compare(b.Score, a.Score) })
	if top := r.TopK + r.TopN; top > 0 && top < len(out) {
		out = out[:top]
	}
	if a.Fault == Missing {
		out = out[1:]
	}
	return out
}

// readRerank reads Voyage's requests, and Jina's at the same path.
func readRerank(body []byte) (call, error) {
	in, c, err := readRanking(body)
	c.document = func(_ Options, a Action) any {
		if in.TopN > 0 {
			return object{
				"model": in.Model, "results": in.repeat(in.rank(a)), "usage": &usage{TotalTokens: c.read()},
			}
		}
		return struct {
			Object string   `json:"object"`
			Data   []ranked `json:"data"`
			Model  string   `json:"model"`
			Usage  *usage   `json:"usage"`
		}{"list", in.rank(a), in.Model, &usage{TotalTokens: c.read()}}
	}
	return c, err
}

// repeat says the documents again, unless the request does not want them.
func (r rerankRequest) repeat(results []ranked) []ranked {
	for i := range results {
		if r.Return == nil || *r.Return {
			results[i].Document = r.Documents[results[i].Index]
		}
	}
	return results
}

// readCohere reads Cohere's requests. It is paid by the search.
func readCohere(body []byte) (call, error) {
	in, c, err := readRanking(body)
	c.document = func(_ Options, a Action) any {
		return object{
			"id": "1", "results": in.rank(a),
			"meta": object{"billed_units": object{"search_units": (len(in.Documents) + 99) / 100}},
		}
	}
	return c, err
}

// readServiceRerank reads requests to the embedding service, and to TEI at the same
// path.
func readServiceRerank(body []byte) (call, error) {
	in, c, err := readRanking(body)
	c.document = func(_ Options, a Action) any {
		results := in.rank(a)
		if len(in.Texts) == 0 {
			return object{"results": in.repeat(results)}
		}
		list := make([]object, len(results))
		for i, r := range results {
			list[i] = object{"index": r.Index, "score": r.Score}
		}
		return list
	}
	return c, err
}
