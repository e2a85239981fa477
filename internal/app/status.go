package app

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/api"
	"kvasir/internal/dispatch"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// status says what runs and what waits, as much of it as a project may know.
func (a *App) status(ctx context.Context, p account.ProjectID) api.Status {
	ctx, cancel := context.WithTimeout(ctx, healthWithin)
	defer cancel()
	now := time.Now()
	s := api.Status{
		Time: shown(now), Version: Version, Uptime: now.Sub(a.started).Seconds(), Pools: []api.StatusPool{},
	}
	s.Queue, _ = a.queue(ctx) // a database that does not answer is for health to tell
	for _, pool := range a.dispatch.Snapshot() {
		s.Pools = append(s.Pools, statusOf(&pool, p, now))
	}
	return s
}

// statusOf returns a pool as a project may see it: the others in its line are one.
func statusOf(pool *dispatch.PoolState, p account.ProjectID, now time.Time) api.StatusPool {
	out := api.StatusPool{
		Kind: string(pool.Kind), Name: pool.Name, Reason: orNil(pool.Reason), ETA: after(now, pool.ETA),
		Waiting: api.StatusWaiting{Calls: pool.Waiting, Tokens: pool.WaitingTokens, Projects: []api.StatusProject{}},
		Lanes:   make([]api.StatusLane, len(pool.Lanes)),
	}
	own, others := api.StatusProject{Project: p}, api.StatusProject{Project: api.Others}
	for _, t := range pool.Tenants {
		sum := &others
		switch t.Tenant {
		case "":
			continue // a batch of several that is tried again
		case string(p):
			sum = &own
		}
		sum.Calls += t.Count
		sum.Tokens += t.Tokens
	}
	for _, sum := range []api.StatusProject{own, others} {
		if sum.Calls > 0 {
			out.Waiting.Projects = append(out.Waiting.Projects, sum)
		}
	}
	for i := range pool.Lanes {
		out.Lanes[i] = laneOf(&pool.Lanes[i], now)
	}
	return out
}

func laneOf(l *dispatch.LaneState, now time.Time) api.StatusLane {
	out := api.StatusLane{
		Name: l.Name(), Provider: l.Provider, Model: l.Model, Tier: l.Tier,
		State: l.State, Reason: orNil(l.Reason), LastError: orNil(discreet(l.LastError)),
		InFlight: l.InFlight, Concurrency: l.Concurrency, Requests: limitOf(l.Requests), Tokens: limitOf(l.Tokens),
		LatencyP50: milliseconds(l.P50), LatencyP95: milliseconds(l.P95), TokensPerS: l.TokensPerS,
		Price: api.StatusPrice{Input: l.Price.Input, Cached: l.Price.Cached, Output: l.Price.Output},
		Counts: api.StatusCount{
			Sent: l.Sent, Failed: l.Failed, Throttled: l.Throttled, Retried: l.Retried, Hedged: l.Hedged,
		},
	}
	if l.Until.After(now) {
		out.Until = new(shown(l.Until))
	}
	return out
}

func limitOf(b dispatch.BucketState) api.StatusLimit {
	if b.PerMinute == 0 {
		return api.StatusLimit{}
	}
	return api.StatusLimit{Limit: &b.PerMinute, Left: new(max(b.Left, 0)), Source: orNil(b.Source)}
}

// discreet leaves out what a provider says of a request that it refuses: some
// repeat the text that was sent, and it may be another project's.
func discreet(words string) string {
	for _, class := range []llm.Class{llm.ClassBadRequest, llm.ClassTooLong} {
		if at := strings.Index(words, ": "+string(class)); at >= 0 {
			rest := at + len(": ") + len(class)
			if end := strings.Index(words[rest:], ":"); end >= 0 {
				return words[:rest+end]
			}
		}
	}
	return words
}

// A waiter joins what the store and dispatch know of a memo that waits.
type waiter struct {
	// position returns how many memos will be taken up before one that waits.
	position func(ctx context.Context, p account.ProjectID, id memo.ID) (int, error)
	// line returns where the texts of a memo are in dispatch's line.
	line func(memo string) (dispatch.Wait, bool)
}

// wait says why a memo is not processed: its texts are in line, or its last run
// has failed and is tried again later, or other memos come first.
func (w *waiter) wait(ctx context.Context, p account.ProjectID, id memo.ID, at memo.Progress) api.Wait {
	now := time.Now()
	if line, ok := w.line(string(id)); ok {
		return inLine(line, now)
	}
	if at.NotBefore != nil && at.NotBefore.After(now) {
		return api.Wait{Reason: cmp.Or(at.WaitingFor, "the last try failed") +
			at.NotBefore.UTC().Format("; tried again at 15:04:05")}
	}
	if before, err := w.position(ctx, p, id); err == nil && before > 0 {
		return api.Wait{Reason: counted(before, "memo") + " before it"}
	}
	return api.Wait{Reason: at.WaitingFor}
}

// inLine puts dispatch's reason into words.
func inLine(line dispatch.Wait, now time.Time) api.Wait {
	wait := api.Wait{Reason: line.Reason}
	if line.Ahead > 0 {
		ahead := counted(line.Ahead, "text") + " ahead"
		if wait.Reason != "" {
			ahead = ", " + ahead
		}
		wait.Reason += ahead
	}
	if line.ETA > 0 {
		wait.Until = now.Add(line.ETA)
	}
	return wait
}

func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// shown is a time as people read it.
func shown(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// after returns the time after a while; nil for a while that is not known.
func after(now time.Time, while time.Duration) *time.Time {
	if while <= 0 {
		return nil
	}
	return new(shown(now.Add(while)))
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func orNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
