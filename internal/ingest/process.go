package ingest

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

// results is the part of the store that keeps what a stage made. Every method
// fails with Conflict when the claim is lost: the memo has a newer generation,
// is gone, or is held by another worker.
type results interface {
	// SaveFile stores what a page's original is. It is now to be parsed.
	SaveFile(ctx context.Context, w memo.Work, f memo.File, now time.Time) error
	// SaveParsed stores a document's text, and its title if the memo has none of its
	// own. It is now to be cut.
	SaveParsed(ctx context.Context, w memo.Work, d memo.Parsed, now time.Time) error
	// SaveProgress stores how many pages are parsed.
	SaveProgress(ctx context.Context, w memo.Work, done, total int) error
	// SaveChunks stores the chunks in place of those there are, and the next stage.
	SaveChunks(ctx context.Context, w memo.Work, chunks []memo.Chunk, next memo.Stage, now time.Time) error
	// SaveEnrichments stores what a model wrote. Vectors of chunks whose embedded
	// text is another one now are dropped.
	SaveEnrichments(ctx context.Context, w memo.Work, written []memo.Enrichment) error
	// Enter notes the stage.
	Enter(ctx context.Context, w memo.Work, stage memo.Stage) error
	// SaveVectors stores vectors of chunks of any memos; chunks that are gone are
	// passed over.
	SaveVectors(ctx context.Context, model string, vectors []memo.ChunkVector) error
	// EmbeddedChunks returns the chunks of a generation that have a vector of a model.
	EmbeddedChunks(
		ctx context.Context, p account.ProjectID, id memo.ID, generation int, model string,
	) (map[memo.ChunkID]bool, error)
	// SaveCut stores the chunks of a generation for a version that is cut otherwise than
	// the live one, whatever claims it. VersionChunks returns them.
	SaveCut(ctx context.Context, w memo.Work, v memo.IndexVersion, chunks []memo.Chunk) error
	VersionChunks(ctx context.Context, w memo.Work, v memo.IndexVersion) ([]memo.Chunk, error)
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

// A job is a memo on its way. Each stage adds to it what it has made and stored.
type job struct {
	memo.Work
	versions []Version // that are kept
	fresh    bool      // its chunks were cut just now: none has a vector or a context
	wrote    bool      // a model has written about its chunks
}

// enter notes a stage, unless the job is in it.
func (w *worker) enter(ctx context.Context, j *job, stage memo.Stage) error {
	if j.Stage == stage {
		return nil
	}
	j.Stage = stage
	return w.store.Enter(ctx, j.Work, stage)
}

// process takes one memo through its stages and records how that ended.
func (w *worker) process(ctx context.Context, work memo.Work) {
	log := w.log.With("project", string(work.Project), "memo", string(work.Memo), "generation", work.Generation)
	began := time.Now()
	j := &job{Work: work, versions: w.models.Versions()}
	err := w.advance(ctx, j)
	switch {
	case err == nil:
		log.DebugContext(ctx, "memo processed", "took", time.Since(began))
		return
	case ctx.Err() != nil, fault.Is(err, fault.Conflict):
		// Superseded, deleted or shut down: the claim ends elsewhere.
		log.DebugContext(ctx, "run given up", "error", err)
		return
	}
	if err := w.settle(ctx, j.Work, err); err != nil && !fault.Is(err, fault.Conflict) {
		log.ErrorContext(ctx, "outcome not stored; the lease runs out and the memo is tried again", "error", err)
	}
	log.WarnContext(ctx, "memo not processed", "attempt", work.Attempt, "error", err)
}

// fetchAttempts is how often a page is asked for, over about ten minutes.
const fetchAttempts = 8

// settle records a failure. What passes outside, as a provider that is down or a
// budget that is spent, is waited for as long as it takes; what may be a bug of
// ours, for some attempts; anything else ends the memo with a reason.
func (w *worker) settle(ctx context.Context, work memo.Work, err error) error {
	now := time.Now()
	if work.Stage == memo.StageFetching && work.Attempt >= fetchAttempts {
		// A site that is gone for good looks like one that will be back.
		return w.store.Fail(ctx, work, fault.Message(err), now)
	}
	switch fault.KindOf(err) {
	case fault.Unavailable, fault.RateLimited, fault.Canceled, fault.Exhausted:
		wait := max(retryAfter(work.Attempt), askedToWait(err))
		return w.store.Postpone(ctx, work, now.Add(wait), fault.Message(err))
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

// askedToWait returns how long a site has asked to be left alone, if it has.
func askedToWait(err error) time.Duration {
	var asked interface{ RetryAfter() time.Duration }
	if errors.As(err, &asked) {
		return asked.RetryAfter()
	}
	return 0
}

// advance goes on where an earlier attempt has stopped. A panic is our bug or a
// parser's; it costs this memo, not the process.
func (w *worker) advance(ctx context.Context, j *job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if j.Content == nil {
		if err := w.read(ctx, j); err != nil {
			return err
		}
	}
	for _, stage := range []func(context.Context, *job) error{w.cut, w.enrich, w.embed} {
		if err := stage(ctx, j); err != nil {
			return err
		}
	}
	blobs, err := w.store.Finish(ctx, j.Work, time.Now())
	if err != nil {
		return err
	}
	w.discardBlobs(ctx, blobs)
	return nil
}
