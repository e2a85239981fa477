package bench

import (
	"context"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"kvasir/internal/dispatch"
	"kvasir/internal/llm"
	"kvasir/internal/provider/providertest"
)

// opensEvery is how often a stream is opened: a thousand a second.
const opensEvery = time.Millisecond

// streams opens many answers at once and keeps them open.
func streams(ctx context.Context, b *bed) (*Report, error) {
	first := 4 * b.Latency
	behaviour := providertest.Behaviour{}
	behaviour.Chat.Pace = b.pace()
	behaviour.Chat.FirstToken = providertest.Duration(first)
	// A word a second, and more of them than the measurement lasts.
	ramp := time.Duration(b.Streams) * opensEvery
	behaviour.Chat.TokensPerSecond, behaviour.Chat.Tokens = 1, 30+2*int((ramp+b.Duration+3*first).Seconds())
	if err := b.provider.behave(ctx, behaviour); err != nil {
		return nil, err
	}
	before := resident()
	during, open := math.NaN(), 0
	var times spread
	opened := &opening{all: make(chan struct{})}
	limits := dispatch.Limits{Concurrency: b.Streams}
	err := b.with(ctx, plan{limits: limits}, func(ctx context.Context, r *rig) error {
		opened.begin(ctx, b, r)
		giveUp := time.After(ramp + b.Duration + 3*first)
		b.Progress(fmt.Sprintf("opening %d streams", b.Streams))
		select {
		case <-opened.all:
			if err := b.pause(ctx, b.Duration/2, "holding them"); err != nil {
				return err
			}
		case <-giveUp: // as many as there are by now are what there will be
		case <-ctx.Done():
			return ctx.Err()
		}
		during = resident()
		totals, err := b.provider.totals(ctx, providertest.Chat)
		open, times = totals.InFlight, opened.times()
		return err
	})
	if err != nil {
		return nil, err
	}
	report := &Report{Conditions: []string{fmt.Sprintf(
		"latency %v, then %v to the first token, then a token a second", b.Latency, first)}}
	report.add("streams open at once", unitCount, float64(open)).against(float64(b.Streams)).atLeast(1)
	if b.own {
		report.Conditions = append(report.Conditions, "the goal of 500 MB is one of a provider elsewhere")
		report.add("resident memory, the provider's part in it", unitMB, during)
	} else {
		report.add("resident memory", unitMB, during).atMost(500, "< 500 MB")
	}
	report.add("resident memory before", unitMB, before)
	report.add("memory a stream", unitKB, max(during-before, 0)*1000/float64(max(open, 1)))
	report.add("first token, p50", unitMs, ms(times.p50)).against(ms(b.Latency + first))
	report.add("first token, p99", unitMs, ms(times.p99)).against(ms(b.Latency + first))
	return report, nil
}

// An opening is streams that have said their first word.
type opening struct {
	all chan struct{} // closed when all have

	mu   sync.Mutex // guards what follows
	took []time.Duration
}

// begin opens the streams one after the other. They end with ctx.
func (o *opening) begin(ctx context.Context, b *bed, r *rig) {
	began := time.Now()
	for i := range b.Streams {
		r.load.Go(func() error {
			if err := until(ctx, began.Add(time.Duration(i)*opensEvery)); err != nil {
				return nil // the measurement is over
			}
			return unless(ctx, o.read(ctx, b.Streams, r, i))
		})
	}
}

// read reads a stream to its end.
func (o *opening) read(ctx context.Context, all int, r *rig, i int) error {
	call := llm.Call{Tenant: fmt.Sprintf("project-%d", i%100), Priority: llm.PriorityAnswer}
	ask := llm.GenerateRequest{Messages: []llm.Message{{Role: llm.RoleUser, Text: r.text(questionWords)}}}
	began, heard := time.Now(), false
	for _, err := range r.Generate(ctx, call, "", ask) {
		if err != nil {
			return err
		}
		if !heard {
			heard = true
			o.note(time.Since(began), all)
		}
	}
	return nil
}

func (o *opening) note(took time.Duration, all int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.took = append(o.took, took); len(o.took) == all {
		close(o.all)
	}
}

func (o *opening) times() spread {
	o.mu.Lock()
	defer o.mu.Unlock()
	return spreadOf(append([]time.Duration{}, o.took...))
}

// resident returns the memory of this process in MB as the system counts it; NaN
// where it does not tell.
func resident() float64 { return residentOf("self") }

// residentOf returns that of any process.
func residentOf(process string) float64 {
	status, err := os.ReadFile("/proc/" + process + "/status")
	if err != nil {
		return math.NaN()
	}
	for line := range strings.Lines(string(status)) {
		value, found := strings.CutPrefix(line, "VmRSS:")
		if !found {
			continue
		}
		kb, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
		if err != nil {
			return math.NaN()
		}
		return kb * 1024 / 1e6
	}
	return math.NaN()
}
