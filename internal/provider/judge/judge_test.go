package judge_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/llm"
	"kvasir/internal/provider/anthropic"
	"kvasir/internal/provider/exchange"
	"kvasir/internal/provider/gemini"
	"kvasir/internal/provider/judge"
	"kvasir/internal/provider/openai"
	"kvasir/internal/provider/providertest"
	"kvasir/internal/provider/schema"
)

var _ llm.Reranker = (*judge.Reranker)(nil)

// A writer is a generator of some vendor's at a server.
type writer struct {
	name   string
	make   func(srv *providertest.Server) llm.Generator
	format string // that the server is asked for
}

func writers(t testing.TB) []writer {
	t.Helper()
	shared := exchange.NewHTTPClient(exchange.HTTPOptions{})
	t.Cleanup(shared.CloseIdleConnections)
	speak := func(mode schema.Mode) func(*providertest.Server) llm.Generator {
		return func(srv *providertest.Server) llm.Generator {
			return openai.New(openai.Config{BaseURL: srv.BaseURL(), HTTPClient: shared}).
				Generator(openai.GenerateConfig{Model: "m", JSON: mode})
		}
	}
	return []writer{
		{"openai", speak(schema.Full), "json_schema"},
		{"a server that knows objects only", speak(schema.Object), "json_object"},
		{"a server that knows nothing of it", speak(schema.Prompt), ""},
		{"anthropic", func(srv *providertest.Server) llm.Generator {
			return anthropic.New(anthropic.Config{BaseURL: srv.URL(), HTTPClient: shared}).
				Generator(anthropic.GenerateConfig{Model: "m"})
		}, "tool"},
		{"gemini", func(srv *providertest.Server) llm.Generator {
			return gemini.New(gemini.Config{BaseURL: srv.URL(), HTTPClient: shared}).
				Generator(gemini.GenerateConfig{Model: "m"})
		}, "application/json"},
	}
}

// start returns a server, and a judge that asks it by OpenAI's protocol.
func start(t testing.TB, opts providertest.Options) (*providertest.Server, *judge.Reranker) {
	t.Helper()
	srv := providertest.Start(opts)
	t.Cleanup(srv.Close)
	return srv, judge.New("openai", writers(t)[0].make(srv))
}

func rerankRequest() llm.RerankRequest {
	return llm.RerankRequest{
		Query:     "what ducks eat",
		Documents: []string{"Geese fly south.", "Ducks eat what they find.", "Ducks swim."},
	}
}

func TestEveryWriterJudgesAllDocumentsAtOnce(t *testing.T) {
	t.Parallel()
	for _, w := range writers(t) {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			srv := providertest.Start(providertest.Options{})
			t.Cleanup(srv.Close)
			r := judge.New("p", w.make(srv))
			req := rerankRequest()
			want := []float64{0, 1, 1.0 / 3}
			for range 100 { // as many as search asks about at most
				req.Documents, want = append(req.Documents, "Geese.", "Ducks."), append(want, 0, 1.0/3)
			}
			got, err := r.Rerank(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.Scores); diff != "" || r.Model() != "m" {
				t.Errorf("scores of %s (-want +got):\n%s", r.Model(), diff)
			}
			if got.Usage.InputTokens == 0 || got.Usage.OutputTokens == 0 {
				t.Errorf("usage = %+v, want tokens both ways", got.Usage)
			}
			asked := srv.Requests(providertest.Chat)
			if len(asked) != 1 || asked[0].Format != w.format {
				t.Errorf("%d requests, the first for %q, want one for %q", len(asked), asked[0].Format, w.format)
			}
		})
	}
}

