package bench

import (
	"context"
	"fmt"
	"time"

	"kvasir/internal/dispatch"
	"kvasir/internal/llm"
	"kvasir/internal/provider/providertest"
)

const (
	smallMemo = 3 // texts
	idleMemos = 10
	// lightShare is how much of the tokens all projects take together that have no
	// more than a small memo now and then.
	lightShare = 0.2
)

// fairness embeds a small memo again and again, at first alone, and then while a
// thousand projects have texts in line, one of them very many.
func fairness(ctx context.Context, b *bed) (*Report, error) {
	behaviour := providertest.Behaviour{Headers: b.Headers}
	behaviour.Embed = providertest.Manner{Limit: b.limits(), Pace: b.pace()}
	if err := b.provider.behave(ctx, behaviour); err != nil {
		return nil, err
	}
	var idle, busy, light, batches spread
	waiting := 0
	limits := dispatch.Limits{RequestsPerMinute: b.RequestsPerMinute, TokensPerMinute: b.TokensPerMinute}
	err := b.with(ctx, plan{limits: limits}, func(ctx context.Context, r *rig) error {
		alone, err := r.memos(ctx, time.Time{}, idleMemos)
		if err != nil {
			return err
		}
		idle = spreadOf(alone)
		large := bulk{callers: 1, texts: b.Queued, words: textWords, tenant: "large"}
		large.start(ctx, r)
		others := r.others(ctx, b)
		if err := b.pause(ctx, b.Learning, "letting the line fill"); err != nil {
			return err
		}
		r.meter.take()
		others.take()
		b.Progress(fmt.Sprintf("embedding small memos for %v", b.Duration))
		beside, err := r.memos(ctx, time.Now().Add(b.Duration), 0)
		if err != nil {
			return err
		}
		busy, light, batches = spreadOf(beside), spreadOf(others.take()), spreadOf(r.meter.take())
		waiting = r.Snapshot()[0].Waiting
		return nil
	})
	if err != nil {
		return nil, err
	}
	interval := time.Duration(0)
	if b.RequestsPerMinute > 0 {
		interval = time.Duration(float64(time.Minute) / b.RequestsPerMinute)
	}
	bound := idle.p50 + interval + batches.p50
	report := &Report{Conditions: []string{
		fmt.Sprintf("%d projects, one with %d texts of %d words in line", b.Projects, b.Queued, textWords),
		fmt.Sprintf("the others with %d texts now and then, %.0f %% of the limit in all", smallMemo, 100*lightShare),
		fmt.Sprintf("%.0f requests and %.0f tokens a minute, latency %v", b.RequestsPerMinute, b.TokensPerMinute, b.Latency),
		"in theory: idle, one request interval and one batch",
	}}
	report.add("small memo when idle, p50", unitMs, ms(idle.p50))
	report.add("request interval", unitMs, ms(interval))
	report.add("batch, p50", unitMs, ms(batches.p50))
	report.add("small memo, p50", unitMs, ms(busy.p50)).against(ms(bound)).atMost(ms(bound), "≤ theory")
	report.add("small memo, p99", unitMs, ms(busy.p99)).against(ms(bound)).atMost(ms(bound), "≤ theory")
	report.add("small memo, longest", unitMs, ms(busy.greatest)).against(ms(bound))
	report.add("memos of all others, p99", unitMs, ms(light.p99)).against(ms(bound))
	report.add("memos of all others", unitCount, float64(light.n))
	report.add("small memos", unitCount, float64(busy.n))
	report.add("texts in line at the end", unitCount, float64(waiting))
	return report, nil
}

// memos embeds small memos one after the other, so many or until a time, and
// returns how long each took.
func (r *rig) memos(ctx context.Context, until time.Time, n int) ([]time.Duration, error) {
	call := llm.Call{Tenant: "small", Memo: "small", Priority: llm.PriorityIngest}
	var times []time.Duration
	for len(times) < n || time.Now().Before(until) {
		texts := r.texts(smallMemo, textWords)
		took, err := timed(func() error {
			_, err := r.Embed(ctx, call, llm.InputDocument, texts)
			return err
		})
		if err != nil {
			return nil, err
		}
		times = append(times, took)
	}
	return times, nil
}

// others has the other projects embed small memos from time to time, and returns
// how long they take.
func (r *rig) others(ctx context.Context, b *bed) *stopwatch {
	taken := new(stopwatch)
	n := max(b.Projects-2, 0)
	perSecond := lightShare * b.TokensPerMinute / 60 / (smallMemo * textWords)
	every := time.Duration(float64(n) / perSecond * float64(time.Second))
	began := time.Now()
	for i := range n {
		call := llm.Call{Tenant: fmt.Sprintf("project-%d", i), Priority: llm.PriorityIngest}
		r.load.Go(func() error {
			due := began.Add(every * time.Duration(i) / time.Duration(n))
			for ; until(ctx, due) == nil; due = due.Add(every) {
				took, err := timed(func() error {
					_, err := r.Embed(ctx, call, llm.InputDocument, r.texts(smallMemo, textWords))
					return err
				})
				if err := unless(ctx, err); err != nil {
					return err
				}
				taken.note(took)
			}
			return nil
		})
	}
	return taken
}
