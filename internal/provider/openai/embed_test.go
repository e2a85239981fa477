package openai_test

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"kvasir/internal/llm"
	"kvasir/internal/provider/openai"
	"kvasir/internal/provider/providertest"
)

func TestEmbedReturnsAVectorForEveryText(t *testing.T) {
	t.Parallel()
	texts := make([]string, 1000)
	want := make([]llm.Vector, len(texts))
	for i := range texts {
		texts[i] = fmt.Sprintf("text number %d", i)
		want[i] = providertest.Embedding(texts[i], 64)
	}
	for _, numbers := range []bool{false, true} {
		t.Run(fmt.Sprintf("numbers %v", numbers), func(t *testing.T) {
			t.Parallel()
			srv, c := start(t, providertest.Options{Numbers: numbers})
			e := c.Embedder(openai.EmbedConfig{Model: "nomic"})
			if e.Spec().Dimensions != 0 {
				t.Errorf("the dimensions are known before the first answer: %d", e.Spec().Dimensions)
			}
			got, err := e.Embed(t.Context(), llm.EmbedRequest{Texts: texts, Input: llm.InputDocument})
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(want, got.Vectors); diff != "" {
				t.Errorf("vectors (-want +got):\n%s", diff)
			}
			if got.Usage.InputTokens != 3*len(texts) {
				t.Errorf("usage = %d tokens, want %d", got.Usage.InputTokens, 3*len(texts))
			}
			if e.Spec().Dimensions != 64 {
				t.Errorf("learned %d dimensions, want 64", e.Spec().Dimensions)
			}
			asked := srv.Requests(providertest.Embed)
			if len(asked) != 1 || asked[0].Model != "nomic" || asked[0].Dimensions != 0 || len(asked[0].Texts) != len(texts) {
				t.Errorf("the server was asked %d times, last for model %q", len(asked), asked[0].Model)
			}
		})
	}
}

func TestEmbedSpec(t *testing.T) {
	t.Parallel()
	c := openai.New(openai.Config{})
	tests := []struct {
		cfg  openai.EmbedConfig
		want llm.EmbedSpec
	}{
		{
			openai.EmbedConfig{Model: "text-embedding-3-large"},
			llm.EmbedSpec{Model: "openai|https://api.openai.com/v1|text-embedding-3-large", MaxTokens: 8191},
		},
		{
			openai.EmbedConfig{Model: "text-embedding-3-small", Dimensions: 512},
			llm.EmbedSpec{
				Model: "openai|https://api.openai.com/v1|text-embedding-3-small|512", Dimensions: 512, MaxTokens: 8191,
			},
		},
		{
			openai.EmbedConfig{Model: "bge-m3"},
			llm.EmbedSpec{Model: "openai|https://api.openai.com/v1|bge-m3", MaxTokens: 512},
		},
		{
			openai.EmbedConfig{Model: "bge-m3", MaxTokens: 8192},
			llm.EmbedSpec{Model: "openai|https://api.openai.com/v1|bge-m3", MaxTokens: 8192},
		},
	}
	for _, tt := range tests {
		tt.want.MaxItems, tt.want.MaxBatchTokens = 256, 100_000
		if diff := gocmp.Diff(tt.want, c.Embedder(tt.cfg).Spec()); diff != "" {
			t.Errorf("Spec of %+v (-want +got):\n%s", tt.cfg, diff)
		}
	}
}

func TestEmbedAsksForDimensionsOnlyIfConfigured(t *testing.T) {
	t.Parallel()
	srv, c := start(t, providertest.Options{Dimensions: 32})
	for _, asked := range []int{0, 16} {
		e := c.Embedder(openai.EmbedConfig{Model: "m", Dimensions: asked})
		got, err := e.Embed(t.Context(), llm.EmbedRequest{Texts: []string{"a duck"}})
		if err != nil {
			t.Fatal(err)
		}
		if want := cmp.Or(asked, 32); len(got.Vectors[0]) != want || e.Spec().Dimensions != want {
			t.Errorf("%d dimensions, %d in the spec, want %d", len(got.Vectors[0]), e.Spec().Dimensions, want)
		}
	}
	if r := srv.Requests(providertest.Embed); r[0].Dimensions != 0 || r[1].Dimensions != 16 {
		t.Errorf("asked for %d and %d dimensions, want 0 and 16", r[0].Dimensions, r[1].Dimensions)
	}
}

func TestEmbedRefusesIncompleteAnswers(t *testing.T) {
	t.Parallel()
	srv, c := start(t, providertest.Options{})
	srv.Next(providertest.Embed, providertest.Action{Fault: providertest.Missing})
	_, err := c.Embedder(openai.EmbedConfig{Model: "m"}).Embed(t.Context(), llm.EmbedRequest{Texts: []string{"a", "b"}})
	if llm.ClassOf(err) != llm.ClassSick || !strings.Contains(err.Error(), "1 vectors for 2 texts") {
		t.Errorf("Embed: %v, want the wrong count", err)
	}
}

func TestEmbedSendsNoEmptyTexts(t *testing.T) {
	t.Parallel()
	srv, c := start(t, providertest.Options{})
	for _, texts := range [][]string{nil, {"a", ""}} {
		_, err := c.Embedder(openai.EmbedConfig{Model: "m"}).Embed(t.Context(), llm.EmbedRequest{Texts: texts})
		if llm.ClassOf(err) != llm.ClassBadRequest {
			t.Errorf("Embed(%q): %v, want a bad request", texts, err)
		}
	}
	if n := srv.Totals(providertest.Embed).Requests; n != 0 {
		t.Errorf("the server got %d requests", n)
	}
}

func BenchmarkEmbed64Texts(b *testing.B) {
	texts := make([]string, 64)
	for i := range texts {
		texts[i] = fmt.Sprintf("text number %d", i)
	}
	srv, c := start(b, providertest.Options{Dimensions: 768, Keep: -1})
	e := c.Embedder(openai.EmbedConfig{Model: "m"})
	for b.Loop() {
		if _, err := e.Embed(b.Context(), llm.EmbedRequest{Texts: texts}); err != nil {
			b.Fatal(err)
		}
	}
	if got := srv.Totals(providertest.Embed).Failed; got != 0 {
		b.Fatalf("%d requests failed", got)
	}
}
