package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kvasir/internal/api/field"
	"kvasir/internal/retrieval"
)

// The bounds of retrieval.
const (
	maxTagBoost = 10
	maxHalfLife = 36500 // days
	recencyHalf = 0.5   // the weight of recency by default
)

// RetrievalBody is what a search and a question may choose of how passages are
// found. What is absent or null is the default. Unlike what is older of rag_config,
// nothing that is wrong is taken for absent.
type RetrievalBody struct {
	Fusion         field.Of[string]    `json:"fusion" required:"false" nullable:"true"`
	Diversity      field.Of[float64]   `json:"diversity" required:"false" nullable:"true" minimum:"0" maximum:"1"`
	Recency        field.Of[recency]   `json:"recency" required:"false"`
	TagBoosts      field.Of[tagBoosts] `json:"tag_boosts" required:"false" nullable:"true"`
	KeepDuplicates field.Of[bool]      `json:"keep_duplicates" required:"false" nullable:"true"`
	MultiQuery     field.Of[bool]      `json:"multi_query" required:"false" nullable:"true"`
	HyDE           field.Of[bool]      `json:"hyde" required:"false" nullable:"true"`
	InferFilters   field.Of[bool]      `json:"infer_filters" required:"false" nullable:"true"`
}

// TransformSchema explains the fields.
func (RetrievalBody) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Description = "How passages are found. camelCase is understood too."
	s.Properties["fusion"].Enum = []any{"weighted", "rrf"}
	return field.Explain(field.MayBeNull(s, "recency"),
		"fusion", "How the lists of words and of vectors become one: by their scores, the default, or by reciprocal ranks.",
		"diversity", "0, the default, orders by relevance alone, 1 by being unlike what comes before.",
		"keep_duplicates", "Whether passages stay that nearly repeat a better one.",
		"multi_query", "Whether a model makes several questions of this one that are searched for, too. One call.",
		"hyde", "Whether a model makes up an answer that is searched for, too. One call.",
		"infer_filters", "Whether a model reads tags, sources and times from the question; see inferred_filters. One call.",
	)
}

// A recency prefers new memos.
type recency struct {
	HalfLifeDays field.Of[float64] `json:"half_life_days" minimum:"0" maximum:"36500"`
	Weight       field.Of[float64] `json:"weight" required:"false" nullable:"true" minimum:"0" maximum:"1"`
}

// TransformSchema explains the fields.
func (recency) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Description = "Prefers new memos: relevance is multiplied by 1 - weight + weight * 2^(-age / half-life)."
	return field.Explain(s, "half_life_days", "0 for no preference.", "weight", "0.5 by default.")
}

// tagBoosts are by tag what the relevance of its memos is multiplied by.
type tagBoosts map[string]field.Of[float64]

// Schema documents the map, since its values have bounds.
func (tagBoosts) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: "object", Description: "What the relevance of memos with a tag is multiplied by, from 0 to 10.",
		AdditionalProperties: &huma.Schema{Type: "number", Minimum: new(0.0), Maximum: new(float64(maxTagBoost))},
		Examples:             []any{map[string]any{"handbook": 1.5}},
	}
}

// into checks the options and sets those that were sent.
func (b *RetrievalBody) into(o *retrieval.Options) error {
	return cmp.Or(
		b.checkFusion(o),
		field.Number("retrieval.diversity", b.Diversity, 0, 1, &o.Diversity),
		b.checkRecency(o),
		b.checkTagBoosts(o),
		field.Bool("retrieval.keep_duplicates", b.KeepDuplicates, &o.KeepDuplicates),
		field.Bool("retrieval.multi_query", b.MultiQuery, &o.Understand.MultiQuery),
		field.Bool("retrieval.hyde", b.HyDE, &o.Understand.HyDE),
		field.Bool("retrieval.infer_filters", b.InferFilters, &o.Understand.Filters),
	)
}

