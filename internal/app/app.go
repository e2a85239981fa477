// Package app builds every part of the server from its configuration and owns
// the process: [New] opens and checks, [App.Run] works until it is told to stop.
package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/account"
	"kvasir/internal/api"
	"kvasir/internal/blob"
	"kvasir/internal/chat"
	"kvasir/internal/chat/agent"
	"kvasir/internal/config"
	"kvasir/internal/dispatch"
	"kvasir/internal/fetch"
	"kvasir/internal/index/pgvector"
	"kvasir/internal/ingest"
	"kvasir/internal/llm"
	"kvasir/internal/notify"
	"kvasir/internal/parse"
	"kvasir/internal/parse/worker"
	"kvasir/internal/retrieval"
	"kvasir/internal/search"
	"kvasir/internal/store"
	"kvasir/internal/store/folder"
	"kvasir/internal/store/postgres"
	"kvasir/internal/telemetry"
)

// An App is a server with all its parts.
type App struct {
	cfg      config.Config
	log      *slog.Logger
	models   config.Models
	store    *store.Store
	node     string           // this process, among those on one database
	database string           // what the store runs on, as it is shown
	folder   *folder.Folder   // nil if the store holds it
	beside   *postgres.Beside // nil without PostgreSQL
	vectors  *pgvector.Index  // nil if all vectors stay in memory
	files    blob.Store
	fetch    *fetch.Client
	notify   *notify.Service
	parser   *worker.Pool
	dispatch *dispatch.Scheduler
	versions *versioned
	finders  *finders
	ingest   *ingest.Service
	observer llm.Observer // of model calls; nil for none
	listener net.Listener
	handler  http.Handler
	newKey   account.Key
	missing  slowCount
	started  time.Time
	ready    chan struct{} // closed when requests are served
	stopping chan struct{} // closed when they are to end

	telemetry *telemetry.Telemetry
}

// Version is the build's version, shown by health and kvasir version.
const Version = "0.1.0"

// New opens the data folder, binds the address and builds the parts. It starts
// nothing. The folder stays locked until [App.Run] returns.
func New(ctx context.Context, cfg config.Config, log *slog.Logger) (_ *App, err error) {
	a := &App{
		cfg: cfg, log: log, node: rand.Text(), started: time.Now(),
		ready: make(chan struct{}), stopping: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close(ctx))
		}
	}()
	if a.models, err = cfg.Models(minilmInstalled(cfg.ModelDir)); err != nil {
		return nil, err
	}
	boundMemory(&cfg, a.models)
	if a.telemetry, err = telemetry.New(ctx, Version, log); err != nil {
		return nil, err
	}
	a.observer = a.telemetry
	if err = a.openStore(ctx); err != nil {
		return nil, err
	}
	a.store.BoundCache(cfg.VectorCacheBytes)
	if err = a.ensureKey(ctx); err != nil {
		return nil, err
	}
	if a.files, err = openFiles(ctx, &cfg, filepath.Join(cfg.Data, "transit")); err != nil {
		return nil, err
	}
	if a.dispatch, err = a.newDispatch(ctx); err != nil {
		return nil, err
	}
	if err = a.openVersions(ctx); err != nil {
		return nil, err
	}
	if err = a.openOutside(ctx); err != nil {
		return nil, err
	}
	uploads := filepath.Join(cfg.Data, "uploads")
	if err = freshFolder(uploads); err != nil {
		return nil, err
	}
	a.parser = newReaders(&cfg, uploads)
	a.fetch = newFetch(&cfg)
	a.notify = notify.New(a.store, a.fetch, log, &notify.Options{Retention: cfg.EventRetention})
	if a.listener, err = net.Listen("tcp", cfg.Listen); err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w; stop what does, or choose another with --listen",
			cfg.Listen, err)
	}
	a.assemble(uploads)
	if cfg.Role == config.RoleWorker {
		a.handler = onlyWatched(a.handler)
	}
	return a, nil
}

// assemble joins the use cases and the edge.
func (a *App) assemble(uploads string) {
	a.finders = &finders{make: a.newFinder}
	a.finders.live.Store(a.newFinder(a.versions.live()))
	originals := ingest.Originals{Files: a.files, Parse: a.read, Fetch: a.load}
	a.ingest = ingest.New(a.store, originals, a.versions, a.log, &ingest.Options{
		InFlight:  a.cfg.IngestConcurrency,
		FileBytes: a.cfg.MaxUploadBytes,
		Parsers:   a.cfg.ParseWorkers,
		Writer:    a.writer(),
	})
	answers := a.answers(retriever(a.finders))
	protection := a.cfg.Protection()
	a.handler = a.telemetry.Requests(api.New(api.Config{
		Keys:          a.store,
		Memos:         a.store,
		Intake:        a.ingest,
		Editor:        a.ingest,
		Searcher:      a.finders,
		Ask:           asker(answers),
		Assistant:     answers,
		Chats:         a.store,
		Ledger:        a.store,
		Budgets:       a.budgets,
		Estimate:      a.estimate,
		Waits:         (&waiter{position: a.store.QueuePosition, line: a.dispatch.Waiting}).wait,
		Health:        a.health,
		Status:        a.status,
		Metrics:       a.metrics(),
		Routed:        telemetry.Route,
		Originals:     a.store,
		OpenOriginal:  a.original,
		Processing:    a.store.Processing,
		SetProcessing: a.ingest.SetProcessing,
		Events:        a.store,
		Stopping:      a.stopping,
		Webhooks:      a.notify,
		Reindexer:     reindexer{a},
		WebhookPaused: notify.Paused,
		CheckFileName: parse.Allowed,
		CheckURL:      a.fetch.Check,
		TempDir:       uploads,
		Log:           a.log,
		Version:       Version,
		Options: api.Options{
			MaxBodyBytes:    a.cfg.MaxBodyBytes,
			MaxUploadBytes:  a.cfg.MaxUploadBytes,
			AnswerTimeout:   a.cfg.AnswerTimeout,
			Streams:         a.cfg.EventStreams,
			PublicURL:       a.cfg.PublicURL,
			AllowedOrigins:  a.cfg.Origins(),
			SecurityHeaders: protection.Headers,
			HSTS:            protection.HSTS,
			StallTimeout:    a.cfg.StallTimeout,
			TrustedProxies:  a.cfg.Proxies(),
			Rates:           rates(&a.cfg),
			MetricsToken:    a.cfg.MetricsToken.Reveal(),
		},
	}))
}

