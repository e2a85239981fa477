package bench

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/dispatch"
	"kvasir/internal/llm"
	"kvasir/internal/provider/providertest"
)

// overheadLane has more room than the calls need: what is measured is not a wait
// for a slot.
const overheadLane = 2048

// overhead embeds queries of one text at a high rate, and takes from the time of
// each call that of the bare exchange in which it went.
func overhead(ctx context.Context, b *bed) (*Report, error) {
	behaviour := providertest.Behaviour{}
	behaviour.Embed.Pace = b.pace()
	if err := b.provider.behave(ctx, behaviour); err != nil {
		return nil, err
	}
	report := &Report{Conditions: []string{
		fmt.Sprintf("%d callers of %.1f calls a second, latency %v, %d processors", b.Callers, b.Rate/float64(b.Callers),
			b.Latency, runtime.GOMAXPROCS(0)),
		"added: the time of a call without that of its exchange over HTTP; JSON is in it",
	}}
	for _, dimensions := range b.Dimensions {
		var p paced
		rigged := plan{
			limits: dispatch.Limits{Concurrency: overheadLane}, dimensions: dimensions, unhedged: true,
			numbered: 1 << 20, // many more than are in flight
		}
		var exchanges, texts, allowed int
		err := b.with(ctx, rigged, func(ctx context.Context, r *rig) error {
			b.Progress(fmt.Sprintf("%.0f calls a second of %d dimensions, warming up for %v", b.Rate, dimensions, b.Learning))
			if err := r.paced(ctx, b, b.Learning, &p); err != nil {
				return err
			}
			begun, err := b.provider.totals(ctx, providertest.Embed)
			if err != nil {
				return err
			}
			p = paced{first: p.calls}
			b.Progress(fmt.Sprintf("measuring for %v", b.Duration))
			if err := r.paced(ctx, b, b.Duration, &p); err != nil {
				return err
			}
			ended, err := b.provider.totals(ctx, providertest.Embed)
			allowed = r.Snapshot()[0].Lanes[0].Concurrency
			exchanges, texts = ended.Requests-begun.Requests, ended.Texts-begun.Texts
			return err
		})
		if err != nil {
			return nil, err
		}
		added, whole := spreadOf(p.added), spreadOf(p.whole)
		name := fmt.Sprintf("%d dimensions: ", dimensions)
		report.add(name+"calls", unitPerS, float64(p.calls)/p.took.Seconds()).against(b.Rate).atLeast(0.98)
		report.add(name+"added, p50", unitUs, us(added.p50)).atMost(100, "< 100 µs")
		report.add(name+"added, p95", unitUs, us(added.p95))
		report.add(name+"added, p99", unitUs, us(added.p99))
		report.add(name+"whole call, p50", unitMs, ms(whole.p50)).against(ms(b.Latency))
		report.add(name+"requests allowed in flight at the end", unitCount, float64(allowed))
		report.add(name+"texts a request", unitCount, float64(texts)/float64(max(exchanges, 1)))
	}
	return report, nil
}

// paced is what callers at a rate have measured.
type paced struct {
	first int // the number of the first call
	calls int
	took  time.Duration
	added []time.Duration
	whole []time.Duration
}

// paced calls at the rate for a time. The callers share it evenly, and one that is
// late catches up.
func (r *rig) paced(ctx context.Context, b *bed, d time.Duration, out *paced) error {
	every := time.Duration(float64(b.Callers) / b.Rate * float64(time.Second))
	began := time.Now()
	rounds := int(d / every)
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	for i := range b.Callers {
		g.Go(func() error {
			own := paced{}
			due := began.Add(every * time.Duration(i) / time.Duration(b.Callers))
			for round := range rounds {
				if err := until(ctx, due); err != nil {
					return err
				}
				if err := r.numbered(ctx, out.first+round*b.Callers+i, &own); err != nil {
					return err
				}
				due = due.Add(every)
			}
			mu.Lock()
			defer mu.Unlock()
			out.calls += own.calls
			out.added, out.whole = append(out.added, own.added...), append(out.whole, own.whole...)
			return nil
		})
	}
	err := g.Wait()
	out.took = time.Since(began)
	return err
}

// numbered makes one call, whose text has the given number, and notes its times.
func (r *rig) numbered(ctx context.Context, n int, out *paced) error {
	text := []string{fmt.Sprintf("%s%0*d of %s: what do ducks eat?", numbered, numberDigits, n, r.bed.mark)}
	call := llm.Call{Tenant: "person", Priority: llm.PriorityQuery}
	whole, err := timed(func() error {
		_, err := r.Embed(ctx, call, llm.InputQuery, text)
		return err
	})
	if err != nil {
		return err
	}
	bare := r.meter.byCall[n%len(r.meter.byCall)].Load()
	out.calls++
	out.whole = append(out.whole, whole)
	out.added = append(out.added, whole-time.Duration(bare))
	return nil
}

func until(ctx context.Context, due time.Time) error {
	d := time.Until(due)
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