func (b *RetrievalBody) checkFusion(o *retrieval.Options) error {
	switch f := b.Fusion; {
	case !f.Given():
	case f.Wrong == "" && f.Value == "weighted":
		o.Fusion = retrieval.FusionWeighted
	case f.Wrong == "" && f.Value == "rrf":
		o.Fusion = retrieval.FusionRRF
	default:
		return field.Unfit("retrieval.fusion", cmp.Or(f.Shown, field.Cut(f.Value, 100)), "one of: weighted, rrf")
	}
	return nil
}

func (b *RetrievalBody) checkRecency(o *retrieval.Options) error {
	if !b.Recency.Given() {
		return nil
	}
	if err := field.Object("retrieval.recency", b.Recency); err != nil {
		return err
	}
	r, days := b.Recency.Value, 0.0
	o.Recency.Weight = recencyHalf
	if !r.HalfLifeDays.Given() {
		return field.Unfit("retrieval.recency.half_life_days", cmp.Or(r.HalfLifeDays.Sent, "undefined"), "a number")
	}
	err := cmp.Or(
		field.Number("retrieval.recency.half_life_days", r.HalfLifeDays, 0, maxHalfLife, &days),
		field.Number("retrieval.recency.weight", r.Weight, 0, 1, &o.Recency.Weight),
	)
	o.Recency.HalfLife = time.Duration(days * 24 * float64(time.Hour))
	return err
}

func (b *RetrievalBody) checkTagBoosts(o *retrieval.Options) error {
	if err := field.Object("retrieval.tag_boosts", b.TagBoosts); err != nil {
		return err
	}
	for _, tag := range slices.Sorted(maps.Keys(b.TagBoosts.Value)) {
		f, boost := b.TagBoosts.Value[tag], 0.0
		name := fmt.Sprintf("retrieval.tag_boosts.%s", field.Cut(tag, 100))
		if !f.Given() {
			return field.Unfit(name, "null", "a number between 0 and 10")
		}
		if err := field.Number(name, f, 0, maxTagBoost, &boost); err != nil {
			return err
		}
		if o.TagBoosts == nil {
			o.TagBoosts = make(map[string]float64, len(b.TagBoosts.Value))
		}
		o.TagBoosts[tag] = boost
	}
	return nil
}

// A searchRetrieval is what only a search may choose besides. In a question these
// are reranking and vector_search of rag_config.
type searchRetrieval struct {
	RetrievalBody
	Rerank      field.Of[bool]    `json:"rerank" required:"false" nullable:"true"`
	Candidates  field.Of[int]     `json:"candidates" required:"false" nullable:"true" minimum:"1" maximum:"200"`
	MaxDistance field.Of[float64] `json:"max_distance" required:"false" nullable:"true" minimum:"0" maximum:"1"`
}

// TransformSchema explains the fields.
func (b searchRetrieval) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return field.Explain(b.RetrievalBody.TransformSchema(r, s),
		"rerank", "Whether candidates are reranked, if the server has a reranker; on by default.",
		"candidates", "How many are reranked; default 50, or limit if that is more.",
		"max_distance", "The greatest cosine distance of what is found; default 0.75, for vectors only.",
	)
}

// UnmarshalJSON brings both spellings to one.
func (b *searchRetrieval) UnmarshalJSON(raw []byte) error {
	type plain searchRetrieval // without this method
	return json.Unmarshal(oneSpelling(raw), (*plain)(b))
}

// into checks the options and sets those that were sent.
func (b *searchRetrieval) into(o *retrieval.Options) error {
	rerank, distance := true, 0.0
	err := cmp.Or(
		b.RetrievalBody.into(o),
		field.Bool("retrieval.rerank", b.Rerank, &rerank),
		field.Integer("retrieval.candidates", b.Candidates, 1, maxCandidates, &o.Candidates),
		field.Number("retrieval.max_distance", b.MaxDistance, 0, 1, &distance),
	)
	o.SkipRerank = !rerank
	if b.MaxDistance.Given() {
		o.MaxDistance = &distance
	}
	return err
}
