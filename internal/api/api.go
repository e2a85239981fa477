// Package api is the HTTP edge: operations, their OpenAPI description, and the
// wire types of both. It shapes requests for the use cases and their answers
// for the wire; it holds no rules.
//
// There is one file for each resource: wire types, then handlers, then the
// registration. A wire type is at once what OpenAPI documents and what the
// handler decodes into; its validate stands beside it and speaks the wire's
// words (see package field for how it knows what was sent). Handlers return errors,
// and only error.go turns them into statuses.
//
// A request passes the guards (package guard), then [router], which forgives
// case and trailing slashes, then authentication, and reaches its operation.
package api

import (
	"cmp"
	"context"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"kvasir/internal/account"
	"kvasir/internal/api/guard"
	"kvasir/internal/chat"
	"kvasir/internal/conversation"
	"kvasir/internal/event"
	"kvasir/internal/ingest"
	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
	"kvasir/internal/search"
)

// Keys knows API keys.
type Keys interface {
	// FindKey returns whom the key with this hash speaks for; a fault of kind
	// NotFound if there is no such key.
	FindKey(ctx context.Context, hash string) (account.Caller, error)
}

// Memos reads memos.
type Memos interface {
	// FindMemo returns a memo with its chunks.
	FindMemo(ctx context.Context, p account.ProjectID, ref memo.Ref) (memo.Memo, error)
	// FindProgress returns where a memo is, without reading its texts.
	FindProgress(ctx context.Context, p account.ProjectID, ref memo.Ref) (memo.ID, memo.Progress, error)
	// ListMemos returns a page of memos, the newest first, and how many there
	// are in all. Past the end the page is empty.
	ListMemos(ctx context.Context, p account.ProjectID, offset, limit int) ([]memo.Memo, int, error)
}

// Intake takes memos in.
type Intake interface {
	Add(ctx context.Context, p account.ProjectID, d memo.Draft, u *ingest.Upload) (memo.ID, error)
	Upsert(ctx context.Context, p account.ProjectID, d memo.Draft, u *ingest.Upload) (memo.ID, bool, error)
}

// Editor changes memos.
type Editor interface {
	Update(ctx context.Context, p account.ProjectID, ref memo.Ref, patch memo.Patch) (memo.ID, error)
	Delete(ctx context.Context, p account.ProjectID, ref memo.Ref) error
	Retry(ctx context.Context, p account.ProjectID, ref memo.Ref) (memo.ID, error)
	// Enrich has aspects of a memo written anew.
	Enrich(ctx context.Context, p account.ProjectID, ref memo.Ref, aspects []memo.Aspect) (memo.ID, error)
}

// Searcher answers queries.
type Searcher interface {
	Search(ctx context.Context, q search.Query) (retrieval.Found, error)
}

// An Asker checks a question and returns its answer, to be streamed. Every
// fault of the question itself is found before the answer begins.
type Asker func(ctx context.Context, q chat.Question) (Answer, error)

// An Answer yields its events as they come; see [chat.Event] for their order.
type Answer func(ctx context.Context) iter.Seq[chat.Event]

// Assistant knows the generators and writes documents.
type Assistant interface {
	Providers() []chat.Provider
	Write(ctx context.Context, r chat.DocumentRequest) iter.Seq2[string, error]
}

// Chats reads stored chats.
type Chats interface {
	// FindChat returns a chat with its messages.
	FindChat(ctx context.Context, p account.ProjectID, id conversation.ChatID) (conversation.Chat, error)
	// ListChats returns a page of chats, the newest first, and how many there
	// are in all. Past the end the page is empty.
	ListChats(ctx context.Context, p account.ProjectID, offset, limit int) ([]conversation.Chat, int, error)
}

// Waits says why an unfinished memo is not searchable yet. It never fails: what
// cannot be found out is left out.
type Waits func(ctx context.Context, p account.ProjectID, id memo.ID, at memo.Progress) Wait

// A Wait is a reason in words, empty if none is known, and when the memo is done
// at the present rate, zero if that is not known.
type Wait struct {
	Reason string
	Until  time.Time
}

// A Config is what the edge is made of. All parts are needed but Metrics,
// Routed and Stopping.
type Config struct {
	Keys      Keys
	Memos     Memos
	Intake    Intake
	Editor    Editor
	Searcher  Searcher
	Ask       Asker
	Assistant Assistant
	Chats     Chats
	Ledger    Ledger
	Budgets   Budgets
	Estimate  Estimator
	Waits     Waits
	Originals Originals
	// OpenOriginal opens a kept file by its key.
	OpenOriginal func(ctx context.Context, key string) (io.ReadSeekCloser, error)
	// Processing reads how a project's memos are cut and enriched, SetProcessing
	// changes it.
	Processing    func(ctx context.Context, p account.ProjectID) (memo.Processing, error)
	SetProcessing func(ctx context.Context, p account.ProjectID, set memo.Processing) error
	Events        Events
	Webhooks      Webhooks
	Reindexer     Reindexer
	// WebhookPaused reports whether a webhook is told no more until a test succeeds.
	WebhookPaused func(event.Delivery) bool

	Health func(context.Context) Health
	Status func(context.Context, account.ProjectID) Status
	// Metrics answers /metrics for those who may see it; nil for no such page.
	Metrics http.Handler
	// Routed is put directly around the routes, where a request has its pattern
	// when it comes back; nil for nothing.
	Routed func(http.Handler) http.Handler
	// Stopping is closed when the server stops: streams that have no end end then.
	Stopping <-chan struct{}

	// CheckFileName refuses files that cannot be parsed, in the wire's words.
	CheckFileName func(name string) error
	// CheckURL refuses addresses that are not loaded, in words that begin with
	// "url: ".
	CheckURL func(rawURL string) error
	// TempDir is where uploads are spooled until they are complete.
	TempDir string
	Log     *slog.Logger
	Version string
	Options Options
}

