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
	searched, err := j.searched()
	if err != nil {
		return err
	}
	j.Chunker = Chunker(searched.Embedder)
	release, err := w.takeParser(ctx)
	if err != nil {
		return err
	}
	j.Chunks = w.split(j.Work, searched.Embedder)
	release()
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
func (s *Service) split(work memo.Work, e Embedder) []memo.Chunk {
	content := *work.Content
	pieces := chunk.Split(content, chunkOptions(work, e))
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
	return chunks
}

// chunkBytes is how many bytes a word of a chunk may have, far more than words do.
const chunkBytes = 24

// chunkOptions leaves room for what is embedded before a passage. Without an
// embedding model nothing limits tokens.
func chunkOptions(work memo.Work, e Embedder) chunk.Options {
	words := cmp.Or(work.Processing.ChunkWords, defaultWords)
	o := chunk.Options{
		Words:    words,
		MaxBytes: words * chunkBytes,
		Prefix:   func(headings []string) string { return memo.PassagePrefix(work.Title, headings) },
	}
	if e != nil {
		o.MaxTokens, o.CountTokens = tokenLimit(e.Spec()), e.CountTokens
		if work.Processing.Wants(memo.AspectContext) {
			o.MaxTokens -= min(contextTokens, o.MaxTokens/4)
		}
	}
	return o
}
