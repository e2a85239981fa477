package bench

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
)

// A Report is what a scenario measured.
type Report struct {
	Scenario   string   `json:"scenario"`
	About      string   `json:"about"`
	Conditions []string `json:"conditions"`
	Figures    []Figure `json:"figures"`
}

// A Figure is one thing that was measured.
type Figure struct {
	Name     string   `json:"name"`
	Unit     string   `json:"unit"`
	Measured *float64 `json:"measured"`         // nil if it cannot be known here
	Theory   *float64 `json:"theory,omitempty"` // what is possible, or what it is compared with
	Goal     string   `json:"goal,omitempty"`   // in words
	Met      *bool    `json:"met,omitempty"`    // whether the goal is; nil without one
}

// add adds a figure that is only told.
func (r *Report) add(name, unit string, measured float64) *Figure {
	r.Figures = append(r.Figures, Figure{Name: name, Unit: unit})
	f := &r.Figures[len(r.Figures)-1]
	if !math.IsNaN(measured) && !math.IsInf(measured, 0) {
		f.Measured = &measured
	}
	return f
}

// against sets what the figure is compared with.
func (f *Figure) against(theory float64) *Figure {
	if !math.IsNaN(theory) && !math.IsInf(theory, 0) {
		f.Theory = &theory
	}
	return f
}

// atLeast sets the goal of a share of the theory.
func (f *Figure) atLeast(share float64) {
	known := f.Theory != nil && f.Measured != nil
	f.aim(fmt.Sprintf("≥ %.0f %% of it", 100*share), known && *f.Measured >= share**f.Theory)
}

// atLeastShare sets the goal of a bound in percent.
func (f *Figure) atLeastShare(bound float64) {
	f.aim(fmt.Sprintf("≥ %.0f %%", bound), f.Measured != nil && *f.Measured >= bound)
}

// atMost sets the goal of a bound.
func (f *Figure) atMost(bound float64, words string) {
	f.aim(words, f.Measured != nil && *f.Measured <= bound)
}

func (f *Figure) aim(words string, met bool) { f.Goal, f.Met = words, &met }

// Units of figures.
const (
	unitMs     = "ms"
	unitUs     = "µs"
	unitShare  = "%"
	unitPerMin = "/min"
	unitPerS   = "/s"
	unitMB     = "MB"
	unitKB     = "KB"
	unitCount  = ""
)

// percentile returns the value below which a share of the sorted values lie; 0
// without any.
func percentile(sorted []time.Duration, share float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	i := int(math.Ceil(share*float64(len(sorted)))) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}

// A stopwatch collects times.
type stopwatch struct {
	mu    sync.Mutex // guards times
	times []time.Duration
}

func (s *stopwatch) note(took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times = append(s.times, took)
}

// take returns the times since it was last called.
func (s *stopwatch) take() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	times := s.times
	s.times = nil
	return times
}

// A spread is the percentiles of times.
type spread struct {
	n                       int
	p50, p95, p99, greatest time.Duration
}

func spreadOf(times []time.Duration) spread {
	slices.Sort(times)
	return spread{
		len(times), percentile(times, 0.5), percentile(times, 0.95), percentile(times, 0.99), percentile(times, 1),
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
func us(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// share returns a part of a whole in percent; 0 of nothing.
func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}
