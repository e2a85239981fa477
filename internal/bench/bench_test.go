package bench

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"kvasir/internal/provider/providertest"
)

// quick are options by which each scenario takes a fraction of a second.
func quick() Options {
	return Options{
		RequestsPerMinute: 60_000, TokensPerMinute: 60e6, Duration: 200 * time.Millisecond,
		Learning: 100 * time.Millisecond, Latency: 5 * time.Millisecond, Rate: 200, Projects: 20, Queued: 2000,
		Streams: 8, Callers: 8, Dimensions: []int{64},
	}
}

// figures returns the measured values by name.
func figures(t *testing.T, r *Report) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	for _, f := range r.Figures {
		if f.Measured == nil {
			t.Logf("%s: unknown", f.Name)
			continue
		}
		t.Logf("%s: %g %s", f.Name, *f.Measured, f.Unit)
		if out[f.Name] = *f.Measured; *f.Measured < 0 {
			t.Errorf("%s is %g", f.Name, *f.Measured)
		}
		if (f.Goal == "") != (f.Met == nil) {
			t.Errorf("%s: the goal %q, met %v", f.Name, f.Goal, f.Met)
		}
	}
	return out
}

func TestScenarios(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, got map[string]float64){
		"limit": func(t *testing.T, got map[string]float64) {
			if got["embedding: tokens"] == 0 || got["enrichment: requests"] == 0 {
				t.Error("nothing was embedded or written")
			}
		},
		"fairness": func(t *testing.T, got map[string]float64) {
			if got["small memos"] == 0 || got["texts in line at the end"] == 0 {
				t.Error("no memo was embedded, or nothing was in line")
			}
			if got["small memo, p50"] > got["small memo, longest"] {
				t.Error("the median is above the longest")
			}
		},
		"interactive": func(t *testing.T, got map[string]float64) {
			if n := got["queries"]; n == 0 || n > 60 {
				t.Errorf("%g queries in 200 ms at 200 a second", n)
			}
			if got["lane with bulk: tokens"] == 0 {
				t.Error("there was no bulk")
			}
		},
		"overhead": func(t *testing.T, got map[string]float64) {
			if got["64 dimensions: texts a request"] < 1 || got["64 dimensions: added, p50"] == 0 {
				t.Error("no exchange was measured")
			}
			if got["64 dimensions: added, p50"] > 1000*got["64 dimensions: whole call, p50"] {
				t.Error("more was added than the whole call took")
			}
		},
		"streams": func(t *testing.T, got map[string]float64) {
			if got["streams open at once"] != 8 || got["first token, p50"] < 20 {
				t.Error("want 8 streams open, and 25 ms, of which some may be rounded, until the first token")
			}
		},
		"errors": func(t *testing.T, got map[string]float64) {
			if got["requests that failed"] == 0 || got["texts"] == 0 {
				t.Error("nothing failed, or nothing was embedded")
			}
			if got["texts embedded twice"] != 0 || got["texts that failed for good"] != 0 {
				t.Error("texts were embedded twice or not at all")
			}
		},
	}
	for _, s := range Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			o := quick()
			if s.Name != "overhead" {
				o.TokensPerMinute = 3e6
			}
			if s.Name == "fairness" { // at once goes what 5 s allow, 500 texts
				o.RequestsPerMinute, o.TokensPerMinute = 6000, 600_000
			}
			switch s.Name {
			case "errors":
				o.Callers, o.Duration = 200, time.Second
			case "limit": // a busy machine may leave a shorter window empty
				o.Duration = time.Second
			}
			r, err := Run(t.Context(), s.Name, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Scenario != s.Name || r.About == "" || len(r.Conditions) == 0 {
				t.Errorf("report %+v", r)
			}
			tests[s.Name](t, figures(t, r))
		})
	}
}

func TestAProviderElsewhere(t *testing.T) {
	t.Parallel()
	srv := providertest.Start(providertest.Options{Control: true, Remember: true})
	defer srv.Close()
	o := quick()
	o.URL = srv.URL() + "/"
	r, err := Run(t.Context(), "interactive", o)
	if err != nil {
		t.Fatal(err)
	}
	if srv.Totals(providertest.Embed).Requests == 0 || slices.Contains(r.Conditions, "the provider in the same process") {
		t.Errorf("the provider was asked nothing: %v", r.Conditions)
	}
}

func TestWhatCannotRun(t *testing.T) {
	t.Parallel()
	plain := providertest.Start(providertest.Options{}) // without control
	defer plain.Close()
	for _, tt := range []struct{ name, url, want string }{
		{"speed", "", "only limit, fairness, interactive, overhead, streams, errors"},
		{"limit", plain.URL(), "is it kvasir bench provider?"},
		{"limit", "http://127.0.0.1:1", "reach the provider"},
	} {
		o := quick()
		o.URL = tt.url
		if _, err := Run(t.Context(), tt.name, o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Run(%s at %q) = %v, want %q", tt.name, tt.url, err, tt.want)
		}
	}
}

func TestARunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, s := range Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			o := quick()
			o.Duration, o.Learning = time.Hour, time.Hour
			o.Progress = func(string) { cancel() }
			if _, err := Run(ctx, s.Name, o); !errors.Is(err, context.Canceled) {
				t.Errorf("Run = %v, want %v", err, context.Canceled)
			}
		})
	}
}

// BenchmarkOverhead is for profiles: it makes calls at the full rate for 5 s.
func BenchmarkOverhead(b *testing.B) {
	for b.Loop() {
		r, err := Run(b.Context(), "overhead", Options{Duration: 5 * time.Second, Dimensions: []int{1536}})
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range r.Figures {
			b.ReportMetric(*f.Measured, strings.ReplaceAll(f.Name+f.Unit, " ", "_"))
		}
	}
}
