package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"kvasir/internal/bench"
)

// A benchDispatch measures the scheduler.
type benchDispatch struct {
	Scenarios []string `arg:"" optional:"" help:"Which to run. Default: all of them."`

	URL string `name:"url" placeholder:"URL" help:"Of a running kvasir bench provider. Default: one in this process."`

	limitFlags
	paceFlags

	Duration   time.Duration `placeholder:"TIME" help:"How long each measurement lasts."`
	Learning   time.Duration `placeholder:"TIME" help:"How long what comes before it lasts."`
	Rate       float64       `placeholder:"N" help:"Calls a second, of interactive and overhead."`
	Projects   int           `placeholder:"N" help:"Of fairness."`
	Queued     int           `placeholder:"N" help:"Texts of the large project of fairness."`
	Streams    int           `placeholder:"N" help:"Of streams."`
	Callers    int           `placeholder:"N" help:"How many call at the same time."`
	Dimensions []int         `placeholder:"N,…" help:"Of the vectors, of overhead."`
	Failing    float64       `placeholder:"SHARE" help:"Share of the calls that fail, of errors."`
	JSON       bool          `name:"json" help:"Print JSON."`
}

// Help lists the scenarios.
func (benchDispatch) Help() string {
	var list strings.Builder
	for _, s := range bench.Scenarios() {
		fmt.Fprintf(&list, "    %-12s %s\n", s.Name, s.About)
	}
	return `Loads the scheduler with calls to a scripted provider over HTTP, and prints what
was measured beside what is possible. Each scenario has its own choice of what
no option says:

` + list.String() + `
Another process's provider keeps its CPU and memory out of what is measured. Its
behaviour is changed by each scenario.

Examples:

    kvasir bench dispatch
    kvasir bench dispatch limit --rpm 6000 --tpm 10000000 --duration 30s
    kvasir bench dispatch limit --headers none --burst 10s --duration 5m
    kvasir bench dispatch overhead streams --url http://127.0.0.1:9099`
}

// Run runs the scenarios.
func (c *benchDispatch) Run(ctx context.Context, s *session) error {
	var all []string
	for _, one := range bench.Scenarios() {
		all = append(all, one.Name)
	}
	names := c.Scenarios
	if len(names) == 0 {
		names = all
	}
	for _, name := range names {
		if !slices.Contains(all, name) {
			return fmt.Errorf("%w: there is no scenario %q, only %s", errConfiguration, name, strings.Join(all, ", "))
		}
	}
	reports := []*bench.Report{}
	for _, name := range names {
		r, err := bench.Run(ctx, name, c.options(name, s))
		if err != nil {
			return err
		}
		if reports = append(reports, r); !c.JSON {
			s.printBench(r)
		}
	}
	if c.JSON {
		return s.printJSON(reports)
	}
	return nil
}

func (c *benchDispatch) options(name string, s *session) bench.Options {
	return bench.Options{
		URL: c.URL, RequestsPerMinute: c.RPM, TokensPerMinute: c.TPM, Burst: c.Burst, Headers: c.Headers,
		Duration: c.Duration, Learning: c.Learning, Latency: c.Latency, Jitter: c.Jitter, Rate: c.Rate,
		Projects: c.Projects, Queued: c.Queued, Streams: c.Streams, Callers: c.Callers,
		Dimensions: c.Dimensions, Failing: c.Failing,
		Progress: func(what string) { s.err.printf("%s\n", s.err.dim(name+": "+what)) },
	}
}

// printBench prints a report as a table.
func (s *session) printBench(r *bench.Report) {
	s.out.printf("\n%s: %s\n", s.out.bold(r.Scenario), r.About)
	for _, line := range r.Conditions {
		s.out.printf("%s\n", s.out.dim("  "+line))
	}
	t := table{columns: []column{
		{head: ""}, {head: "MEASURED", right: true}, {head: "THEORY", right: true}, {head: ""}, {head: "SHARE", right: true},
		{head: "GOAL"}, {head: ""},
	}}
	for i := range r.Figures {
		f := &r.Figures[i]
		relation := ""
		if f.Measured != nil && f.Theory != nil && *f.Theory > 0 {
			relation = fmt.Sprintf("%.1f %%", 100**f.Measured / *f.Theory)
		}
		verdict := ""
		if f.Met != nil {
			verdict = map[bool]string{true: "met", false: "missed"}[*f.Met]
		}
		t.add(f.Name, quantity(f.Measured, "unknown"), quantity(f.Theory, ""), f.Unit, relation, f.Goal, verdict)
	}
	for i, line := range t.lines(tableWidth) {
		switch {
		case i == 0:
			line = s.out.dim(line)
		case strings.HasSuffix(line, "missed"):
			line = s.out.yellow(line)
		}
		s.out.printf("  %s\n", line)
	}
}

// tableWidth is more than most terminals have: names of figures are not cut.
const tableWidth = 140

// quantity writes a figure with as many digits as say something.
func quantity(v *float64, unknown string) string {
	switch {
	case v == nil:
		return unknown
	case *v >= 1000 || *v == float64(int64(*v)):
		return grouped(int64(*v + 0.5))
	case *v >= 100:
		return fmt.Sprintf("%.0f", *v)
	}
	return fmt.Sprintf("%.2f", *v)
}
