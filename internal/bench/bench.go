// Package bench loads a real scheduler against a scripted provider, and holds what
// it measures against what is possible.
//
// A [Scenario] is one promise of package dispatch: that it uses a limit to the
// full, that nobody waits behind a large tenant, that a person does not wait behind
// bulk, that it costs next to nothing itself, that it bears many streams and an
// upstream that fails. [Run] sets the provider's behaviour, makes the calls through
// a [dispatch.Scheduler] and the adapter of OpenAI's protocol over real HTTP, and
// returns a [Report] of figures, each with its theory and its goal where it has one.
//
// The provider is package providertest's. It runs in this process, or, so that its
// CPU and memory do not count, in another one that kvasir bench provider started.
// Texts are words, of which the provider counts each as a token.
//
// [Index] does without a provider: it measures a search index.
package bench

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"kvasir/internal/provider/providertest"
)

// Options are what scenarios can be told; 0 is the scenario's own choice. A
// scenario ignores what it has no use for.
type Options struct {
	// URL is that of a provider that runs already, with its control; empty starts
	// one in this process.
	URL string
	// RequestsPerMinute and TokensPerMinute are the provider's limits.
	RequestsPerMinute float64
	TokensPerMinute   float64
	// Burst is how much of the limits the provider allows at once.
	Burst time.Duration
	// Headers is how the provider tells of its limits.
	Headers providertest.Headers
	// Duration is that of each measurement, and Learning of what comes before it.
	Duration time.Duration
	Learning time.Duration
	// Latency is the provider's, and Jitter the share by which it varies.
	Latency time.Duration
	Jitter  float64
	// Rate is the calls a second of the scenarios that make them at a rate.
	Rate float64
	// Projects, Queued, Streams and Callers are how many there are.
	Projects int
	Queued   int
	Streams  int
	Callers  int
	// Dimensions are those of the vectors.
	Dimensions []int
	// Failing is the share of calls that fail.
	Failing float64
	// Progress is told what happens, if not nil.
	Progress func(what string)
	// Log is the scheduler's; nil for none.
	Log *slog.Logger
}

// or returns the options with a scenario's choice where there is none.
func (o Options) or(d Options) Options {
	o.RequestsPerMinute = cmp.Or(o.RequestsPerMinute, d.RequestsPerMinute)
	o.TokensPerMinute = cmp.Or(o.TokensPerMinute, d.TokensPerMinute)
	o.Burst = cmp.Or(o.Burst, d.Burst, time.Minute)
	o.Headers = cmp.Or(o.Headers, d.Headers, providertest.HeadersOpenAI)
	o.Duration = cmp.Or(o.Duration, d.Duration)
	o.Learning = cmp.Or(o.Learning, d.Learning)
	o.Latency = cmp.Or(o.Latency, d.Latency)
	o.Jitter = cmp.Or(o.Jitter, d.Jitter)
	o.Rate = cmp.Or(o.Rate, d.Rate)
	o.Projects = cmp.Or(o.Projects, d.Projects)
	o.Queued = cmp.Or(o.Queued, d.Queued)
	o.Streams = cmp.Or(o.Streams, d.Streams)
	o.Callers = cmp.Or(o.Callers, d.Callers)
	o.Failing = cmp.Or(o.Failing, d.Failing)
	if len(o.Dimensions) == 0 {
		o.Dimensions = d.Dimensions
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	return o
}

// check returns an error if a number makes no sense.
func (o *Options) check() error {
	for name, n := range map[string]float64{
		"the rate": o.Rate, "the number of projects": float64(o.Projects), "the texts": float64(o.Queued),
		"the number of streams": float64(o.Streams), "the number of callers": float64(o.Callers),
		"the duration": float64(o.Duration), "the time of learning": float64(o.Learning),
	} {
		if !(n >= 0) || math.IsInf(n, 0) {
			return fmt.Errorf("%s must not be below 0", name)
		}
	}
	return nil
}

// A Scenario is one way to load the scheduler.
type Scenario struct {
	Name  string
	About string
	own   Options
	run   func(context.Context, *bed) (*Report, error)
}

// Scenarios returns all of them, in the order in which they are best run.
func Scenarios() []Scenario {
	const second = time.Second
	return []Scenario{
		{
			"limit", "how much of a provider's limits is used, and how often it refuses",
			Options{
				RequestsPerMinute: 600, TokensPerMinute: 1e6, Latency: 300 * time.Millisecond, Jitter: 0.3,
				Duration: 60 * second, Callers: 64,
			}, limit,
		},
		{
			"fairness", "how long a small memo takes beside a project with 100,000 texts and hundreds of others",
			Options{
				RequestsPerMinute: 600, TokensPerMinute: 1e6, Latency: 200 * time.Millisecond,
				Duration: 30 * second, Learning: 8 * second, Projects: 1000, Queued: 100_000,
			}, fairness,
		},
		{
			"interactive", "what a search waits while bulk saturates the lane",
			Options{
				RequestsPerMinute: 12_000, TokensPerMinute: 3e6, Latency: 100 * time.Millisecond, Jitter: 0.1,
				Duration: 30 * second, Learning: 8 * second, Rate: 10, Callers: 64,
			}, interactive,
		},
		{
			"overhead", "what the scheduler adds to a call at thousands of calls a second",
			Options{
				Latency: 20 * time.Millisecond, Duration: 10 * second, Learning: 5 * second, Rate: 5000,
				Callers: 500, Dimensions: []int{256, 1536},
			}, overhead,
		},
		{
			"streams", "what thousands of open streams take",
			Options{Latency: 50 * time.Millisecond, Duration: 10 * second, Streams: 5000}, streams,
		},
		{
			"errors", "what a provider that fails costs, and whether anything is bought twice",
			Options{
				Latency: 100 * time.Millisecond, Jitter: 0.2, Duration: 30 * second, Learning: 5 * second,
				Callers: 2000, Failing: 0.2,
			}, failures,
		},
	}
}

// Run runs a scenario.
func Run(ctx context.Context, name string, o Options) (*Report, error) {
	all := Scenarios()
	i := slices.IndexFunc(all, func(s Scenario) bool { return s.Name == name })
	if i < 0 {
		names := make([]string, len(all))
		for i, s := range all {
			names[i] = s.Name
		}
		return nil, fmt.Errorf("there is no scenario %q, only %s", name, strings.Join(names, ", "))
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	o = o.or(all[i].own)
	b := &bed{Options: o, mark: fmt.Sprintf("run%08x", rand.Uint32()), own: o.URL == ""}
	if b.own {
		srv := providertest.Start(providertest.Options{Control: true, Remember: true, Keep: -1})
		defer srv.Close()
		b.URL = srv.URL()
	}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	b.provider = &remote{url: strings.TrimRight(b.URL, "/"), http: client}
	report, err := all[i].run(ctx, b)
	if err = cmp.Or(ctx.Err(), err); err != nil { // what ends with ctx fails in many ways
		return nil, fmt.Errorf("bench %s: %w", name, err)
	}
	report.Scenario, report.About = name, all[i].About
	if b.own {
		report.Conditions = append(report.Conditions, "the provider in the same process")
	}
	return report, nil
}

// A bed is what a scenario runs on.
type bed struct {
	Options
	provider *remote
	mark     string       // in all texts of the run, so that none was embedded before
	last     atomic.Int64 // text
	own      bool         // the provider is in this process
}

// pause waits while a load runs.
func (b *bed) pause(ctx context.Context, d time.Duration, why string) error {
	b.Progress(fmt.Sprintf("%s for %v", why, d))
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
