package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/chat"
	"kvasir/internal/fault"
	"kvasir/internal/ledger"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// entry is something spent in November 2026.
func entry(project string, day int, kind llm.Kind, memo string, cost ledger.Money) ledger.Entry {
	return ledger.Entry{
		Account: ledger.Account{
			Day:     ledger.DayOf(time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC)),
			Project: project, Key: "sk_proj_0123", Memo: memo, Kind: kind, Provider: "test", Model: "m-" + string(kind),
		},
		Sum: ledger.Sum{Requests: 1, InputTokens: 100, CachedTokens: 10, OutputTokens: 5, Cost: cost},
	}
}

// spender is a backend where money was spent.
func spender() *backend {
	return &backend{entries: []ledger.Entry{
		entry("p1", 1, "embed", "a", 20), entry("p1", 1, "embed", "b", 30), entry("p1", 1, "generate", "", 500),
		entry("p1", 2, "embed", "a", 400), entry("p1", 30, "embed", "a", 7), entry("p2", 1, "embed", "x", 9e9),
	}}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	base := serve(t, spender().config(t)) + "/api/v1/usage?from=2026-11-01"
	const dollar = 1e9
	tests := []struct {
		query     string
		rows      []string
		total     float64 // in billionths
		truncated bool
	}{
		{
			"&to=2026-11-02&group_by=day,kind",
			[]string{"2026-11-01 generate 1 500", "2026-11-01 embed 2 50", "2026-11-02 embed 1 400"}, 950, false,
		},
		{"&to=2026-11-30&group_by=kind", []string{"generate 1 500", "embed 4 457"}, 957, false},
		{"&to=2026-11-01&group_by=memo", []string{`"" 1 500`, "b 1 30", "a 1 20"}, 550, false},
		{"&to=2026-11-01&group_by=memo&limit=2", []string{`"" 1 500`, "b 1 30"}, 550, true},
		{"&to=2026-11-01&group_by=memo&limit=3", []string{`"" 1 500`, "b 1 30", "a 1 20"}, 550, false},
		{"&to=2026-11-02&group_by=day&limit=1", []string{"2026-11-01 3 550"}, 950, true},
		{"&to=2026-11-02&group_by=day,day,%20api_key,provider", []string{
			"2026-11-01 sk_proj_0123 test 3 550", "2026-11-02 sk_proj_0123 test 1 400",
		}, 950, false},
		{
			"&to=2026-11-01",
			[]string{"2026-11-01 generate m-generate 1 500", "2026-11-01 embed m-embed 2 50"}, 550, false,
		},
	}
	for _, tt := range tests {
		got := ask[usageReport](t, "GET", base+tt.query, "")
		var rows []string
		for _, r := range got.Rows {
			var words []string
			for _, part := range []*string{r.Day, r.Key, r.Memo, r.Kind, r.Provider, r.Model} {
				switch {
				case part != nil && *part == "":
					words = append(words, `""`)
				case part != nil:
					words = append(words, *part)
				}
			}
			words = append(words, fmt.Sprint(r.Requests), fmt.Sprintf("%.0f", r.Cost*dollar))
			rows = append(rows, strings.Join(words, " "))
		}
		if diff := cmp.Diff(tt.rows, rows); diff != "" {
			t.Errorf("%s: rows (-want +got):\n%s", tt.query, diff)
		}
		if fmt.Sprintf("%.0f", got.Total.Cost*dollar) != fmt.Sprint(tt.total) || got.Truncated != tt.truncated {
			t.Errorf("%s: total %+v, truncated %t", tt.query, got.Total, got.Truncated)
		}
	}
}

func TestUsageTellsBudgets(t *testing.T) {
	t.Parallel()
	b := &backend{}
	got := ask[usageReport](t, "GET", serve(t, b.config(t))+"/api/v1/usage", "")
	today := time.Now().UTC().Truncate(24 * time.Hour)
	from, err := time.Parse(time.DateOnly, got.From)
	if err != nil || today.Sub(from) < 29*24*time.Hour || today.Sub(from) > 30*24*time.Hour || got.Rows == nil {
		t.Errorf("by default from %s to %s", got.From, got.To)
	}
	until := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	want := []budgetView{
		{"project", "month", until, 1, new(4.0), new(5.0)},
		{"organization", "day", until, 0.5, new(1.0), nil},
		{"server", "month", until, 7, nil, new(9.0)},
	}
	if diff := cmp.Diff(want, got.Budgets); diff != "" {
		t.Errorf("budgets (-want +got):\n%s", diff)
	}
	broken := serve(t, (&backend{failing: fmt.Errorf("disk on fire")}).config(t))
	if status, words := do(t, "GET", broken+"/api/v1/usage", nil); status != http.StatusInternalServerError {
		t.Errorf("a broken ledger: %d %s", status, words)
	}
}

