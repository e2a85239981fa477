package openai_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/llm"
	"kvasir/internal/provider/providertest"
)

func rerankRequest() llm.RerankRequest {
	return llm.RerankRequest{
		Query:     "what ducks eat",
		Documents: []string{"Geese fly south.", "Ducks eat what they find.", "Ducks swim."},
	}
}

func TestRerankScoresEveryDocument(t *testing.T) {
	t.Parallel()
	srv, c := start(t, providertest.Options{})
	got, err := c.Reranker("judge").Rerank(t.Context(), rerankRequest())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{0, 1, 1.0 / 3}, got.Scores); diff != "" {
		t.Errorf("scores (-want +got):\n%s", diff)
	}
	if got.Usage.InputTokens == 0 || got.Usage.OutputTokens == 0 {
		t.Errorf("usage = %+v, want tokens both ways", got.Usage)
	}
	asked := srv.Requests(providertest.Chat)
	if len(asked) != 1 || asked[0].Model != "judge" || asked[0].Stream {
		t.Errorf("the server was asked %+v", asked)
	}
}

func TestRerankReadsWhatModelsWrite(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       []float64
		says       string
	}{
		{
			"as asked", `{"scores": [{"index": 2, "score": 0.3}, {"index": 0, "score": 0.1}, {"index": 1, "score": 0.2}]}`,
			[]float64{0.1, 0.2, 0.3}, "",
		},
		{
			"fenced", "Here you go [as JSON]:\n```json\n" + `{"scores": [0.1, 0.2, 0.3]}` + "\n```", []float64{0.1, 0.2, 0.3},
			"",
		},
		{
			"a bare list", `[{"index": 0, "score": 0.1}, {"index": 1, "score": 0.2}, {"index": 2, "score": 1}]`,
			[]float64{0.1, 0.2, 1}, "",
		},
		{
			"under another name",
			`{"results": [{"index": 0, "score": 0}, {"index": 1, "score": 0}, {"index": 2, "score": 0}]}`, []float64{0, 0, 0},
			"",
		},
		{"one document forgotten", `{"scores": [{"index": 0, "score": 0.1}]}`, nil, "1 scores for 3 documents"},
		{"another scale", `{"scores": [8, 9, 1]}`, nil, "score 8 of document 0 is not between 0 and 1"},
		{"names in place of numbers", `{"scores": [{"doc": "a"}, {"doc": "b"}, {"doc": "c"}]}`, nil, "no list of scores"},
		{"an apology", "I cannot do that {really}, " + strings.Repeat("[", 200), nil, "no list of scores"},
	}
	srv, c := start(t, providertest.Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { // one after the other: they share the script
			srv.Next(providertest.Chat, providertest.Action{Text: tt.text})
			got, err := c.Reranker("judge").Rerank(t.Context(), rerankRequest())
			if tt.says != "" {
				if llm.ClassOf(err) != llm.ClassSick || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("Rerank: %v, want a sick upstream and %q", err, tt.says)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got.Scores); err != nil || diff != "" {
				t.Errorf("Rerank: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func FuzzRerankAnswer(f *testing.F) {
	f.Add(`{"scores": [{"index": 0, "score": 0.1}, {"index": 1, "score": 0.2}, {"index": 2, "score": 1}]}`)
	f.Add("```json\n[0.1, 0.2, 0.3]\n```")
	f.Add(`[[[[{"scores": {"scores": []}}`)
	srv, c := start(f, providertest.Options{Keep: -1})
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" {
			return // means the server's own answer
		}
		srv.Next(providertest.Chat, providertest.Action{Text: text})
		got, err := c.Reranker("judge").Rerank(t.Context(), rerankRequest())
		if err != nil {
			if llm.ClassOf(err) != llm.ClassSick {
				t.Errorf("Rerank with %q: %v, want a sick upstream", text, err)
			}
			return
		}
		for _, s := range got.Scores {
			if !(s >= 0 && s <= 1) || len(got.Scores) != 3 {
				t.Errorf("Rerank with %q = %v, want three scores from 0 to 1", text, got.Scores)
			}
		}
	})
}