// Options are the operator's choices. The zero value of each is its default.
type Options struct {
	// MaxBodyBytes bounds a JSON body, and the texts beside an uploaded file.
	// Default 16 MiB.
	MaxBodyBytes int64
	// MaxUploadBytes bounds an uploaded file. Default 100 MiB.
	MaxUploadBytes int64
	// StallTimeout is how long a client may stall in the middle of a body; see
	// [guard.Pace]. Default 30 s.
	StallTimeout time.Duration
	// AnswerTimeout is how long an answer that is not streamed may take. Clients
	// give up after 30 s. Default 28 s.
	AnswerTimeout time.Duration
	// Streams is how many streams of events may be open at once. Default 10,000.
	Streams int
	// PublicURL is the address by which clients reach the server, for links in
	// lists. Default: what the client asked for.
	PublicURL string
	// AllowedOrigins are the origins whose pages may call with credentials.
	AllowedOrigins []string
	// DocsDisabled hides /docs and /openapi.json.
	DocsDisabled bool
	// SecurityHeaders sends a CSP and its relatives with every answer.
	SecurityHeaders bool
	// HSTS also tells browsers to come by HTTPS only.
	HSTS bool
	// TrustedProxies are the networks of proxies that are believed when they say for
	// whom they come.
	TrustedProxies []netip.Prefix
	// Rates are how often one may call.
	Rates Rates
	// MetricsToken lets who has it see /metrics from elsewhere. Without one only
	// this machine may.
	MetricsToken string
}

// Rates are how many requests there may be a minute, and how many of them may be
// questions. 0 is no limit.
type Rates struct {
	Address, AddressQuestions int // of an address, of IPv6 a /64
	Key, KeyQuestions         int // of an API key
}

func (o Options) withDefaults() Options {
	o.MaxBodyBytes = cmp.Or(o.MaxBodyBytes, 16<<20)
	o.MaxUploadBytes = cmp.Or(o.MaxUploadBytes, 100<<20)
	o.StallTimeout = cmp.Or(o.StallTimeout, 30*time.Second)
	o.AnswerTimeout = cmp.Or(o.AnswerTimeout, 28*time.Second)
	o.Streams = cmp.Or(o.Streams, 10_000)
	return o
}

// A server is the parts and the description of its operations.
type server struct {
	Config
	api     huma.API
	streams chan struct{} // one element for each open stream of events
	glances glances
}

// New returns the handler of the whole API.
func New(cfg Config) http.Handler {
	s, routes := build(cfg)
	var inner http.Handler = routes
	if s.Routed != nil {
		inner = s.Routed(inner)
	}
	return guard.Chain(inner, s.guards(routes)...)
}

// build registers every route.
func build(cfg Config) (*server, *router) {
	cfg.Options = cfg.Options.withDefaults()
	routes := newRouter()
	s := &server{Config: cfg, api: humago.New(routes, describe()), streams: make(chan struct{}, cfg.Options.Streams)}
	s.registerHealth()
	s.registerMemos()
	s.registerMemoChanges()
	s.registerMemoCreate()
	s.registerOriginal()
	s.registerProcessing()
	s.registerEvents()
	s.registerWebhooks()
	s.registerSearch()
	s.registerChat()
	s.registerChats()
	s.registerGenerate()
	s.registerProviders()
	s.registerStatus()
	s.registerReindex()
	s.registerUsage()
	s.registerMetrics(routes)
	s.registerFixed(routes)
	s.registerDocs(routes)
	return s, routes
}

func (s *server) guards(routes *router) []func(http.Handler) http.Handler {
	guards := []func(http.Handler) http.Handler{
		guard.Client(s.Options.TrustedProxies), guard.Log(s.Log), guard.Pace(s.Options.StallTimeout), routes.canonical,
	}
	if s.Options.SecurityHeaders {
		guards = append(guards, guard.Headers)
	}
	if s.Options.HSTS {
		guards = append(guards, guard.HSTS)
	}
	rates := s.Options.Rates
	return append(guards,
		guard.LimitAddress(guard.Limit{Requests: rates.Address, Window: time.Minute}),
		guard.LimitAddress(guard.Limit{Requests: rates.AddressQuestions, Window: time.Minute, Applies: isQuestion}),
		guard.CORS(s.Options.AllowedOrigins),
		s.authenticate,
		guard.LimitBy(guard.Limit{Requests: rates.Key, Window: time.Minute}, callerOf),
		guard.LimitBy(guard.Limit{Requests: rates.KeyQuestions, Window: time.Minute, Applies: isQuestion}, callerOf),
		guard.ETag)
}

// The operations that ask a question of a model.
const (
	chatPath     = "/api/v1/chat"
	generatePath = "/api/v1/generate"
)

// isQuestion reports whether a request has a model write: what costs the most.
func isQuestion(r *http.Request) bool {
	return r.Method == http.MethodPost && (r.URL.Path == chatPath || r.URL.Path == generatePath)
}