func TestUsageRefusesByName(t *testing.T) {
	t.Parallel()
	base := serve(t, (&backend{}).config(t)) + "/api/v1/usage?"
	for query, name := range map[string]string{
		"from=yesterday":                   "from",
		"to=2026-11-31":                    "to",
		"to=0000-01-01":                    "to",
		"from=2026-11-02&to=2026-11-01":    "from",
		"group_by=project":                 "group_by",
		"group_by=day,":                    "group_by",
		"limit=0":                          "limit",
		"limit=10001":                      "limit",
		"limit=many":                       "limit",
		"limit=99999999999999999999999999": "limit",
	} {
		if status, words := do(t, "GET", base+query, nil); status != 400 || !strings.HasPrefix(words, name+" must") {
			t.Errorf("%s: %d %q", query, status, words)
		}
	}
}

func TestEstimate(t *testing.T) {
	t.Parallel()
	b := &backend{}
	cfg := b.config(t)
	cfg.Options.MaxBodyBytes = 1000
	url := serve(t, cfg) + "/api/v1/usage/estimate"
	tests := []struct {
		body string
		want Plan
	}{
		{`{"texts": ["abcd", "é"]}`, Plan{Samples: []string{"abcd", "é"}, Bytes: 6, Memos: 2}},
		{`{"texts": ["abcd"], "bytes": 4000000000, "memos": 900}`, Plan{Samples: []string{"abcd"}, Bytes: 4e9, Memos: 900}},
		{`{"texts": ["abcd"], "bytes": 1, "memos": null}`, Plan{Samples: []string{"abcd"}, Bytes: 4, Memos: 1}},
		{`{"bytes": 1e9}`, Plan{Bytes: 1e9}},
		{`{"chunk_words": 40, "enrich": ["tags", "summary"]}`, Plan{Processing: memo.Processing{
			ChunkWords: 40, Enrich: []memo.Aspect{memo.AspectSummary, memo.AspectTags},
		}}},
		{``, Plan{}},
	}
	for _, tt := range tests {
		got := ask[Estimate](t, "POST", url, tt.body)
		if diff := cmp.Diff(tt.want, b.planned); diff != "" || got.Tokens != tt.want.Bytes/4 || got.Seconds != nil {
			t.Errorf("%s: %+v, planned (-want +got):\n%s", tt.body, got, diff)
		}
	}
	for body, want := range map[string]int{
		`{"texts": "one"}`: 400,
		`{"bytes": 1.5}`:   400,
		`{"bytes": 1e300}`: 400,
		`{"memos": -1}`:    400,
		`[]`:               400,
		`{"texts": ["` + strings.Repeat("x", 1000) + `"]}`: 413,
	} {
		if status, words := do(t, "POST", url, []byte(body)); status != want || words == "" {
			t.Errorf("%.40s: %d %q, want %d", body, status, words, want)
		}
	}
}

func TestASpentBudgetIs402(t *testing.T) {
	t.Parallel()
	spent := fault.New(fault.Exhausted, "The budget of this project is spent until 2026-12-01")
	b := &backend{failing: spent}
	base := serve(t, b.config(t))
	status, words := do(t, "POST", base+"/api/v1/search", []byte(`{"query": "ducks"}`))
	if status != http.StatusPaymentRequired || words != fault.Message(spent) {
		t.Errorf("search: %d %q", status, words)
	}
	b = &backend{answers: []chat.Event{{Token: "x"}, {Err: spent}, {Done: &chat.Outcome{}}}}
	status, words = do(t, "POST", serve(t, b.config(t))+"/api/v1/chat", []byte(`{"query": "ducks"}`))
	if status != http.StatusPaymentRequired || words != fault.Message(spent) {
		t.Errorf("chat: %d %q", status, words)
	}
}

// TestTheKeyIsPassedOn follows it to every use case that calls models, since it is
// what they bill.
func TestTheKeyIsPassedOn(t *testing.T) {
	t.Parallel()
	b := &backend{}
	base := serve(t, b.config(t))
	for _, call := range [][2]string{
		{"memo", `{"title": "t", "content": "ducks"}`}, {"generate", `{"prompt": "ducks"}`},
		{"chat", `{"query": "ducks"}`}, {"search", `{"query": "ducks"}`}, // last: the fake's chat searches, too
	} {
		if status, words := do(t, "POST", base+"/api/v1/"+call[0], []byte(call[1])); status >= 300 {
			t.Errorf("%s: %d %s", call[0], status, words)
		}
	}
	const key = "sk_proj_0123"
	for what, got := range map[string]string{
		"memo": b.drafted.Key, "search": b.queried.Key, "chat": b.asked.Key, "generate": b.written.Key,
	} {
		if got != key {
			t.Errorf("%s: the key is %q, want %q", what, got, key)
		}
	}
}
