package dispatch

import (
	"context"
	"log/slog"

	"kvasir/internal/llm"
)

// keepAtOnce bounds the vectors that wait to be kept, in callers' lists.
const keepAtOnce = 64

// A memory asks a [Cache] before a text is paid for, and gives it what was paid.
type memory struct {
	cache Cache // nil for none
	log   *slog.Logger
	fresh chan kept
}

// kept are vectors on their way to the cache.
type kept struct {
	project string
	space   llm.VectorSpace
	hashes  []llm.TextHash
	vectors []llm.Vector
}

func newMemory(cfg *Config) *memory {
	return &memory{cache: cfg.Cache, log: cfg.Log, fresh: make(chan kept, keepAtOnce)}
}

// recall returns the hashes of the texts and the vectors that are known, nil
// where there is none. Without a cache, or while it fails, it knows nothing.
func (m *memory) recall(ctx context.Context, project string, s llm.VectorSpace, texts []string) (kept, int) {
	k := kept{project: project, space: s, vectors: make([]llm.Vector, len(texts))}
	if m.cache == nil {
		return k, 0
	}
	k.hashes = make([]llm.TextHash, len(texts))
	for i, text := range texts {
		k.hashes[i] = llm.HashText(text)
	}
	if s.Dimensions == 0 {
		return k, 0 // nothing was ever bought of the model
	}
	known, err := m.cache.CachedVectors(ctx, project, s, k.hashes)
	if err != nil {
		if ctx.Err() == nil {
			m.log.WarnContext(ctx, "vector cache not read", "error", err)
		}
		return k, 0
	}
	found := 0
	for i, v := range known {
		if len(v) == s.Dimensions {
			k.vectors[i] = v
			found++
		}
	}
	return k, found
}

// learn hands new vectors to the cache, in the background. When too many wait
// they are let go: a cache may forget.
func (m *memory) learn(k kept) {
	if m.cache == nil || len(k.hashes) == 0 {
		return
	}
	select {
	case m.fresh <- k:
	default:
	}
}

// run writes what is learned until done is closed, and then what is left.
func (m *memory) run(ctx context.Context, done <-chan struct{}) {
	for {
		select {
		case k := <-m.fresh:
			m.keep(ctx, k)
		case <-done:
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), closingWithin)
			defer cancel()
			for len(m.fresh) > 0 {
				m.keep(last, <-m.fresh)
			}
			return
		}
	}
}

func (m *memory) keep(ctx context.Context, k kept) {
	if err := m.cache.CacheVectors(ctx, k.project, k.space, k.hashes, k.vectors); err != nil && ctx.Err() == nil {
		m.log.WarnContext(ctx, "vectors not cached", "error", err)
	}
}
