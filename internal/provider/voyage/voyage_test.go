package voyage_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/llm"
	"kvasir/internal/provider/exchange"
	"kvasir/internal/provider/providertest"
	"kvasir/internal/provider/voyage"
)

var (
	_ llm.Embedder = (*voyage.Embedder)(nil)
	_ llm.Reranker = (*voyage.Reranker)(nil)
)

const key = "pa-test-4815162342"

func start(t *testing.T) (*providertest.Server, *voyage.Client) {
	t.Helper()
	srv := providertest.Start(providertest.Options{})
	t.Cleanup(srv.Close)
	shared := exchange.NewHTTPClient(exchange.HTTPOptions{})
	t.Cleanup(shared.CloseIdleConnections)
	return srv, voyage.New(voyage.Config{BaseURL: srv.BaseURL(), APIKey: key, HTTPClient: shared})
}

func TestEmbedTellsQuestionsFromPassages(t *testing.T) {
	t.Parallel()
	srv, c := start(t)
	e := c.Embedder(voyage.EmbedConfig{Dimensions: 128})
	texts := []string{"Ducks eat insects.", "Geese fly south."}
	for _, input := range []llm.Input{llm.InputDocument, llm.InputQuery} {
		got, err := e.Embed(t.Context(), llm.EmbedRequest{Texts: texts, Input: input})
		if err != nil {
			t.Fatal(err)
		}
		want := llm.EmbedResponse{
			Vectors: []llm.Vector{providertest.Embedding(texts[0], 128), providertest.Embedding(texts[1], 128)},
			Usage:   llm.Usage{InputTokens: 6},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Embed (-want +got):\n%s", diff)
		}
	}
	var asked []string
	for _, r := range srv.Requests(providertest.Embed) {
		asked = append(asked, r.Model+" "+r.Input)
		if !r.Authorized || r.Dimensions != 128 {
			t.Errorf("request %+v, want a key and 128 dimensions", r)
		}
	}
	if diff := cmp.Diff([]string{"voyage-3-large document", "voyage-3-large query"}, asked); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestSpecNamesModelAndDimensions(t *testing.T) {
	t.Parallel()
	srv, c := start(t)
	want := llm.EmbedSpec{
		Model:     "voyage|" + srv.BaseURL() + "|voyage-code-3",
		MaxTokens: 32_000, MaxItems: 256, MaxBatchTokens: 100_000,
	}
	if diff := cmp.Diff(want, c.Embedder(voyage.EmbedConfig{Model: "voyage-code-3"}).Spec()); diff != "" {
		t.Errorf("Spec (-want +got):\n%s", diff)
	}
	want.Model, want.Dimensions = want.Model+"|512", 512
	if diff := cmp.Diff(want, c.Embedder(voyage.EmbedConfig{Model: "voyage-code-3", Dimensions: 512}).Spec()); diff != "" {
		t.Errorf("Spec with dimensions (-want +got):\n%s", diff)
	}
}

func TestIdentityAndNameAreGiven(t *testing.T) {
	t.Parallel()
	srv, c := start(t)
	e := c.Embedder(voyage.EmbedConfig{Model: "voyage-3.5", Served: "mine", Identity: "shared"})
	if _, err := e.Embed(t.Context(), llm.EmbedRequest{Texts: []string{"a duck"}}); err != nil {
		t.Fatal(err)
	}
	if got := srv.Requests(providertest.Embed)[0].Model; got != "mine" || e.Spec().Model != "shared" {
		t.Errorf("asked for %q in the space %q, want mine in shared", got, e.Spec().Model)
	}
}

func TestRerankScoresEveryDocumentInOrder(t *testing.T) {
	t.Parallel()
	srv, c := start(t)
	r := c.Reranker("")
	documents := make([]string, 50) // more than any server's default cut
	want := make([]float64, len(documents))
	for i := range documents {
		documents[i] = strings.Repeat("goose ", i%3+1)
		if i%7 == 0 {
			documents[i], want[i] = "ducks eat", 2.0/3
		}
	}
	got, err := r.Rerank(t.Context(), llm.RerankRequest{Query: "what ducks eat", Documents: documents})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Scores); diff != "" {
		t.Errorf("scores (-want +got):\n%s", diff)
	}
	if got.Usage.InputTokens == 0 {
		t.Error("no usage")
	}
	if asked := srv.Requests(providertest.Rerank)[0]; asked.Model != "rerank-2-lite" || r.Model() != "rerank-2-lite" {
		t.Errorf("asked %q, and calls itself %q", asked.Model, r.Model())
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
		{
			"wrong key", providertest.Action{Status: 401, Body: `{"detail": "Provided API key ` + key + ` is invalid."}`},
			llm.ClassDeadKey, "Provided API key *** is invalid.",
		},
		{"throttled", providertest.Throttle(3 * time.Second), llm.ClassThrottled, "Rate limit reached"},
		{"broken", providertest.Fail(502, "bad gateway"), llm.ClassSick, "bad gateway"},
		{
			"bad request", providertest.Action{Status: 400, Body: `{"detail": "Model x is not supported."}`},
			llm.ClassBadRequest, "not supported",
		},
		{
			"too long", providertest.Action{Status: 400, Body: `{"detail": "too many tokens in the batch"}`}, llm.ClassTooLong,
			"too many tokens",
		},
		{"garbage", providertest.Action{Fault: providertest.Garbage}, llm.ClassSick, "decode"},
		{"JSON that stops", providertest.Action{Fault: providertest.Truncate}, llm.ClassSick, "decode"},
		{"a cut connection", providertest.Action{Fault: providertest.Cut}, llm.ClassSick, "EOF"},
		{"one missing", providertest.Action{Fault: providertest.Missing}, llm.ClassSick, "1 "},
	}
	calls := map[providertest.Kind]func(context.Context, *voyage.Client) error{
		providertest.Embed: func(ctx context.Context, c *voyage.Client) error {
			_, err := c.Embedder(voyage.EmbedConfig{}).Embed(ctx, llm.EmbedRequest{Texts: []string{"a", "b"}})
			return err
		},
		providertest.Rerank: func(ctx context.Context, c *voyage.Client) error {
			_, err := c.Reranker("").Rerank(ctx, llm.RerankRequest{Query: "a", Documents: []string{"a", "b"}})
			return err
		},
	}
	srv, c := start(t)
	for kind, call := range calls {
		for _, tt := range tests {
			t.Run(string(kind)+"/"+tt.name, func(t *testing.T) { // one after the other: they share the script
				srv.Next(kind, tt.action)
				err := call(t.Context(), c)
				e, ok := errors.AsType[*llm.Error](err)
				if !ok || e.Class != tt.want || e.Provider != "voyage" || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("error = %v, want class %q and %q", err, tt.want, tt.says)
				}
				if strings.Contains(err.Error(), key) {
					t.Errorf("error %v repeats the key", err)
				}
			})
		}
	}
}

func TestEmptyTextsAreNotSent(t *testing.T) {
	t.Parallel()
	srv, c := start(t)
	_, embed := c.Embedder(voyage.EmbedConfig{}).Embed(t.Context(), llm.EmbedRequest{Texts: []string{""}})
	_, rerank := c.Reranker("").Rerank(t.Context(), llm.RerankRequest{Query: "a"})
	if llm.ClassOf(embed) != llm.ClassBadRequest || llm.ClassOf(rerank) != llm.ClassBadRequest {
		t.Errorf("Embed: %v, Rerank: %v; want bad requests", embed, rerank)
	}
	if n := srv.Totals(providertest.Embed).Requests + srv.Totals(providertest.Rerank).Requests; n != 0 {
		t.Errorf("the server got %d requests", n)
	}
}
