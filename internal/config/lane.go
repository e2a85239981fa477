package config

import (
	"cmp"
	"runtime"

	"kvasir/internal/ledger"
)

// A Lane is one way to a model: a server, one of its keys, and a model for one
// kind of call.
type Lane struct {
	Pool       string // the name by which requests ask for a generator; empty for other kinds
	Tier       int    // the order of failover; lanes of one entry share it
	Provider   string // as people know it
	Protocol   string // how it is spoken to: one of the protocols
	BaseURL    string // empty for the protocol's own
	APIVersion string // Azure's; empty for the adapter's default
	Key        Secret // empty for none
	KeyName    string // "#2": which of the provider's keys; empty if there is one
	Model      string // empty where the server, or the folder, decides
	ServedAs   string // what the server calls the model, if otherwise
	FastModel  string // for calls that a small model will do for; empty for Model
	JSONMode   string // how a generator is held to a schema; empty for the adapter's best way
	Dimensions int    // of vectors; 0 takes what the model gives
	// MaxDocuments bounds one request to a reranker; 0 is no bound.
	MaxDocuments int
	Limits       LaneLimits
	Price        ledger.Price
	Priced       bool          // whether the price is known; if not, budgets do not see what it costs
	FastPrice    *ledger.Price // of FastModel; nil for Price
}

// How a generator is held to the schema of an answer.
const (
	JSONBySchema = "schema" // by the provider, as far as it can
	JSONByObject = "object" // by the provider to JSON, by the prompt to the schema; OpenAI's protocol
	JSONByPrompt = "prompt" // by the prompt alone
)

// LaneLimits are what is known of a lane beforehand. 0 is not known.
type LaneLimits struct {
	RequestsPerMinute float64
	TokensPerMinute   float64
	Concurrency       int // the most requests in flight
}

// or fills what is not known from another.
func (l LaneLimits) or(other LaneLimits) LaneLimits {
	return LaneLimits{
		RequestsPerMinute: cmp.Or(l.RequestsPerMinute, other.RequestsPerMinute),
		TokensPerMinute:   cmp.Or(l.TokensPerMinute, other.TokensPerMinute),
		Concurrency:       cmp.Or(l.Concurrency, other.Concurrency),
	}
}

// complete fills in what lanes' own entries do not say: limits from the options,
// prices from the table. Models in this process have the processors for a limit, or
// none.
func complete(lanes []Lane, options LaneLimits) []Lane {
	out := make([]Lane, len(lanes))
	for i, l := range lanes {
		switch l.Protocol {
		case MiniLM:
			l.Limits.Concurrency = cmp.Or(l.Limits.Concurrency, runtime.GOMAXPROCS(0))
		case Extractive:
		default:
			l.Limits = l.Limits.or(options)
		}
		out[i] = priced(l)
	}
	return out
}

func (c *Config) embedLimits() LaneLimits {
	return LaneLimits{c.EmbedRPM, c.EmbedTPM, c.EmbedConcurrency}
}

func (c *Config) generateLimits() LaneLimits {
	return LaneLimits{c.GenerateRPM, c.GenerateTPM, c.GenerateConcurrency}
}

func (c *Config) rerankLimits() LaneLimits {
	return LaneLimits{c.RerankRPM, c.RerankTPM, c.RerankConcurrency}
}

// embedLane returns the lane that the variables make of a provider.
func (c *Config) embedLane(provider string) []Lane {
	switch provider {
	case OpenAI:
		l := c.openAILane(c.OpenAIEmbedding)
		l.Dimensions = c.VectorDimension
		return []Lane{l}
	case Voyage:
		l := c.voyageLane(c.VoyageEmbedding)
		l.Dimensions = c.VectorDimension
		return []Lane{l}
	case Local:
		return []Lane{c.serviceLane()}
	case MiniLM:
		return []Lane{{Provider: MiniLM, Protocol: MiniLM}}
	}
	return nil
}

// nextEmbedLane returns the lane that the variables make for another index.
func (c *Config) nextEmbedLane() []Lane {
	lanes := c.embedLane(c.NextEmbeddingProvider)
	for i := range lanes {
		l := &lanes[i]
		if l.Protocol == OpenAI || l.Protocol == Voyage {
			l.Model, l.Dimensions = cmp.Or(c.NextEmbeddingModel, l.Model), c.NextVectorDimension
		}
		if c.NextEmbeddingBaseURL != "" {
			l.BaseURL, l.Key = c.NextEmbeddingBaseURL, c.NextEmbeddingKey
		}
	}
	return lanes
}

