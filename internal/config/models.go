package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The providers.
const (
	OpenAI     = "openai"
	Local      = "local"
	Extractive = "extractive" // answers by quotation
	MiniLM     = "minilm"     // vectors in this process
	Voyage     = "voyage"
	None       = "none"
)

// A Choice is a provider and, in words, why it is the one.
type Choice struct {
	Provider string
	Why      string
}

// Models are the providers in use.
type Models struct {
	Embeddings Choice
	Answers    Choice
	Reranking  Choice
	// Generators are all providers that can write answers, the default first: a
	// request may name any of them.
	Generators []string
}

// Models decides which providers are in use. minilm tells whether the offline
// model is installed. An error holds every choice that cannot be met.
func (c *Config) Models(minilm bool) (Models, error) {
	m := Models{Embeddings: c.embeddings(minilm), Answers: c.answers(), Reranking: c.reranking()}
	faults := []error{
		c.possible("EMBEDDING_PROVIDER", m.Embeddings, OpenAI, Voyage, Local, MiniLM, None),
		c.possible("LLM_PROVIDER", m.Answers, OpenAI, Local, Extractive),
		c.possible("RERANKING_PROVIDER", m.Reranking, Voyage, OpenAI, Local, None),
	}
	if m.Embeddings.Provider == MiniLM && !minilm {
		faults = append(faults, fmt.Errorf(
			"EMBEDDING_PROVIDER: no model is installed in %s; run kvasir model install", c.ModelDir))
	}
	if m.Answers.Provider == Local && c.LocalBaseURL == "" {
		faults = append(faults, errors.New("LOCAL_LLM_BASE_URL: LLM_PROVIDER=local needs it"))
	}
	m.Generators = c.generators(m.Answers.Provider)
	return m, errors.Join(faults...)
}

func (c *Config) embeddings(minilm bool) Choice {
	switch {
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

func (c *Config) answers() Choice {
	switch {
	case c.LLMProvider != "":
		return Choice{c.LLMProvider, "LLM_PROVIDER says so"}
	case c.OpenAIKey != "":
		return Choice{OpenAI, "OPENAI_API_KEY is set"}
	}
	return Choice{Extractive, "answers quote the best sentences: there is no OPENAI_API_KEY, and no LLM_PROVIDER"}
}

func (c *Config) reranking() Choice {
	switch {
	case c.RerankingProvider != "":
		return Choice{c.RerankingProvider, "RERANKING_PROVIDER says so"}
	case c.VoyageKey != "":
		return Choice{Voyage, "VOYAGE_API_KEY is set"}
	case c.EmbeddingServiceURL != "":
		return Choice{Local, "EMBEDDING_SERVICE_URL is set"}
	}
	return Choice{None, "results are in the order of the search: there is no VOYAGE_API_KEY, and no " +
		"EMBEDDING_SERVICE_URL"}
}

// possible says what is wrong with the choice that a variable made.
func (c *Config) possible(variable string, choice Choice, known ...string) error {
	switch {
	case !slices.Contains(known, choice.Provider):
		return fmt.Errorf("%s: %q is not one of %s", variable, choice.Provider, strings.Join(known, ", "))
	case choice.Provider == OpenAI && !c.hasOpenAI():
		return fmt.Errorf("OPENAI_API_KEY: %s=openai needs it", variable)
	case choice.Provider == Voyage && c.VoyageKey == "":
		return fmt.Errorf("VOYAGE_API_KEY: %s=voyage needs it", variable)
	}
	return nil
}

// hasOpenAI: a compatible server of one's own may ask for no key.
func (c *Config) hasOpenAI() bool {
	return c.OpenAIKey != "" || c.OpenAIBaseURL != defaultOpenAIBaseURL
}

const (
	defaultOpenAIBaseURL    = "https://api.openai.com/v1"
	defaultEmbeddingService = "http://localhost:8001"
)

// generators lists those that are configured, the default first.
func (c *Config) generators(first string) []string {
	all := []string{first}
	add := func(provider string, configured bool) {
		if configured && provider != first {
			all = append(all, provider)
		}
	}
	add(OpenAI, c.hasOpenAI())
	add(Local, c.LocalBaseURL != "")
	add(Extractive, true)
	return all
}

// EmbeddingService returns the address of the local embedding service.
func (c *Config) EmbeddingService() string {
	if c.EmbeddingServiceURL != "" {
		return c.EmbeddingServiceURL
	}
	return defaultEmbeddingService
}
