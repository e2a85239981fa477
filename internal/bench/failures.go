package bench

import (
	"context"
	"fmt"

	"kvasir/internal/dispatch"
	"kvasir/internal/provider/providertest"
)

const (
	// failingLane is how many requests are in flight: what bounds the throughput is
	// the latency, and a request that fails costs its slot.
	failingLane  = 16
	failingItems = 16 // texts a request: many requests, not many texts, are what fails
	failingWords = 20
)

// failures embeds for a time while nothing fails and for the same time while a
// share of the calls does.
func failures(ctx context.Context, b *bed) (*Report, error) {
	well := providertest.Behaviour{}
	well.Embed.Pace = b.pace()
	ill := well
	ill.Embed.Odds = providertest.Odds{Throttled: b.Failing / 3, Failed: b.Failing / 3, Reset: b.Failing / 3}
	begun, err := b.provider.totals(ctx, providertest.Embed)
	if err != nil {
		return nil, err
	}
	var rates [2]float64
	var failed int64
	var seen [2]window
	for i, behaviour := range []providertest.Behaviour{well, ill} {
		if err := b.provider.behave(ctx, behaviour); err != nil {
			return nil, err
		}
		what := []string{"nothing fails", fmt.Sprintf("%.0f %% fail", 100*b.Failing)}[i]
		if rates[i], failed, seen[i], err = b.throughput(ctx, what); err != nil {
			return nil, err
		}
	}
	ended, err := b.provider.totals(ctx, providertest.Embed)
	if err != nil {
		return nil, err
	}
	report := &Report{Conditions: []string{
		fmt.Sprintf("%d callers of one text each, %d requests of %d texts in flight", b.Callers, failingLane, failingItems),
		fmt.Sprintf("latency %v ± %.0f %%, %v each way", b.Latency, 100*b.Jitter, b.Duration),
		fmt.Sprintf("%.0f %% of the requests get a 429, a 500 or a reset connection, in equal shares", 100*b.Failing),
		"in theory: when nothing fails",
	}}
	report.add("requests that failed", unitShare, share(seen[1].Failed+seen[1].ByStatus[0], seen[1].Requests)).
		against(100 * b.Failing)
	report.add("texts", unitPerS, rates[1]).against(rates[0]).atLeast(0.8)
	report.add("texts that failed for good", unitCount, float64(failed)).atMost(0, "none")
	twice := since(ended, begun).Duplicates
	report.add("texts embedded twice", unitCount, float64(twice)).atMost(0, "none")
	return report, nil
}

// throughput embeds on a scheduler of its own, and returns the texts a second and
// how many failed, and what the provider has seen of it.
func (b *bed) throughput(
	ctx context.Context, what string,
) (perSecond float64, failed int64, seen window, err error) {
	limits := dispatch.Limits{Concurrency: failingLane}
	err = b.with(ctx, plan{limits: limits, items: failingItems}, func(ctx context.Context, r *rig) error {
		load := bulk{callers: b.Callers, texts: 1, words: failingWords}.start(ctx, r)
		if err := b.pause(ctx, b.Learning, what+": warming up"); err != nil {
			return err
		}
		then := load.embedded.Load()
		counted, err := b.count(ctx, b.Duration, what+": measuring")
		seen = counted[0]
		perSecond, failed = float64(load.embedded.Load()-then)/seen.took.Seconds(), load.failed.Load()
		return err
	})
	return perSecond, failed, seen, err
}
