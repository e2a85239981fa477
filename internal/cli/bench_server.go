package cli

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"kvasir/internal/app"
	"kvasir/internal/bench"
	"kvasir/internal/config"
)

// A serverFlags says how whole servers are measured.
type serverFlags struct {
	DatabaseURL config.Secret `name:"database-url" variable:"KVASIR_BENCH_DATABASE" placeholder:"URL" help:"A PostgreSQL server on which databases may be made: measure on it, too."`
	Scale       float64       `default:"1" help:"The part of the work that is done: 0.01 to 1."`
}

// options returns what to measure on.
func (f *serverFlags) options(s *session) ([]bench.ServerOptions, error) {
	if !(f.Scale >= 0.01 && f.Scale <= 1) {
		return nil, fmt.Errorf("%w: --scale is from 0.01 to 1", errConfiguration)
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	o := bench.ServerOptions{
		Program: []string{program}, Scale: f.Scale,
		Progress: func(what string) { s.err.printf("%s\n", s.err.dim(what)) },
	}
	all := []bench.ServerOptions{o}
	if f.DatabaseURL != "" {
		o.DatabaseURL = f.DatabaseURL.Reveal()
		all = append(all, o)
	}
	return all, nil
}

// A benchServer measures whole servers.
type benchServer struct {
	Scenarios []string `arg:"" optional:"" help:"Which to run. Default: all of them."`

	serverFlags

	JSON bool `name:"json" help:"Print JSON."`
}

// Help lists the scenarios.
func (benchServer) Help() string {
	var list strings.Builder
	for _, s := range bench.ServerScenarios() {
		fmt.Fprintf(&list, "    %-8s %s\n", s.Name, s.About)
	}
	return `Starts servers as processes of their own, each on an empty data folder or database,
with a scripted provider in this process, and measures them over HTTP:

` + list.String() + `
Examples:

    kvasir bench server
    kvasir bench server accept search --database-url postgres://postgres@127.0.0.1/postgres`
}

// Run measures and prints.
func (c *benchServer) Run(ctx context.Context, s *session) error {
	reports, err := s.measureServers(ctx, &c.serverFlags, c.Scenarios, !c.JSON)
	if err == nil && c.JSON {
		err = s.printJSON(reports)
	}
	return err
}

// measureServers runs scenarios, all if none are named, on each database.
func (s *session) measureServers(ctx context.Context, f *serverFlags, names []string, show bool) ([]*bench.Report, error) {
	var all []string
	for _, one := range bench.ServerScenarios() {
		all = append(all, one.Name)
	}
	if len(names) == 0 {
		names = all
	}
	for _, name := range names {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("%w: there is no scenario %q, only %s", errConfiguration, name, strings.Join(all, ", "))
		}
	}
	places, err := f.options(s)
	if err != nil {
		return nil, err
	}
	reports := []*bench.Report{}
	for _, name := range names {
		for _, place := range places {
			r, err := bench.Server(ctx, name, place)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if reports = append(reports, r); show {
				s.printBench(r)
			}
		}
	}
	return reports, nil
}

// A benchAll measures everything and writes a report.
type benchAll struct {
	serverFlags

	Out    string `default:"doc/performance.md" help:"Where the report goes."`
	Chunks []int  `default:"10000,30000,100000" help:"Sizes of the index that is searched."`
}

// Help shows examples.
func (benchAll) Help() string {
	return `Measures whole servers (kvasir bench server), the scheduler (kvasir bench dispatch)
and the search index (kvasir bench index), and writes a report in Markdown with
the machine, the date, the command and all figures. It takes some twenty minutes;
nothing else should run meanwhile.

Examples:

    kvasir bench all
    kvasir bench all --database-url postgres://postgres@127.0.0.1/postgres --out performance.md`
}

// Run measures, and writes what there is when all is done.
func (c *benchAll) Run(ctx context.Context, s *session) error {
	began := time.Now()
	reports, err := s.measureServers(ctx, &c.serverFlags, nil, true)
	if err != nil {
		return err
	}
	for _, one := range bench.Scenarios() {
		r, err := bench.Run(ctx, one.Name, bench.Options{Progress: func(what string) { s.err.printf("%s\n", s.err.dim(what)) }})
		if err != nil {
			return fmt.Errorf("%s: %w", one.Name, err)
		}
		s.printBench(r)
		reports = append(reports, r)
	}
	var curve []bench.Point
	for _, n := range c.Chunks {
		r, err := bench.Index(ctx, bench.IndexOptions{Chunks: n, Filter: 0.01})
		if err != nil {
			return err
		}
		s.printBench(r)
		reports = append(reports, r)
		curve = append(curve, bench.Point{X: float64(n), Y: r.Figure("search, p50")})
	}
	doc := bench.Document{
		Machine: machine(), Began: began, Command: "kvasir " + strings.Join(hidePassword(s.Args, c.DatabaseURL), " "), Version: app.Version,
		Reports: reports, Curve: curve,
	}
	if err := os.WriteFile(c.Out, doc.Markdown(), 0o644); err != nil {
		return err
	}
	plot := strings.TrimSuffix(c.Out, ".md") + ".svg"
	if err := os.WriteFile(plot, doc.Plot(), 0o644); err != nil {
		return err
	}
	s.out.printf("%s and %s are written\n", c.Out, plot)
	return nil
}

// hidePassword takes a database's URL out of the command line.
func hidePassword(args []string, secret config.Secret) []string {
	var out []string
	for _, a := range args {
		if secret != "" {
			a = strings.ReplaceAll(a, secret.Reveal(), "postgres://…")
		}
		out = append(out, a)
	}
	return out
}

// machine says what was measured on.
func machine() string {
	system, _ := exec.Command("uname", "-sr").Output() // where there is none, nothing is said
	return fmt.Sprintf("%s/%s, %s, %d processors, %s", runtime.GOOS, runtime.GOARCH, processor(), runtime.NumCPU(),
		strings.TrimSpace(string(system)))
}

// processor returns the name of the first one, as Linux tells it.
func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo") // elsewhere there is none
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "processor unknown"
}
