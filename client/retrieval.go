package client

// Retrieval chooses how passages are found. What is not set is as the server has it
// by default.
type Retrieval struct {
	Fusion    string   `json:"fusion,omitzero"`    // of the lists of words and of vectors: weighted or rrf
	Diversity float64  `json:"diversity,omitzero"` // 0, by relevance alone, to 1, unlike what comes before
	Recency   *Recency `json:"recency,omitempty"`
	// TagBoosts are what the relevance of a tag's memos is multiplied by, 0 to 10.
	TagBoosts      map[string]float64 `json:"tag_boosts,omitempty"`
	KeepDuplicates bool               `json:"keep_duplicates,omitzero"` // passages that nearly repeat a better one stay

	// What a model makes of a question before it is searched for; each is one call.
	MultiQuery   bool `json:"multi_query,omitzero"`
	HyDE         bool `json:"hyde,omitzero"`
	InferFilters bool `json:"infer_filters,omitzero"`

	Rerank      *bool    `json:"rerank,omitempty"`
	Candidates  int      `json:"candidates,omitzero"`    // that are reranked, 1 to 200
	MaxDistance *float64 `json:"max_distance,omitempty"` // of candidates, 0 to 1
}

// Recency prefers new memos: relevance is multiplied by
// 1 - Weight + Weight * 2^(-age/HalfLifeDays).
type Recency struct {
	HalfLifeDays float64 `json:"half_life_days"`
	Weight       float64 `json:"weight"` // 0 to 1
}
