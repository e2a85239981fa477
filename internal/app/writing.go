package app

import (
	"cmp"
	"math"

	"kvasir/internal/api"
	"kvasir/internal/dispatch"
	"kvasir/internal/ledger"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// What requests to write about a memo are made of, in tokens: package ingest's
// prompts as they are, and answers as models give them.
const (
	windowTokens = 24_000 // of a memo that one request reads, at most
	promptTokens = 130    // that all requests have, before the memo
	askTokens    = 60     // what is to be written
	leastKept    = 1024   // a beginning that is shorter is kept by no provider
)

// answerTokens are the lengths of answers.
var answerTokens = map[memo.Aspect]float64{
	memo.AspectSummary: 110, memo.AspectTags: 30, memo.AspectContext: 70, memo.AspectQuestions: 60,
}

// writtenPerPassage returns the tokens that a model adds to what is embedded of a
// passage.
func writtenPerPassage(how memo.Processing) float64 {
	tokens := 0.0
	for _, a := range how.Enrich {
		if a.OfChunks() {
			tokens += answerTokens[a]
		}
	}
	return tokens
}

// writing says what it would take to have a model write about memos.
//
// Each aspect of a memo is a request, and each aspect of a chunk is one for each
// chunk. A request reads the instructions, the memo (a long one: the window of it
// that the chunk is in), and the task, with the chunk if it is about one:
//
//	requests = memos × aspects of memos + chunks × aspects of chunks
//	input    = requests × (instructions + window + task) + requests about chunks × chunk
//	cached   = (requests − windows) × (instructions + window)
//	cost     = (input − cached) × price + cached × cached price + output × output price
//
// The first request for a window pays for it in full. The others find it kept by
// the provider, if that has a price for what it keeps, and the window is as long
// as providers ask for.
func writing(v volume, memos int, how memo.Processing, price ledger.Price) api.Writing {
	var ofMemo, ofChunk, answers float64 // requests, and tokens
	all := math.Max(float64(memos), 1)
	for _, a := range how.Enrich {
		if a.OfChunks() {
			ofChunk += v.passages
			answers += v.passages * answerTokens[a]
		} else {
			ofMemo += all
			answers += all * answerTokens[a]
		}
	}
	windows := math.Max(all, math.Ceil(v.tokens/windowTokens))
	begin := promptTokens + v.tokens/windows
	if ofChunk == 0 {
		windows = all // of a long memo the first one is read
	}
	requests := ofMemo + ofChunk
	input := requests * (begin + askTokens)
	if ofChunk > 0 {
		input += ofChunk * v.tokens / v.passages
	}
	cached := 0.0
	if price.Cached > 0 && price.Cached < price.Input && begin >= leastKept {
		cached = math.Max(requests-windows, 0) * begin
	}
	e := api.Writing{
		Requests: int64(requests), InputTokens: int64(math.Ceil(input)), CachedTokens: int64(cached),
		OutputTokens: int64(math.Ceil(answers)),
	}
	e.Cost = price.Of(llm.Usage{
		InputTokens: int(e.InputTokens), CachedTokens: int(e.CachedTokens), OutputTokens: int(e.OutputTokens),
	}).Dollars()
	return e
}

// addWriting adds to an estimate what a model is to write, and returns what the
// figures rest on. Most of it is done while other memos are embedded, so the
// slower of the two says how long all takes.
func (a *App) addWriting(e *api.Estimate, v volume, plan api.Plan, pools []dispatch.PoolState) string {
	if len(plan.Processing.Enrich) == 0 || plan.Memos == 0 && v.tokens == 0 {
		return ""
	}
	writer := a.writer()
	if writer == "" {
		return "there is no model that writes: nothing is enriched"
	}
	for i := range pools {
		pool := &pools[i]
		if pool.Kind != llm.KindGenerate || pool.Name != writer || len(pool.Lanes) == 0 {
			continue
		}
		lane := &pool.Lanes[0]
		model, price := smallModel(lane)
		w := writing(v, plan.Memos, plan.Processing, price)
		w.Lane = lane.Provider + "/" + model
		e.Enrichment, e.Cost = &w, e.Cost+w.Cost
		note := ""
		if price == (ledger.Price{}) {
			note = "no price is known for " + w.Lane
		}
		while, known := duration(float64(w.InputTokens+w.OutputTokens), float64(w.Requests), lane)
		if !known {
			e.Seconds = nil
			return join(note, "how fast "+w.Lane+" writes, is not known before it has worked")
		}
		if took := math.Ceil((while + pool.ETA).Seconds()); e.Seconds != nil {
			e.Seconds = new(math.Max(*e.Seconds, took))
		} else if e.Lane == nil {
			e.Seconds = &took
		}
		return note
	}
	return ""
}

// smallModel returns the model of a lane that enrichment uses, and its price.
func smallModel(l *dispatch.LaneState) (string, ledger.Price) {
	if l.FastModel == "" || l.FastPrice == nil {
		return cmp.Or(l.FastModel, l.Model), l.Price
	}
	return l.FastModel, *l.FastPrice
}
