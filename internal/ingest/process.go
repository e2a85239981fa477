package ingest

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"kvasir/internal/chunk"
	"kvasir/internal/fault"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// results is the part of the store that keeps what a stage made. Every method
// fails with Conflict when the claim is lost: the memo has a newer generation,
// is gone, or is held by another worker.
type results interface {
	SaveText(ctx context.Context, w memo.Work, text string, now time.Time) error
	SaveChunks(ctx context.Context, w memo.Work, chunks []memo.Chunk, next memo.Stage, now time.Time) error
	// SaveVectors stores vectors of chunks of any memos; chunks that are gone are
	// passed over.
	SaveVectors(ctx context.Context, model string, vectors []memo.ChunkVector) error
}

// outcomes is the part of the store that ends a run.
type outcomes interface {
	// Finish makes the generation the live one, and the memo processed, in one
	// transaction. It returns the files that nothing refers to any more.
	Finish(ctx context.Context, w memo.Work, now time.Time) (blobs []string, err error)
	// Fail ends the run with a reason for the person.
	Fail(ctx context.Context, w memo.Work, reason string, now time.Time) error
	// Postpone gives the claim back until notBefore, with the reason to wait.
	Postpone(ctx context.Context, w memo.Work, notBefore time.Time, waitingFor string) error
}

const (
	// embedSlice is how many chunks are embedded and stored together: what a kill
	// may cost is one slice a memo in flight.
	embedSlice = 64
	// embedsAtOnce bounds the slices of one memo on their way; dispatch packs and
	// orders them.
	embedsAtOnce = 8
)

// process takes one memo through its stages and records how that ended.
func (w *worker) process(ctx context.Context, work memo.Work) {
	log := w.log.With("project", string(work.Project), "memo", string(work.Memo), "generation", work.Generation)
	began := time.Now()
	err := w.advance(ctx, work)
	switch {
	case err == nil:
		log.DebugContext(ctx, "memo processed", "took", time.Since(began))
		return
	case ctx.Err() != nil, fault.Is(err, fault.Conflict):
		// Superseded, deleted or shut down: the claim ends elsewhere.
		log.DebugContext(ctx, "run given up", "error", err)
		return
	}
	if err := w.settle(ctx, work, err); err != nil && !fault.Is(err, fault.Conflict) {
		log.ErrorContext(ctx, "outcome not stored; the lease runs out and the memo is tried again", "error", err)
	}
	log.WarnContext(ctx, "memo not processed", "attempt", work.Attempt, "error", err)
}

// settle records a failure. What passes outside, as a provider that is down or a
// budget that is spent, is waited for as long as it takes; what may be a bug of
// ours, for some attempts; anything else ends the memo with a reason.
func (w *worker) settle(ctx context.Context, work memo.Work, err error) error {
	now := time.Now()
	switch fault.KindOf(err) {
	case fault.Unavailable, fault.RateLimited, fault.Canceled, fault.Exhausted:
		return w.store.Postpone(ctx, work, now.Add(retryAfter(work.Attempt)), fault.Message(err))
	case fault.Internal:
		if work.Attempt < w.opts.Attempts {
			return w.store.Postpone(ctx, work, now.Add(retryAfter(work.Attempt)), fault.Message(err))
		}
	}
	return w.store.Fail(ctx, work, fault.Message(err), now)
}

// retryAfter returns how long a memo waits after its nth failed attempt: from 2
// seconds, doubling, to 5 minutes. The model calls inside an attempt have their
// own, finer retries in dispatch.
func retryAfter(attempt int) time.Duration {
	return min(2*time.Second<<min(attempt-1, 10), 5*time.Minute)
}

// advance goes on where an earlier attempt has stopped. A panic is our bug or a
// parser's; it costs this memo, not the process.
func (w *worker) advance(ctx context.Context, work memo.Work) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if work.Content == nil {
		text, err := w.read(ctx, work)
		if err != nil {
			return err
		}
		work.Content = &text
	}
	chunks, err := w.cut(ctx, work)
	if err != nil {
		return err
	}
	if err := w.embed(ctx, work, chunks); err != nil {
		return err
	}
	blobs, err := w.store.Finish(ctx, work, time.Now())
	if err != nil {
		return err
	}
	w.discardBlobs(ctx, blobs)
	return nil
}

