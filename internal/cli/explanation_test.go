package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/tools/txtar"

	"kvasir/client"
	"kvasir/client/clienttest"
)

// chunk returns the id of a chunk.
func chunk(n int) string { return fmt.Sprintf("0197a1f2-2f57-7c3e-9d51-%012d", n) }

// candidates returns chunks with falling scores, with titles if they are known.
func candidates(best float64, known bool, chunks ...int) []client.Candidate {
	out := make([]client.Candidate, len(chunks))
	for i, n := range chunks {
		out[i] = client.Candidate{ChunkID: chunk(n), MemoID: chunk(100 + n), Score: best / float64(i+1)}
		if known {
			out[i].MemoTitle = fmt.Sprintf("Memo %d, whose title is long enough to be cut where the line ends", n)
		}
	}
	return out
}

// explained is how a search goes: words and vectors, one list, what repeats, the end.
func explained() *client.Explanation {
	return &client.Explanation{Question: "when may I travel first class?", Stages: []client.Stage{
		{Name: "filter", TookMS: 0.01, Notes: []string{"source eq handbook", "neither archived nor expired"}},
		{Name: "lexical", TookMS: 0.42, Total: 1200, Candidates: candidates(123.4, false, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)},
		{Name: "vector", TookMS: 12.6, Total: 2, Candidates: candidates(0.9, false, 3, 12), Notes: []string{"within 0.75"}},
		{
			Name: "fuse", TookMS: 0.1, Total: 60, Notes: []string{"weight of words 0.62, " + strings.Repeat("as it is ", 12)},
			Candidates: candidates(1, true, 3, 1, 2), Dropped: []client.Dropped{
				{ChunkID: chunk(12), MemoID: chunk(112), Reason: "farther than 0.5"},
			},
		},
		{Name: "rerank", TookMS: 1500, Notes: []string{"the reranker failed; the fused order stands"}},
		{Name: "dedup", TookMS: 0.2, Total: 2, Candidates: candidates(1, true, 3, 1), Dropped: []client.Dropped{
			{ChunkID: chunk(2), MemoID: chunk(102), Reason: "nearly repeats " + chunk(1)},
		}},
		{Name: "cut", Total: 1, Candidates: candidates(1, true, 3), Dropped: []client.Dropped{
			{ChunkID: chunk(1), MemoID: chunk(101), Reason: "beyond the limit of 1"},
		}},
	}}
}

func TestExplanation(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &session{out: &screen{w: &out}}
	s.printInferred([]client.Filter{
		{Field: "tags", Operator: "in", Value: []any{"travel", "rail"}}, {Field: "year", Operator: "eq", Value: "2026"},
		{Field: "team", Operator: "eq"},
	})
	s.printExplanation(explained())
	compareGolden(t, "testdata/explanation.txtar",
		&txtar.Archive{Files: []txtar.File{{Name: "of a search", Data: out.Bytes()}}})
	for line := range strings.Lines(out.String()) {
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80 {
			t.Errorf("a line is wider than 80 columns: %s", line)
		}
	}
	out.Reset()
	s.printExplanation(nil)
	s.printInferred(nil)
	if out.Len() > 0 {
		t.Errorf("nothing is told as %q", out.String())
	}
}

func TestSearchExplained(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	put(t, srv, "Ducks", "Ducks eat seeds.")
	second := put(t, srv, "Ducks again", "Ducks eat seeds.")
	r := on(t, srv, "search", "--explain", "--infer-filters", "ducks").succeed(t)
	for _, want := range []string{
		"Read from the question\n  source eq farm\n", "How the passages were found\n",
		"\nlexical 0.2ms, 2 candidates left\n", "\ndedup 12ms, 1 candidate left, 1 dropped\n",
		"  dropped Ducks: nearly repeats “Ducks again”\n",
	} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("stdout lacks %q:\n%s", want, r.stdout)
		}
	}
	r = on(t, srv, "search", "--json", "--explain", "--fusion", "rrf", "ducks").succeed(t)
	if !strings.Contains(r.stdout, `"reason": "nearly repeats `+second) || strings.Contains(r.stdout, "inferred") {
		t.Errorf("JSON %s", r.stdout)
	}
	r = on(t, srv, "search", "--fusion", "sum", "ducks")
	if !strings.Contains(r.stderr, "Invalid retrieval.fusion: sum.") {
		t.Errorf("for an unknown fusion: %+v", r)
	}
	if r := on(t, srv, "search", "--boost", "farm=many", "ducks"); r.status != exitUsage {
		t.Errorf("for a boost that is no number: %+v", r)
	}
}

func TestWhatIsWishedForIsAsked(t *testing.T) {
	t.Parallel()
	if r := (&searchCommand{wishes: wishes{RecencyWeight: 0.5}}).retrieval(); r != nil {
		t.Errorf("without wishes %+v is asked for", r)
	}
	c := searchCommand{NoRerank: true, Candidates: 7, MaxDistance: new(0.0)}
	if r := c.retrieval(); r == nil || *r.Rerank || r.Candidates != 7 || *r.MaxDistance != 0 || r.Recency != nil {
		t.Errorf("asked for %+v", r)
	}
	w := wishes{Recency: 30, RecencyWeight: 0.2}
	if r := w.retrieval(); r == nil || *r.Recency != (client.Recency{HalfLifeDays: 30, Weight: 0.2}) {
		t.Errorf("asked for %+v", r)
	}
}
