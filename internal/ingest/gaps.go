package ingest

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// gaps is the part of the store that knows which chunks lack a vector.
type gaps interface {
	// MissingVectors returns up to limit live chunks after the given one, by id,
	// that have no vector of the model.
	MissingVectors(ctx context.Context, model string, after memo.ChunkID, limit int) ([]memo.ChunkText, error)
	// EmbeddedChunks returns the chunks of a generation that have one.
	EmbeddedChunks(
		ctx context.Context, p account.ProjectID, id memo.ID, generation int, model string,
	) (map[memo.ChunkID]bool, error)
}

// gapPause is how long filling waits after a provider failed it.
const gapPause = 30 * time.Second

// fillGaps embeds the live chunks that lack a vector of the current model, as
// all do after a change of model. It reads a page at a time in the order of
// chunk ids and ends after the last: new memos bring their own vectors.
func (s *Service) fillGaps(ctx context.Context) error {
	spec, ok := s.models.EmbedSpec()
	if !ok {
		return nil
	}
	after, filled := memo.ChunkID(""), 0
	for {
		page, err := s.store.MissingVectors(ctx, spec.Model, after, embedSlice*embedsAtOnce)
		if err == nil && len(page) == 0 {
			break
		}
		if err == nil {
			err = s.fillPage(ctx, spec, page)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			s.log.WarnContext(ctx, "missing vectors not filled; trying again", "after", gapPause, "error", err)
			if err := pause(ctx, gapPause); err != nil {
				return err
			}
			continue
		}
		after, filled = page[len(page)-1].ID, filled+len(page)
	}
	if filled > 0 {
		s.log.InfoContext(ctx, "missing vectors filled", "chunks", filled, "model", spec.Model)
	}
	return nil
}

// fillPage embeds a page. A text that the model refuses is passed over: its
// memo is found by its words, and health keeps counting it.
func (s *Service) fillPage(ctx context.Context, spec llm.EmbedSpec, page []memo.ChunkText) error {
	err := s.fillChunks(ctx, spec, page)
	if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge) {
		return err
	}
	if len(page) == 1 {
		s.log.WarnContext(ctx, "chunk not embedded", "memo", string(page[0].Memo), "error", err)
		return nil
	}
	half := len(page) / 2
	if err := s.fillPage(ctx, spec, page[:half]); err != nil {
		return err
	}
	return s.fillPage(ctx, spec, page[half:])
}

// fillChunks embeds the chunks of a page, each on the account of its memo, side by
// side so that they share requests.
func (s *Service) fillChunks(ctx context.Context, spec llm.EmbedSpec, page []memo.ChunkText) error {
	g, ctx := errgroup.WithContext(ctx)
	for len(page) > 0 {
		n := 1
		for n < len(page) && page[n].Memo == page[0].Memo {
			n++
		}
		part := page[:n]
		page = page[n:]
		g.Go(func() error { return s.fillMemo(ctx, spec, part) })
	}
	return g.Wait()
}

// fillMemo embeds chunks of one memo.
func (s *Service) fillMemo(ctx context.Context, spec llm.EmbedSpec, chunks []memo.ChunkText) error {
	texts := make([]string, len(chunks))
	for i, c := range chunks {
		texts[i] = s.embedText(c.Title, &c.Chunk, spec.MaxTokens)
	}
	call := llm.Call{Tenant: string(chunks[0].Project), Memo: string(chunks[0].Memo), Priority: llm.PriorityIngest}
	vectors, err := s.models.Embed(ctx, call, llm.InputDocument, texts)
	var out []memo.ChunkVector
	for i, v := range vectors {
		if v != nil {
			out = append(out, memo.ChunkVector{Chunk: chunks[i].ID, Vector: v})
		}
	}
	return errors.Join(err, s.store.SaveVectors(context.WithoutCancel(ctx), spec.Model, out))
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
