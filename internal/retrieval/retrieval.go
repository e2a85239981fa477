// Package retrieval holds the words of finding passages: what may be asked for,
// what is found, and what is told of how it was found.
//
// They stand between search, which finds, and those who ask: the edge for a list of
// results, chat for passages to answer from. The zero [Options] are the defaults
// that every figure in the documentation was measured with.
package retrieval

import (
	"time"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

// A Request asks for the best passages of a project.
type Request struct {
	Project account.ProjectID
	Key     string // the API key that asks, as it may be shown
	Text    string
	Filters memo.Filters
	Limit   int // passages at most
	Options
}

// Options choose how passages are found.
type Options struct {
	// Candidates is how many fused candidates are reranked; 0 means 50, or as many
	// as are asked for if that is more.
	Candidates int
	// MaxDistance cuts vector candidates by cosine distance; nil means 0.75.
	// Lexical candidates are cut by it only if it was set.
	MaxDistance *float64
	SkipRerank  bool // leaves the fused order as it is

	Fusion Fusion
	// Diversity is 1 - lambda of maximal marginal relevance: 0, the default, orders
	// by relevance alone, 1 by being unlike what comes before.
	Diversity float64
	Recency   Recency
	// TagBoosts multiply the relevance of memos with these tags, from 0 to 10; of
	// several the product counts.
	TagBoosts      map[string]float64
	KeepDuplicates bool // passages that nearly repeat a better one stay

	Understand Understanding
	Explain    bool
}

// A Fusion is how the lists of words and of vectors become one.
type Fusion string

// The fusions.
const (
	FusionWeighted Fusion = ""    // of scores, by how far each list can be trusted
	FusionRRF      Fusion = "rrf" // reciprocal ranks, k = 60
)

// Recency prefers new memos: the relevance of a memo is multiplied by
// 1 - Weight + Weight * 2^(-age/HalfLife).
type Recency struct {
	HalfLife time.Duration // 0 for none
	Weight   float64       // from 0 to 1
}

// Understanding is what a fast model makes of a question before it is searched
// for. Each costs one call; a call that fails is left out.
type Understanding struct {
	MultiQuery bool // several questions that together cover it, or its parts
	HyDE       bool // a made-up answer, whose vector stands beside the question's
	Filters    bool // tags, sources and times that the question names
}

// A Hit is one found passage. Distance is from 0 (best) to 1 and never decreases
// down a list; nil for searches in titles.
type Hit struct {
	memo.Passage
	Distance *float64
}

// Found is what a search found, best first.
type Found struct {
	Hits []Hit
	// Inferred are filters read from the question, in effect beside those asked for.
	Inferred memo.Filters
	// Explanation is nil unless it was asked for.
	Explanation *Explanation
}

// An Explanation tells what each stage of a search did, in their order.
type Explanation struct {
	Stages []Stage
}

// A Stage is one step of a search.
type Stage struct {
	Name string // understand, filter, lexical, vector, fuse, boost, dedup, diversify, rerank, cut, neighbours, budget
	Took time.Duration
	// Notes say in words what the stage decided: "weight of words 0.62, as …".
	Notes []string
	// Candidates are those the stage was left with, best first, 50 at most.
	Candidates []Candidate
	// Total is how many there were.
	Total   int
	Dropped []Dropped // 50 at most
}

// A Candidate is a chunk with its score at a stage; higher is better.
type Candidate struct {
	Chunk memo.ChunkID
	Memo  memo.ID
	Title string // of the memo; empty if that is gone
	Score float64
}

// A Dropped is a candidate that a stage took out, and why.
type Dropped struct {
	Chunk  memo.ChunkID
	Memo   memo.ID
	Reason string // "nearly repeats 0192…", "farther than 0.75"
}
