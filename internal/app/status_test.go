package app

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/account"
	"kvasir/internal/api"
	"kvasir/internal/dispatch"
	"kvasir/internal/ledger"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// busyPool is a line of three tenants before one paused lane.
func busyPool(now time.Time) *dispatch.PoolState {
	return &dispatch.PoolState{
		Kind: llm.KindEmbed, Waiting: 61, WaitingTokens: 610,
		Tenants: []dispatch.TenantWaiting{
			{Tenant: "p2", Count: 30, Tokens: 300}, {Tenant: "p1", Count: 10, Tokens: 100},
			{Tenant: "p3", Count: 20, Tokens: 200}, {Count: 1, Tokens: 10},
		},
		Reason: "openai/m: 429 until 12:03:10", ETA: 2 * time.Minute,
		Lanes: []dispatch.LaneState{{
			Lane:  dispatch.Lane{Provider: "openai", Key: "#2", Model: "m", Tier: 1, Price: ledger.Price{Input: 0.02}},
			State: "paused", Reason: "429", Until: now.Add(time.Minute), LastError: "openai: throttled (HTTP 429): slow down",
			InFlight: 1, Concurrency: 8, Requests: dispatch.BucketState{PerMinute: 600, Source: "reported", Left: -3},
			P50: 1500 * time.Microsecond, P95: time.Second, TokensPerS: 7,
			Sent: 5, Failed: 4, Throttled: 3, Retried: 2, Hedged: 1,
		}},
	}
}

func TestAStatusShowsOthersAsOne(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	want := api.StatusPool{
		Kind: "embed", Reason: new("openai/m: 429 until 12:03:10"), ETA: new(now.Add(2 * time.Minute)),
		Waiting: api.StatusWaiting{Calls: 61, Tokens: 610, Projects: []api.StatusProject{
			{Project: "p1", Calls: 10, Tokens: 100}, {Project: api.Others, Calls: 50, Tokens: 500},
		}},
		Lanes: []api.StatusLane{{
			Name: "openai#2/m", Provider: "openai", Model: "m", Tier: 1,
			State: "paused", Reason: new("429"), Until: new(now.Add(time.Minute)),
			LastError: new("openai: throttled (HTTP 429): slow down"), InFlight: 1, Concurrency: 8,
			Requests:   api.StatusLimit{Limit: new(600.0), Left: new(0.0), Source: new("reported")},
			LatencyP50: 1.5, LatencyP95: 1000, TokensPerS: 7, Price: api.StatusPrice{Input: 0.02},
			Counts: api.StatusCount{Sent: 5, Failed: 4, Throttled: 3, Retried: 2, Hedged: 1},
		}},
	}
	if diff := cmp.Diff(want, statusOf(busyPool(now), "p1", now)); diff != "" {
		t.Errorf("statusOf() (-want +got):\n%s", diff)
	}
	if got := statusOf(busyPool(now), "p4", now).Waiting.Projects; len(got) != 1 || got[0].Calls != 60 {
		t.Errorf("for who has nothing in line: %+v", got)
	}
	idle := statusOf(&dispatch.PoolState{Kind: llm.KindRerank, Lanes: []dispatch.LaneState{{State: "open"}}}, "p1", now)
	if idle.Waiting.Projects == nil || idle.ETA != nil || idle.Reason != nil || idle.Lanes[0].Until != nil {
		t.Errorf("an idle pool: %+v", idle)
	}
}

func TestErrorsDoNotRepeatWhatOthersSent(t *testing.T) {
	t.Parallel()
	tests := []struct{ words, want string }{
		{"", ""},
		{"openai: throttled (HTTP 429): slow down", "openai: throttled (HTTP 429): slow down"},
		{"openai: bad request (HTTP 400): 'my secret: text' is not valid", "openai: bad request (HTTP 400)"},
		{"voyage: too long: my secret text", "voyage: too long"},
		{"voyage: bad request", "voyage: bad request"},
	}
	for _, tt := range tests {
		if got := discreet(tt.words); got != tt.want {
			t.Errorf("discreet(%q) = %q, want %q", tt.words, got, tt.want)
		}
	}
	// The cases are written as these errors write themselves.
	e := llm.Error{Class: llm.ClassBadRequest, Provider: "p", Status: 422, Message: "secret"}
	if got := discreet(e.Error()); strings.Contains(got, "secret") {
		t.Errorf("discreet(%q) = %q", e.Error(), got)
	}
}

func TestWhyAMemoWaits(t *testing.T) {
	t.Parallel()
	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	reason := "openai/m: 429 until 12:03:10"
	tests := []struct {
		name   string
		line   *dispatch.Wait
		before int
		broken bool
		at     memo.Progress
		want   string
	}{
		{"in line", &dispatch.Wait{Reason: reason, Ahead: 41}, 3, false, memo.Progress{}, reason + ", 41 texts ahead"},
		{"behind one", &dispatch.Wait{Ahead: 1}, 3, false, memo.Progress{}, "1 text ahead"},
		{"first in line", &dispatch.Wait{Reason: reason}, 3, false, memo.Progress{}, reason},
		{
			"postponed", nil, 3, false, memo.Progress{WaitingFor: "openai: out to lunch", NotBefore: &soon},
			"openai: out to lunch; tried again at " + soon.UTC().Format("15:04:05"),
		},
		{"not yet taken up", nil, 12, false, memo.Progress{Stage: memo.StageReceived}, "12 memos before it"},
		{"behind another", nil, 1, false, memo.Progress{WaitingFor: "x", NotBefore: &past}, "1 memo before it"},
		{"at work", nil, 0, false, memo.Progress{Stage: memo.StageEmbedding}, ""},
		{"its place is not known", nil, 9, true, memo.Progress{WaitingFor: "openai: busy"}, "openai: busy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := waiter{
				position: func(context.Context, account.ProjectID, memo.ID) (int, error) {
					if tt.broken {
						return 0, errors.New("disk on fire")
					}
					return tt.before, nil
				},
				line: func(string) (dispatch.Wait, bool) {
					if tt.line == nil {
						return dispatch.Wait{}, false
					}
					return *tt.line, true
				},
			}
			if got := w.wait(t.Context(), "p1", "m", tt.at); got.Reason != tt.want || !got.Until.IsZero() {
				t.Errorf("wait() = %+v, want %q", got, tt.want)
			}
		})
	}
	now := time.Now()
	if got := inLine(dispatch.Wait{ETA: time.Minute}, now); !got.Until.Equal(now.Add(time.Minute)) {
		t.Errorf("inLine() = %+v", got)
	}
}
