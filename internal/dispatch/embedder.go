package dispatch

import (
	"context"

	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

// An Embedder is the embedding model of one space.
type Embedder struct {
	packer *packer
	memory *memory
}

// nextName is that of the line for an index that is made.
const nextName = "next"

// A space is the lanes that make vectors which can be compared.
type space struct {
	name       string // of its line
	lanes      []EmbedLane
	dimensions int
}

// Embedders returns the embedding models: that of [Config.Embed], then that of
// [Config.Next], where there are lanes.
func (s *Scheduler) Embedders() []*Embedder { return s.embedders }

// Embed embeds with the first of the models; see [Embedder.Embed].
func (s *Scheduler) Embed(ctx context.Context, call llm.Call, input llm.Input, texts []string) ([]llm.Vector, error) {
	if len(s.embedders) == 0 {
		return nil, fault.New(fault.Unavailable, "No embedding provider is configured")
	}
	return s.embedders[0].Embed(ctx, call, input, texts)
}

// EmbedSpec returns what the first embedding model takes and gives. It reports false
// when there is none.
func (s *Scheduler) EmbedSpec() (llm.EmbedSpec, bool) {
	if len(s.embedders) == 0 {
		return llm.EmbedSpec{}, false
	}
	return s.embedders[0].Spec(), true
}

// CountTokens counts as the first of the models does, or else estimates.
func (s *Scheduler) CountTokens(text string) int {
	if len(s.embedders) == 0 {
		return llm.EstimateTokens(text)
	}
	return s.embedders[0].CountTokens(text)
}

// Coverage tells how well the first model's vocabulary covers a text. It reports false
// when the model cannot say.
func (s *Scheduler) Coverage(text string) (llm.Coverage, bool) {
	if len(s.embedders) == 0 {
		return llm.Coverage{}, false
	}
	return s.embedders[0].Coverage(text)
}

// Spec returns what the model takes and gives.
func (e *Embedder) Spec() llm.EmbedSpec { return e.packer.spec() }

// CountTokens counts as the model does, or else estimates.
func (e *Embedder) CountTokens(text string) int { return e.packer.count(text) }

// Tokenizer names what counts tokens: the model, or an estimate.
func (e *Embedder) Tokenizer() string {
	if _, ok := e.packer.lanes[0].Embedder.(llm.Tokenizer); ok {
		return e.Spec().Model
	}
	return "estimate"
}

// Coverage tells how well the model's vocabulary covers a text. It reports false when
// the model cannot say.
func (e *Embedder) Coverage(text string) (llm.Coverage, bool) {
	c, ok := e.packer.lanes[0].Embedder.(llm.Coverer)
	if !ok {
		return llm.Coverage{}, false
	}
	return c.Coverage(text), true
}
