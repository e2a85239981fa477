package cli

import (
	"fmt"
	"slices"

	"kvasir/internal/evaluate"
)

// print tells what was measured.
func (e *evaluation) print() error {
	if e.JSON {
		return e.printJSON(&e.report)
	}
	run := &e.report.Runs[0]
	if e.PerQuery {
		e.printQueries(run)
	}
	e.out.printf("%s\n", e.out.bold(oneLine(e.report.Collection)))
	for _, name := range namesOf(run) {
		e.fact(name, fmt.Sprintf("%.4f", run.Scores[name]))
	}
	e.fact("latency", fmt.Sprintf("p50 %s, p99 %s", latency(run.Latency.P50), latency(run.Latency.P99)))
	queries := grouped(len(run.Queries))
	if e.report.Interrupted {
		queries += " of " + grouped(len(e.collection.Queries))
	}
	e.fact("queries", queries)
	if l := e.report.Loaded; l != nil {
		e.fact("documents", grouped(l.Documents)+", loaded in "+spoken(seconds(l.Seconds)))
		e.fact("loading", spending(l.Spent))
	}
	e.fact("asking", spending(e.report.Asking))
	e.fact("embeddings", oneLine(e.report.Server.Embeddings))
	e.fact("reranking", oneLine(e.report.Server.Reranking))
	return nil
}

func (e *evaluation) fact(name, value string) {
	if value != "" {
		e.out.printf("  %s%s\n", e.out.dim(fmt.Sprintf("%-12s", name)), value)
	}
}

func spending(s evaluate.Spent) string {
	return fmt.Sprintf("%s tokens, %s", grouped(s.Tokens), dollars(s.Dollars))
}

// namesOf returns the names of a run's measures, those of every report first.
func namesOf(run *evaluate.Run) []string {
	var names []string
	for _, m := range evaluate.Measures() {
		names = append(names, m.Name)
	}
	var more []string
	for name := range run.Scores {
		if !slices.Contains(names, name) {
			more = append(more, name)
		}
	}
	slices.Sort(more)
	return append(names, more...)
}

// printQueries lists the queries, the worst first.
func (e *evaluation) printQueries(run *evaluate.Run) {
	names := namesOf(run)
	t := table{}
	for _, name := range names {
		t.columns = append(t.columns, column{head: name, right: true})
	}
	t.columns = append(t.columns, column{head: "time", right: true}, column{head: "id"}, column{head: "query", least: 20})
	for _, q := range run.Queries {
		var cells []string
		for _, name := range names {
			cells = append(cells, fmt.Sprintf("%.4f", q.Scores[name]))
		}
		t.add(append(cells, latency(q.Took), oneLine(q.ID), oneLine(q.Text))...)
	}
	for _, line := range t.lines(max(e.out.width(), 120)) {
		e.out.printf("%s\n", line)
	}
	e.out.printf("\n")
}
