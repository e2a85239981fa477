package gemini_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/llm"
	"kvasir/internal/provider/gemini"
)

type embedded struct {
	Model      string
	Content    content
	TaskType   string
	Dimensions int `json:"outputDimensionality"`
}

func TestEmbedTellsQuestionsFromPassages(t *testing.T) {
	t.Parallel()
	var got struct{ Requests []embedded }
	var path string
	c := client(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		path, got.Requests = r.URL.Path, nil
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, `{"embeddings": [{"values": [0.5, -1e-2]}, {"values": [0.25, 3]}]}`)
	}))
	e := c.Embedder(gemini.EmbedConfig{Model: "gemini-embedding-001", Served: "mine", Dimensions: 2})
	for input, task := range map[llm.Input]string{
		llm.InputDocument: "RETRIEVAL_DOCUMENT", llm.InputQuery: "RETRIEVAL_QUERY", "": "",
	} {
		answer, err := e.Embed(t.Context(), llm.EmbedRequest{Texts: []string{"a duck", "a goose"}, Input: input})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(llm.EmbedResponse{Vectors: []llm.Vector{{0.5, -0.01}, {0.25, 3}}}, answer); diff != "" {
			t.Errorf("Embed (-want +got):\n%s", diff)
		}
		want := []embedded{
			{"models/mine", said("", "a duck"), task, 2},
			{"models/mine", said("", "a goose"), task, 2},
		}
		if diff := cmp.Diff(want, got.Requests); diff != "" || path != "/v1beta/models/mine:batchEmbedContents" {
			t.Errorf("request to %s (-want +got):\n%s", path, diff)
		}
	}
}

func TestSpecNamesModelAndLimits(t *testing.T) {
	t.Parallel()
	c := gemini.New(gemini.Config{})
	want := llm.EmbedSpec{
		Model:      "gemini|https://generativelanguage.googleapis.com/v1beta|gemini-embedding-001|768",
		Dimensions: 768, MaxTokens: 2048, MaxItems: 100, MaxBatchTokens: 100_000,
	}
	got := c.Embedder(gemini.EmbedConfig{Model: "gemini-embedding-001", Served: "mine", Dimensions: 768}).Spec()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Spec (-want +got):\n%s", diff)
	}
	if got := c.Embedder(gemini.EmbedConfig{Model: "m", Identity: "shared"}).Spec().Model; got != "shared" {
		t.Errorf("identity = %q, want that given", got)
	}
}

func TestEmbedRefusesAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, answer, says string }{
		{"too few", `{"embeddings": [{"values": [1]}]}`, "1 vectors for 2 texts"},
		{"empty", `{"embeddings": [{"values": [1]}, {"values": []}]}`, "vector 1 is empty"},
		{"uneven", `{"embeddings": [{"values": [1]}, {"values": [1, 2]}]}`, "dimensions"},
		{"null", `{"embeddings": [{"values": [1]}, {"values": [null]}]}`, "not finite"},
		{"none", `{}`, "0 vectors for 2 texts"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := client(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				_, _ = io.WriteString(w, tt.answer)
			}))
			_, err := c.Embedder(gemini.EmbedConfig{Model: "m"}).Embed(t.Context(), llm.EmbedRequest{Texts: []string{"a", "b"}})
			if llm.ClassOf(err) != llm.ClassSick || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error = %v, want a sick upstream and %q", err, tt.says)
			}
		})
	}
}

func TestEmptyTextsAreNotSent(t *testing.T) {
	t.Parallel()
	c := client(t, serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") }))
	for _, texts := range [][]string{nil, {"a", ""}} {
		_, err := c.Embedder(gemini.EmbedConfig{Model: "m"}).Embed(t.Context(), llm.EmbedRequest{Texts: texts})
		if llm.ClassOf(err) != llm.ClassBadRequest {
			t.Errorf("Embed(%q): %v, want a bad request", texts, err)
		}
	}
}
