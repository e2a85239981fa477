package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/dispatch"
	"kvasir/internal/telemetry"
)

func TestAScrapeMeasuresEveryLane(t *testing.T) {
	t.Parallel()
	want := telemetry.State{
		Pools: []telemetry.Pool{{Kind: "embed", Waiting: 61, Tokens: 610}},
		Lanes: []telemetry.Lane{{
			Kind: "embed", Name: "openai#2/m", State: "paused", InFlight: 1, Concurrency: 8,
			Requests: telemetry.Limit{PerMinute: 600, Left: -3},
		}},
	}
	got := measured([]dispatch.PoolState{*busyPool(time.Now())})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("measured() (-want +got):\n%s", diff)
	}
}
