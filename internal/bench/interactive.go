package bench

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/dispatch"
	"kvasir/internal/llm"
	"kvasir/internal/provider/providertest"
)

// interactive embeds queries at a rate, at first alone, and then while bulk takes
// all that the lane gives.
func interactive(ctx context.Context, b *bed) (*Report, error) {
	behaviour := providertest.Behaviour{Headers: b.Headers}
	behaviour.Embed = providertest.Manner{Limit: b.limits(), Pace: b.pace()}
	if err := b.provider.behave(ctx, behaviour); err != nil {
		return nil, err
	}
	var idle, busy spread
	var used window
	limits := dispatch.Limits{RequestsPerMinute: b.RequestsPerMinute, TokensPerMinute: b.TokensPerMinute}
	err := b.with(ctx, plan{limits: limits}, func(ctx context.Context, r *rig) error {
		b.Progress(fmt.Sprintf("queries alone for %v", b.Duration))
		alone, err := r.queries(ctx, b.Rate, b.Duration)
		if err != nil {
			return err
		}
		idle = spreadOf(alone)
		bulk{callers: b.Callers, texts: memoTexts, words: textWords}.start(ctx, r)
		if err := b.pause(ctx, b.Learning, "saturating the lane"); err != nil {
			return err
		}
		begun, err := b.look(ctx)
		if err != nil {
			return err
		}
		b.Progress(fmt.Sprintf("queries beside bulk for %v", b.Duration))
		beside, err := r.queries(ctx, b.Rate, b.Duration)
		if err != nil {
			return err
		}
		ended, err := b.look(ctx)
		if err != nil {
			return err
		}
		busy = spreadOf(beside)
		used = window{since(ended[0].Totals, begun[0].Totals), ended[0].at.Sub(begun[0].at)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	report := &Report{Conditions: []string{
		fmt.Sprintf("%.0f requests and %.0f tokens a minute, of which %.0f queries a second take %.1f %% of the requests",
			b.RequestsPerMinute, b.TokensPerMinute, b.Rate, 100*b.Rate*60/b.RequestsPerMinute),
		fmt.Sprintf("latency %v ± %.0f %%; in theory: idle", b.Latency, 100*b.Jitter),
	}}
	report.add("lane with bulk: tokens", unitPerMin, used.perMinute(used.Tokens)).against(b.TokensPerMinute)
	report.add("lane with bulk: refused", unitShare, share(used.Throttled(), used.Requests))
	for _, p := range []struct {
		name       string
		idle, busy time.Duration
	}{{"p50", idle.p50, busy.p50}, {"p99", idle.p99, busy.p99}} {
		report.add("query beside bulk, "+p.name, unitMs, ms(p.busy)).against(ms(p.idle)).
			atMost(1.2*ms(p.idle), "≤ 1.2 x theory")
	}
	report.add("query beside bulk, longest", unitMs, ms(busy.greatest)).against(ms(idle.greatest))
	report.add("queries", unitCount, float64(busy.n)).against(float64(idle.n))
	return report, nil
}

// queries embeds queries at a rate a second, each when its time has come, whether
// or not those before it are done, and returns how long each took.
func (r *rig) queries(ctx context.Context, rate float64, d time.Duration) ([]time.Duration, error) {
	var taken stopwatch
	call := llm.Call{Tenant: "person", Priority: llm.PriorityQuery}
	g, ctx := errgroup.WithContext(ctx)
	ticks := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer ticks.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); {
		text := []string{r.text(questionWords)}
		g.Go(func() error {
			took, err := timed(func() error {
				_, err := r.Embed(ctx, call, llm.InputQuery, text)
				return err
			})
			taken.note(took)
			return err
		})
		select {
		case <-ctx.Done():
			return nil, g.Wait()
		case <-ticks.C:
		}
	}
	err := g.Wait()
	return taken.take(), err
}
