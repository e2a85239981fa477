package indextest

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"kvasir/internal/account"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// A Source is a store's feed of changes in memory: it keeps the last change of
// each memo, and embeds chunks when it is asked for a model's vectors. It is safe
// for concurrent use.
type Source struct {
	embed func(model, text string) llm.Vector

	mu    sync.Mutex // guards all below
	seq   int64
	feeds map[account.ProjectID][]memo.Change // in order of Seq
	calls int
}

// NewSource returns an empty source. The function embeds a text, nil where the
// model has no vector yet; nil embeds nothing. Chunks that bring a vector keep it
// whatever the model.
func NewSource(embed func(model, text string) llm.Vector) *Source {
	if embed == nil {
		embed = func(string, string) llm.Vector { return nil }
	}
	return &Source{embed: embed, feeds: map[account.ProjectID][]memo.Change{}}
}

// Put records changes, each with the next sequence number and in place of the
// memo's last one.
func (s *Source) Put(p account.ProjectID, changes ...memo.Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := make(map[memo.ID]bool, len(changes))
	for _, c := range changes {
		known[c.Memo] = true
	}
	feed := slices.DeleteFunc(slices.Clone(s.feeds[p]), func(c memo.Change) bool { return known[c.Memo] })
	for _, c := range changes {
		s.seq++
		c.Seq = s.seq
		feed = append(feed, c)
	}
	s.feeds[p] = feed
}

// Calls returns how often changes were pulled.
func (s *Source) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// LatestChange implements index.Source.
func (s *Source) LatestChange(ctx context.Context, p account.ProjectID) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.feeds[p]); n > 0 {
		return s.feeds[p][n-1].Seq, ctx.Err()
	}
	return 0, ctx.Err()
}

// Changes implements index.Source.
func (s *Source) Changes(
	ctx context.Context, p account.ProjectID, model string, after int64, limit int,
) ([]memo.Change, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	feed := s.feeds[p]
	from, _ := slices.BinarySearchFunc(feed, after+1, func(c memo.Change, seq int64) int {
		return cmp.Compare(c.Seq, seq)
	})
	out := slices.Clone(feed[from:min(from+limit, len(feed))])
	for i := range out {
		out[i].Chunks = slices.Clone(out[i].Chunks)
		for j := range out[i].Chunks {
			if c := &out[i].Chunks[j]; c.Vector == nil {
				c.Vector = s.embed(model, c.Text)
			}
		}
	}
	return out, ctx.Err()
}
