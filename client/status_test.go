package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/client"
	"kvasir/client/clienttest"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	got, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 22, 17, 45, 40, 38e6, time.UTC)
	want := client.Pool{
		Kind: "embed",
		Waiting: client.Waiting{Calls: 1041, Tokens: 250120, Projects: []client.WaitingProject{
			{Project: clienttest.Project, Calls: 1000, Tokens: 240000}, {Project: client.Others, Calls: 41, Tokens: 10120},
		}},
		Reason: "openai/text-embedding-3-small: 429 until 17:46:10", ETA: at.Add(130 * time.Second),
		Lanes: []client.Lane{{
			Name: "openai/text-embedding-3-small", Provider: "openai", Model: "text-embedding-3-small",
			State: "paused", Reason: "openai/text-embedding-3-small: 429 until 17:46:10",
			Until:     time.Date(2026, 11, 22, 17, 46, 10, 0, time.UTC),
			LastError: "openai: throttled (HTTP 429): Rate limit reached", InFlight: 3, Concurrency: 8,
			Requests:   client.Limit{PerMinute: 3000, Source: "reported"},
			Tokens:     client.Limit{PerMinute: 1e6, Left: 812345.6, Source: "configured"},
			LatencyP50: 118.2, LatencyP95: 1340, TokensPerS: 15210.7, Price: client.Price{Input: 0.02},
			Counts: client.LaneCount{Sent: 18234, Failed: 12, Throttled: 3, Retried: 9},
		}},
	}
	if diff := cmp.Diff(want, got.Pools[0]); diff != "" {
		t.Errorf("pool (-want +got):\n%s", diff)
	}
	queue := client.Queue{Pending: 1204, Errors: 3, Oldest: at.Add(-12 * time.Minute)}
	if got.Queue != queue || got.Uptime != 11520.5 || !got.Time.Equal(at) {
		t.Errorf("status %+v", got)
	}
	if lane := got.Pools[1].Lanes[0]; lane.Requests != (client.Limit{}) || !lane.Until.IsZero() || lane.Reason != "" {
		t.Errorf("what is not known is %+v", lane)
	}
}

func day(year int, month time.Month, d int) time.Time {
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC)
}

func TestUsage(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	got, err := c.Usage(t.Context(), client.UsageRequest{
		From: time.Date(2026, 11, 1, 0, 0, 0, 0, time.FixedZone("east", 3600)), // 31 October in UTC
		To:   day(2026, 11, 2), By: []client.Dimension{client.ByDay, client.ByKind}, Limit: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := client.UsageReport{
		From: "2026-10-31", To: "2026-11-02", By: []client.Dimension{"day", "kind"}, Truncated: true,
		Rows: []client.UsageRow{
			{Day: "2026-10-31", Kind: "embed", UsageSum: client.UsageSum{Requests: 1568, InputTokens: 3210000, Cost: 0.0642}},
			{Day: "2026-11-02", Kind: "generate", UsageSum: client.UsageSum{
				Requests: 12, InputTokens: 48000, CachedTokens: 12000, OutputTokens: 3100, Cost: 0.00816,
			}},
		},
		Total: client.UsageSum{
			Requests: 1580, InputTokens: 3258000, CachedTokens: 12000, OutputTokens: 3100, Cost: 0.07236,
		},
		Budgets: []client.Budget{
			{Scope: "project", Period: "month", Until: day(2026, 12, 1), Spent: 4.5, Soft: 4, Hard: 5},
			{Scope: "server", Period: "day", Until: day(2026, 11, 23), Spent: 0.07236, Hard: 10},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Usage() (-want +got):\n%s", diff)
	}
	if got, err = c.Usage(t.Context(), client.UsageRequest{}); err != nil || len(got.By) != 3 || got.Truncated {
		t.Errorf("by default: %+v, %v", got, err)
	}
	_, err = c.Usage(t.Context(), client.UsageRequest{By: []client.Dimension{"colour"}})
	if refused, ok := errors.AsType[*client.APIError](err); !ok || refused.StatusCode != http.StatusBadRequest {
		t.Errorf("by colour: %v", err)
	}
}

func TestEstimate(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	got, err := c.Estimate(t.Context(), client.EstimateRequest{Texts: []string{"a b c"}, Bytes: 4e9, Memos: 900})
	want := client.Estimate{
		Memos: 900, Tokens: 1e9, Requests: 500001, Cost: 20, Seconds: 12.5, Lane: "openai/text-embedding-3-small",
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Estimate(): %v (-want +got):\n%s", err, diff)
	}
	_, err = c.Estimate(t.Context(), client.EstimateRequest{Texts: []string{clienttest.SpentText}})
	refused, ok := errors.AsType[*client.APIError](err)
	if !ok || refused.StatusCode != http.StatusPaymentRequired || !strings.Contains(refused.Message, "is spent until") {
		t.Errorf("with a spent budget: %v", err)
	}
	var sent int64
	nothing := answering(t, func(w http.ResponseWriter, r *http.Request) {
		sent = r.ContentLength
		fmt.Fprint(w, `{}`)
	})
	_, err = nothing.Estimate(t.Context(), client.EstimateRequest{})
	if want := int64(len(`{"texts":[]}`)); err != nil || sent != want {
		t.Errorf("an estimate of nothing sends %d bytes, %v", sent, err)
	}
}

func TestAMemoThatWaits(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	id, err := c.CreateMemo(t.Context(), client.NewMemo{Title: "t", Content: clienttest.SlowText})
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for s, err := range c.WatchMemo(t.Context(), client.ByID(id)) {
		if err != nil {
			t.Fatal(err)
		}
		reasons = append(reasons, s.WaitingFor)
		if s.ETA.IsZero() != (s.WaitingFor == "") {
			t.Errorf("done at %v, waiting for %q", s.ETA, s.WaitingFor)
		}
	}
	want := []string{
		"openai/m: 429 until 12:03:10, 41 texts ahead", "openai/m: 429 until 12:03:10, 40 texts ahead",
		"openai/m: 429 until 12:03:10, 39 texts ahead", "",
	}
	if diff := cmp.Diff(want, reasons); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
}
