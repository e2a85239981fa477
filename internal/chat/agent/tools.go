package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
)

const (
	// searchPassages and readPassages are how many passages a call brings: enough for
	// one thing, and several calls fit into the budget.
	searchPassages = 6
	readPassages   = 6
)

// A result is what came of a call.
type result struct {
	text string // for the model
	line string // for the person who watches
}

// refuse returns the result of a call that is not carried out.
func refuse(why string) result { return result{why, why} }

// act carries out a call.
func (x *Exploration) act(ctx context.Context, m move) (result, error) {
	if x.done[m.key()] {
		return refuse("refused: the same call was made before. Try something else, or answer."), nil
	}
	x.done[m.key()] = true
	switch m.Tool {
	case toolSearch:
		return x.search(ctx, m)
	case toolRead:
		return x.read(ctx, m)
	}
	return x.tags(ctx)
}

// search finds passages, within the filters of the task and those of the model.
func (x *Exploration) search(ctx context.Context, m move) (result, error) {
	filters, err := memo.ParseFilters(m.Filters)
	if err != nil {
		return refuse("refused: " + fault.Message(err)), nil
	}
	r := x.task.Request
	r.Text, r.Limit = m.Query, searchPassages
	r.Filters = slices.Concat(r.Filters, filters)
	r.Understand = retrieval.Understanding{} // the model does that itself
	found, err := x.find(ctx, r)
	if err != nil {
		return result{}, err
	}
	x.explained(m.input(), found.Explanation)
	if len(found.Hits) == 0 {
		return refuse("nothing found"), nil
	}
	text, titles := x.present(found.Hits)
	return result{text, fmt.Sprintf("found %d: %s", len(found.Hits), strings.Join(titles, ", "))}, nil
}

// read shows a part of a memo.
func (x *Exploration) read(ctx context.Context, m move) (result, error) {
	from := m.from()
	passages, total, err := x.memos.Excerpt(ctx, x.selection(), m.Memo, from, readPassages)
	switch {
	case fault.Is(err, fault.NotFound):
		return refuse("there is no such memo"), nil
	case err != nil:
		return result{}, err
	case len(passages) == 0:
		return refuse(fmt.Sprintf("the memo has %d chunks, the first is 0", total)), nil
	}
	hits := make([]retrieval.Hit, len(passages))
	for i, p := range passages {
		hits[i].Passage = p
	}
	text, titles := x.present(hits)
	line := fmt.Sprintf("read chunks %d to %d of %d", from, from+len(passages)-1, total)
	return result{line + "\n" + text, line + " of " + titles[0]}, nil // titles are data
}

// tags shows what filters may name.
func (x *Exploration) tags(ctx context.Context) (result, error) {
	v, err := x.memos.Vocabulary(ctx, x.selection())
	if err != nil {
		return result{}, err
	}
	pairs := make([]string, len(v.Metadata))
	for i, p := range v.Metadata {
		pairs[i] = p.Key + " = " + p.Value
	}
	var text strings.Builder
	for _, list := range []struct {
		name   string
		values []string
	}{{"tags", v.Tags}, {"sources", v.Sources}, {"metadata", pairs}} {
		if len(list.values) == 0 {
			continue
		}
		data, err := json.Marshal(list.values[:x.fitting(list.values)])
		if err != nil {
			return result{}, err
		}
		fmt.Fprintf(&text, "%s: %s\n", list.name, data)
	}
	if text.Len() == 0 {
		return refuse("there are none"), nil
	}
	line := fmt.Sprintf("%d tags, %d sources, %d pairs of metadata", len(v.Tags), len(v.Sources), len(v.Metadata))
	return result{x.fence(strings.TrimSpace(text.String())), line}, nil
}

// fitting returns how many of the values the budget has room for, and takes it.
func (x *Exploration) fitting(values []string) int {
	for i, v := range values {
		cost := x.models.CountTokens(v) + 2 // with its quotes and the comma
		if cost > x.left {
			return i
		}
		x.left -= cost
	}
	return len(values)
}

// selection is what the tools may see.
func (x *Exploration) selection() memo.Selection {
	return memo.Selection{Project: x.task.Project, Filters: x.task.Filters, Now: time.Now()}
}

// present shows passages as far as the budget goes, keeps those that are shown, and
// returns their titles, each once. What was shown before is only named.
func (x *Exploration) present(hits []retrieval.Hit) (text string, titles []string) {
	var b strings.Builder
	for rank, hit := range hits {
		p := &hit.Passage
		if !slices.Contains(titles, p.Title) {
			titles = append(titles, p.Title)
		}
		number, known := x.numbers[p.ID]
		if known {
			fmt.Fprintf(&b, "[%d] again\n", number)
			continue
		}
		body := fmt.Sprintf("memo %s, chunk %d\n%s", p.Memo, p.Index, memo.PassageText(p.Title, &p.Chunk))
		if x.left -= x.models.CountTokens(body); x.left < 0 && (rank > 0 || len(x.list) > 0) {
			x.left = 0
			b.WriteString("There is no room for more.\n")
			break
		}
		fmt.Fprintf(&b, "[%d] %s\n", x.add(hit, rank, x.moves), body)
	}
	x.moves++
	return x.fence(strings.TrimSpace(b.String())), titles
}
