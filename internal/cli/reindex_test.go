package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"kvasir/client"
	"kvasir/client/clienttest"
	"kvasir/internal/evaluate"
)

func TestReindexFollowsTheBuild(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	r := on(t, srv, "reindex", "--detach").succeed(t)
	if !strings.Contains(r.stdout, "Version 2 is being built") {
		t.Errorf("it said %q", r.stdout)
	}
	if r = on(t, srv, "reindex", "flip"); r.status != exitFailed || !strings.Contains(r.stderr, "not complete") {
		t.Errorf("a flip too early: %d %s", r.status, r.stderr)
	}
	r = on(t, srv, "reindex").succeed(t)
	if !strings.Contains(r.stdout, "Version 2 is complete: 1,200 passages") || !strings.Contains(r.stderr, "%") {
		t.Errorf("it said %q and %q", r.stdout, r.stderr)
	}
	var status client.Reindexing
	r = on(t, srv, "reindex", "--json").succeed(t)
	if err := json.Unmarshal([]byte(r.stdout), &status); err != nil || !status.Version(client.IndexNext).Complete {
		t.Errorf("%v: %s", err, r.stdout)
	}
	for _, step := range []struct{ command, says string }{
		{"status", "Version 2 is complete: kvasir reindex flip searches in it."},
		{"flip", "Version 1 is kept for kvasir reindex rollback, until kvasir reindex drop."},
		{"rollback", "Version 2 is complete"},
		{"flip", "former"},
		{"drop", "Another model is configured: large. kvasir reindex builds its index."},
	} {
		if r = on(t, srv, "reindex", step.command).succeed(t); !strings.Contains(r.stdout, step.says) {
			t.Errorf("%s says\n%s", step.command, r.stdout)
		}
	}
	on(t, srv, "reindex", "--detach").succeed(t)
	if r = on(t, srv, "reindex", "cancel").succeed(t); !strings.Contains(r.stdout, "Another model is configured") {
		t.Errorf("after the end there is\n%s", r.stdout)
	}
}

func TestReindexCompares(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	var corpus, queries, qrels strings.Builder
	qrels.WriteString("query-id\tcorpus-id\tscore\n")
	for i := range 4 {
		fmt.Fprintf(&corpus, `{"id":"ref M%d","title":"M%d","text":"x"}`+"\n", i, i)
		fmt.Fprintf(&queries, `{"id":"q%d","text":"duck %d"}`+"\n", i, i)
		fmt.Fprintf(&qrels, "q%d\tref M0\t1\n", i)
	}
	dir := write(t, map[string]string{
		"corpus.jsonl": corpus.String(), "queries.jsonl": queries.String(), "qrels.tsv": qrels.String(),
	})
	compare := []string{"reindex", "compare", "--collection", dir}
	if r := on(t, srv, compare...); r.status != exitFailed || !strings.Contains(r.stderr, "none to compare it with") {
		t.Errorf("with one version: %d %s", r.status, r.stderr)
	}
	on(t, srv, "reindex").succeed(t)
	if r := on(t, srv, compare...); r.status != exitFailed || !strings.Contains(r.stderr, "no document of") {
		t.Errorf("without the documents: %d %s", r.status, r.stderr)
	}
	for i := range 3 {
		put(t, srv, fmt.Sprint("M", i), "text")
	}
	r := on(t, srv, append(compare, "--per-query")...).succeed(t)
	for _, want := range []string{
		"version 1 (live, small)", "version 2 (next, large)", "ndcg@10", "difference", "duck 3",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("the comparison does not say %q:\n%s", want, r.stdout)
		}
	}
	if !strings.Contains(r.stderr, "no memos of the project, and count as not found: 1") {
		t.Errorf("the missing document is not told: %s", r.stderr)
	}
	var report evaluate.Report
	r = on(t, srv, append(compare, "--json")...).succeed(t)
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatal(err)
	}
	// The live version finds the only relevant memo first, the next one last.
	d := report.Comparison.Differences[0]
	if d.First != 1 || d.Second >= 1 || d.Worse != 4 || len(report.Runs) != 2 {
		t.Errorf("the report is %+v", report.Comparison)
	}
}
