package ingest

import (
	"context"
	"time"

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
			err = s.fillPage(ctx, spec.Model, page)
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
		after, filled = page[len(page)-1].Chunk, filled+len(page)
	}
	if filled > 0 {
		s.log.InfoContext(ctx, "missing vectors filled", "chunks", filled, "model", spec.Model)
	}
	return nil
}

// fillPage embeds a page. A text that the model refuses is passed over: its
// memo is found by its words, and health keeps counting it.
func (s *Service) fillPage(ctx context.Context, model string, page []memo.ChunkText) error {
	err := s.fillChunks(ctx, model, page)
	if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge) {
		return err
	}
	if len(page) == 1 {
		s.log.WarnContext(ctx, "chunk not embedded", "memo", string(page[0].Memo), "error", err)
		return nil
	}
	half := len(page) / 2
	if err := s.fillPage(ctx, model, page[:half]); err != nil {
		return err
	}
	return s.fillPage(ctx, model, page[half:])
}

func (s *Service) fillChunks(ctx context.Context, model string, page []memo.ChunkText) error {
	texts := make([]string, len(page))
	for i, c := range page {
		texts[i] = c.Text
	}
	call := llm.Call{Tenant: string(page[0].Project), Priority: llm.PriorityIngest}
	vectors, err := s.models.Embed(ctx, call, llm.InputDocument, texts)
	if err != nil {
		return err
	}
	out := make([]memo.ChunkVector, len(page))
	for i, v := range vectors {
		out[i] = memo.ChunkVector{Chunk: page[i].Chunk, Vector: v}
	}
	return s.store.SaveVectors(ctx, model, out)
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
