package memo

import "slices"

// An Aspect is something that a model writes about a memo, so that it is found or
// understood better. Each is optional.
type Aspect string

// The aspects, in the order in which they are written.
const (
	AspectSummary   Aspect = "summary"   // of the memo: a paragraph
	AspectTags      Aspect = "tags"      // of the memo
	AspectContext   Aspect = "context"   // of each chunk: where in the memo it stands, as contextual retrieval has it
	AspectQuestions Aspect = "questions" // of each chunk: what it answers
)

// Aspects returns all aspects in their order.
func Aspects() []Aspect { return []Aspect{AspectSummary, AspectTags, AspectContext, AspectQuestions} }

// OfChunks reports whether the aspect is written for each chunk, and so changes
// what is embedded; else there is one for the memo.
func (a Aspect) OfChunks() bool { return a == AspectContext || a == AspectQuestions }

// An Enrichment is what a model wrote for one aspect of a memo or chunk.
type Enrichment struct {
	Aspect Aspect
	Chunk  int      // the chunk's index; 0 for aspects of the memo
	Texts  []string // one for summary and context; any number of tags and questions
	Error  string   // why the model would not, in words; then there are no texts
	Stale  bool     // to be written anew
}

// Processing says how a memo is cut and enriched. What is not set is as the
// project has it, and in the end as the server has it.
type Processing struct {
	ChunkWords int      `json:"chunk_words,omitempty"` // words in a chunk, about; 0 if not set
	Enrich     []Aspect `json:"enrich,omitzero"`       // nil if not set; empty for none
}

// The bounds of [Processing].
const (
	MinChunkWords = 20
	MaxChunkWords = 2000
)

// Or returns p, with what it does not set taken from other.
func (p Processing) Or(other Processing) Processing {
	if p.ChunkWords == 0 {
		p.ChunkWords = other.ChunkWords
	}
	if p.Enrich == nil {
		p.Enrich = other.Enrich
	}
	return p
}

// Wants reports whether the aspect is to be written.
func (p Processing) Wants(a Aspect) bool { return slices.Contains(p.Enrich, a) }
