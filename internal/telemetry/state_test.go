package telemetry_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/telemetry"
)

func TestAScrapeShowsTheState(t *testing.T) {
	t.Parallel()
	lane := telemetry.Lane{
		Kind: "embed", Name: "openai/small", State: "paused", InFlight: 3, Concurrency: 128,
		Requests: telemetry.Limit{PerMinute: 600, Left: -2.5},
	}
	other := lane // of the same name, in another pool
	other.State, other.Requests = "open", telemetry.Limit{}
	state := telemetry.State{
		Pools: []telemetry.Pool{{Kind: "embed", Waiting: 7, Tokens: 900}, {Kind: "generate", Name: "openai"}},
		Lanes: []telemetry.Lane{lane, other},
		Memos: &telemetry.Memos{Pending: 5, Failed: 1},
	}
	got := scrape(t, start(t, t.Output()).Handler(func(context.Context) telemetry.State { return state }))
	const of = "kind=embed lane=openai/small "
	want := map[sample]float64{
		{"kvasir_memos", "state=pending "}:                      5,
		{"kvasir_memos", "state=failed "}:                       1,
		{"kvasir_waiting", "kind=embed pool= "}:                 7,
		{"kvasir_waiting_tokens", "kind=embed pool= "}:          900,
		{"kvasir_waiting", "kind=generate pool=openai "}:        0,
		{"kvasir_waiting_tokens", "kind=generate pool=openai "}: 0,
		{"kvasir_lane_state", of + "state=open "}:               1,
		{"kvasir_lane_state", of + "state=paused "}:             1,
		{"kvasir_lane_state", of + "state=broken "}:             0,
		{"kvasir_lane_state", of + "state=probing "}:            0,
		{"kvasir_lane_in_flight", of}:                           6,
		{"kvasir_lane_concurrency", of}:                         256,
		{"kvasir_lane_limit_per_minute", of + "of=requests "}:   600,
		{"kvasir_lane_left", of + "of=requests "}:               0,
	}
	runtime := false
	for s := range got {
		runtime = runtime || s.name == "go_goroutines"
		if !strings.HasPrefix(s.name, "kvasir_") {
			delete(got, s)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || !runtime {
		t.Errorf("the runtime is shown: %v; the state (-want +got):\n%s", runtime, diff)
	}
}
