package cli

import (
	"fmt"
	"strings"

	"kvasir/internal/evaluate"
)

// tell compares what was measured, and prints all of it.
func (e *evaluation) tell() error {
	if err := e.compare(); err != nil {
		return err
	}
	if e.JSON {
		return e.printJSON(&e.report)
	}
	if e.PerQuery {
		e.printQueries()
	}
	e.printRuns()
	e.printCosts()
	e.printAnswers()
	if e.report.Comparison != nil {
		e.printComparison(e.report.Comparison)
	}
	return nil
}

// compare compares with the baseline.
func (e *evaluation) compare() error {
	runs := e.report.Runs
	first, second := &runs[0], &runs[len(runs)-1]
	switch {
	case e.baseline != nil:
		first, e.report.Baseline = &e.baseline.Runs[0], e.Baseline
	case len(runs) == 1:
		return nil
	}
	var err error
	if e.report.Comparison, err = evaluate.Compare(first, second); err != nil && e.baseline != nil {
		return fmt.Errorf("%s: %w", e.Baseline, err)
	}
	return err
}

// printRuns tells how good what was found is.
func (e *evaluation) printRuns() {
	for i := range e.report.Runs {
		run := &e.report.Runs[i]
		title := oneLine(e.report.Collection)
		if run.Options != "" {
			title += ", " + oneLine(run.Options)
		}
		e.out.printf("%s\n", e.out.bold(title))
		for _, name := range evaluate.Names(run) {
			e.fact(name, decimal(run.Scores[name]))
		}
		e.fact("latency", spread99(run.Latency))
		queries := grouped(len(run.Queries))
		if e.report.Interrupted {
			queries += " of " + grouped(len(e.collection.Queries))
		}
		e.fact("queries", queries)
		if len(e.report.Runs) > 1 {
			e.out.printf("\n")
		}
	}
}

// printCosts tells what it took.
func (e *evaluation) printCosts() {
	if l := e.report.Loaded; l != nil {
		e.fact("documents", documents(l))
		e.fact("loading", spending(l.Spent))
	}
	if !e.report.Interrupted {
		e.fact("asking", spending(e.report.Asking))
	}
	e.fact("embeddings", oneLine(e.report.Server.Embeddings))
	e.fact("reranking", oneLine(e.report.Server.Reranking))
}

// documents says what became of the documents.
func documents(l *evaluate.Loaded) string {
	parts := []string{grouped(l.Documents)}
	for _, part := range []struct {
		n    int
		what string
	}{{l.Unchanged, "there before"}, {l.Empty, "empty and left out"}, {l.Failed, "failed"}} {
		if part.n > 0 {
			parts = append(parts, grouped(part.n)+" "+part.what)
		}
	}
	return strings.Join(parts, ", ") + "; ready after " + spoken(seconds(l.Seconds))
}

// printAnswers tells how good answers are.
func (e *evaluation) printAnswers() {
	a := e.report.Answers
	if a == nil {
		return
	}
	e.out.printf("\n%s\n", e.out.bold("Answers by "+oneLine(e.report.Server.Answers)))
	for _, fact := range [][2]string{
		{"asked", countedOf(a.Asked, "question")},
		{"answered", percent(a.Answered) + " with a citation; of these"},
		{"said", percent(a.Said) + " say a right answer"},
		{"cited", percent(a.Cited) + " cite a passage with a right answer"},
		{"citations", fmt.Sprintf("%s, %s of them have a right answer", grouped(a.Citations), percent(a.Right))},
		{"latency", spread99(a.Latency)},
	} {
		e.fact(fact[0], fact[1])
	}
}

// printComparison tells how the second run differs from the first.
func (e *evaluation) printComparison(c *evaluate.Comparison) {
	first, second := e.compared()
	e.out.printf("\n%s\n", e.out.bold("From "+first+" to "+second))
	t := table{columns: []column{
		{head: "measure"}, {head: "first", right: true}, {head: "second", right: true}, {head: "difference", right: true},
		{head: "p", right: true}, {head: "better", right: true}, {head: "worse", right: true},
	}}
	for _, d := range c.Differences {
		t.add(d.Measure, decimal(d.First), decimal(d.Second), fmt.Sprintf("%+.4f", d.Difference), decimal(d.P),
			grouped(d.Better), grouped(d.Worse))
	}
	e.lines(&t)
	if c.Unpaired > 0 {
		e.out.printf("  %s of only one of them do not count.\n", countedQueries(c.Unpaired))
	}
	if len(c.Changed) == 0 {
		return
	}
	e.out.printf("\n%s\n", e.out.bold("What changed most, by "+c.Differences[0].Measure))
	t = table{columns: []column{
		{head: "first", right: true}, {head: "second", right: true}, {head: "id"}, {head: "query", least: 20},
	}}
	for _, q := range c.Changed {
		t.add(decimal(q.First), decimal(q.Second), oneLine(q.ID), oneLine(q.Text))
	}
	e.lines(&t)
}

// compared names the two runs of the comparison.
func (e *evaluation) compared() (first, second string) {
	runs := e.report.Runs
	second = named(&runs[len(runs)-1])
	if e.baseline != nil {
		return oneLine(e.Baseline), second
	}
	return named(&runs[0]), second
}

func named(run *evaluate.Run) string {
	if run.Options == "" {
		return "the defaults"
	}
	return oneLine(run.Options)
}

// printQueries lists the queries of the last run.
func (e *evaluation) printQueries() {
	run := &e.report.Runs[len(e.report.Runs)-1]
	names := evaluate.Names(run)
	t := table{}
	for _, name := range names {
		t.columns = append(t.columns, column{head: name, right: true})
	}
	t.columns = append(t.columns, column{head: "time", right: true}, column{head: "id"}, column{head: "query", least: 20})
	for _, q := range run.Queries {
		var cells []string
		for _, name := range names {
			cells = append(cells, decimal(q.Scores[name]))
		}
		t.add(append(cells, latency(q.Took), oneLine(q.ID), oneLine(q.Text))...)
	}
	e.lines(&t)
	e.out.printf("\n")
}

// lines prints a table, indented.
func (e *evaluation) lines(t *table) {
	const wide = 120 // a query that is cut tells nothing
	for i, line := range t.lines(max(e.out.width(), wide) - 2) {
		if i == 0 {
			line = e.out.dim(line)
		}
		e.out.printf("  %s\n", line)
	}
}

func (e *evaluation) fact(name, value string) {
	if value != "" {
		e.out.printf("  %s%s\n", e.out.dim(fmt.Sprintf("%-12s", name)), value)
	}
}

func decimal(score float64) string { return fmt.Sprintf("%.4f", score) }

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

func spread99(l evaluate.Latency) string {
	return fmt.Sprintf("p50 %s, p99 %s", latency(l.P50), latency(l.P99))
}

func spending(s evaluate.Spent) string {
	return fmt.Sprintf("%s tokens, %s", grouped(s.Tokens), dollars(s.Dollars))
}

func countedQueries(n int) string {
	if n == 1 {
		return "1 query"
	}
	return grouped(n) + " queries"
}
