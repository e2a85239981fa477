package cohere_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/llm"
	"kvasir/internal/provider/cohere"
	"kvasir/internal/provider/exchange"
	"kvasir/internal/provider/providertest"
)

var _ llm.Reranker = (*cohere.Reranker)(nil)

const key = "jina_4815162342"

// A server of a dialect, as it is asked.
type speaker struct {
	name    string
	dialect cohere.Dialect
	base    func(*providertest.Server) string
	path    string
	usage   llm.Usage // of a query of three words and 150 documents of two
}

func speakers() []speaker {
	return []speaker{
		{"cohere", cohere.Cohere, (*providertest.Server).CohereURL, "/v2/rerank", llm.Usage{Searches: 2}},
		{"jina", cohere.Jina, (*providertest.Server).BaseURL, "/v1/rerank", llm.Usage{InputTokens: 303}},
		{"tei", cohere.TEI, (*providertest.Server).URL, "/rerank", llm.Usage{}},
	}
}

func start(t *testing.T, s speaker) (*providertest.Server, *cohere.Client) {
	t.Helper()
	srv := providertest.Start(providertest.Options{})
	t.Cleanup(srv.Close)
	return srv, client(t, s.dialect, s.base(srv))
}

func client(t *testing.T, dialect cohere.Dialect, base string) *cohere.Client {
	t.Helper()
	shared := exchange.NewHTTPClient(exchange.HTTPOptions{})
	t.Cleanup(shared.CloseIdleConnections)
	return cohere.New(cohere.Config{Dialect: dialect, BaseURL: base, APIKey: key, HTTPClient: shared})
}

func TestEveryDocumentIsScoredInOrder(t *testing.T) {
	t.Parallel()
	for _, s := range speakers() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			srv, c := start(t, s)
			documents := slices.Repeat([]string{"geese swim"}, 150)
			want := make([]float64, len(documents))
			documents[120], want[120] = "ducks eat", 2.0/3
			got, err := c.Reranker("m").Rerank(t.Context(), llm.RerankRequest{Query: "what ducks eat", Documents: documents})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(llm.RerankResponse{Scores: want, Usage: s.usage}, got); diff != "" {
				t.Errorf("Rerank (-want +got):\n%s", diff)
			}
			asked := srv.Requests(providertest.Rerank)
			if len(asked) != 1 || asked[0].Path != s.path || !asked[0].Authorized {
				t.Errorf("the server was asked %d times, first %s", len(asked), asked[0].Path)
			}
		})
	}
}

