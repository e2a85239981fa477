package chat

import (
	"context"
	"slices"
	"strings"

	"kvasir/internal/account"
	"kvasir/internal/chat/agent"
	"kvasir/internal/memo"
)

// reach is how many chunks a passage may grow by on either side.
const reach = 1

// Surroundings reads chunks with those next to them, at most radius to either side,
// each once and in the order of their memos.
type Surroundings func(
	ctx context.Context, p account.ProjectID, ids []memo.ChunkID, radius int,
) ([]memo.Passage, error)

// Knowledge is where passages come from.
type Knowledge struct {
	Find   Retriever
	Around Surroundings
	Agent  *agent.Agent // finds in steps
	// Parts returns the pages, sheets, … of a memo's live text.
	Parts func(ctx context.Context, p account.ProjectID, id memo.ID) ([]memo.Part, error)
}

// surround lets passages grow by the chunks next to them that are of the same
// section, as long as all of them are within the budget of tokens together: what a
// passage means is often said just before it, and goes on just after. Passages that
// meet become one. Growing costs a look into the store, and without it the answer
// is worse but not wrong, so a failure of it is only logged.
func (a *Answer) surround(ctx context.Context, passages []memo.Passage) []memo.Passage {
	if a.provider.Quotes || len(passages) == 0 {
		return passages // quotations are taken from what was found
	}
	count := func(p *memo.Passage) int { return a.models.CountTokens(memo.PassageText(p.Title, &p.Chunk)) }
	left := a.settings.ContextTokens
	ids := make([]memo.ChunkID, len(passages))
	for i := range passages {
		ids[i] = passages[i].ID
		left -= count(&passages[i])
	}
	if left <= 0 {
		return passages
	}
	near, err := a.knowledge.Around(ctx, a.q.Project, ids, reach)
	if err != nil {
		a.log.WarnContext(ctx, "passages not grown", "project", string(a.q.Project), "error", err)
		return passages
	}
	return grow(passages, near, left, a.models.CountTokens)
}

// grow is [Answer.surround] without the store: near holds the passages and those
// next to them.
func grow(passages, near []memo.Passage, left int, count func(string) int) []memo.Passage {
	type place struct {
		memo  memo.ID
		index int
	}
	at := make(map[place]*memo.Passage, len(near))
	for i := range near {
		at[place{near[i].Memo, near[i].Index}] = &near[i]
	}
	// The best passages grow first. A span is the chunks that a passage has.
	owner := make(map[place]int, len(near))
	spans := make([][]*memo.Passage, len(passages))
	for i := range passages {
		own := place{passages[i].Memo, passages[i].Index}
		if at[own] == nil {
			at[own] = &passages[i]
		}
		owner[own], spans[i] = i, []*memo.Passage{at[own]}
	}
	for i := range passages {
		for _, step := range []int{-1, 1} {
			next := place{passages[i].Memo, passages[i].Index + step}
			p := at[next]
			if _, taken := owner[next]; taken || p == nil || !slices.Equal(p.Headings, passages[i].Headings) {
				continue
			}
			if cost := count(p.Content); cost <= left {
				left -= cost
				owner[next] = i
				spans[i] = append(spans[i], p)
			}
		}
	}
	return join(passages, spans)
}

// join returns the passages with their spans as their content. One that goes on
// where a better one ends, or ends where it begins, becomes a part of that.
func join(passages []memo.Passage, spans [][]*memo.Passage) []memo.Passage {
	out := make([]memo.Passage, 0, len(passages))
	for i, p := range passages {
		slices.SortFunc(spans[i], func(a, b *memo.Passage) int { return a.Start - b.Start })
		var text strings.Builder
		for _, part := range spans[i] {
			text.WriteString(part.Content)
		}
		p.Start, p.End, p.Header = spans[i][0].Start, spans[i][len(spans[i])-1].End, spans[i][0].Header
		p.Content = text.String()
		if !absorb(out, &p) {
			out = append(out, p)
		}
	}
	return out
}

// absorb adds p to the passage that it touches, if there is one.
func absorb(out []memo.Passage, p *memo.Passage) bool {
	for i := range out {
		better := &out[i]
		switch {
		case better.Memo != p.Memo || !slices.Equal(better.Headings, p.Headings):
		case better.End == p.Start:
			better.Content, better.End = better.Content+p.Content, p.End
			return true
		case p.End == better.Start:
			better.Content, better.Start, better.Header = p.Content+better.Content, p.Start, p.Header
			return true
		}
	}
	return false
}
