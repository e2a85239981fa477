package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/client"
	"kvasir/client/clienttest"
	"kvasir/internal/evaluate"
)

// birds is a small collection. The words of a query stand in what is relevant to it,
// but for those of q3.
func birds(t *testing.T) string {
	t.Helper()
	return write(t, map[string]string{
		"corpus.jsonl": `{"id":"heron","title":"Herons","text":"A heron eats fish and frogs."}
{"id":"duck","title":"","text":"A duck eats seeds."}
{"id":"swan","title":"Swans mate for life","text":""}
{"id":"nobody","title":"","text":" "}
`,
		"queries.jsonl": `{"id":"q1","text":"frogs"}
{"id":"q2","text":"mate"}
{"id":"q3","text":"aviation"}
`,
		"qrels.tsv": "query-id\tcorpus-id\tscore\nq1\theron\t1\nq2\tswan\t1\nq3\tduck\t1\nq3\tgoose\t1\n",
		"answers.jsonl": `{"id":"a1","question":"frogs","answers":["Fish and frogs"]}
{"id":"a2","question":"seeds","answers":["bread"]}
{"id":"a3","question":"aviation","answers":["wings"]}
`,
	})
}

// evaluated reads what --json printed.
func evaluated(t *testing.T, r result) *evaluate.Report {
	t.Helper()
	report, err := evaluate.ReadReport(strings.NewReader(r.stdout))
	if err != nil {
		t.Fatalf("%v:\n%s", err, r.stdout)
	}
	return report
}

// wantScores are those of birds where search is by words: of three queries two are
// answered in the first place.
var wantScores = map[string]float64{
	"ndcg@10": 2.0 / 3, "recall@10": 2.0 / 3, "recall@50": 2.0 / 3, "mrr@10": 2.0 / 3, "success@5": 2.0 / 3,
}

func TestEvalLoadsACollectionAndMeasures(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	folder := birds(t)
	r := on(t, srv, "eval", folder, "--url", srv.URL, "--json").succeed(t)
	report := evaluated(t, r)
	if diff := cmp.Diff(wantScores, report.Runs[0].Scores); diff != "" {
		t.Errorf("scores (-want +got):\n%s", diff)
	}
	if l := report.Loaded; l.Documents != 4 || l.Empty != 1 || l.Unchanged != 0 || l.Failed != 0 {
		t.Errorf("loaded %+v", l)
	}
	if a := report.Answers; a.Asked != 3 || a.Answered != 2.0/3 || a.Cited != 0.5 || a.Right != 0.5 {
		t.Errorf("answers %+v", a)
	}
	if !strings.Contains(r.stderr, "Judged documents that are not in corpus.jsonl, and count as not found: 1") {
		t.Errorf("of goose nothing is told:\n%s", r.stderr)
	}
	titles := map[string]string{}
	for _, m := range srv.Memos() {
		titles[m.ReferenceID] = m.Title + ": " + m.Content
	}
	want := map[string]string{
		"heron": "Herons: A heron eats fish and frogs.",
		"duck":  "duck: A duck eats seeds.",
		"swan":  "Swans mate for life: Swans mate for life",
	}
	if diff := cmp.Diff(want, titles); diff != "" {
		t.Errorf("memos (-want +got):\n%s", diff)
	}

	put(t, srv, "Goose", "Geese fly.")
	again := on(t, srv, "eval", folder, "--url", srv.URL, "--answers=0").succeed(t)
	for _, want := range []string{
		"  ndcg@10     0.6667\n", "documents   4, 3 there before, 1 empty and left out;", "queries     3\n",
	} {
		if !strings.Contains(again.stdout, want) {
			t.Errorf("stdout lacks %q:\n%s", want, again.stdout)
		}
	}
	if strings.Contains(again.stdout, "Answers") ||
		!strings.Contains(again.stderr, "Other memos, which are searched, too: 1") {
		t.Errorf("printed:\n%s%s", again.stdout, again.stderr)
	}
}

func TestEvalTellsWhatCannotBeLoaded(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	failing := `{"id":"a","text":"It ` + clienttest.FailingText + `."}`
	files := map[string]string{
		"corpus.jsonl":  failing + "\n" + `{"id":"b","text":"A heron."}`,
		"queries.jsonl": `{"id":"q","text":"heron"}`,
		"qrels.tsv":     "q\tb\t1\n",
	}
	r := on(t, srv, "eval", write(t, files), "--url", srv.URL).succeed(t)
	if !strings.Contains(r.stderr, "failed to load 1 document, such as a: "+clienttest.FailingText) ||
		!strings.Contains(r.stdout, "documents   2, 1 failed;") {
		t.Errorf("printed:\n%s%s", r.stdout, r.stderr)
	}
	files["corpus.jsonl"] = failing
	if r = on(t, srv, "eval", write(t, files), "--url", srv.URL); r.status != exitFailed || r.stdout != "" {
		t.Errorf("all failed: %+v", r)
	}
	files["corpus.jsonl"] = `{"id":"c"}`
	r = on(t, srv, "eval", write(t, files), "--url", srv.URL)
	if r.status != exitFailed || !strings.Contains(r.stderr, "no document has a title or a text") {
		t.Errorf("all empty: %+v", r)
	}
}

