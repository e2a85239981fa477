package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"kvasir/internal/ledger"
)

// The providers that the variables name. Most are protocols, too: how a server is
// spoken to.
const (
	OpenAI     = "openai"
	Anthropic  = "anthropic"
	Gemini     = "gemini"
	Voyage     = "voyage"
	Cohere     = "cohere" // and the servers that speak its protocol
	Jina       = "jina"
	LLM        = "llm"        // reranking by the model that writes answers
	MiniLM     = "minilm"     // vectors in this process
	Extractive = "extractive" // answers by quotation
	Groq       = "groq"       // speaks OpenAI's protocol
	Local      = "local"      // a server of one's own: OpenAI's protocol, or the embedding service's
	None       = "none"
)

// The protocols besides.
const (
	Azure   = "azure"   // OpenAI's models at Microsoft
	Service = "service" // Skald's embedding service
	TEI     = "tei"     // Hugging Face's Text Embeddings Inference, to rerank
)

// A Choice is a provider and, in words, why it is the one.
type Choice struct {
	Provider string
	Why      string
}

// Models are the models in use.
type Models struct {
	Embeddings Choice
	// NextEmbeddings are for another index; the zero value if there is none.
	NextEmbeddings Choice
	Answers        Choice
	Reranking      Choice

	// The lanes of each kind, in the order of failover. A request may ask for any
	// pool of Generate; the first one's is the default.
	Embed    []Lane // none: search by words alone
	Next     []Lane // embed for another index
	Generate []Lane
	Rerank   []Lane // none: no reranking

	Budgets []ledger.Budget
	Weights map[string]float64 // of projects, in a lane's line
}

// fileChose is why a lane of the file is in use.
const fileChose = "KVASIR_MODELS says so"

// Models decides which models are in use: for each kind of call those of the file
// of lanes, else the one that the variables make. minilm tells whether the offline
// model is installed. An error holds every choice that cannot be met.
func (c *Config) Models(minilm bool) (Models, error) {
	m := Models{
		Embeddings: c.embeddings(minilm), Answers: c.answers(), Reranking: c.reranking(),
		Embed: c.Lanes.Embed, Next: c.Lanes.Next, Generate: c.Lanes.Generate, Rerank: c.Lanes.Rerank,
		Budgets: slices.Concat(c.Lanes.Budgets, c.budgets()),
		Weights: c.Lanes.Weights,
	}
	var faults []error
	if len(m.Embed) == 0 {
		faults = append(faults, c.possible("EMBEDDING_PROVIDER", m.Embeddings, OpenAI, Voyage, Local, MiniLM, None))
		m.Embed = c.embedLane(m.Embeddings.Provider)
	}
	if len(m.Next) > 0 {
		m.NextEmbeddings = Choice{m.Next[0].Provider, fileChose}
	} else if c.NextEmbeddingProvider != "" {
		m.NextEmbeddings = Choice{c.NextEmbeddingProvider, "NEXT_EMBEDDING_PROVIDER says so"}
		faults = append(faults, c.nextPossible(m.NextEmbeddings))
		m.Next = c.nextEmbedLane()
	}
	if len(m.Generate) == 0 {
		faults = append(faults,
			c.possible("LLM_PROVIDER", m.Answers, OpenAI, Anthropic, Groq, Local, Gemini, Extractive))
		m.Generate = c.generators(m.Answers.Provider)
	}
	if len(m.Rerank) == 0 {
		faults = append(faults,
			c.possible("RERANKING_PROVIDER", m.Reranking, Voyage, Cohere, Jina, LLM, OpenAI, Local, None))
		m.Rerank = c.rerankLanes(m.Reranking.Provider, m.Generate)
		if m.Reranking.Provider == LLM && len(m.Rerank) == 0 {
			faults = append(faults, errors.New("RERANKING_PROVIDER: llm needs a model that writes answers, and there is none"))
		}
	}
	if !minilm && slices.ContainsFunc(slices.Concat(m.Embed, m.Next), speaks(MiniLM)) {
		faults = append(faults, fmt.Errorf(
			"EMBEDDING_PROVIDER: no model is installed in %s; run kvasir model install", c.ModelDir))
	}
	if !slices.ContainsFunc(m.Generate, speaks(Extractive)) {
		m.Generate = slices.Concat(m.Generate, []Lane{c.generateLane(Extractive)})
	}
	m.Embed, m.Next = complete(m.Embed, c.embedLimits()), complete(m.Next, c.embedLimits())
	m.Generate = complete(m.Generate, c.generateLimits())
	m.Rerank = bounded(complete(m.Rerank, c.rerankLimits()))
	return m, errors.Join(faults...)
}

func speaks(protocol string) func(Lane) bool {
	return func(l Lane) bool { return l.Protocol == protocol }
}

// Pools returns the names by which requests may ask for a generator, the default
// first.
func (m *Models) Pools() []string {
	var names []string
	for _, l := range m.Generate {
		if !slices.Contains(names, l.Pool) {
			names = append(names, l.Pool)
		}
	}
	return names
}

func (c *Config) embeddings(minilm bool) Choice {
	switch {
	case len(c.Lanes.Embed) > 0:
		return Choice{c.Lanes.Embed[0].Provider, fileChose}
	case c.EmbeddingProvider != "":
		return Choice{c.EmbeddingProvider, "EMBEDDING_PROVIDER says so"}
	case c.OpenAIKey != "":
		return Choice{OpenAI, "OPENAI_API_KEY is set"}
	case minilm:
		return Choice{MiniLM, "the offline model is installed"}
	}
	return Choice{None, "search is by words alone: there is no OPENAI_API_KEY, and the offline model is not " +
		"installed (kvasir model install)"}
}

