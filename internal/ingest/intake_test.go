package ingest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestWorkLetsClientsGoFirstButNotForLong(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		busy time.Duration // how long a client is being served
		want time.Duration
	}{
		{"nobody is there", 0, 0},
		{"a client is served soon", 5 * time.Millisecond, 5 * time.Millisecond},
		{"clients keep coming", time.Hour, yieldFor},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var in intake
				if tt.busy > 0 {
					first, second := in.begin(), in.begin()
					time.AfterFunc(tt.busy/2, first)
					time.AfterFunc(tt.busy, second)
				}
				began := time.Now()
				in.yield(t.Context())
				if took := time.Since(began); took != tt.want {
					t.Errorf("work waited %v, want %v", took, tt.want)
				}
			})
		})
	}
}

func TestAYieldEndsWithItsContext(t *testing.T) {
	t.Parallel()
	var in intake
	defer in.begin()()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	in.yield(ctx)
}

// An edit's commit wakes the worker before the edit cancels what it supersedes,
// so the new generation's run may be there already.
func TestCancelSparesTheNewestGeneration(t *testing.T) {
	t.Parallel()
	var runs running
	runs.byKey = map[runKey]run{}
	contexts := map[runKey]context.Context{}
	for _, key := range []runKey{{"m", 1}, {"m", 2}, {"m", 3}, {"other", 1}} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		contexts[key] = ctx
		if !runs.add(key, 1, cancel) {
			t.Fatalf("%v is not added", key)
		}
	}
	runs.cancel("m", 3)
	for key, ctx := range contexts {
		if superseded := key.memo == "m" && key.generation < 3; (ctx.Err() != nil) != superseded {
			t.Errorf("%v ended with %v", key, ctx.Err())
		}
	}
}