// read parses the memo's file into Markdown and stores it.
func (w *worker) read(ctx context.Context, work memo.Work) (string, error) {
	if work.File == nil {
		return "", fault.New(fault.Invalid, "The memo has neither content nor a file")
	}
	release, err := w.takeParser(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	body, err := w.files.Open(ctx, work.File.Blob)
	if err != nil {
		return "", fmt.Errorf("open original: %w", err)
	}
	defer body.Close()
	text, err := w.parse(ctx, *work.File, body)
	if err != nil {
		return "", err
	}
	return text, w.store.SaveText(ctx, work, text, time.Now())
}

// cut splits the content and stores the chunks, unless an earlier attempt did.
func (w *worker) cut(ctx context.Context, work memo.Work) ([]memo.Chunk, error) {
	if len(work.Chunks) > 0 || strings.TrimSpace(*work.Content) == "" {
		return work.Chunks, nil
	}
	chunks, err := w.split(ctx, work.Title, *work.Content)
	if err != nil {
		return nil, err
	}
	return chunks, w.store.SaveChunks(ctx, work, chunks, memo.StageEmbedding, time.Now())
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
func (w *worker) split(ctx context.Context, title, content string) ([]memo.Chunk, error) {
	release, err := w.takeParser(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	pieces := chunk.Split(content, w.chunkOptions(title))
	chunks := make([]memo.Chunk, len(pieces))
	for i, p := range pieces {
		chunks[i] = memo.Chunk{
			ID:       memo.ChunkID(uuid.Must(uuid.NewV7()).String()),
			Index:    i,
			Start:    p.Start,
			End:      p.End,
			Headings: p.Headings,
			Content:  content[p.Start:p.End],
		}
	}
	return chunks, nil
}

// chunkOptions leaves room for what is embedded before a passage. Without an
// embedding model nothing limits tokens.
func (s *Service) chunkOptions(title string) chunk.Options {
	o := chunk.Options{
		Words:  s.opts.ChunkWords,
		Prefix: func(headings []string) string { return memo.PassagePrefix(title, headings) },
	}
	if spec, ok := s.models.EmbedSpec(); ok {
		o.MaxTokens, o.CountTokens = spec.MaxTokens, s.models.CountTokens
	}
	return o
}

// embed gets a vector for every chunk that lacks one, in slices that are stored
// as they arrive. Without an embedding model it does nothing.
func (w *worker) embed(ctx context.Context, work memo.Work, chunks []memo.Chunk) error {
	spec, ok := w.models.EmbedSpec()
	if !ok || len(chunks) == 0 {
		return nil
	}
	if len(work.Chunks) > 0 {
		var err error
		if chunks, err = w.lacking(ctx, work, spec.Model); err != nil {
			return err
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(embedsAtOnce)
	for from := 0; from < len(chunks); from += embedSlice {
		slice := chunks[from:min(from+embedSlice, len(chunks))]
		g.Go(func() error { return w.embedSlice(ctx, work, spec.Model, slice) })
	}
	return g.Wait()
}

// lacking returns the chunks that an earlier attempt has left without a vector.
func (w *worker) lacking(ctx context.Context, work memo.Work, model string) ([]memo.Chunk, error) {
	have, err := w.store.EmbeddedChunks(ctx, work.Project, work.Memo, work.Generation, model)
	if err != nil {
		return nil, err
	}
	var lack []memo.Chunk
	for _, c := range work.Chunks {
		if !have[c.ID] {
			lack = append(lack, c)
		}
	}
	return lack, nil
}

func (w *worker) embedSlice(ctx context.Context, work memo.Work, model string, chunks []memo.Chunk) error {
	texts := make([]string, len(chunks))
	for i, c := range chunks {
		texts[i] = memo.IndexText(work.Title, &c)
	}
	call := llm.Call{
		Tenant: string(work.Project), Key: work.Key, Memo: string(work.Memo), Priority: llm.PriorityIngest,
	}
	vectors, err := w.models.Embed(ctx, call, llm.InputDocument, texts)
	// Some texts may have failed. What the others cost is kept.
	return errors.Join(err, w.saveVectors(ctx, model, chunks, vectors))
}

// saveVectors stores those vectors that there are. They were paid for, so a run
// that is cut short stores them all the same.
func (w *worker) saveVectors(ctx context.Context, model string, chunks []memo.Chunk, vectors []llm.Vector) error {
	var out []memo.ChunkVector
	for i, v := range vectors {
		if v != nil {
			out = append(out, memo.ChunkVector{Chunk: chunks[i].ID, Vector: v})
		}
	}
	if len(out) == 0 {
		return nil
	}
	return w.store.SaveVectors(context.WithoutCancel(ctx), model, out)
}