func TestEvalMeasuresWhatIsThere(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	put(t, srv, "Heron", "A heron eats frogs.")
	put(t, srv, "Swan", "Swans mate for life.")
	folder := write(t, map[string]string{
		"q.jsonl": `{"id":"q1","text":"frogs"}` + "\n" + `{"id":"q2","text":"life"}`,
		"rel.tsv": "q1\tref Heron\t1\nq2\tref Heron\t1\n",
	})
	args := []string{"eval", "--queries", filepath.Join(folder, "q.jsonl"), "--qrels", filepath.Join(folder, "rel.tsv")}
	r := on(t, srv, append(args, "--per-query")...).succeed(t)
	for _, want := range []string{"ndcg@10  recall@10", " q1  frogs\n", " q2  life\n", "  ndcg@10     0.5000\n"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("stdout lacks %q:\n%s", want, r.stdout)
		}
	}
	if strings.Contains(r.stdout, "documents") || len(srv.Memos()) != 2 {
		t.Errorf("something was loaded:\n%s", r.stdout)
	}
}

func TestEvalFailsUnderAFloor(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	args := []string{"eval", birds(t), "--url", srv.URL, "--answers=0"}
	on(t, srv, append(args, "--fail-under=ndcg@10=0.66,recall@3=0.5")...).succeed(t)
	r := on(t, srv, append(args, "--fail-under=ndcg@10=0.67", "--fail-under=success@1=0.9", "--fail-under=mrr@10=0.1")...)
	if r.status != exitFailed || !strings.Contains(r.stdout, "success@1   0.6667") {
		t.Errorf("exit status %d:\n%s", r.status, r.stdout)
	}
	for _, want := range []string{
		"failed ndcg@10 is 0.6667 with the defaults, below 0.67\n",
		"failed success@1 is 0.6667 with the defaults, below 0.9\n",
	} {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("stderr lacks %q:\n%s", want, r.stderr)
		}
	}
	if strings.Contains(r.stderr, "failed mrr") {
		t.Errorf("what is high enough fails:\n%s", r.stderr)
	}
}

func TestEvalComparesWithABaseline(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	folder := birds(t)
	args := []string{"eval", folder, "--url", srv.URL, "--answers=0"}
	report := evaluated(t, on(t, srv, append(args, "--json")...).succeed(t))
	for i := range report.Runs[0].Queries {
		report.Runs[0].Queries[i].Scores["ndcg@10"] = 0.25
	}
	kept := filepath.Join(folder, "before.json")
	raw, err := json.Marshal(report)
	if err == nil {
		err = os.WriteFile(kept, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := on(t, srv, append(args, "--baseline", kept)...).succeed(t)
	for _, want := range []string{
		"From " + kept + " to the defaults\n",
		"  ndcg@10    0.2500  0.6667     +0.4167  0.5000       2      1\n",
		"What changed most, by ndcg@10\n", "  0.2500  0.0000  q3  aviation\n  0.2500  1.0000  q1  frogs\n",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("stdout lacks %q:\n%s", want, r.stdout)
		}
	}
	wrong := on(t, srv, append(args, "--baseline", filepath.Join(folder, "qrels.tsv"))...)
	if wrong.status != exitFailed || !strings.Contains(wrong.stderr, "qrels.tsv: ") {
		t.Errorf("a baseline that is none: %+v", wrong)
	}
}

// withoutRRF stands before a server, and finds nothing for searches by fusion=rrf.
func withoutRRF(t *testing.T, srv *clienttest.Server) (address string) {
	t.Helper()
	target, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	onward := httputil.NewSingleHostReverseProxy(target)
	onward.Transport = srv.HTTP.Transport
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		var asked client.SearchRequest
		if r.URL.Path == "/api/v1/search" && json.Unmarshal(raw, &asked) == nil &&
			asked.Retrieval != nil && asked.Retrieval.Fusion == "rrf" {
			_, _ = io.WriteString(w, `{"results":[]}`) // the client has gone
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(raw))
		onward.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
	})
	return front.URL
}

