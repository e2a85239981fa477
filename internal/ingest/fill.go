package ingest

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/fault"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// gaps is the part of the store that knows what index versions lack.
type gaps interface {
	// MissingVectors returns up to limit live chunks of a version after the given one,
	// by id, that have no vector of its model.
	MissingVectors(ctx context.Context, v memo.IndexVersion, after memo.ChunkID, limit int) ([]memo.ChunkText, error)
	// UncutMemos returns up to limit memos after the given one, by id, that are not cut
	// for a version.
	UncutMemos(ctx context.Context, v memo.IndexVersion, after memo.ID, limit int) ([]memo.ID, error)
	// LiveText returns the live generation of a memo.
	LiveText(ctx context.Context, id memo.ID) (memo.Work, error)
	// DoneVersion notes that all is done that a version lacked at its count dirty.
	DoneVersion(ctx context.Context, id, dirty int64) error
	// Sweep drops what is left of versions that were given up.
	Sweep(ctx context.Context) error
}

const (
	// gapPause is how long filling waits after a provider failed it.
	gapPause = 30 * time.Second
	// fillEvery is how often it is looked for something to do.
	fillEvery = 500 * time.Millisecond
	// fillPages is how many pages are on their way at once, so that the lane is never
	// idle while one of them ends.
	fillPages = 2
	// uncutPage is how many memos are listed at once to be cut.
	uncutPage = 256
)

// Fill makes what the index versions lack, until ctx ends: the vectors of a version
// that is new, or whose model is, and what could not be brought along. One process
// does it for all. Where it stops, another goes on: what is made is stored as it
// comes.
func (s *Service) Fill(ctx context.Context) error {
	seen := map[int64]bool{}
	for {
		for _, v := range s.models.Versions() {
			// Everything is looked through at the start: it may have been a backup's.
			if v.Embedder == nil || v.Complete() && seen[v.ID] {
				continue
			}
			if err := s.fillVersion(ctx, v); err != nil {
				s.log.WarnContext(ctx, "index version not filled; trying again", "version", v.ID, "after", gapPause, "error", err)
				if err := pause(ctx, gapPause); err != nil {
					return nil
				}
				break // what is more urgent comes first again
			}
			seen[v.ID] = true
		}
		if err := s.store.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "index version that was given up not dropped; trying again", "error", err)
		}
		if err := pause(ctx, fillEvery); err != nil {
			return nil
		}
	}
}

// kept reports whether a version is still there.
func (s *Service) kept(v Version) bool {
	for _, k := range s.models.Versions() {
		if k.ID == v.ID {
			return true
		}
	}
	return false
}

// errGivenUp ends the filling of a version that is gone.
var errGivenUp = fault.New(fault.Conflict, "The index version was given up")

// fillVersion goes through everything once: memos that are not cut for the version,
// then chunks without a vector, in the order of their ids. What comes meanwhile is
// noted by the store.
func (s *Service) fillVersion(ctx context.Context, v Version) error {
	err := s.fillCuts(ctx, v)
	filled := 0
	if err == nil {
		filled, err = s.fillVectors(ctx, v)
	}
	if ctx.Err() != nil || errors.Is(err, errGivenUp) {
		return nil
	}
	if err != nil {
		return err
	}
	if filled > 0 {
		s.log.InfoContext(ctx, "missing vectors made", "version", v.ID, "chunks", filled, "model", v.Model)
	}
	return s.store.DoneVersion(ctx, v.ID, v.Dirty)
}

// fillCuts cuts memos for a version that is cut otherwise than the live one.
func (s *Service) fillCuts(ctx context.Context, v Version) error {
	if live := s.models.Versions()[0]; live.Cut == v.Cut {
		return nil
	}
	for after := memo.ID(""); ; {
		page, err := s.store.UncutMemos(ctx, v.IndexVersion, after, uncutPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, id := range page {
			if err := s.fillCut(ctx, v, id); err != nil {
				return err
			}
		}
		after = page[len(page)-1]
		if !s.kept(v) {
			return errGivenUp
		}
	}
}

// fillCut cuts a memo, unless it is gone or changed meanwhile.
func (s *Service) fillCut(ctx context.Context, v Version, id memo.ID) error {
	work, err := s.store.LiveText(ctx, id)
	if err == nil {
		s.intake.yield(ctx)
		err = s.store.SaveCut(ctx, work, v.IndexVersion, s.split(work, v.Embedder))
	}
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// fillVectors embeds what has no vector.
func (s *Service) fillVectors(ctx context.Context, v Version) (filled int, err error) {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(fillPages)
	after := memo.ChunkID("")
	for gctx.Err() == nil {
		page, err := s.store.MissingVectors(gctx, v.IndexVersion, after, embedSlice*embedsAtOnce)
		if err == nil && len(page) > 0 && !s.kept(v) {
			err = errGivenUp
		}
		if err != nil {
			return filled, errors.Join(err, g.Wait())
		}
		if len(page) == 0 {
			break
		}
		after, filled = page[len(page)-1].ID, filled+len(page)
		g.Go(func() error { return s.fillPage(gctx, v, page) })
	}
	return filled, g.Wait()
}

// fillPage embeds a page. A text that the model refuses is passed over: its
// memo is found by its words, and health keeps counting it.
func (s *Service) fillPage(ctx context.Context, v Version, page []memo.ChunkText) error {
	err := s.fillChunks(ctx, v, page)
	if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge) {
		return err
	}
	if len(page) == 1 {
		s.log.WarnContext(ctx, "chunk not embedded", "memo", string(page[0].Memo), "version", v.ID, "error", err)
		return nil
	}
	half := len(page) / 2
	if err := s.fillPage(ctx, v, page[:half]); err != nil {
		return err
	}
	return s.fillPage(ctx, v, page[half:])
}

// fillChunks embeds the chunks of a page, each on the account of its memo, side by
// side so that they share requests.
func (s *Service) fillChunks(ctx context.Context, v Version, page []memo.ChunkText) error {
	g, ctx := errgroup.WithContext(ctx)
	for len(page) > 0 {
		n := 1
		for n < len(page) && page[n].Memo == page[0].Memo {
			n++
		}
		part := page[:n]
		page = page[n:]
		g.Go(func() error { return s.fillMemo(ctx, v, part) })
	}
	return g.Wait()
}

// fillMemo embeds chunks of one memo. What nobody searches yet has the least hurry.
func (s *Service) fillMemo(ctx context.Context, v Version, chunks []memo.ChunkText) error {
	spec := v.Embedder.Spec()
	texts := make([]string, len(chunks))
	for i, c := range chunks {
		texts[i] = embedText(v.Embedder, c.Title, &c.Chunk, spec.MaxTokens)
	}
	call := llm.Call{Tenant: string(chunks[0].Project), Memo: string(chunks[0].Memo), Priority: llm.PriorityReindex}
	if v.State == memo.VersionLive {
		call.Priority = llm.PriorityIngest
	}
	vectors, err := v.Embedder.Embed(ctx, call, llm.InputDocument, texts)
	var out []memo.ChunkVector
	for i, vector := range vectors {
		if vector != nil {
			out = append(out, memo.ChunkVector{Memo: chunks[0].Memo, Chunk: chunks[i].ID, Vector: vector})
		}
	}
	return errors.Join(err, s.store.SaveVectors(context.WithoutCancel(ctx), v.Model, out))
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
