package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"kvasir/internal/config"
	"kvasir/internal/ledger"
)

// write makes a file and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// lanes returns the models that a file and variables make.
func lanes(t *testing.T, text string, environ ...string) config.Models {
	t.Helper()
	cfg := mustParse(t, append(environ, "KVASIR_MODELS="+write(t, "lanes.toml", text)))
	m, err := cfg.Models(true)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const twoKeys = `
[[provider]]
name = "openai"
keys = ["$ONE", "$TWO"]

[[provider]]
name        = "azure"
base_url    = "https://kvasir.openai.azure.com"
api_version = "2024-10-21"
keys        = ["$THREE"]
`

func TestOrderInTheFileIsOrderOfFailover(t *testing.T) {
	t.Parallel()
	m := lanes(t, twoKeys+`
[[embed]]
provider = "openai"
model = "text-embedding-3-small"
dimensions = 1536
requests_per_minute = 3000
tokens_per_minute = 1_000_000
concurrency = 64
price = { input = 1 }

[[embed]]
provider = "azure"
model = "text-embedding-3-small"
served_as = "my-deployment"
dimensions = 1536
`, "ONE=k1", "TWO=k2", "THREE=k3", "KVASIR_EMBED_RPM=7", "EMBEDDING_PROVIDER=nonsense")
	first := config.Lane{
		Provider: "openai", Protocol: "openai", Key: "k1", KeyName: "#1", Model: "text-embedding-3-small",
		Dimensions: 1536, Limits: config.LaneLimits{RequestsPerMinute: 3000, TokensPerMinute: 1e6, Concurrency: 64},
		Price: ledger.Price{Input: 1, Cached: 1}, Priced: true,
	}
	second := first
	second.Key, second.KeyName = "k2", "#2"
	third := config.Lane{
		Tier: 1, Provider: "azure", Protocol: "azure", BaseURL: "https://kvasir.openai.azure.com",
		APIVersion: "2024-10-21", Key: "k3", Model: "text-embedding-3-small", ServedAs: "my-deployment",
		Dimensions: 1536, Limits: config.LaneLimits{RequestsPerMinute: 7, Concurrency: 128},
		Price: ledger.Price{Input: 0.02}, Priced: true,
	}
	if diff := cmp.Diff([]config.Lane{first, second, third}, m.Embed); diff != "" {
		t.Errorf("lanes (-want +got):\n%s", diff)
	}
	if got := m.Embeddings; got.Provider != "openai" || got.Why == "" {
		t.Errorf("the choice is %+v", got)
	}
}

func TestGeneratorsOfOneNameStandInForEachOther(t *testing.T) {
	t.Parallel()
	m := lanes(t, twoKeys+`
[[provider]]
name = "anthropic"
keys = ["$THREE"]
[[generate]]
name = "best"
provider = "anthropic"
model = "claude-sonnet-4-5-20250929"
fast_model = "claude-haiku-4-5-20251001"
[[generate]]
provider = "openai"
model = "gpt-4o-mini"
[[generate]]
name = "best"
provider = "azure"
model = "gpt-4o"
`, "ONE=k1", "TWO=k2", "THREE=k3", "LLM_PROVIDER=local")
	var got []string
	for _, l := range m.Generate {
		got = append(got, fmt.Sprintf("%s %d %s%s %s", l.Pool, l.Tier, l.Provider, l.KeyName, l.Model))
	}
	want := []string{
		"best 0 anthropic claude-sonnet-4-5-20250929",
		"openai 0 openai#1 gpt-4o-mini",
		"openai 0 openai#2 gpt-4o-mini",
		"best 1 azure gpt-4o",
		"extractive 0 extractive ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lanes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"best", "openai", "extractive"}, m.Pools()); diff != "" {
		t.Errorf("pools (-want +got):\n%s", diff)
	}
	if m.Answers.Provider != "best" {
		t.Errorf("the default is %q", m.Answers.Provider)
	}
	if got := m.Generate[0].FastPrice; got == nil || got.Input != 1 || got.Output != 5 {
		t.Errorf("the fast model's price is %v, want the table's", got)
	}
	if got := m.Generate[0].FastModel; got != "claude-haiku-4-5-20251001" {
		t.Errorf("the fast model is %q", got)
	}
}

func TestAKindThatTheFileDoesNotNameIsTheVariables(t *testing.T) {
	t.Parallel()
	m := lanes(t, "[[generate]]\nprovider = 'extractive'\n", "OPENAI_API_KEY=k", "VOYAGE_API_KEY=v")
	got := []string{m.Embeddings.Provider, m.Answers.Provider, m.Reranking.Provider}
	if diff := cmp.Diff([]string{"openai", "extractive", "voyage"}, got); diff != "" {
		t.Errorf("providers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"extractive"}, m.Pools()); diff != "" {
		t.Errorf("pools (-want +got):\n%s", diff)
	}
}

func TestVariablesMakeOneLaneAKind(t *testing.T) {
	t.Parallel()
	m, err := mustParse(t, []string{
		"OPENAI_API_KEY=k", "VOYAGE_API_KEY=v", "ANTHROPIC_API_KEY=a", "LLM_PROVIDER=anthropic",
		"EMBEDDING_VECTOR_DIMENSION=256", "KVASIR_GENERATE_TPM=5", "KVASIR_RERANK_CONCURRENCY=2",
		"KVASIR_BUDGET_MONTH=12.5", "GROQ_API_KEY=g",
	}).Models(true)
	if err != nil {
		t.Fatal(err)
	}
	openAI := config.Lane{
		Provider: "openai", Protocol: "openai", BaseURL: "https://api.openai.com/v1", Key: "k",
		Model: "text-embedding-3-large", Dimensions: 256, Limits: config.LaneLimits{Concurrency: 128},
		Price: ledger.Price{Input: 0.13}, Priced: true,
	}
	if diff := cmp.Diff([]config.Lane{openAI}, m.Embed); diff != "" {
		t.Errorf("embed (-want +got):\n%s", diff)
	}
	anthropic := config.Lane{
		Pool: "anthropic", Provider: "anthropic", Protocol: "anthropic", BaseURL: "https://api.anthropic.com", Key: "a",
		Model: "claude-sonnet-4-5-20250929", FastModel: "claude-haiku-4-5-20251001",
		Limits: config.LaneLimits{TokensPerMinute: 5, Concurrency: 1024},
		Price:  ledger.Price{Input: 3, Cached: 0.3, Output: 15}, Priced: true,
		FastPrice: &ledger.Price{Input: 1, Cached: 0.1, Output: 5},
	}
	if diff := cmp.Diff(anthropic, m.Generate[0]); diff != "" {
		t.Errorf("generate (-want +got):\n%s", diff)
	}
	if l := m.Generate[2]; l.Protocol != "openai" || l.BaseURL != "https://api.groq.com/openai/v1" || l.Key != "g" {
		t.Errorf("Groq's lane is %+v", l)
	}
	voyage := config.Lane{
		Provider: "voyage", Protocol: "voyage", BaseURL: "https://api.voyageai.com/v1", Key: "v",
		Model: "rerank-2-lite", Limits: config.LaneLimits{Concurrency: 2}, Price: ledger.Price{Input: 0.02}, Priced: true,
		MaxDocuments: 1000,
	}
	if diff := cmp.Diff([]config.Lane{voyage}, m.Rerank); diff != "" {
		t.Errorf("rerank (-want +got):\n%s", diff)
	}
	budget := ledger.Budget{Period: ledger.Monthly, Hard: ledger.FromDollars(12.5)}
	if diff := cmp.Diff([]ledger.Budget{budget}, m.Budgets); diff != "" {
		t.Errorf("budgets (-want +got):\n%s", diff)
	}
}

func TestModelsInThisProcessHaveNoRates(t *testing.T) {
	t.Parallel()
	m, err := mustParse(t, []string{"KVASIR_EMBED_RPM=1", "KVASIR_GENERATE_RPM=1"}).Models(true)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := m.Embed[0].Limits, (config.LaneLimits{Concurrency: runtime.GOMAXPROCS(0)}); got != want {
		t.Errorf("minilm's limits are %+v, want %+v", got, want)
	}
	if got := m.Generate[0].Limits; got != (config.LaneLimits{}) {
		t.Errorf("extractive's limits are %+v", got)
	}
}

func TestKeysComeFromVariablesAndFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"key": "from-a-file\n",
		"lanes.toml": "[[provider]]\nname = 'voyage'\nkeys = ['$KEY', 'file:key']\n" +
			"[[rerank]]\nprovider = 'voyage'\nmodel = 'rerank-2'\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg := mustParse(t, []string{"KEY=from-a-variable"}, "--models="+filepath.Join(dir, "lanes.toml"))
	var got []string
	for _, l := range cfg.Lanes.Rerank {
		got = append(got, l.KeyName+" "+l.Key.Reveal())
	}
	if diff := cmp.Diff([]string{"#1 from-a-variable", "#2 from-a-file"}, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestBudgetsAndWeights(t *testing.T) {
	t.Parallel()
	const project = "01234567-89ab-cdef-0123-456789abcdef"
	m := lanes(t, `
[[budget]]
period = "day"
soft = 8.0
hard = 10
[[budget]]
organization = "`+project+`"
period = "month"
hard = 100.0
[[weight]]
project = "`+project+`"
weight = 3
`, "KVASIR_BUDGET_DAY=1")
	want := []ledger.Budget{
		{Period: ledger.Daily, Soft: 8 * ledger.Unit, Hard: 10 * ledger.Unit},
		{Organization: project, Period: ledger.Monthly, Hard: 100 * ledger.Unit},
		{Period: ledger.Daily, Hard: ledger.Unit},
	}
	if diff := cmp.Diff(want, m.Budgets); diff != "" {
		t.Errorf("budgets (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]float64{project: 3}, m.Weights); diff != "" {
		t.Errorf("weights (-want +got):\n%s", diff)
	}
}

// faultsOf returns what is wrong with a file, a line each, without its path.
func faultsOf(t *testing.T, text string) []string {
	t.Helper()
	path := write(t, "lanes.toml", text)
	_, env, err := parse(t, []string{"KEY=k", "SAME=k", "KVASIR_MODELS=" + path})
	if err == nil || env.Err() == nil {
		t.Fatalf("it was taken: %s", text)
	}
	lines := strings.Split(strings.ReplaceAll(env.Err().Error(), path, "lanes.toml"), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(lines[i], "KVASIR_MODELS: "), "lanes.toml:"))
	}
	slices.Sort(lines)
	return lines
}

func TestFaultsOfTheFile(t *testing.T) {
	t.Parallel()
	archive, err := txtar.ParseFile("testdata/faults.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range archive.Files {
		t.Run(file.Name, func(t *testing.T) {
			t.Parallel()
			text, want, ok := strings.Cut(string(file.Data), "=> ")
			if !ok {
				t.Fatal("no arrow")
			}
			got := faultsOf(t, text)
			if len(got) != 1 || !strings.HasPrefix(got[0], strings.TrimSpace(want)) {
				t.Errorf("faults:\n%s\nwant only %s", strings.Join(got, "\n"), want)
			}
			if strings.Contains(strings.Join(got, "\n"), "topsecret") {
				t.Errorf("a fault tells a key: %s", got)
			}
		})
	}
}

func TestAllFaultsOfTheFileAreToldTogether(t *testing.T) {
	t.Parallel()
	got := faultsOf(t, `
[[provider]]
name = "openai"
keys = ["$NONE"]
colour = "red"

[[embed]]
provider = "openai"
model = "text-embedding-3-small"
dimensions = 256

[[embed]]
provider = "openai"
model = "text-embedding-3-large"

[[generate]]
provider = "nobody"
model = "m"
concurrency = -1
`)
	want := []string{
		"5:1: provider.colour: there is no such field",
		"[[embed]] 2: dimensions: each entry must say them",
		"[[embed]] 2: model: it is not that of [[embed]] 1",
		"[[generate]] 1: concurrency: -1 is not between",
		"[[generate]] 1: provider: there is no",
		"[[provider]] 1: key 1: the variable NONE",
	}
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Errorf("faults:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTheExamplesOfTheManualWork(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../doc/lanes.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(manual), "```toml\n")[1:]
	if len(parts) < 5 {
		t.Fatalf("the manual has %d examples", len(parts))
	}
	environ := []string{
		"OPENAI_API_KEY=1", "OPENAI_API_KEY_2=2", "AZURE_OPENAI_API_KEY=3", "ANTHROPIC_API_KEY=4", "GROQ_API_KEY=5",
		"VOYAGE_API_KEY=6", "COHERE_API_KEY=7", "JINA_API_KEY=8", "GEMINI_API_KEY=9",
	}
	for i, part := range parts {
		example, _, closed := strings.Cut(part, "```")
		if !closed {
			t.Fatalf("example %d has no end", i+1)
		}
		t.Run(fmt.Sprint(i+1), func(t *testing.T) {
			t.Parallel()
			if m := lanes(t, example, environ...); len(m.Generate) == 0 {
				t.Errorf("no lanes: %+v", m)
			}
		})
	}
}

func TestPricesThatAreNotKnownAreTold(t *testing.T) {
	t.Parallel()
	const own = "[[provider]]\nname = 'vllm'\nprotocol = 'openai'\nbase_url = 'http://l/v1'\n" +
		"[[rerank]]\nprovider = 'vllm'\nmodel = 'm'\n"
	local := []string{"LOCAL_LLM_BASE_URL=http://l/v1", "LOCAL_LLM_MODEL=gpt-4o", "LLM_PROVIDER=local"}
	tests := []struct {
		name string
		lane config.Lane
		want bool
	}{
		{"a model that nobody knows", lanes(t, own).Rerank[0], false},
		{"one that is said to be free", lanes(t, own+"price = {}\n").Rerank[0], true},
		{"the variables' own server, whatever it runs", lanes(t, "", local...).Generate[0], true},
		{"quotations", lanes(t, "").Generate[0], true},
	}
	for _, tt := range tests {
		if tt.lane.Priced != tt.want || tt.lane.Price != (ledger.Price{}) {
			t.Errorf("%s: %+v", tt.name, tt.lane)
		}
	}
}

func FuzzLanesFile(f *testing.F) {
	archive, err := txtar.ParseFile("testdata/faults.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range archive.Files {
		text, _, _ := strings.Cut(string(file.Data), "=> ")
		f.Add(text)
	}
	f.Add(twoKeys + "[[generate]]\nprovider = 'openai'\nmodel = 'm'\nprice = { input = 1 }\n")
	path := filepath.Join(f.TempDir(), "lanes.toml")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, _, err := parse(t, []string{"KEY=k", "ONE=1", "TWO=2", "THREE=3", "KVASIR_MODELS=" + path})
		if err != nil {
			return
		}
		m, err := cfg.Models(true)
		if err != nil {
			t.Fatalf("a file without faults makes no models: %v", err)
		}
		for _, l := range slices.Concat(m.Embed, m.Generate, m.Rerank) {
			if l.Provider == "" || l.Protocol == "" {
				t.Errorf("a lane of no provider: %+v", l)
			}
		}
	})
}
