package localservice_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/llm"
	"kvasir/internal/provider/exchange"
	"kvasir/internal/provider/localservice"
	"kvasir/internal/provider/providertest"
)

var (
	_ llm.Embedder = (*localservice.Client)(nil)
	_ llm.Reranker = (*localservice.Client)(nil)
)

func start(t *testing.T) (*providertest.Server, *localservice.Client) {
	t.Helper()
	srv := providertest.Start(providertest.Options{Dimensions: 384})
	t.Cleanup(srv.Close)
	shared := exchange.NewHTTPClient(exchange.HTTPOptions{})
	t.Cleanup(shared.CloseIdleConnections)
	return srv, localservice.New(localservice.Config{URL: srv.URL() + "/", HTTPClient: shared})
}

func TestEmbedTakesOneText(t *testing.T) {
	t.Parallel()
	srv, c := start(t)
	want := llm.EmbedSpec{
		Model: "embedding-service|" + srv.URL(), MaxTokens: 256, MaxItems: 1, MaxBatchTokens: 256,
	}
	if diff := cmp.Diff(want, c.Spec()); diff != "" {
		t.Errorf("Spec (-want +got):\n%s", diff)
	}
	got, err := c.Embed(t.Context(), llm.EmbedRequest{Texts: []string{"Ducks eat insects."}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]llm.Vector{providertest.Embedding("Ducks eat insects.", 384)}, got.Vectors); diff != "" {
		t.Errorf("vectors (-want +got):\n%s", diff)
	}
	if c.Spec().Dimensions != 384 {
		t.Errorf("learned %d dimensions, want 384", c.Spec().Dimensions)
	}
	for _, texts := range [][]string{nil, {""}, {"a", "b"}} {
		if _, err := c.Embed(t.Context(), llm.EmbedRequest{Texts: texts}); llm.ClassOf(err) != llm.ClassBadRequest {
			t.Errorf("Embed(%q): %v, want a bad request", texts, err)
		}
	}
	asked := srv.Requests(providertest.Embed)
	if len(asked) != 1 || asked[0].Path != "/embed" || asked[0].Authorized {
		t.Errorf("the server was asked %+v", asked)
	}
}

func TestEmbedBelievesTheVectorNotTheClaim(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"embedding": [1, 0], "dimension": 384}`)
	}))
	t.Cleanup(srv.Close)
	c := localservice.New(localservice.Config{URL: srv.URL, HTTPClient: srv.Client()})
	_, err := c.Embed(t.Context(), llm.EmbedRequest{Texts: []string{"a"}})
	if llm.ClassOf(err) != llm.ClassSick || !strings.Contains(err.Error(), "2 dimensions that claims 384") {
		t.Errorf("Embed: %v, want a sick upstream", err)
	}
}

func TestRerankScoresEveryDocumentInOrder(t *testing.T) {
	t.Parallel()
	srv, c := start(t)
	documents := []string{"Geese fly south.", "Ducks eat what they find.", "Ducks swim."}
	got, err := c.Rerank(t.Context(), llm.RerankRequest{Query: "what ducks eat", Documents: documents})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{0, 1, 1.0 / 3}, got.Scores); diff != "" {
		t.Errorf("scores (-want +got):\n%s", diff)
	}
	if asked := srv.Requests(providertest.Rerank); len(asked) != 1 || asked[0].Path != "/rerank" {
		t.Errorf("the server was asked %+v", asked)
	}
	if c.Model() == "" {
		t.Error("the reranker has no name")
	}
	if _, err := c.Rerank(t.Context(), llm.RerankRequest{Query: "a"}); llm.ClassOf(err) != llm.ClassBadRequest {
		t.Errorf("Rerank of nothing: %v, want a bad request", err)
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
		{"throttled", providertest.Throttle(3 * time.Second), llm.ClassThrottled, "Rate limit reached"},
		{
			"broken", providertest.Action{Status: 500, Body: `{"detail": "CUDA out of memory"}`}, llm.ClassSick,
			"CUDA out of memory",
		},
		{"still loading", providertest.Fail(503, "model is loading"), llm.ClassSick, "loading"},
		{
			"bad request", providertest.Action{Status: 422, Body: `{"detail": [{"msg": "field required"}]}`},
			llm.ClassBadRequest, "field required",
		},
		{"garbage", providertest.Action{Fault: providertest.Garbage}, llm.ClassSick, "decode"},
		{"JSON that stops", providertest.Action{Fault: providertest.Truncate}, llm.ClassSick, "decode"},
		{"a cut connection", providertest.Action{Fault: providertest.Cut}, llm.ClassSick, "EOF"},
		{"nothing in it", providertest.Action{Fault: providertest.Missing}, llm.ClassSick, ""},
	}
	srv, c := start(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { // one after the other: they share the script
			srv.Next(providertest.Embed, tt.action)
			srv.Next(providertest.Rerank, tt.action)
			_, embed := c.Embed(t.Context(), llm.EmbedRequest{Texts: []string{"a"}})
			_, rerank := c.Rerank(t.Context(), llm.RerankRequest{Query: "a", Documents: []string{"a", "b"}})
			for _, err := range []error{embed, rerank} {
				e, ok := errors.AsType[*llm.Error](err)
				if !ok || e.Class != tt.want || e.Provider != "embedding-service" || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("error = %v, want class %q and %q", err, tt.want, tt.says)
				}
			}
		})
	}
}
