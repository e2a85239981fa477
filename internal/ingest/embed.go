package ingest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

const (
	// embedSlice is how many chunks are embedded and stored together: what a kill
	// may cost is one slice a memo in flight.
	embedSlice = 64
	// embedsAtOnce bounds the slices of one memo on their way; dispatch packs and
	// orders them.
	embedsAtOnce = 8
)

// embed gets a vector for every chunk that lacks one, in slices that are stored
// as they arrive; without an embedding model none. Beside it the memo gets its parts
// of the other index versions.
func (w *worker) embed(ctx context.Context, j *job) error {
	if len(j.Chunks) == 0 {
		return nil
	}
	searched, err := j.searched()
	if err != nil {
		return err
	}
	if searched.Embedder != nil {
		if err := w.enter(ctx, j, memo.StageEmbedding); err != nil {
			return err
		}
	}
	var aside sync.WaitGroup
	defer aside.Wait()
	aside.Go(func() { w.along(ctx, j, searched) })
	if searched.Embedder == nil {
		return nil
	}
	chunks := j.Chunks
	if !j.fresh {
		if chunks, err = w.lacking(ctx, j, searched.Model, chunks); err != nil {
			return err
		}
	}
	return w.embedChunks(ctx, j.Work, searched, chunks)
}

// lacking returns the chunks that an earlier attempt has left without a vector.
func (w *worker) lacking(ctx context.Context, j *job, model string, chunks []memo.Chunk) ([]memo.Chunk, error) {
	have, err := w.store.EmbeddedChunks(ctx, j.Project, j.Memo, j.Generation, model)
	if err != nil || len(have) == 0 {
		return chunks, err
	}
	return slices.DeleteFunc(slices.Clone(chunks), func(c memo.Chunk) bool { return have[c.ID] }), nil
}

// embedChunks embeds and stores, slice by slice.
func (w *worker) embedChunks(ctx context.Context, work memo.Work, v Version, chunks []memo.Chunk) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(embedsAtOnce)
	for slice := range slices.Chunk(chunks, embedSlice) {
		g.Go(func() error { return w.embedSlice(ctx, work, v, slice) })
	}
	return g.Wait()
}

func (w *worker) embedSlice(ctx context.Context, work memo.Work, v Version, chunks []memo.Chunk) error {
	texts := make([]string, len(chunks))
	spec := v.Embedder.Spec()
	for i := range chunks {
		texts[i] = embedText(v.Embedder, work.Title, &chunks[i], spec.MaxTokens)
	}
	call := llm.Call{
		Tenant: string(work.Project), Key: work.Key, Memo: string(work.Memo), Priority: llm.PriorityIngest,
	}
	vectors, err := v.Embedder.Embed(ctx, call, llm.InputDocument, texts)
	// Some texts may have failed. What the others cost is kept.
	return errors.Join(err, w.saveVectors(ctx, work.Memo, v.Model, chunks, vectors))
}

// embedText returns what is embedded of a chunk: its passage, with as many of its
// questions as the model reads. A chunk that was cut before it had a context loses
// the context if that is too much.
func embedText(e Embedder, title string, c *memo.Chunk, maxTokens int) string {
	text := memo.IndexText(title, c)
	if maxTokens == 0 || c.Context == "" && len(c.Questions) == 0 {
		return text
	}
	short := *c
	for e.CountTokens(text) > maxTokens {
		switch n := len(short.Questions); {
		case n > 0:
			short.Questions = short.Questions[:n-1]
		case short.Context != "":
			short.Context = ""
		default:
			return text
		}
		text = memo.IndexText(title, &short)
	}
	return text
}

// saveVectors stores those vectors that there are. They were paid for, so a run
// that is cut short stores them all the same.
func (w *worker) saveVectors(
	ctx context.Context, id memo.ID, model string, chunks []memo.Chunk, vectors []llm.Vector,
) error {
	var out []memo.ChunkVector
	for i, v := range vectors {
		if v != nil {
			out = append(out, memo.ChunkVector{Memo: id, Chunk: chunks[i].ID, Vector: v})
		}
	}
	if len(out) == 0 {
		return nil
	}
	return w.store.SaveVectors(context.WithoutCancel(ctx), model, out)
}