func TestEvalComparesTwoWaysToSearch(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	args := []string{
		"eval", birds(t), "--url", withoutRRF(t, srv), "--answers=0",
		"--with=diversity=0.5", "--compare=fusion=rrf,rerank=false",
	}
	r := on(t, srv, append(args, "--fail-under=ndcg@10=0.5")...)
	_, failed, _ := strings.Cut(r.stderr, "failed ")
	if r.status != exitFailed || failed != "ndcg@10 is 0.0000 with fusion=rrf,rerank=false, below 0.5\n" {
		t.Errorf("exit status %d:\n%s", r.status, r.stderr)
	}
	for _, want := range []string{
		", diversity=0.5\n  ndcg@10     0.6667\n", ", fusion=rrf,rerank=false\n  ndcg@10     0.0000\n",
		"From diversity=0.5 to fusion=rrf,rerank=false\n",
		"  ndcg@10    0.6667  0.0000     -0.6667  0.5000       0      2\n",
		"  1.0000  0.0000  q1  frogs\n",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("stdout lacks %q:\n%s", want, r.stdout)
		}
	}
	report := evaluated(t, on(t, srv, append(args, "--json")...).succeed(t))
	if len(report.Runs) != 2 || report.Runs[1].Options != "fusion=rrf,rerank=false" ||
		report.Comparison.Differences[0].Worse != 2 || report.Baseline != "" {
		t.Errorf("runs %+v, comparison %+v", report.Runs, report.Comparison)
	}
}

func TestEvalTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	folder := birds(t)
	broken := write(t, map[string]string{"corpus.jsonl": "{\"id\":\"a\"}\n{oops\n"})
	tests := []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"nothing to measure", nil, exitUsage, `expected "<collection>", or --queries and --qrels`},
		{"both", []string{folder, "--queries=a", "--qrels=b"}, exitUsage, `expected "<collection>", or --queries`},
		{"queries alone", []string{"--queries=a"}, exitUsage, "--queries and --qrels belong together"},
		{"two servers", []string{folder, "--data=a", "--url=http://b"}, exitUsage, "it does not go with --url"},
		{"no such measure", []string{folder, "--fail-under=beauty=1"}, exitUsage, `there is no measure "beauty"`},
		{"no such number", []string{folder, "--fail-under=ndcg@10"}, exitUsage, `"" is no number`},
		{"no such folder", []string{folder + "/none"}, exitFailed, "/none: there is no corpus.jsonl"},
		{"no such option", []string{folder, "--with=hue=red"}, exitUsage, `there is no option "hue"`},
		{"two comparisons", []string{folder, "--compare=hyde=true", "--baseline=cli.go"}, exitUsage, "choose one"},
		{"a broken file", []string{broken}, exitFailed, filepath.Base(broken) + ": corpus.jsonl:2: invalid character 'o'"},
	}
	for _, tt := range tests {
		r := command(t.Context(), nil, append([]string{"eval"}, tt.args...)...)
		if r.status != tt.status || !strings.Contains(r.stderr, tt.want) {
			t.Errorf("%s: %+v, want status %d and %q", tt.name, r, tt.status, tt.want)
		}
	}
}

func TestEvalServesByItself(t *testing.T) {
	t.Parallel()
	folder, data, home := birds(t), filepath.Join(t.TempDir(), "data"), t.TempDir()
	environ := []string{
		"HOME=" + home, "TMPDIR=" + home, "EMBEDDING_PROVIDER=none", "KVASIR_DATA=" + filepath.Join(home, "in-use"),
		"DATABASE_URL=postgres://nobody@127.0.0.1:1/none", "ENABLE_SECURITY_SETTINGS=true",
	}
	report := evaluated(t, command(t.Context(), environ, "eval", folder, "--data", data, "--json").succeed(t))
	if diff := cmp.Diff(wantScores, report.Runs[0].Scores); diff != "" {
		t.Errorf("scores (-want +got):\n%s", diff)
	}
	if report.Answers == nil || report.Answers.Asked != 3 {
		t.Errorf("answers %+v", report.Answers)
	}
	again := command(t.Context(), environ, "eval", folder, "--data", data, "--answers=1").succeed(t)
	if !strings.Contains(again.stdout, "3 there before") || !strings.Contains(again.stdout, "asked       1 question\n") {
		t.Errorf("the second time:\n%s", again.stdout)
	}
	if _, err := os.Stat(filepath.Join(home, "in-use")); err == nil {
		t.Error("the data folder of the environment was used")
	}
}

func TestAnInterruptedEvalLeavesNothing(t *testing.T) {
	folder, home := birds(t), t.TempDir()
	t.Setenv("TMPDIR", home)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := command(ctx, []string{"HOME=" + home, "EMBEDDING_PROVIDER=none"}, "eval", folder)
	if r.status != exitInterrupted || r.stdout != "" {
		t.Errorf("%+v", r)
	}
	if left, err := filepath.Glob(filepath.Join(home, "*")); err != nil || len(left) > 0 {
		t.Errorf("there is left %v, %v", left, err)
	}
}
