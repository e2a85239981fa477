package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"kvasir/internal/api/field"
	"kvasir/internal/chat"
)

// The defaults and bounds of rag_config.
const (
	defaultCandidates = 50
	maxCandidates     = 200
	defaultContext    = 25
	maxContext        = 100
	maxSteps          = 10
)

// A ragConfig tunes an answer. It may be spelled in snake_case or camelCase;
// where both are there, snake_case wins. What is null, or not an object where
// one belongs, is as good as absent.
type ragConfig struct {
	LLMProvider  field.Of[string]       `json:"llm_provider" required:"false" nullable:"true"`
	QueryRewrite field.Of[ragSwitch]    `json:"query_rewrite" required:"false"`
	VectorSearch field.Of[ragCandidate] `json:"vector_search" required:"false"`
	Reranking    field.Of[ragReranking] `json:"reranking" required:"false"`
	References   field.Of[ragSwitch]    `json:"references" required:"false"`

	Retrieval field.Of[RetrievalBody] `json:"retrieval" required:"false"`
	Agentic   field.Of[ragAgentic]    `json:"agentic" required:"false"`
}

// TransformSchema explains the fields.
func (ragConfig) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Description = "How to answer. camelCase is understood too."
	return field.Explain(field.MayBeNull(s, "retrieval", "agentic"),
		"llm_provider", "One of /api/v1/config/llm-providers; empty for the default.",
		"query_rewrite", "Whether the question is rewritten for retrieval; off by default.",
		"reranking", "Whether candidates are reranked (on by default), and how many are kept.",
		"references", "Whether the passages handed to the model are listed; off by default.",
		"agentic", "Whether the model searches, reads and looks around by itself before it answers; off by default.",
	)
}

type ragSwitch struct {
	Enabled field.Of[bool] `json:"enabled" required:"false" nullable:"true"`
}

type ragCandidate struct {
	TopK      field.Of[float64] `json:"top_k" required:"false" nullable:"true" minimum:"1" maximum:"200"`
	Threshold field.Of[float64] `json:"similarity_threshold" required:"false" nullable:"true" minimum:"0" maximum:"1"`
}

// TransformSchema explains the fields.
func (ragCandidate) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return field.Explain(s,
		"top_k", "How many candidates are looked at; default 50.",
		"similarity_threshold", "The greatest cosine distance, despite its name: larger finds more.",
	)
}

type ragReranking struct {
	Enabled field.Of[bool]    `json:"enabled" required:"false" nullable:"true"`
	TopK    field.Of[float64] `json:"top_k" required:"false" nullable:"true" minimum:"1" maximum:"100"`
}

// TransformSchema explains the fields.
func (ragReranking) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return field.Explain(s, "top_k", "Passages handed to the model; default 25, at most vector_search.top_k.")
}

type ragAgentic struct {
	Enabled  field.Of[bool] `json:"enabled" required:"false" nullable:"true"`
	MaxSteps field.Of[int]  `json:"max_steps" required:"false" nullable:"true" minimum:"1" maximum:"10"`
}

// TransformSchema explains the fields.
func (ragAgentic) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return field.Explain(s, "max_steps", "How many steps it may take; default 5.")
}

// UnmarshalJSON brings both spellings to one.
func (c *ragConfig) UnmarshalJSON(raw []byte) error {
	type plain ragConfig // without this method
	return json.Unmarshal(oneSpelling(raw), (*plain)(c))
}

// snakeCase is every key of rag_config whose spellings differ.
var snakeCase = map[string]string{
	"llmProvider": "llm_provider", "queryRewrite": "query_rewrite", "vectorSearch": "vector_search",
	"topK": "top_k", "similarityThreshold": "similarity_threshold", "tagBoosts": tagBoostsKey,
	"keepDuplicates": "keep_duplicates", "multiQuery": "multi_query", "inferFilters": "infer_filters",
	"maxDistance": "max_distance", "halfLifeDays": "half_life_days", "maxSteps": "max_steps",
}

// tagBoostsKey names an object whose keys are the client's.
const tagBoostsKey = "tag_boosts"

// oneSpelling renames the camelCase keys of an object and of the objects in it.
func oneSpelling(raw json.RawMessage) json.RawMessage {
	var object map[string]json.RawMessage
	if field.KindOf(raw) != "object" || json.Unmarshal(raw, &object) != nil {
		return raw
	}
	for camel, snake := range snakeCase {
		value, sent := object[camel]
		if have, both := object[snake]; sent && (!both || field.KindOf(have) == "null") {
			object[snake] = value
		}
		delete(object, camel)
	}
	for key, value := range object {
		if key != tagBoostsKey {
			object[key] = oneSpelling(value)
		}
	}
	return field.Encode(object)
}

// options checks the configuration, in the wire's order and words.
func (c *ragConfig) options(providers []chat.Provider) (chat.Options, error) {
	rewrite, reranking := c.QueryRewrite.Value, c.Reranking.Value
	vector, references := c.VectorSearch.Value, c.References.Value
	o, rerank := chat.Options{Context: defaultContext}, true
	topK, kept, threshold := float64(defaultCandidates), 0.0, 0.0
	err := cmp.Or(
		checkProvider(c.LLMProvider, providers, &o.Provider),
		checkSwitch("query rewrite", rewrite.Enabled, &o.QueryRewrite),
		checkSwitch("reranking", reranking.Enabled, &rerank),
		checkSwitch("references", references.Enabled, &o.References),
		field.Number("vector search topK", vector.TopK, 1, maxCandidates, &topK),
		field.Number("similarity threshold", vector.Threshold, 0, 1, &threshold),
		field.Number("reranking topK", reranking.TopK, 1, maxContext, &kept),
	)
	if err != nil {
		return o, err
	}
	o.Retrieval.Candidates, o.Retrieval.SkipRerank = int(topK), !rerank
	if vector.Threshold.Given() {
		o.Retrieval.MaxDistance = &threshold
	}
	if kept == 0 { // a client that lowers only the candidates means both
		kept = min(defaultContext, topK)
	}
	if kept > topK {
		return o, invalid(fmt.Sprintf("Reranking topK (%v) must be less than or equal to vector search topK (%v).",
			kept, topK))
	}
	o.Context = int(kept)
	agentic := c.Agentic.Value
	return o, cmp.Or(
		field.Object("retrieval", c.Retrieval),
		c.Retrieval.Value.into(&o.Retrieval),
		field.Object("agentic", c.Agentic),
		checkSwitch("agentic", agentic.Enabled, &o.Agentic),
		field.Integer("agentic.max_steps", agentic.MaxSteps, 1, maxSteps, &o.MaxSteps),
	)
}

func checkProvider(f field.Of[string], providers []chat.Provider, into *string) error {
	if !f.Given() || f.Wrong == "" && f.Value == "" {
		return nil
	}
	var names []string
	for _, p := range providers {
		names = append(names, p.Name)
	}
	if f.Wrong != "" || !slices.Contains(names, f.Value) {
		return invalid(fmt.Sprintf("Invalid LLM provider: %s. Supported providers: %s",
			cmp.Or(f.Shown, field.Cut(f.Value, 100)), strings.Join(names, ", ")))
	}
	*into = f.Value
	return nil
}

func checkSwitch(name string, f field.Of[bool], into *bool) error {
	return field.Bool(name+" enabled", f, into)
}
