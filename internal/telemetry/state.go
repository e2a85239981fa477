package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// A State is what there is at the moment of a scrape.
type State struct {
	Pools []Pool
	Lanes []Lane
	Memos *Memos // nil when the database did not say
}

// Memos count those that are not processed.
type Memos struct {
	Pending, Failed int
}

// A Pool is the line before lanes that stand in for each other.
type Pool struct {
	Kind    string
	Name    string // of a generator's pool; empty for the others
	Waiting int    // calls; of embeddings, texts
	Tokens  int    // of those
}

// A Lane is one way to a model.
type Lane struct {
	Kind, Name            string
	State                 string // open, paused, broken, probing
	InFlight, Concurrency int
	Requests, Tokens      Limit
}

// A Limit is a rate that a lane keeps to.
type Limit struct {
	PerMinute float64 // 0 when none is known
	Left      float64 // what may be taken at once
}

// registry returns the state as gauges. Lanes of one name are added up: a model
// may be in several pools.
func (s State) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return promauto.With(r).NewGaugeVec(prometheus.GaugeOpts{Namespace: "kvasir", Name: name, Help: help}, labels)
	}
	memos := gauge("memos", "Memos that are not processed: pending or failed.", "state")
	if s.Memos != nil {
		memos.WithLabelValues("pending").Set(float64(s.Memos.Pending))
		memos.WithLabelValues("failed").Set(float64(s.Memos.Failed))
	}

	waiting := gauge("waiting", "Calls in line for a model; of embeddings, texts.", "kind", "pool")
	tokens := gauge("waiting_tokens", "Tokens in line for a model.", "kind", "pool")
	for _, p := range s.Pools {
		waiting.WithLabelValues(p.Kind, p.Name).Add(float64(p.Waiting))
		tokens.WithLabelValues(p.Kind, p.Name).Add(float64(p.Tokens))
	}

	states := gauge("lane_state", "1 for the state that a lane is in.", "kind", "lane", "state")
	inFlight := gauge("lane_in_flight", "Requests under way.", "kind", "lane")
	concurrency := gauge("lane_concurrency", "Requests that may be under way at present.", "kind", "lane")
	limit := gauge("lane_limit_per_minute", "Rate that is kept to; absent when none is known.", "kind", "lane", "of")
	left := gauge("lane_left", "What is left of a rate; absent when none is known.", "kind", "lane", "of")
	for _, l := range s.Lanes {
		for _, state := range []string{"open", "paused", "broken", "probing"} {
			one := 0.0
			if l.State == state {
				one = 1
			}
			states.WithLabelValues(l.Kind, l.Name, state).Add(one)
		}
		inFlight.WithLabelValues(l.Kind, l.Name).Add(float64(l.InFlight))
		concurrency.WithLabelValues(l.Kind, l.Name).Add(float64(l.Concurrency))
		for of, b := range map[string]Limit{"requests": l.Requests, "tokens": l.Tokens} {
			if b.PerMinute > 0 {
				limit.WithLabelValues(l.Kind, l.Name, of).Add(b.PerMinute)
				left.WithLabelValues(l.Kind, l.Name, of).Add(max(b.Left, 0))
			}
		}
	}
	return r
}