// words returns a server that takes note of the words of the last request.
func words(t *testing.T, answer string) (base string, body *map[string]any) {
	t.Helper()
	body = &map[string]any{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		clear(*body)
		if err := json.NewDecoder(r.Body).Decode(body); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, body
}

func TestTheDialectsDiffer(t *testing.T) {
	t.Parallel()
	const results = `{"results": [{"index": 0, "relevance_score": 0.5}]}`
	tests := []struct {
		dialect cohere.Dialect
		answer  string
		want    map[string]any
	}{
		{cohere.Cohere, results, map[string]any{"model": "m", "query": "q", "documents": []any{"d"}, "top_n": 1.0}},
		{cohere.Jina, results, map[string]any{
			"model": "m", "query": "q", "documents": []any{"d"}, "top_n": 1.0, "return_documents": false,
		}},
		{cohere.TEI, `[{"index": 0, "score": 0.5}]`, map[string]any{"query": "q", "texts": []any{"d"}, "truncate": true}},
	}
	for _, tt := range tests {
		base, body := words(t, tt.answer)
		r := client(t, tt.dialect, base).Reranker("m")
		got, err := r.Rerank(t.Context(), llm.RerankRequest{Query: "q", Documents: []string{"d"}})
		if diff := cmp.Diff([]float64{0.5}, got.Scores); err != nil || diff != "" {
			t.Errorf("Rerank: %v (-want +got):\n%s", err, diff)
		}
		if diff := cmp.Diff(tt.want, *body); diff != "" {
			t.Errorf("dialect %d (-want +got):\n%s", tt.dialect, diff)
		}
	}
}

func TestUsageIsReadWhereverItStands(t *testing.T) {
	t.Parallel()
	tests := map[string]llm.Usage{
		`"usage": {"total_tokens": 7}`:                                         {InputTokens: 7},
		`"meta": {"billed_units": {"search_units": 2}}`:                        {Searches: 2},
		`"meta": {"billed_units": {"total_tokens": 9}}`:                        {InputTokens: 9},
		`"meta": {"billed_units": null, "tokens": {"input_tokens": 8}}`:        {InputTokens: 8},
		`"meta": null, "usage": {"prompt_tokens": 3, "total_tokens": 3}`:       {InputTokens: 3},
		`"id": "a", "model": "m"`:                                              {},
		`"meta": {"api_version": {"version": "2"}, "warnings": ["it is old"]}`: {},
	}
	for said, want := range tests {
		base, _ := words(t, `{"results": [{"index": 0, "relevance_score": 1}], `+said+`}`)
		got, err := client(t, cohere.Cohere, base).Reranker("m").
			Rerank(t.Context(), llm.RerankRequest{Query: "q", Documents: []string{"d"}})
		if err != nil || got.Usage != want {
			t.Errorf("%s: %+v, %v, want %+v", said, got.Usage, err, want)
		}
	}
}

func TestModelsHaveAName(t *testing.T) {
	t.Parallel()
	c := cohere.New(cohere.Config{})
	if got := c.Reranker("rerank-v3.5").Model() + " " + c.Reranker("").Model(); got != "rerank-v3.5 reranker" {
		t.Errorf("models %q", got)
	}
}

func TestFailuresHaveTheirClass(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		action providertest.Action
		want   llm.Class
		says   string
	}{
		{"wrong key", providertest.Action{Status: 401, Body: `{"message": "invalid api token"}`}, llm.ClassDeadKey, "token"},
		{
			"a key that is told", providertest.Action{Status: 403, Body: `{"detail": "No balance for jina_1234567890"}`},
			llm.ClassDeadKey, "No balance for ***",
		},
		{"no balance", providertest.Action{Status: 402, Body: `{"detail": "Payment required"}`}, llm.ClassDeadKey, "Payment"},
		{"throttled", providertest.Throttle(3 * time.Second), llm.ClassThrottled, "Rate limit reached"},
		{
			"no such model", providertest.Action{Status: 404, Body: `{"message": "model 'jina-reranker-v9' not found"}`},
			llm.ClassBadRequest, "'jina-reranker-v9' not found",
		},
		{"too many", providertest.Action{Status: 413, Body: `{"error": "batch size 40 > 32"}`}, llm.ClassTooLong, "40 > 32"},
		{"broken", providertest.Fail(502, "bad gateway"), llm.ClassSick, "bad gateway"},
		{"garbage", providertest.Action{Fault: providertest.Garbage}, llm.ClassSick, "decode"},
		{"JSON that stops", providertest.Action{Fault: providertest.Truncate}, llm.ClassSick, "decode"},
		{"a cut connection", providertest.Action{Fault: providertest.Cut}, llm.ClassSick, "EOF"},
		{"one missing", providertest.Action{Fault: providertest.Missing}, llm.ClassSick, "1 scores for 2"},
	}
	for _, s := range speakers() {
		srv, c := start(t, s)
		for _, tt := range tests {
			t.Run(s.name+"/"+tt.name, func(t *testing.T) { // one after the other: they share the script
				srv.Next(providertest.Rerank, tt.action)
				_, err := c.Reranker("m").Rerank(t.Context(), llm.RerankRequest{Query: "a", Documents: []string{"a", "b"}})
				e, ok := errors.AsType[*llm.Error](err)
				if !ok || e.Class != tt.want || e.Provider != s.name || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("error = %v, want class %q of %s and %q", err, tt.want, s.name, tt.says)
				}
			})
		}
		_, err := c.Reranker("m").Rerank(t.Context(), llm.RerankRequest{Query: "a", Documents: []string{""}})
		if n := srv.Totals(providertest.Rerank).Requests; llm.ClassOf(err) != llm.ClassBadRequest || n != len(tests) {
			t.Errorf("%s: an empty document: %v after %d requests", s.name, err, n)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(`{"results": [{"index": 1, "relevance_score": 0.2}, {"index": 0, "relevance_score": -3}], "meta": null}`)
	f.Add(`[{"index": 1, "score": 0.2}, {"index": 0, "score": 1e300}]`)
	f.Add(`{"results": null}`)
	var answer string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, answer)
	}))
	f.Cleanup(srv.Close)
	f.Fuzz(func(t *testing.T, text string) {
		answer = text
		for _, dialect := range []cohere.Dialect{cohere.Cohere, cohere.TEI} {
			c := cohere.New(cohere.Config{Dialect: dialect, BaseURL: srv.URL, HTTPClient: srv.Client()})
			got, err := c.Reranker("").Rerank(t.Context(), llm.RerankRequest{Query: "q", Documents: []string{"a", "b"}})
			if err != nil {
				if llm.ClassOf(err) != llm.ClassSick {
					t.Errorf("%q: %v, want a sick upstream", text, err)
				}
				continue
			}
			for _, s := range got.Scores {
				if !(s >= 0 && s <= 1) || len(got.Scores) != 2 {
					t.Errorf("%q: %v, want two scores from 0 to 1", text, got.Scores)
				}
			}
		}
	})
}
