package app

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/api"
	"kvasir/internal/chunk"
	"kvasir/internal/config"
	"kvasir/internal/dispatch"
	"kvasir/internal/ledger"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/parse"
)

// budgets returns what binds a project.
func (a *App) budgets(ctx context.Context, p account.ProjectID) ([]api.BudgetState, error) {
	states, err := a.dispatch.Budgets(ctx, string(p))
	out := make([]api.BudgetState, len(states))
	for i, s := range states {
		out[i] = api.BudgetState{Budget: s.Budget, Spent: s.Spent, Until: s.Until}
	}
	return out, err
}

// estimate says what an import would take.
func (a *App) estimate(ctx context.Context, p account.ProjectID, plan api.Plan) api.Estimate {
	usual, err := a.store.Processing(ctx, p)
	if err != nil {
		a.log.ErrorContext(ctx, "estimate: the project's processing cannot be read", "error", err)
	}
	plan.Processing = plan.Processing.Or(usual)
	v := measure(plan, a.dispatch.CountTokens)
	pools := a.dispatch.Snapshot()
	e := a.estimateEmbedding(v, plan, pools)
	note := join(a.addWriting(&e, v, plan, pools), orEmpty(e.Note))
	budgets, err := a.budgets(ctx, p)
	if err != nil {
		a.log.ErrorContext(ctx, "estimate: budgets cannot be read", "error", err)
	}
	e.Note = orNil(join(overBudget(budgets, ledger.FromDollars(e.Cost)), note))
	return e
}

// estimateEmbedding says what it would take to embed a volume, and with it what a
// model is to write.
func (a *App) estimateEmbedding(v volume, plan api.Plan, pools []dispatch.PoolState) api.Estimate {
	spec, ok := a.dispatch.EmbedSpec()
	if !ok {
		return api.Estimate{Memos: plan.Memos, Note: new("there is no embedding model: nothing is spent on vectors")}
	}
	v.tokens += v.passages * writtenPerPassage(plan.Processing)
	for i := range pools {
		if pools[i].Kind == llm.KindEmbed && len(pools[i].Lanes) > 0 {
			e := estimateOf(v, plan.Memos, spec, &pools[i])
			if !a.models.Embed[0].Priced {
				e.Note = orNil(join("no price is known for this model", orEmpty(e.Note)))
			}
			return e
		}
	}
	return api.Estimate{Memos: plan.Memos}
}

// overBudget says which budgets have not as much left, "" if all have.
func overBudget(budgets []api.BudgetState, cost ledger.Money) string {
	words := ""
	for _, b := range budgets {
		if left := b.Hard - b.Spent; b.Hard > 0 && left < cost {
			words = join(words, fmt.Sprintf("a budget for the %s has %v left", b.Period, max(left, 0)))
		}
	}
	return words
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// A volume is what an import would have embedded.
type volume struct {
	tokens   float64
	passages float64
	guessed  bool // there were no samples
}

const (
	usualWords   = 180 // of a chunk
	bytesPerWord = 24  // at most, as ingest has it
)

// measure cuts the samples as ingest does, counts what would be embedded, and
// goes by their share of all bytes.
func measure(plan api.Plan, countTokens func(string) int) volume {
	var v volume
	bytes, words := 0, cmp.Or(plan.Processing.ChunkWords, usualWords)
	for _, text := range plan.Samples {
		if strings.TrimSpace(text) == "" {
			continue
		}
		bytes += len(text)
		for _, piece := range chunk.Split(text, chunk.Options{Words: words, MaxBytes: words * bytesPerWord}) {
			v.passages++
			passage := memo.Chunk{Headings: piece.Headings, Content: text[piece.Start:piece.End]}
			v.tokens += float64(countTokens(memo.PassageText("", &passage)))
		}
	}
	if bytes == 0 {
		// Four bytes are a token of English, and six a word.
		all := float64(plan.Bytes)
		return volume{tokens: all / 4, passages: math.Ceil(all / float64(words) / 6), guessed: true}
	}
	share := max(float64(plan.Bytes)/float64(bytes), 1)
	v.tokens *= share
	v.passages = max(v.passages*share, float64(plan.Memos)) // a memo has one at least
	return v
}

// estimateOf prices a volume by the first lane, and times it by the pool.
func estimateOf(v volume, memos int, spec llm.EmbedSpec, pool *dispatch.PoolState) api.Estimate {
	lane := &pool.Lanes[0]
	requests := 0.0
	for _, bound := range []struct{ of, most float64 }{
		{v.tokens, float64(spec.MaxBatchTokens)}, {v.passages, float64(spec.MaxItems)},
	} {
		if bound.most > 0 {
			requests = max(requests, math.Ceil(bound.of/bound.most))
		}
	}
	tokens := int64(math.Ceil(v.tokens))
	e := api.Estimate{
		Memos: memos, Tokens: tokens, Requests: int64(requests), Lane: new(lane.Name()),
		Cost: lane.Price.Of(llm.Usage{InputTokens: int(tokens)}).Dollars(),
	}
	var notes []string
	if v.guessed && tokens > 0 {
		notes = append(notes, "without samples, four bytes are taken for a token")
	}
	if while, known := duration(v.tokens, requests, lane); known {
		e.Seconds = new(math.Ceil((while + pool.ETA).Seconds()))
	} else if tokens > 0 {
		notes = append(notes, "how fast this lane is, is not known before it has worked")
	}
	e.Note = orNil(strings.Join(notes, "; "))
	return e
}

// duration says how long a lane takes for so many tokens and requests: by the
// slowest of its limits and its latency, else by its speed of late. It reports
// false if none of them is known.
func duration(tokens, requests float64, lane *dispatch.LaneState) (while time.Duration, known bool) {
	bounds := []struct{ of, perMinute float64 }{
		{tokens, lane.Tokens.PerMinute}, {requests, lane.Requests.PerMinute},
	}
	if lane.P50 > 0 {
		bounds = append(bounds, struct{ of, perMinute float64 }{requests, float64(lane.Concurrency) / lane.P50.Minutes()})
	}
	minutes := 0.0
	for _, b := range bounds {
		if b.perMinute > 0 {
			minutes, known = max(minutes, b.of/b.perMinute), true
		}
	}
	if !known && lane.TokensPerS > 0 {
		minutes, known = tokens/lane.TokensPerS/60, true
	}
	const most = 100 * 365 * 24 * 60 // minutes; a Duration holds 292 years
	return time.Duration(min(minutes, most) * float64(time.Minute)), known
}

// NewParser returns a reader of documents like the server's, for who wants to
// know beforehand what is in them. It is to be closed.
func NewParser() *parse.Parser { return parse.New(readingLimits(&config.Config{})) }
