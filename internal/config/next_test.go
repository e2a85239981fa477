package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/config"
	"kvasir/internal/ledger"
)

func TestVariablesMakeALaneForAnotherIndex(t *testing.T) {
	t.Parallel()
	m, err := mustParse(t, []string{
		"OPENAI_API_KEY=k", "OPENAI_EMBEDDING_MODEL=text-embedding-3-small", "NEXT_EMBEDDING_PROVIDER=openai",
		"NEXT_EMBEDDING_MODEL=text-embedding-3-large", "NEXT_EMBEDDING_VECTOR_DIMENSION=1024",
	}).Models(true)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Lane{
		Provider: "openai", Protocol: "openai", BaseURL: "https://api.openai.com/v1", Key: "k",
		Model: "text-embedding-3-large", Dimensions: 1024, Limits: config.LaneLimits{Concurrency: 128},
		Price: ledger.Price{Input: 0.13}, Priced: true,
	}
	if diff := cmp.Diff([]config.Lane{want}, m.Next); diff != "" {
		t.Errorf("next (-want +got):\n%s", diff)
	}
	if m.Embed[0].Model != "text-embedding-3-small" || m.NextEmbeddings.Provider != "openai" {
		t.Errorf("embed is %+v, the choice %+v", m.Embed, m.NextEmbeddings)
	}

	// Another address gets no key but its own.
	m, err = mustParse(t, []string{
		"OPENAI_API_KEY=k", "NEXT_EMBEDDING_PROVIDER=openai", "NEXT_EMBEDDING_MODEL=bge-m3",
		"NEXT_EMBEDDING_BASE_URL=http://gpu-1:8000/v1",
	}).Models(true)
	if err != nil || m.Next[0].Key != "" || m.Next[0].BaseURL != "http://gpu-1:8000/v1" || m.Next[0].Model != "bge-m3" {
		t.Errorf("next is %+v, %v", m.Next, err)
	}
	m, err = mustParse(t, nil).Models(true)
	if err != nil || len(m.Next) > 0 || m.NextEmbeddings.Provider != "" {
		t.Errorf("without a word there is %+v, %v", m.Next, err)
	}
}

func TestAnImpossibleNextModelIsTold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ environ, says string }{
		{"NEXT_EMBEDDING_PROVIDER=voyage", "VOYAGE_API_KEY: NEXT_EMBEDDING_PROVIDER=voyage needs it"},
		{"NEXT_EMBEDDING_PROVIDER=none", "NEXT_EMBEDDING_PROVIDER: \"none\" is not one of"},
		{"NEXT_EMBEDDING_PROVIDER=minilm", "no model is installed"},
	} {
		if _, err := mustParse(t, []string{tt.environ}).Models(false); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", tt.environ, err, tt.says)
		}
	}
}

func TestTheFileNamesANextModel(t *testing.T) {
	t.Parallel()
	m := lanes(t, twoKeys+`
[[embed]]
provider = "openai"
model = "text-embedding-3-small"

[[next_embed]]
provider = "openai"
model = "text-embedding-3-large"
dimensions = 1024
`, "ONE=1", "TWO=2", "THREE=3")
	if len(m.Next) != 2 || m.Next[1].KeyName != "#2" || m.Next[0].Dimensions != 1024 || len(m.Embed) != 2 {
		t.Errorf("next is %+v", m.Next)
	}
}
