package app

import (
	"context"
	"sync"
	"time"

	"kvasir/internal/api"
	"kvasir/internal/config"
	"kvasir/internal/llm"
)

// healthWithin bounds what health asks of the database: a stuck one must not
// make the answer stick.
const healthWithin = 2 * time.Second

// health says how the server is. It never fails: what cannot be asked is told.
func (a *App) health(ctx context.Context) api.Health {
	ctx, cancel := context.WithTimeout(ctx, healthWithin)
	defer cancel()
	h := api.Health{
		Status:  "ok",
		Checks:  api.HealthChecks{Database: true},
		Store:   a.database,
		Version: Version,
		Uptime:  time.Since(a.started).Seconds(),
	}
	var err error
	if h.Queue, err = a.queue(ctx); err != nil {
		a.log.ErrorContext(ctx, "health: database does not answer", "error", err)
		h.Status, h.Checks.Database = "degraded", false
	}
	h.Providers = api.HealthProviders{
		Embeddings: a.embeddingsHealth(ctx),
		Answers:    provider(a.models.Answers, a.providers()[0].Model),
		Reranking:  provider(a.models.Reranking, ""),
	}
	for _, pool := range a.dispatch.Snapshot() {
		p := &h.Providers.Answers
		switch pool.Kind {
		case llm.KindEmbed:
			p = &h.Providers.Embeddings.HealthProvider
		case llm.KindRerank:
			p = &h.Providers.Reranking
		}
		for _, lane := range pool.Lanes {
			if lane.State != "open" { // an open one has a reason too, when it is busy
				p.Note = join(p.Note, lane.Reason)
			}
		}
	}
	return h
}

// queue counts the memos on their way.
func (a *App) queue(ctx context.Context) (api.HealthQueue, error) {
	c, err := a.store.Counts(ctx)
	return api.HealthQueue{Pending: c.Pending, Errors: c.Failed, Oldest: c.Oldest}, err
}

func (a *App) embeddingsHealth(ctx context.Context) api.HealthEmbeddings {
	live, choice := a.versions.live(), a.models.Embeddings
	if first, ok := a.dispatch.EmbedSpec(); ok && live.Embedder != nil && live.Model != first.Model {
		choice = a.models.NextEmbeddings
	}
	h := api.HealthEmbeddings{HealthProvider: provider(choice, "")}
	if live.Embedder == nil {
		return h
	}
	spec := live.Embedder.Spec()
	h.Model, h.Dimensions = spec.Model, spec.Dimensions
	missing, err := a.missing.count(func() (int, error) { return a.store.CountMissingVectors(ctx, live.IndexVersion) })
	if err != nil {
		h.Note = join(h.Note, "the missing vectors cannot be counted")
	}
	h.MissingVectors = missing
	return h
}

// A count of missing vectors reads every chunk while there are any, or while memos are
// on their way. It is good for many times as long as it took, so that to ask for it
// again and again takes a hundredth of a processor.
const (
	countShare = 100
	countEvery = 5 * time.Second // at the latest
)

// A slowCount keeps a number that is costly to count.
type slowCount struct {
	mu    sync.Mutex // held while counting, so that one caller counts for all
	value int
	until time.Time
}

func (c *slowCount) count(count func() (int, error)) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	began := time.Now()
	if began.Before(c.until) {
		return c.value, nil
	}
	value, err := count()
	if err == nil {
		ended := time.Now()
		c.value, c.until = value, ended.Add(min(countEvery, countShare*ended.Sub(began)))
	}
	return value, err
}

func provider(c config.Choice, model string) api.HealthProvider {
	return api.HealthProvider{Provider: c.Provider, Model: model, Note: c.Why}
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