func TestWhatModelsWriteIsRead(t *testing.T) {
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
			"a bare list", `[{"index": 0, "score": 0.1}, {"index": 1, "score": 0.2}, {"index": 2, "score": 1}] I hope it helps.`,
			[]float64{0.1, 0.2, 1}, "",
		},
		{
			"under another name",
			`{"results": [{"index": 0, "score": 0}, {"index": 1, "score": 0}, {"index": 2, "score": 0}]}`, []float64{0, 0, 0},
			"",
		},
		{
			"one document forgotten", `{"scores": [{"index": 2, "score": 0.2}, {"index": 0, "score": 0.1}]}`,
			[]float64{0.1, 0, 0.2}, "",
		},
		{
			"documents that are none",
			`{"scores": [{"index": 3, "score": 1}, {"index": -1, "score": 1}, {"index": 0, "score": 0.1},
				{"index": 1, "score": 0.2}, {"index": 1, "score": 0.9}]}`, []float64{0.1, 0.2, 0}, "",
		},
		{
			"an entry that is none", `{"scores": [{"index": 0, "score": 0.1}, {"doc": 1}, {"index": 2, "score": 0.5}]}`,
			[]float64{0.1, 0, 0.5}, "",
		},
		{
			"thoughts", "<think>[1] may be {good}: [0.9, 0, 0]?</think>\n[0.1, 0.2, 0.3]", []float64{0.1, 0.2, 0.3}, "",
		},
		{"another scale", `{"scores": [8, 9, 1]}`, []float64{0.8, 0.9, 0.1}, ""},
		{"per cent", `{"scores": [80, 95, -1]}`, []float64{0.8, 0.95, 0}, ""},
		{"a scale of its own", `{"scores": [200, 50, 0]}`, []float64{1, 0.25, 0}, ""},
		{"most forgotten", `{"scores": [{"index": 0, "score": 0.1}]}`, nil, "1 scores for 3 documents"},
		{"names in place of numbers", `{"scores": [{"doc": "a"}, {"doc": "b"}, {"doc": "c"}]}`, nil, "no list of scores"},
		{"cut off", `{"scores": [{"index": 0, "score": 0.1}, {"index": 1, `, nil, "no list of scores"},
		{"an apology", "I cannot do that {really}, " + strings.Repeat("[", 200), nil, "no list of scores"},
	}
	srv, r := start(t, providertest.Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { // one after the other: they share the script
			srv.Next(providertest.Chat, providertest.Action{Text: tt.text})
			got, err := r.Rerank(t.Context(), rerankRequest())
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

func TestLongDocumentsAreCutToTheirShare(t *testing.T) {
	t.Parallel()
	srv, r := start(t, providertest.Options{})
	req := llm.RerankRequest{Query: "ducks"}
	for range 100 {
		req.Documents = append(req.Documents, strings.Repeat("ö", 10_000)+"end")
	}
	req.Documents[0] = "ducks"
	got, err := r.Rerank(t.Context(), req)
	if err != nil || len(got.Scores) != 100 || got.Scores[0] != 1 {
		t.Errorf("scores %v, %v", got.Scores, err)
	}
	asked := srv.Requests(providertest.Chat)[0].Texts[1]
	torn := strings.Contains(asked, "end") || strings.Contains(asked, `\ufffd`)
	if len(asked) > 300_000 || len(asked) < 200_000 || torn {
		t.Errorf("the model was given %d bytes", len(asked))
	}
}

func TestFailuresAreTheWriters(t *testing.T) {
	t.Parallel()
	srv, r := start(t, providertest.Options{})
	srv.Next(providertest.Chat, providertest.Throttle(0), providertest.Action{Fault: providertest.End, After: 1})
	for _, want := range []llm.Class{llm.ClassThrottled, llm.ClassSick} {
		if _, err := r.Rerank(t.Context(), rerankRequest()); llm.ClassOf(err) != want {
			t.Errorf("Rerank: %v, want %q", err, want)
		}
	}
	if _, err := r.Rerank(t.Context(), llm.RerankRequest{Query: "a"}); llm.ClassOf(err) != llm.ClassBadRequest {
		t.Errorf("Rerank of nothing: %v", err)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(`{"scores": [{"index": 0, "score": 0.1}, {"index": 1, "score": 0.2}, {"index": 2, "score": 1}]}`)
	f.Add("```json\n[0.1, 0.2, 0.3]\n```")
	f.Add(`[[[[{"scores": {"scores": []}}`)
	srv, r := start(f, providertest.Options{Keep: -1})
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" {
			return // means the server's own answer
		}
		srv.Next(providertest.Chat, providertest.Action{Text: text})
		got, err := r.Rerank(t.Context(), rerankRequest())
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