// answers chooses as Skald does: a key makes a provider available, and only
// OpenAI's makes it the default.
func (c *Config) answers() Choice {
	switch {
	case len(c.Lanes.Generate) > 0:
		return Choice{c.Lanes.Generate[0].Pool, fileChose}
	case c.LLMProvider != "":
		return Choice{c.LLMProvider, "LLM_PROVIDER says so"}
	case c.OpenAIKey != "":
		return Choice{OpenAI, "OPENAI_API_KEY is set"}
	}
	why := "answers quote the best sentences: there is no OPENAI_API_KEY, and no LLM_PROVIDER"
	if able := c.generators(Extractive)[1:]; len(able) > 0 {
		why += "; LLM_PROVIDER=" + able[0].Pool + " is possible"
	}
	return Choice{Extractive, why}
}

func (c *Config) reranking() Choice {
	switch {
	case len(c.Lanes.Rerank) > 0:
		return Choice{c.Lanes.Rerank[0].Provider, fileChose}
	case c.RerankingProvider != "":
		return Choice{c.RerankingProvider, "RERANKING_PROVIDER says so"}
	case c.VoyageKey != "":
		return Choice{Voyage, "VOYAGE_API_KEY is set"}
	case c.CohereKey != "":
		return Choice{Cohere, "COHERE_API_KEY is set"}
	case c.JinaKey != "":
		return Choice{Jina, "JINA_API_KEY is set"}
	case c.EmbeddingServiceURL != "":
		return Choice{Local, "EMBEDDING_SERVICE_URL is set"}
	}
	return Choice{None, "results are in the order of the search: there is no VOYAGE_API_KEY, COHERE_API_KEY, " +
		"JINA_API_KEY or EMBEDDING_SERVICE_URL"}
}

// possible says what is wrong with the choice that a variable made.
func (c *Config) possible(variable string, choice Choice, known ...string) error {
	if !slices.Contains(known, choice.Provider) {
		return fmt.Errorf("%s: %q is not one of %s", variable, choice.Provider, strings.Join(known, ", "))
	}
	needs, ok := "", true
	switch choice.Provider {
	case OpenAI:
		needs, ok = "OPENAI_API_KEY", c.hasOpenAI()
	case Anthropic:
		needs, ok = "ANTHROPIC_API_KEY", c.AnthropicKey != ""
	case Gemini:
		needs, ok = "GEMINI_API_KEY", c.GeminiKey != ""
	case Groq:
		needs, ok = "GROQ_API_KEY", c.GroqKey != ""
	case Voyage:
		needs, ok = "VOYAGE_API_KEY", c.VoyageKey != ""
	case Cohere:
		needs, ok = "COHERE_API_KEY", c.CohereKey != "" || c.CohereBaseURL != defaultCohereBaseURL
	case Jina:
		needs, ok = "JINA_API_KEY", c.JinaKey != "" || c.JinaBaseURL != defaultJinaBaseURL
	case Local:
		needs, ok = "LOCAL_LLM_BASE_URL", variable != "LLM_PROVIDER" || c.LocalBaseURL != ""
	}
	if !ok {
		return fmt.Errorf("%s: %s=%s needs it", needs, variable, choice.Provider)
	}
	return nil
}

// nextPossible says what is wrong with the choice for another index.
func (c *Config) nextPossible(choice Choice) error {
	const variable = "NEXT_EMBEDDING_PROVIDER"
	if c.NextEmbeddingBaseURL != "" {
		switch choice.Provider {
		case OpenAI, Voyage, Local:
			return nil // the key, if any, is its own
		}
	}
	return c.possible(variable, choice, OpenAI, Voyage, Local, MiniLM)
}

// hasOpenAI: a compatible server of one's own may ask for no key.
func (c *Config) hasOpenAI() bool {
	return c.OpenAIKey != "" || c.OpenAIBaseURL != defaultOpenAIBaseURL
}

const (
	defaultOpenAIBaseURL    = "https://api.openai.com/v1"
	defaultEmbeddingService = "http://localhost:8001"
	defaultCohereBaseURL    = "https://api.cohere.com/v2"
	defaultJinaBaseURL      = "https://api.jina.ai/v1"
	groqBaseURL             = "https://api.groq.com/openai/v1"
)

// generators lists those that are configured, the default first, the others in
// Skald's order.
func (c *Config) generators(first string) []Lane {
	all := []Lane{c.generateLane(first)}
	for _, p := range []struct {
		name       string
		configured bool
	}{
		{OpenAI, c.hasOpenAI()},
		{Anthropic, c.AnthropicKey != ""},
		{Groq, c.GroqKey != ""},
		{Local, c.LocalBaseURL != ""},
		{Gemini, c.GeminiKey != ""},
	} {
		if p.configured && p.name != first {
			all = append(all, c.generateLane(p.name))
		}
	}
	return all
}

// budgets returns those of the options: the whole server's.
func (c *Config) budgets() []ledger.Budget {
	var out []ledger.Budget
	for _, b := range []struct {
		period  ledger.Period
		dollars float64
	}{{ledger.Daily, c.BudgetDay}, {ledger.Monthly, c.BudgetMonth}} {
		if b.dollars > 0 {
			out = append(out, ledger.Budget{Period: b.period, Hard: ledger.FromDollars(b.dollars)})
		}
	}
	return out
}
