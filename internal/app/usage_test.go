package app

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kvasir/internal/api"
	"kvasir/internal/dispatch"
	"kvasir/internal/ledger"
	"kvasir/internal/llm"
)

func words(text string) int { return len(strings.Fields(text)) }

func TestMeasure(t *testing.T) {
	t.Parallel()
	const text = "one two three four" // 18 bytes
	tests := []struct {
		name string
		plan api.Plan
		want volume
	}{
		{"all of it", api.Plan{Samples: []string{text}, Bytes: 18, Memos: 1}, volume{tokens: 4, passages: 1}},
		{"a part", api.Plan{Samples: []string{text, text}, Bytes: 360, Memos: 3}, volume{tokens: 80, passages: 20}},
		{"many small memos", api.Plan{Samples: []string{text}, Bytes: 36, Memos: 9}, volume{tokens: 8, passages: 9}},
		{"headings are embedded again", api.Plan{
			Samples: []string{"# Head line\n\n" + strings.Repeat("Many words are in here. ", 100)}, Bytes: 1,
		}, volume{tokens: 507, passages: 3}},
		{"nothing is known", api.Plan{Bytes: 4000}, volume{tokens: 1000, passages: 4, guessed: true}},
		{"samples of nothing", api.Plan{Samples: []string{" \n"}, Bytes: 8}, volume{tokens: 2, passages: 1, guessed: true}},
		{"nothing", api.Plan{}, volume{guessed: true}},
	}
	for _, tt := range tests {
		got := measure(tt.plan, words)
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(volume{}), cmpopts.EquateApprox(1e-9, 0)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestEstimate(t *testing.T) {
	t.Parallel()
	spec := llm.EmbedSpec{MaxItems: 100, MaxBatchTokens: 1000}
	lane := dispatch.Lane{Provider: "openai", Model: "m", Price: ledger.Price{Input: 0.1}}
	perMinute := func(n float64) dispatch.BucketState { return dispatch.BucketState{PerMinute: n} }
	tests := []struct {
		name    string
		v       volume
		eta     time.Duration
		lane    dispatch.LaneState
		req     int64
		cost    float64
		seconds float64 // 0: not known
		note    string
	}{
		{"tokens bind", volume{tokens: 1e6, passages: 1000}, 0,
			dispatch.LaneState{Lane: lane, Tokens: perMinute(1e5), Requests: perMinute(1000)}, 1000, 0.1, 600, ""},
		{"requests bind, after what waits", volume{tokens: 1e6, passages: 1000}, time.Minute,
			dispatch.LaneState{Lane: lane, Tokens: perMinute(1e7), Requests: perMinute(100)}, 1000, 0.1, 660, ""},
		{"small texts make more requests", volume{tokens: 1000, passages: 1001}, 0,
			dispatch.LaneState{Lane: lane, Requests: perMinute(11)}, 11, 0.0001, 60, ""},
		{"latency binds", volume{tokens: 1e6}, 0,
			dispatch.LaneState{Lane: lane, Concurrency: 10, P50: 100 * time.Millisecond}, 1000, 0.1, 10, ""},
		{"the speed of late", volume{tokens: 1e6}, 0, dispatch.LaneState{Lane: lane, TokensPerS: 1e5}, 1000, 0.1, 10, ""},
		{"a lane that has not worked", volume{tokens: 1e6}, 0, dispatch.LaneState{}, 1000, 0, 0,
			"how fast this lane is, is not known before it has worked"},
		{"a guess", volume{tokens: 10, guessed: true}, 0, dispatch.LaneState{Tokens: perMinute(600)}, 1, 0, 1,
			"without samples, four bytes are taken for a token"},
		{"nothing", volume{guessed: true}, 0, dispatch.LaneState{Lane: lane}, 0, 0, 0, ""},
		{"longer than a Duration", volume{tokens: 1e30}, 0,
			dispatch.LaneState{Tokens: perMinute(1)}, 1e18, 0, 100 * 365 * 24 * 3600, ""},
	}
	for _, tt := range tests {
		got := estimateOf(tt.v, 7, spec, &dispatch.PoolState{ETA: tt.eta, Lanes: []dispatch.LaneState{tt.lane}})
		seconds, note := 0.0, ""
		if got.Seconds != nil {
			seconds = *got.Seconds
		}
		if got.Note != nil {
			note = *got.Note
		}
		if got.Memos != 7 || *got.Lane != tt.lane.Name() || seconds != tt.seconds || note != tt.note ||
			tt.v.tokens < 1e17 && (got.Requests != tt.req || got.Cost != tt.cost) {
			t.Errorf("%s: %+v, seconds %v, note %q", tt.name, got, seconds, note)
		}
	}
}

func TestOverBudget(t *testing.T) {
	t.Parallel()
	budgets := []api.BudgetState{
		{Budget: ledger.Budget{Period: ledger.Daily, Soft: 1}, Spent: 5 * ledger.Unit},
		{Budget: ledger.Budget{Period: ledger.Monthly, Hard: 5 * ledger.Unit}, Spent: 3 * ledger.Unit},
		{Budget: ledger.Budget{Period: ledger.Daily, Hard: ledger.Unit}, Spent: 2 * ledger.Unit},
	}
	want := "a budget for the month has $2.0000 left; a budget for the day has $0.0000 left"
	if got := overBudget(budgets, 3*ledger.Unit); got != want {
		t.Errorf("overBudget() = %q, want %q", got, want)
	}
	if got := overBudget(budgets[:2], 2*ledger.Unit); got != "" {
		t.Errorf("overBudget() = %q for what is left", got)
	}
}
