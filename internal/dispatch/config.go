package dispatch

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"kvasir/internal/ledger"
	"kvasir/internal/llm"
)

// A Lane is one way to a model: a provider, one of its keys, and a model for one
// kind of call. It is what has limits.
type Lane struct {
	Provider string // as people know it: "openai"
	Key      string // which of the provider's keys, "#2"; empty when there is one
	Model    string // its name
	// Tier orders failover: calls go to the lanes of the lowest tier that works, and
	// are spread over them.
	Tier int
	// Local says that the model runs in this process: asking twice would only slow
	// the first answer down.
	Local  bool
	Limits Limits
	Price  ledger.Price
	// FastModel answers where a small model will do, at FastPrice. Empty for Model,
	// and nil for Price.
	FastModel string
	FastPrice *ledger.Price
}

// billed returns the model that answers a call, and its price.
func (l *Lane) billed(fast bool) (string, ledger.Price) {
	model, price := l.Model, l.Price
	if fast {
		model = cmp.Or(l.FastModel, model)
		if l.FastPrice != nil {
			price = *l.FastPrice
		}
	}
	return model, price
}

// Name returns the lane's name: "openai/gpt-4o-mini", "openai#2/gpt-4o-mini".
func (l Lane) Name() string { return l.Provider + l.Key + "/" + l.Model }

// Limits are what is known of a lane beforehand. Answers correct the rates.
type Limits struct {
	RequestsPerMinute float64 // 0: learned
	TokensPerMinute   float64 // 0: learned
	// Concurrency is the most requests in flight; how many there are adapts to the
	// latency. 0 is the default of its kind: 128 to embed and rerank, 1024 to generate.
	Concurrency int
}

// An EmbedLane embeds. All of a list make vectors of one space: model and dimension
// are equal.
type EmbedLane struct {
	Lane
	Embedder llm.Embedder
}

// A GenerateLane writes. Lanes of one pool stand in for each other.
type GenerateLane struct {
	Lane
	Pool      string // the name by which requests ask for it; the first lane's is the default
	Generator llm.Generator
}

// A RerankLane scores documents.
type RerankLane struct {
	Lane
	Reranker llm.Reranker
	// MaxDocuments bounds one request, where each document is scored by itself; 0 is
	// no bound.
	MaxDocuments int
}

// A Cache keeps vectors, so that none is bought twice. What it cannot give is
// computed: its errors are logged and cost nothing else.
type Cache interface {
	// CachedVectors returns a vector for each text, nil where it has none. An
	// organization's projects share what they have paid for.
	CachedVectors(ctx context.Context, project string, s llm.VectorSpace, texts []llm.TextHash) ([]llm.Vector, error)
	// CacheVectors keeps vectors, one for each text.
	CacheVectors(ctx context.Context, project string, s llm.VectorSpace, texts []llm.TextHash, v []llm.Vector) error
}

// A Ledger keeps what was spent.
type Ledger interface {
	// AddUsage adds entries to the sums of their accounts.
	AddUsage(ctx context.Context, entries []ledger.Entry) error
	// UsageByProject returns what each project has spent from a day on, by day, and
	// nothing else of the accounts.
	UsageByProject(ctx context.Context, from ledger.Day) ([]ledger.Entry, error)
	// Organization returns the organization of a project.
	Organization(ctx context.Context, project string) (string, error)
}

// A Config is the models to call and the bounds to keep. The zero value of a
// bound is its default.
type Config struct {
	Embed      []EmbedLane // none: no embedding
	Dimensions int         // of the vectors; 0 until a model has answered
	// Next embeds for an index that is made beside the one in use; none: there is none.
	Next           []EmbedLane
	NextDimensions int

	Generate []GenerateLane
	Rerank   []RerankLane // none: no reranking

	Cache  Cache  // nil for none
	Ledger Ledger // nil for none
	// SharedLedger says that other processes spend, too: what they have spent counts
	// in the budgets a second later.
	SharedLedger bool
	Budgets      []ledger.Budget
	Weights      map[string]float64 // of tenants, in a lane's line; 1 unless named
	Observer     llm.Observer       // nil for none

	Linger     time.Duration // how long bulk texts wait for company; 4 ms
	QueueBytes int64         // of bulk texts under way, beyond which callers block; 64 MiB
	QueueCalls int           // calls that people wait for in one line, beyond which they are refused; 10,000
	// InteractiveWithin bounds the wait for a slot and the tries of a call that a
	// person waits for, up to the first word of an answer; 25 s. An exchange that
	// has begun is the adapter's to end: a model on this machine may be slow.
	InteractiveWithin time.Duration
	// BulkWithin bounds the tries of any other call; 10 min.
	BulkWithin time.Duration
	// RetryShare bounds retries as a share of all exchanges; 0.3.
	RetryShare float64
	// HedgeShare bounds what hedged calls may cost, as a share of what all calls do
	// that people wait for; 0.02. Negative turns hedging off.
	HedgeShare float64
	Log        *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Linger = cmp.Or(c.Linger, 4*time.Millisecond)
	c.QueueBytes = cmp.Or(c.QueueBytes, 64<<20)
	c.QueueCalls = cmp.Or(c.QueueCalls, 10_000)
	c.InteractiveWithin = cmp.Or(c.InteractiveWithin, 25*time.Second)
	c.BulkWithin = cmp.Or(c.BulkWithin, 10*time.Minute)
	c.RetryShare = cmp.Or(c.RetryShare, 0.3)
	c.HedgeShare = cmp.Or(c.HedgeShare, 0.02)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return c
}