// rerankLanes returns the lanes that the variables make of a provider; writers are
// the lanes that write answers.
func (c *Config) rerankLanes(provider string, writers []Lane) []Lane {
	switch provider {
	case Voyage:
		return []Lane{c.voyageLane(c.VoyageModel)}
	case Cohere:
		return []Lane{{
			Provider: Cohere, Protocol: Cohere, BaseURL: c.CohereBaseURL, Key: c.CohereKey, Model: c.CohereModel,
		}}
	case Jina:
		return []Lane{{Provider: Jina, Protocol: Jina, BaseURL: c.JinaBaseURL, Key: c.JinaKey, Model: c.JinaModel}}
	case LLM:
		return judges(writers)
	case OpenAI:
		return []Lane{c.openAILane(c.OpenAIModel)}
	case Local:
		return []Lane{c.serviceLane()}
	}
	return nil
}

// judges returns the lanes that rerank by asking a model which writes answers: those
// of the first pool that can, with its small model.
func judges(writers []Lane) []Lane {
	var out []Lane
	pool := ""
	for _, l := range writers {
		if l.Protocol == Extractive || len(out) > 0 && l.Pool != pool {
			continue
		}
		pool = l.Pool
		_, known := prices[l.FastModel]
		switch {
		case l.FastPrice != nil:
			l.Price, l.Priced = *l.FastPrice, true
		case known:
			l.Priced = false // its own is found in the table
		}
		if l.FastModel != "" {
			l.Model, l.ServedAs = l.FastModel, ""
		}
		l.Pool, l.FastModel, l.FastPrice = "", "", nil
		out = append(out, l)
	}
	return out
}

// bounded fills in how many documents the servers take that are known to refuse more.
func bounded(lanes []Lane) []Lane {
	for i, l := range lanes {
		switch l.Protocol {
		case Voyage, Cohere, Jina:
			lanes[i].MaxDocuments = cmp.Or(l.MaxDocuments, 1000)
		case TEI:
			lanes[i].MaxDocuments = cmp.Or(l.MaxDocuments, 32) // its own default
		}
	}
	return lanes
}

// generateLane returns the lane that the variables make of a provider.
func (c *Config) generateLane(provider string) Lane {
	l := Lane{Provider: provider, Protocol: provider}
	switch provider {
	case OpenAI:
		l = c.openAILane(c.OpenAIModel)
	case Anthropic:
		l.BaseURL, l.Key, l.Model = c.AnthropicBaseURL, c.AnthropicKey, c.AnthropicModel
		l.FastModel = companion(l.Model)
	case Gemini:
		l.BaseURL, l.Key, l.Model = c.GeminiBaseURL, c.GeminiKey, c.GeminiModel
		l.FastModel = companion(l.Model)
	case Groq:
		l.Protocol, l.BaseURL, l.Key, l.Model = OpenAI, groqBaseURL, c.GroqKey, c.GroqModel
		l.JSONMode = JSONByPrompt // it does not stream what it holds to a schema
	case Local:
		l.Protocol, l.BaseURL, l.Key, l.Model = OpenAI, c.LocalBaseURL, c.LocalKey, c.LocalModel
		l.JSONMode = JSONByPrompt // which no server refuses
	}
	l.Pool = provider
	return l
}

func (c *Config) openAILane(model string) Lane {
	return Lane{Provider: OpenAI, Protocol: OpenAI, BaseURL: c.OpenAIBaseURL, Key: c.OpenAIKey, Model: model}
}

func (c *Config) voyageLane(model string) Lane {
	return Lane{Provider: Voyage, Protocol: Voyage, BaseURL: c.VoyageBaseURL, Key: c.VoyageKey, Model: model}
}

func (c *Config) serviceLane() Lane {
	return Lane{Provider: Local, Protocol: Service, BaseURL: cmp.Or(c.EmbeddingServiceURL, defaultEmbeddingService)}
}

// companion returns the small model that Skald uses beside its own default. Who
// names another model gets that one for everything.
func companion(model string) string {
	switch model {
	case "claude-sonnet-4-5-20250929":
		return "claude-haiku-4-5-20251001"
	case "gemini-2.5-pro":
		return "gemini-2.5-flash"
	}
	return ""
}
