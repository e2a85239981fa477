package ingest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"kvasir/internal/chunk"
	"kvasir/internal/memo"
)

// cut splits the content and stores the chunks, unless an earlier attempt did.
func (w *worker) cut(ctx context.Context, j *job) (err error) {
	if len(j.Chunks) > 0 || strings.TrimSpace(*j.Content) == "" {
		return nil
	}
	if j.Chunks, err = w.split(ctx, j.Work); err != nil {
		return err
	}
	j.Stage, j.fresh = memo.StageEmbedding, true
	// A new title has the text cut anew; what was written of it as a whole stands.
	j.Enriched = slices.DeleteFunc(j.Enriched, func(e memo.Enrichment) bool { return e.Aspect.OfChunks() })
	if len(j.Processing.Enrich) > 0 {
		j.Stage = memo.StageEnriching
	}
	return w.store.SaveChunks(ctx, j.Work, j.Chunks, j.Stage, time.Now())
}

// takeParser waits for one of the slots that bound work on the processor, lets
// clients who are posting go first, and returns how to give the slot back.
func (w *worker) takeParser(ctx context.Context) (release func(), err error) {
	select {
	case w.parsing <- struct{}{}:
		w.intake.yield(ctx)
		return func() { <-w.parsing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// split cuts a text so that every passage, title and heading path included, is
// within the embedding model's limit.
func (w *worker) split(ctx context.Context, work memo.Work) ([]memo.Chunk, error) {
	release, err := w.takeParser(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	content := *work.Content
	pieces := chunk.Split(content, w.chunkOptions(work))
	chunks := make([]memo.Chunk, len(pieces))
	for i, p := range pieces {
		chunks[i] = memo.Chunk{
			ID:       memo.ChunkID(uuid.Must(uuid.NewV7()).String()),
			Index:    i,
			Start:    p.Start,
			End:      p.End,
			Headings: p.Headings,
			Header:   content[p.HeaderStart:p.HeaderEnd],
			Content:  content[p.Start:p.End],
		}
		if part := memo.PartAt(work.Parts, p.Start); part != nil {
			chunks[i].Page = part.Number
		}
	}
	return chunks, nil
}

// chunkBytes is how many bytes a word of a chunk may have, far more than words do.
const chunkBytes = 24

// chunkOptions leaves room for what is embedded before a passage. Without an
// embedding model nothing limits tokens.
func (s *Service) chunkOptions(work memo.Work) chunk.Options {
	words := cmp.Or(work.Processing.ChunkWords, s.opts.ChunkWords)
	o := chunk.Options{
		Words:    words,
		MaxBytes: words * chunkBytes,
		Prefix:   func(headings []string) string { return memo.PassagePrefix(work.Title, headings) },
	}
	if spec, ok := s.models.EmbedSpec(); ok {
		o.MaxTokens, o.CountTokens = spec.MaxTokens, s.models.CountTokens
		if work.Processing.Wants(memo.AspectContext) {
			o.MaxTokens -= min(contextTokens, spec.MaxTokens/4)
		}
	}
	return o
}
