package app

import (
	"context"

	"kvasir/internal/index"
	"kvasir/internal/index/pgvector"
	"kvasir/internal/memo"
	"kvasir/internal/store"
	"kvasir/internal/store/postgres"
)

// openOutside prepares the database for the vectors of large projects. Without
// PostgreSQL there is nothing to prepare; without pgvector they stay in memory.
func (a *App) openOutside(ctx context.Context) (err error) {
	if a.cfg.DatabaseURL == "" {
		return nil
	}
	a.beside, err = postgres.OpenBeside(ctx, a.cfg.DatabaseURL.Reveal(), a.databaseOptions())
	if err != nil {
		return err
	}
	a.vectors, err = pgvector.Open(ctx, beside{a.beside}, a.sourceOf, &pgvector.Options{Log: a.log})
	if err != nil {
		a.log.WarnContext(ctx, "vectors of large projects stay in memory", "because", err)
	}
	return nil
}

// sourceOf is what vectors are followed by.
func (a *App) sourceOf(space pgvector.Space) index.Source {
	return a.store.Source(memo.IndexVersion{Model: space.Model, Cut: space.Cut})
}

// outside is what takes an index version's vectors of large projects; nil for nothing.
func (a *App) outside(v memo.IndexVersion) index.Outside {
	if a.vectors == nil || v.Model == "" {
		return nil
	}
	return a.vectors.Of(pgvector.Space{Model: v.Model, Cut: v.Cut})
}

// beside gives an index in the database its statements.
type beside struct{ pool *postgres.Beside }

func (b beside) Read(ctx context.Context, fn func(pgvector.Tx) error) error {
	return b.pool.ReadBehind(ctx, statements(fn))
}

func (b beside) ReadNow(ctx context.Context, fn func(pgvector.Tx) error) error {
	return b.pool.Read(ctx, statements(fn))
}

func (b beside) Write(ctx context.Context, fn func(pgvector.Tx) error) error {
	return b.pool.Write(ctx, statements(fn))
}

func (b beside) Alone(ctx context.Context, fn func(pgvector.Tx) error) error {
	return b.pool.Alone(ctx, statements(fn))
}

func statements(fn func(pgvector.Tx) error) func(store.Tx) error {
	return func(tx store.Tx) error { return fn(statement{tx}) }
}

// statement is the store's seam as the index knows it.
type statement struct{ store.Tx }

// Query implements [pgvector.Tx].
func (s statement) Query(ctx context.Context, statement string, args ...any) (pgvector.Rows, error) {
	return s.Tx.Query(ctx, statement, args...)
}
