package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/api"
	"kvasir/internal/dispatch"
	"kvasir/internal/ledger"
	"kvasir/internal/memo"
)

func TestWriting(t *testing.T) {
	t.Parallel()
	keeps := ledger.Price{Input: 1, Cached: 0.1, Output: 4}
	tests := []struct {
		name  string
		v     volume
		memos int
		how   []memo.Aspect
		price ledger.Price
		want  api.Writing
	}{
		{"nothing", volume{tokens: 1000, passages: 4}, 1, nil, keeps, api.Writing{}},
		{"a summary each", volume{tokens: 1000, passages: 10}, 10, []memo.Aspect{memo.AspectSummary}, keeps,
			api.Writing{Requests: 10, InputTokens: 10 * (130 + 100 + 60), OutputTokens: 1100, Cost: 0.0073}},
		{"what is too short to be kept", volume{tokens: 800, passages: 4}, 1, []memo.Aspect{memo.AspectContext}, keeps,
			api.Writing{Requests: 4, InputTokens: 4 * (130 + 800 + 60 + 200), OutputTokens: 280, Cost: 0.00588}},
		{"the memo is kept after the first chunk", volume{tokens: 10_000, passages: 40}, 1,
			[]memo.Aspect{memo.AspectContext, memo.AspectQuestions}, keeps,
			api.Writing{
				Requests: 80, InputTokens: 80 * (130 + 10_000 + 60 + 250), CachedTokens: 79 * 10_130,
				OutputTokens: 40 * 130, Cost: (835_200-800_270)*1e-6 + 0.080027 + 0.0208,
			}},
		{"a provider that keeps nothing", volume{tokens: 10_000, passages: 40}, 1,
			[]memo.Aspect{memo.AspectContext}, ledger.Price{Input: 1, Cached: 1},
			api.Writing{Requests: 40, InputTokens: 40 * (130 + 10_000 + 60 + 250), OutputTokens: 2800, Cost: 0.4176}},
		{"a book is read in windows", volume{tokens: 240_000, passages: 1000}, 1, []memo.Aspect{memo.AspectQuestions}, keeps,
			api.Writing{
				Requests: 1000, InputTokens: 1000 * (130 + 24_000 + 60 + 240), CachedTokens: 990 * 24_130,
				OutputTokens: 60_000, Cost: 0.5413 + 2.38887 + 0.24,
			}},
	}
	for _, tt := range tests {
		got := writing(tt.v, tt.memos, memo.Processing{Enrich: tt.how}, tt.price)
		got.Cost, tt.want.Cost = float64(int(got.Cost*1e5)), float64(int(tt.want.Cost*1e5)) // money has digits enough
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestTheSmallModelWrites(t *testing.T) {
	t.Parallel()
	lane := dispatch.LaneState{Lane: dispatch.Lane{Model: "large", Price: ledger.Price{Input: 3}}}
	if model, price := smallModel(&lane); model != "large" || price.Input != 3 {
		t.Errorf("without a small one: %s at %v", model, price)
	}
	lane.FastModel = "small"
	if model, price := smallModel(&lane); model != "small" || price.Input != 3 {
		t.Errorf("without a price: %s at %v", model, price)
	}
	lane.FastPrice = &ledger.Price{Input: 1}
	if model, price := smallModel(&lane); model != "small" || price.Input != 1 {
		t.Errorf("%s at %v", model, price)
	}
}

func TestSmallChunksAreMore(t *testing.T) {
	t.Parallel()
	plan := api.Plan{Bytes: 10_800, Memos: 1}
	if got := measure(plan, words).passages; got != 10 {
		t.Errorf("%v passages by default", got)
	}
	plan.Processing.ChunkWords = 20
	if got := measure(plan, words).passages; got != 90 {
		t.Errorf("%v passages of 20 words", got)
	}
}
