package app

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/account"
	"kvasir/internal/dispatch"
	"kvasir/internal/index/flat"
	"kvasir/internal/ingest"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
	"kvasir/internal/search"
	"kvasir/internal/search/plan"
	"kvasir/internal/store"
)

// lookEvery is how often a process looks whether another index version is live.
const lookEvery = 400 * time.Millisecond

// A versioned is dispatch with what the store says of index versions, for ingest.
type versioned struct {
	*dispatch.Scheduler
	kept atomic.Pointer[[]ingest.Version]
	mu   sync.Mutex // held while they are read anew, so that no older state comes after a newer
}

// Versions returns the index versions that are kept, the live one first.
func (v *versioned) Versions() []ingest.Version { return *v.kept.Load() }

// live returns the version that is searched.
func (v *versioned) live() ingest.Version { return v.Versions()[0] }

// embedder returns the model that makes a version's vectors, nil if it is not
// configured.
func (v *versioned) embedder(model string) *dispatch.Embedder {
	for _, e := range v.Embedders() {
		if e.Spec().Model == model {
			return e
		}
	}
	return nil
}

// set notes what the store says.
func (v *versioned) set(list []memo.IndexVersion) {
	kept := make([]ingest.Version, len(list))
	for i, version := range list {
		kept[i].IndexVersion = version
		if e := v.embedder(version.Model); e != nil {
			kept[i].Embedder = e
		}
	}
	v.kept.Store(&kept)
}

// openVersions learns which index versions there are. If the live one is of a model
// that is not configured, it becomes one of the first that is.
func (a *App) openVersions(ctx context.Context) error {
	a.versions = &versioned{Scheduler: a.dispatch}
	var known []store.VersionOf
	for _, e := range a.dispatch.Embedders() {
		known = append(known, versionOf(e))
	}
	given, err := a.store.EnsureVersion(ctx, known, time.Now())
	if err != nil {
		return fmt.Errorf("read index versions: %w", err)
	}
	if given != "" {
		a.log.WarnContext(ctx, "another embedding model is configured: search goes by words until its vectors are made; "+
			"kvasir reindex makes them beside an index that is searched", "before", given, "now", known[0].Model)
	}
	list, err := a.store.Versions(ctx)
	if err != nil {
		return fmt.Errorf("read index versions: %w", err)
	}
	a.versions.set(list)
	return nil
}

func versionOf(e *dispatch.Embedder) store.VersionOf {
	return store.VersionOf{Model: e.Spec().Model, Chunker: ingest.Chunker(e)}
}

// followVersions keeps to what the store says of index versions, until ctx ends.
func (a *App) followVersions(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := a.refreshVersions(ctx); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "index versions not read", "error", err)
		}
		sleep(ctx, lookEvery)
	}
	return nil
}

// refreshVersions reads the versions, and searches the live one from now on.
func (a *App) refreshVersions(ctx context.Context) error {
	a.versions.mu.Lock()
	defer a.versions.mu.Unlock()
	list, err := a.store.Versions(ctx)
	if err != nil || len(list) == 0 {
		return err
	}
	a.versions.set(list)
	a.finders.follow(ctx, a.versions.Versions())
	return nil
}

// searchModels are what search asks of models, with the embedding model of one index
// version.
type searchModels struct {
	*dispatch.Scheduler
	embedder *dispatch.Embedder // nil for none
}

// EmbedSpec reports false if the version has no model that is configured.
func (m searchModels) EmbedSpec() (llm.EmbedSpec, bool) {
	if m.embedder == nil {
		return llm.EmbedSpec{}, false
	}
	return m.embedder.Spec(), true
}

// Embed embeds with the version's model.
func (m searchModels) Embed(
	ctx context.Context, call llm.Call, input llm.Input, texts []string,
) ([]llm.Vector, error) {
	return m.embedder.Embed(ctx, call, input, texts)
}

