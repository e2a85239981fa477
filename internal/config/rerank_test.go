package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/config"
	"kvasir/internal/ledger"
)

// rerankers returns the lanes that variables make.
func rerankers(t *testing.T, environ ...string) []config.Lane {
	t.Helper()
	m, err := mustParse(t, environ).Models(false)
	if err != nil {
		t.Fatal(err)
	}
	return m.Rerank
}

func TestVendorsOfRerankers(t *testing.T) {
	t.Parallel()
	limits := config.LaneLimits{Concurrency: 128}
	tests := []struct {
		environ []string
		want    config.Lane
	}{
		{[]string{"COHERE_API_KEY=k"}, config.Lane{
			Provider: "cohere", Protocol: "cohere", BaseURL: "https://api.cohere.com/v2", Key: "k", Model: "rerank-v3.5",
			MaxDocuments: 1000, Limits: limits, Price: ledger.Price{Search: 2}, Priced: true,
		}},
		{[]string{"RERANKING_PROVIDER=cohere", "COHERE_BASE_URL=http://v/v1", "COHERE_RERANK_MODEL=bge"}, config.Lane{
			Provider: "cohere", Protocol: "cohere", BaseURL: "http://v/v1", Model: "bge", MaxDocuments: 1000, Limits: limits,
		}},
		{[]string{"JINA_API_KEY=k", "JINA_RERANK_MODEL=jina-reranker-v3"}, config.Lane{
			Provider: "jina", Protocol: "jina", BaseURL: "https://api.jina.ai/v1", Key: "k", Model: "jina-reranker-v3",
			MaxDocuments: 1000, Limits: limits, Price: ledger.Price{Input: 0.05}, Priced: true,
		}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff([]config.Lane{tt.want}, rerankers(t, tt.environ...)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.environ, diff)
		}
	}
}

func TestTheSmallModelOfTheAnswersReranks(t *testing.T) {
	t.Parallel()
	want := config.Lane{
		Provider: "anthropic", Protocol: "anthropic", BaseURL: "https://api.anthropic.com", Key: "k",
		Model: "claude-haiku-4-5-20251001", Limits: config.LaneLimits{Concurrency: 7},
		Price: ledger.Price{Input: 1, Cached: 0.1, Output: 5}, Priced: true,
	}
	got := rerankers(t, "ANTHROPIC_API_KEY=k", "RERANKING_PROVIDER=llm", "KVASIR_RERANK_CONCURRENCY=7")
	if diff := cmp.Diff([]config.Lane{want}, got); diff != "" {
		t.Errorf("by its own small model (-want +got):\n%s", diff)
	}
	want = config.Lane{
		Provider: "local", Protocol: "openai", BaseURL: "http://l/v1", Key: "not-needed", Model: "llama-3.1-8b-instruct",
		JSONMode: config.JSONByPrompt, Limits: config.LaneLimits{Concurrency: 128}, Priced: true,
	}
	got = rerankers(t,
		"OPENAI_API_KEY=k", "LLM_PROVIDER=local", "LOCAL_LLM_BASE_URL=http://l/v1", "RERANKING_PROVIDER=llm")
	if diff := cmp.Diff([]config.Lane{want}, got); diff != "" {
		t.Errorf("by the default, not by OpenAI's (-want +got):\n%s", diff)
	}
}

func TestTheLanesOfTheFileRerank(t *testing.T) {
	t.Parallel()
	const file = `
[[provider]]
name = "openai"
keys = ["$ONE", "$TWO"]
[[provider]]
name = "groq"
protocol = "openai"
base_url = "https://api.groq.com/openai/v1"
keys = ["$ONE"]
[[generate]]
name = "best"
provider = "openai"
model = "gpt-4o"
served_as = "mine"
fast_model = "small"
fast_price = { input = 3 }
[[generate]]
provider = "groq"
model = "other"
[[generate]]
name = "best"
provider = "groq"
model = "llama"
json_mode = "object"
requests_per_minute = 5
price = { input = 1 }
`
	m := lanes(t, file, "ONE=1", "TWO=2", "RERANKING_PROVIDER=llm")
	limits := config.LaneLimits{Concurrency: 128}
	first := config.Lane{
		Provider: "openai", Protocol: "openai", Key: "1", KeyName: "#1", Model: "small", Limits: limits,
		Price: ledger.Price{Input: 3, Cached: 3}, Priced: true,
	}
	second := first
	second.Key, second.KeyName = "2", "#2"
	limits.RequestsPerMinute = 5
	third := config.Lane{
		Tier: 1, Provider: "groq", Protocol: "openai", BaseURL: "https://api.groq.com/openai/v1", Key: "1", Model: "llama",
		JSONMode: config.JSONByObject, Limits: limits, Price: ledger.Price{Input: 1, Cached: 1}, Priced: true,
	}
	if diff := cmp.Diff([]config.Lane{first, second, third}, m.Rerank); diff != "" {
		t.Errorf("rerankers (-want +got):\n%s", diff)
	}
	if got := m.Generate[0]; got.Pool != "best" || got.Model != "gpt-4o" || got.FastModel != "small" {
		t.Errorf("the writer has become %+v", got)
	}
}

func TestRerankersOfTheFile(t *testing.T) {
	t.Parallel()
	m := lanes(t, `
[[provider]]
name = "anthropic"
keys = ["$ONE"]
[[provider]]
name = "vllm"
protocol = "cohere"
base_url = "http://gpu-1:8000/v1"
[[provider]]
name = "tei"
base_url = "http://gpu-2:8080"
[[rerank]]
provider = "vllm"
model = "bge"
max_documents = 64
price = {}
[[rerank]]
provider = "tei"
[[rerank]]
provider = "anthropic"
model = "claude-haiku-4-5-20251001"
json_mode = "prompt"
`, "ONE=1")
	limits := config.LaneLimits{Concurrency: 128}
	want := []config.Lane{
		{
			Provider: "vllm", Protocol: "cohere", BaseURL: "http://gpu-1:8000/v1", Model: "bge", MaxDocuments: 64,
			Limits: limits, Priced: true,
		},
		{
			Tier: 1, Provider: "tei", Protocol: "tei", BaseURL: "http://gpu-2:8080", MaxDocuments: 32, Limits: limits,
			Priced: true,
		},
		{
			Tier: 2, Provider: "anthropic", Protocol: "anthropic", Key: "1", Model: "claude-haiku-4-5-20251001",
			JSONMode: config.JSONByPrompt, Limits: limits, Price: ledger.Price{Input: 1, Cached: 0.1, Output: 5}, Priced: true,
		},
	}
	if diff := cmp.Diff(want, m.Rerank); diff != "" {
		t.Errorf("rerankers (-want +got):\n%s", diff)
	}
}
