package ingest

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/fault"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// An Embedder is an embedding model.
type Embedder interface {
	Spec() llm.EmbedSpec
	CountTokens(text string) int
	// Tokenizer names what counts.
	Tokenizer() string
	Embed(ctx context.Context, call llm.Call, input llm.Input, texts []string) ([]llm.Vector, error)
}

// A Version is an index version with the model that makes its vectors.
type Version struct {
	memo.IndexVersion
	Embedder Embedder // nil if its model is not configured, or if it has none
}

// defaultWords is about how many words a chunk has unless somebody says otherwise.
const defaultWords = 180

// mostTokens bounds a chunk for models that read more: so long a text says too much
// to be one passage. Chunks for all of them are the same.
const mostTokens = 8000

// tokenLimit returns how many tokens a passage may have.
func tokenLimit(spec llm.EmbedSpec) int { return min(cmp.Or(spec.MaxTokens, mostTokens), mostTokens) }

// Chunker names how texts are cut for a model, nil for none: what is equal cuts
// equally. What a project or a memo asks for goes before its words.
func Chunker(e Embedder) string {
	if e == nil {
		return fmt.Sprintf("text/1 words=%d", defaultWords)
	}
	return fmt.Sprintf("text/1 words=%d tokens=%d by=%s", defaultWords, tokenLimit(e.Spec()), e.Tokenizer())
}

// searched returns the version that is searched, for which the work is to be cut. It
// fails if the store knows of one that this process does not know yet.
func (j *job) searched() (Version, error) {
	for _, v := range j.versions {
		if v.Cut == j.Cut {
			return v, nil
		}
	}
	return Version{}, fault.New(fault.Unavailable, "Another index version has become the live one")
}

const (
	// alongWithin is how long a memo waits for its part of a version that is not searched.
	// Then it goes on without, and the part is made later.
	alongWithin = 10 * time.Second
	// alongPause is how long no memo waits for a version after that.
	alongPause = 30 * time.Second
)

// along makes a memo's parts of the other versions that are kept, so that they have
// what the live one has. What fails costs the memo nothing: it is noted in
// [results.Finish] that the version lacks it.
func (w *worker) along(ctx context.Context, j *job, searched Version) {
	within, cancel := context.WithTimeout(ctx, alongWithin)
	defer cancel()
	var g errgroup.Group
	for _, v := range j.versions {
		if v.ID == searched.ID || v.Embedder == nil || !v.Built || !w.ails.well(v.ID) {
			continue
		}
		g.Go(func() error {
			err := w.alongOne(within, j, v)
			if err != nil && ctx.Err() == nil && !fault.Is(err, fault.Conflict) {
				w.ails.note(v.ID)
				w.log.WarnContext(ctx, "memo not embedded for another index version; it will be later",
					"version", v.ID, "memo", string(j.Memo), "error", err)
			}
			return nil
		})
	}
	_ = g.Wait() // nothing that fails here is the memo's fault
}

func (w *worker) alongOne(ctx context.Context, j *job, v Version) error {
	chunks := j.Chunks
	if v.Cut != j.Cut {
		var err error
		if chunks, err = w.cutFor(ctx, j, v); err != nil {
			return err
		}
	}
	lacking, err := w.lacking(ctx, j, v.Model, chunks)
	if err != nil {
		return err
	}
	return w.embedChunks(ctx, j.Work, v, lacking)
}

// cutFor returns the memo's chunks of another cut, and makes them if they are not
// there, or if models have just written about those that are searched.
func (w *worker) cutFor(ctx context.Context, j *job, v Version) ([]memo.Chunk, error) {
	if !j.wrote {
		chunks, err := w.store.VersionChunks(ctx, j.Work, v.IndexVersion)
		if err != nil {
			return nil, err
		}
		if n := len(chunks); n > 0 && chunks[n-1].End == len(*j.Content) {
			return chunks, nil
		}
	}
	release, err := w.takeParser(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := w.store.SaveCut(ctx, j.Work, v.IndexVersion, w.split(j.Work, v.Embedder)); err != nil {
		return nil, err
	}
	return w.store.VersionChunks(ctx, j.Work, v.IndexVersion) // with what was carried over
}