// Coverage reports false when the model cannot say.
func (m searchModels) Coverage(text string) (llm.Coverage, bool) {
	if m.embedder == nil {
		return llm.Coverage{}, false
	}
	return m.embedder.Coverage(text)
}

// A finder searches in one index version. What it found and what it embeds are of that
// version, whichever is live meanwhile.
type finder struct {
	*search.Service
	index    search.Index
	version  memo.IndexVersion
	projects sync.Map     // that were searched: account.ProjectID to struct{}
	used     atomic.Int64 // when it was, in seconds
}

// newFinder makes the index of a version, and what searches in it.
func (a *App) newFinder(v ingest.Version) *finder {
	embedder := a.versions.embedder(v.Model)
	model := ""
	if embedder != nil {
		model = v.Model
	}
	index := flat.New(a.store.Source(v.IndexVersion), &flat.Options{
		Bytes: a.cfg.IndexBytes, Model: model, Log: a.log, Outside: a.outside(v.IndexVersion),
	})
	planner := plan.New(a.dispatch, a.store, a.log, plan.Options{Generator: a.writer()})
	models := searchModels{a.dispatch, embedder}
	return &finder{
		Service: search.New(index, a.store, models, planner, a.log), index: index, version: v.IndexVersion,
	}
}

// Search finds, and remembers for whom.
func (f *finder) Search(ctx context.Context, q search.Query) (retrieval.Found, error) {
	f.projects.Store(q.Project, struct{}{})
	f.used.Store(time.Now().Unix())
	return f.Service.Search(ctx, q)
}

// of reports whether the finder searches in a version as it is.
func (f *finder) of(v memo.IndexVersion) bool {
	return f != nil && f.version.ID == v.ID && f.version.Model == v.Model && f.version.Cut == v.Cut
}

// warm loads the index of those who have searched in another.
func (f *finder) warm(ctx context.Context, as *finder) error {
	var g errgroup.Group
	g.SetLimit(2)
	for p := range as.projects.Range {
		g.Go(func() error {
			_, err := f.index.Titles(ctx, memo.Selection{Project: p.(account.ProjectID), Now: time.Now()}, "\x00", true, 1)
			return err
		})
	}
	return g.Wait()
}

// finders search in the live version, and in another that is asked for by name.
type finders struct {
	make func(ingest.Version) *finder
	live atomic.Pointer[finder]

	mu    sync.Mutex // guards what follows; held while another version becomes the live one
	aside *finder    // nil for none
}

const (
	// warmWithin bounds how long the version before is searched while the index of the
	// live one is loaded.
	warmWithin = 30 * time.Second
	// asideFor is how long an index is kept that was asked for by name.
	asideFor = 10 * time.Minute
)

// Search finds in the live version.
func (f *finders) Search(ctx context.Context, q search.Query) (retrieval.Found, error) {
	return f.live.Load().Search(ctx, q)
}

// follow searches in the first of the versions from now on, when its index is loaded,
// and lets go of what nobody searches.
func (f *finders) follow(ctx context.Context, kept []ingest.Version) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.live.Load(); !now.of(kept[0].IndexVersion) {
		next := f.aside
		if !next.of(kept[0].IndexVersion) {
			next = f.make(kept[0])
		}
		within, cancel := context.WithTimeout(ctx, warmWithin)
		defer cancel()
		_ = next.warm(within, now) // what is not loaded now, is by the first search
		f.live.Store(next)
		f.aside = nil
	}
	if f.aside == nil {
		return
	}
	idle := time.Since(time.Unix(f.aside.used.Load(), 0)) > asideFor
	for _, v := range kept[1:] {
		if f.aside.of(v.IndexVersion) && !idle {
			return
		}
	}
	f.aside = nil
}

// in returns what searches in a version, the live one or another.
func (f *finders) in(v ingest.Version) *finder {
	if now := f.live.Load(); now.of(v.IndexVersion) {
		return now
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.aside.of(v.IndexVersion) {
		f.aside = f.make(v)
		f.aside.used.Store(time.Now().Unix())
	}
	return f.aside
}
