package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"kvasir/internal/memo"
)

// lookAgain is after how long a memo is looked at whose figures stay the same:
// why it waits, and until when, may have changed, but costs more to find out.
const lookAgain = 5 * time.Second

// told is what was said last about each unfinished memo.
type told map[memo.ID]picture

// A picture is how far a memo was, and what was said of it.
type picture struct {
	progress memo.Progress
	sent     []byte
	at       time.Time
}

// progress tells how far unfinished memos are, as far as that is news.
func (f *Feed) progress(ctx context.Context, out Stream, said told) error {
	if f.Unfinished == nil {
		return nil
	}
	memos, err := f.Unfinished(ctx)
	if err != nil {
		return err
	}
	present := make(map[memo.ID]bool, len(memos))
	for i := range memos {
		m := &memos[i]
		present[m.ID] = true
		last := said[m.ID]
		if last.sent != nil && same(&last.progress, &m.Progress) && time.Since(last.at) < lookAgain {
			continue
		}
		news := f.Progress(ctx, m)
		encoded, err := json.Marshal(news)
		if err != nil {
			return fmt.Errorf("encode progress: %w", err)
		}
		if !bytes.Equal(encoded, last.sent) && !out.SendNamed(0, "progress", news) {
			return context.Cause(ctx)
		}
		said[m.ID] = picture{m.Progress, encoded, time.Now()}
	}
	for id := range said {
		if !present[id] {
			delete(said, id)
		}
	}
	return nil
}

// same reports whether two figures of one memo are.
func same(a, b *memo.Progress) bool {
	return a.Stage == b.Stage && a.Generation == b.Generation && a.WaitingFor == b.WaitingFor &&
		a.PagesDone == b.PagesDone && a.PagesTotal == b.PagesTotal &&
		a.ChunksDone == b.ChunksDone && a.ChunksTotal == b.ChunksTotal &&
		a.EnrichDone == b.EnrichDone && a.EnrichTotal == b.EnrichTotal
}
