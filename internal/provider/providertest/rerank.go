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
	TopK      int      `json:"top_k"`
}

func readRanking(body []byte) (rerankRequest, call, error) {
	var in rerankRequest
	if err := json.Unmarshal(body, &in); err != nil {
		return in, call{}, fmt.Errorf("read the request: %w", err)
	}
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
	if r.TopK > 0 && r.TopK < len(out) {
		out = out[:r.TopK]
	}
	if a.Fault == Missing {
		out = out[1:]
	}
	return out
}

// readRerank reads Voyage's requests.
func readRerank(body []byte) (call, error) {
	in, c, err := readRanking(body)
	c.document = func(_ Options, a Action) any {
		return struct {
			Object string   `json:"object"`
			Data   []ranked `json:"data"`
			Model  string   `json:"model"`
			Usage  *usage   `json:"usage"`
		}{"list", in.rank(a), in.Model, &usage{TotalTokens: c.read()}}
	}
	return c, err
}

// readServiceRerank reads requests to the embedding service.
func readServiceRerank(body []byte) (call, error) {
	in, c, err := readRanking(body)
	c.document = func(_ Options, a Action) any {
		results := in.rank(a)
		for i := range results {
			results[i].Document = in.Documents[results[i].Index]
		}
		return struct {
			Results []ranked `json:"results"`
		}{results}
	}
	return c, err
}
