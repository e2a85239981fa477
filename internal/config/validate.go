package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

var keyForm = regexp.MustCompile(`^sk_proj_[0-9a-f]{40}$`)

// levels are the names that a log level may have, Skald's among them.
var levels = map[string]slog.Level{
	"trace": slog.LevelDebug, "debug": slog.LevelDebug, "info": slog.LevelInfo,
	"warn": slog.LevelWarn, "warning": slog.LevelWarn, "error": slog.LevelError, "fatal": slog.LevelError,
}

// Validate returns every fault of the configuration, joined, each naming its
// variable. Whether the chosen models can be had is for [Config.Models].
func (c *Config) Validate() error {
	var faults []error
	add := func(variable string, err error) {
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", variable, err))
		}
	}
	add("KVASIR_DATA", folder(c.Data))
	add("KVASIR_MODEL_DIR", folder(c.ModelDir))
	if c.APIKey != "" && !keyForm.MatchString(c.APIKey.Reveal()) {
		add("KVASIR_API_KEY", errors.New("a key is sk_proj_ and 40 lower-case hexadecimal digits"))
	}
	if _, ok := levels[strings.ToLower(c.LogLevel)]; !ok {
		add("LOG_LEVEL", fmt.Errorf("%q is not one of debug, info, warn, error", c.LogLevel))
	}
	switch {
	case c.Role != RoleAll && c.Role != RoleAPI && c.Role != RoleWorker:
		add("KVASIR_ROLE", fmt.Errorf("%q is not one of api, worker, all", c.Role))
	case c.Role != RoleAll && c.DatabaseURL == "":
		add("KVASIR_ROLE", errors.New("needs DATABASE_URL: a data folder has one process, which does all"))
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		add("KVASIR_LOG_FORMAT", fmt.Errorf("%q is not one of text, json", c.LogFormat))
	}
	if check := c.CitationCheck; check != "full" && check != "words" && check != "off" {
		add("KVASIR_CITATION_CHECK", fmt.Errorf("%q is not one of full, words, off", check))
	}
	add("API_URL", address(c.PublicURL))
	add("FRONTEND_URL", address(c.FrontendURL))
	for _, origin := range c.AllowedOrigins {
		add("CORS_ALLOWED_ORIGINS", address(origin))
	}
	add("OPENAI_BASE_URL", address(c.OpenAIBaseURL))
	add("LOCAL_LLM_BASE_URL", address(c.LocalBaseURL))
	add("NEXT_EMBEDDING_BASE_URL", address(c.NextEmbeddingBaseURL))
	add("EMBEDDING_SERVICE_URL", address(c.EmbeddingServiceURL))
	add("VOYAGE_BASE_URL", address(c.VoyageBaseURL))
	add("COHERE_BASE_URL", address(c.CohereBaseURL))
	add("JINA_BASE_URL", address(c.JinaBaseURL))
	add("ANTHROPIC_BASE_URL", address(c.AnthropicBaseURL))
	add("GEMINI_BASE_URL", address(c.GeminiBaseURL))
	add("EMBEDDING_VECTOR_DIMENSION", between(c.VectorDimension, 0, maxDimensions))
	add("NEXT_EMBEDDING_VECTOR_DIMENSION", between(c.NextVectorDimension, 0, maxDimensions))
	c.bounds(add)
	c.files(add)
	c.visits(add)
	c.callers(add)
	c.reads(add)
	return errors.Join(faults...)
}

// bounds checks the numbers that bound the work and its cost.
func (c *Config) bounds(add func(string, error)) {
	add("KVASIR_MAX_BODY_BYTES", between(c.MaxBodyBytes, 1, maxBytes))
	add("KVASIR_MAX_UPLOAD_BYTES", between(c.MaxUploadBytes, 1, maxBytes))
	add("KVASIR_INDEX_BYTES", between(c.IndexBytes, 1, maxBytes))
	add("KVASIR_CONTEXT_TOKENS", between(c.ContextTokens, 100, maxTokens))
	add("KVASIR_HISTORY_TOKENS", between(c.HistoryTokens, 1, maxTokens))
	add("KVASIR_EMBED_CONCURRENCY", between(c.EmbedConcurrency, 1, maxConcurrency))
	add("KVASIR_GENERATE_CONCURRENCY", between(c.GenerateConcurrency, 1, maxConcurrency))
	add("KVASIR_RERANK_CONCURRENCY", between(c.RerankConcurrency, 1, maxConcurrency))
	add("KVASIR_INGEST_CONCURRENCY", between(c.IngestConcurrency, 1, maxConcurrency))
	add("KVASIR_EMBED_RPM", between(c.EmbedRPM, 0, maxRate))
	add("KVASIR_EMBED_TPM", between(c.EmbedTPM, 0, maxRate))
	add("KVASIR_GENERATE_RPM", between(c.GenerateRPM, 0, maxRate))
	add("KVASIR_GENERATE_TPM", between(c.GenerateTPM, 0, maxRate))
	add("KVASIR_RERANK_RPM", between(c.RerankRPM, 0, maxRate))
	add("KVASIR_RERANK_TPM", between(c.RerankTPM, 0, maxRate))
	add("KVASIR_BUDGET_DAY", between(c.BudgetDay, 0, maxDollars))
	add("KVASIR_BUDGET_MONTH", between(c.BudgetMonth, 0, maxDollars))
	add("KVASIR_HEDGE_SHARE", between(c.HedgeShare, 0, 1))
	add("KVASIR_EVENT_STREAMS", between(c.EventStreams, 1, 1_000_000))
	add("KVASIR_ANSWER_TIMEOUT", between(c.AnswerTimeout, time.Second, time.Hour))
}

// Beyond these a number is a slip of the hand.
const (
	maxDimensions  = 1 << 14
	maxConcurrency = 1 << 14
	maxTokens      = 1 << 24
	maxBytes       = 1 << 50
	maxRate        = 1e12 // a minute
	maxDollars     = 1e9
)

func folder(dir string) error {
	if dir == "" {
		return errors.New("name a folder: there is no home directory to put it in")
	}
	return nil
}

// address checks the address of a server, if there is one. Its words do not repeat it:
// there may be a password in it.
func address(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("it is not an address such as https://example.com")
	}
	return nil
}

func between[T int | int64 | float64 | time.Duration](v, low, high T) error {
	if !(low <= v && v <= high) { // which NaN is not
		return fmt.Errorf("%v is not between %v and %v", v, low, high)
	}
	return nil
}

// Level returns the least level that is logged.
func (c *Config) Level() slog.Level { return levels[strings.ToLower(c.LogLevel)] }

// Origins returns the origins whose pages may call with credentials.
func (c *Config) Origins() []string {
	urls := c.AllowedOrigins
	switch {
	case len(urls) > 0:
	case c.Development == On:
		urls = []string{"http://localhost:8000", "http://localhost:3000", "http://localhost:5173"}
	default:
		urls = []string{c.FrontendURL, c.PublicURL}
	}
	var origins []string
	for _, text := range urls {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			continue // Validate has refused it, or it is not set
		}
		if origin := u.Scheme + "://" + u.Host; !slices.Contains(origins, origin) {
			origins = append(origins, origin)
		}
	}
	return origins
}

// A Protection is which security headers are sent.
type Protection struct {
	Headers bool // with every answer
	HSTS    bool // browsers come by HTTPS only, for a year
}

// Protection returns which security headers are sent.
func (c *Config) Protection() Protection {
	headers := c.Security == On || c.Security == Unset && c.Development != On
	return Protection{Headers: headers, HSTS: headers && c.SelfHosted == Off}
}