// answers makes what answers questions from what is found.
func (a *App) answers(find chat.Retriever) *chat.Service {
	knowledge := chat.Knowledge{
		Find: find, Around: a.store.Neighbours, Parts: a.store.Parts, Agent: agent.New(find, a.store, a.dispatch, 0, a.log),
	}
	settings := chat.Settings{
		ContextTokens: a.cfg.ContextTokens, HistoryTokens: a.cfg.HistoryTokens, Check: chat.Check(a.cfg.CitationCheck),
	}
	return chat.New(knowledge, a.store, a.dispatch, a.providers(), settings, a.log)
}

// original opens a kept file for who downloads it.
func (a *App) original(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	return a.files.Open(ctx, key)
}

// ensureKey makes the default project accept the configured key, or makes one.
func (a *App) ensureKey(ctx context.Context) error {
	var given account.Key
	if a.cfg.APIKey != "" {
		var err error
		if given, err = account.ParseKey(a.cfg.APIKey.Reveal()); err != nil {
			return fmt.Errorf("KVASIR_API_KEY: %w", err)
		}
	}
	made, err := a.store.EnsureProject(ctx, given, time.Now())
	a.newKey = made
	return err
}

// freshFolder makes an empty folder: what is spooled there is worth nothing
// after a stop.
func freshFolder(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clear spool folder: %w", err)
	}
	return os.MkdirAll(dir, 0o700)
}

// retriever gives chat the passages that search finds.
func retriever(finder api.Searcher) chat.Retriever {
	return func(ctx context.Context, r retrieval.Request) (retrieval.Found, error) {
		return finder.Search(ctx, search.Query{Request: r})
	}
}

// asker gives the edge the two halves of an answer.
func asker(answers *chat.Service) api.Asker {
	return func(ctx context.Context, q chat.Question) (api.Answer, error) {
		answer, err := answers.Ask(ctx, q)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context) iter.Seq[chat.Event] { return answer.Stream(ctx) }, nil
	}
}

// Ready is closed when requests are served.
func (a *App) Ready() <-chan struct{} { return a.ready }

// URL returns the server's address.
func (a *App) URL() string { return "http://" + a.listener.Addr().String() }

// NewKey returns the API key if this start has made it; else it is zero.
func (a *App) NewKey() account.Key { return a.newKey }

// Models returns the providers in use and why.
func (a *App) Models() config.Models { return a.models }

// Run serves and works until ctx ends. Then it lets requests in progress finish
// for a while, stops the work, and closes the data folder.
func (a *App) Run(ctx context.Context) error {
	for _, m := range []struct {
		kind   string
		choice config.Choice
	}{{"embeddings", a.models.Embeddings}, {"answers", a.models.Answers}, {"reranking", a.models.Reranking}} {
		a.log.InfoContext(ctx, "provider", "kind", m.kind, "provider", m.choice.Provider, "because", m.choice.Why)
	}
	// Requests need dispatch until the last of them has ended, so it stops after
	// them, and the store after all.
	backstage, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	back, bctx := errgroup.WithContext(backstage)
	back.Go(func() error { return a.dispatch.Run(bctx) })
	if a.cfg.DatabaseURL != "" {
		back.Go(func() error { return a.shareLimits(bctx) })
	}
	front, fctx := errgroup.WithContext(ctx)
	front.Go(func() error { return a.serve(fctx) })
	if a.cfg.Role != config.RoleAPI {
		front.Go(func() error { return a.ingest.Run(fctx) })
		front.Go(func() error { return a.onDuty(fctx, "webhooks", a.notify.Run) })
		front.Go(func() error { return a.alone(fctx, "index", a.ingest.Fill) })
		if a.vectors != nil {
			front.Go(func() error { return a.alone(fctx, "vectors", a.vectors.Follow) })
		}
	}
	front.Go(func() error { return a.followVersions(fctx) })
	if a.vectors != nil {
		front.Go(func() error { return a.vectors.Watch(fctx) })
	}
	front.Go(func() error { return a.sweepFiles(fctx) })
	close(a.ready)
	err := front.Wait()
	stop()
	err = errors.Join(err, back.Wait(), a.close(context.WithoutCancel(ctx)))
	a.log.InfoContext(ctx, "stopped", "cause", context.Cause(ctx))
	return err
}

// close frees what New has opened.
func (a *App) close(ctx context.Context) error {
	var errs []error
	if a.listener != nil {
		if err := a.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if a.parser != nil {
		errs = append(errs, a.parser.Close(ctx))
	}
	if a.fetch != nil {
		a.fetch.Close()
	}
	if a.files != nil {
		errs = append(errs, a.files.Close())
	}
	if a.beside != nil {
		a.beside.Close()
	}
	if a.store != nil {
		errs = append(errs, a.store.Close())
	}
	if a.folder != nil {
		errs = append(errs, a.folder.Release())
	}
	if a.telemetry != nil {
		a.telemetry.Close(ctx)
	}
	return errors.Join(errs...)
}
