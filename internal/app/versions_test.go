package app

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/api"
	"kvasir/internal/config"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/store/sqlite"
)

// versionedApp is an App on a folder whose models embed, which does not run.
func versionedApp(t *testing.T, dir string, log *bytes.Buffer, models ...string) *App {
	t.Helper()
	st, err := sqlite.Open(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := &App{
		store: st, log: slog.New(slog.NewTextHandler(log, nil)),
		models: config.Models{Generate: []config.Lane{
			{Pool: config.Extractive, Provider: config.Extractive, Protocol: config.Extractive},
		}},
	}
	for i, model := range models {
		lane := config.Lane{Provider: "openai", Protocol: config.OpenAI, BaseURL: "http://127.0.0.1:1/v1", Model: model}
		if i == 0 {
			a.models.Embed = []config.Lane{lane}
		} else {
			a.models.Next = []config.Lane{lane}
		}
	}
	if a.dispatch, err = a.newDispatch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.openVersions(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.finders = &finders{make: a.newFinder}
	a.finders.live.Store(a.newFinder(a.versions.live()))
	return a
}

func (a *App) ends(t *testing.T) {
	t.Helper()
	if err := a.store.Close(); err != nil {
		t.Error(err)
	}
}

// shortName is the model's own name, without where it runs.
func shortName(v memo.IndexVersion) string { return v.Model[strings.LastIndexByte(v.Model, '|')+1:] }

func TestTheLiveVersionIsOfAConfiguredModel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var log bytes.Buffer
	for _, tt := range []struct {
		models []string
		live   string // the model
		able   bool   // and whether it is configured
		warns  bool
	}{
		{[]string{"a"}, "a", true, false},      // a new folder
		{nil, "a", false, false},               // no model: by words, and nothing is given up
		{[]string{"b", "a"}, "a", true, false}, // it is the next one by now
		{[]string{"a", "b"}, "a", true, false},
		{[]string{"c", "b"}, "c", true, true}, // none of them
		{[]string{"c", "c"}, "c", true, false},
	} {
		log.Reset()
		a := versionedApp(t, dir, &log, tt.models...)
		live := a.versions.live()
		if shortName(live.IndexVersion) != tt.live || (live.Embedder != nil) != tt.able {
			t.Errorf("with %q the live version is %+v", tt.models, live)
		}
		if warned := strings.Contains(log.String(), "kvasir reindex"); warned != tt.warns {
			t.Errorf("with %q the log says %s", tt.models, &log)
		}
		a.ends(t)
	}
}

func TestReindexIsTheOperators(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	a := versionedApp(t, t.TempDir(), &log, "a", "b")
	defer a.ends(t)
	ctx, r := t.Context(), reindexer{a}
	for _, err := range []error{
		r.Reindex(ctx, "another", api.ReindexStart),
		func() error { _, err := r.Reindexing(ctx, "another"); return err }(),
		func() error { _, err := r.SearchVersion(ctx, "another", memo.VersionLive, "x", 1); return err }(),
	} {
		if !fault.Is(err, fault.Forbidden) {
			t.Errorf("another project gets %v", err)
		}
	}
	key, err := a.store.EnsureProject(ctx, account.Key{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	caller, err := a.store.FindKey(ctx, key.Hash())
	if err != nil {
		t.Fatal(err)
	}
	p := caller.Project
	if err := r.Reindex(ctx, p, api.ReindexFlip); !fault.Is(err, fault.Conflict) {
		t.Errorf("a flip to nothing: %v", err)
	}
	if _, err := r.SearchVersion(ctx, p, memo.VersionNext, "x", 1); !fault.Is(err, fault.NotFound) {
		t.Errorf("a search in nothing: %v", err)
	}
	if err := r.Reindex(ctx, p, api.ReindexStart); err != nil {
		t.Fatal(err)
	}
	status, err := r.Reindexing(ctx, p)
	if err != nil || len(status.Versions) != 2 || status.Versions[1].State != "next" || !status.Versions[1].Configured ||
		status.Next == nil || !strings.HasSuffix(*status.Next, "|b") {
		t.Errorf("there is %+v, %v", status, err)
	}
	next := a.versions.Versions()[1]
	if err := a.store.DoneVersion(ctx, next.ID, next.Dirty); err != nil {
		t.Fatal(err)
	}
	before := a.finders.live.Load()
	if err := r.Reindex(ctx, p, api.ReindexFlip); err != nil {
		t.Fatal(err)
	}
	if now := a.finders.live.Load(); now == before || shortName(now.version) != "b" || a.finders.aside != nil {
		t.Errorf("search is in %+v", now.version)
	}
	if h := a.embeddingsHealth(ctx); !strings.HasSuffix(h.Model, "|b") {
		t.Errorf("health says %+v", h)
	}
	for _, action := range []api.ReindexAction{api.ReindexRollback, api.ReindexCancel} {
		if err := r.Reindex(ctx, p, action); err != nil {
			t.Errorf("%s: %v", action, err)
		}
	}
	if live := a.versions.live(); shortName(live.IndexVersion) != "a" || len(a.versions.Versions()) != 1 {
		t.Errorf("in the end there is %+v", a.versions.Versions())
	}
}
