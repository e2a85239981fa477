package pgvector_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kvasir/internal/account"
	"kvasir/internal/index"
	"kvasir/internal/index/flat"
	"kvasir/internal/index/indextest"
	"kvasir/internal/index/pgvector"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/store"
	"kvasir/internal/store/postgres"
	"kvasir/internal/testenv"
)

const project = account.ProjectID("p")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// beside gives the index its statements, as package app does.
type beside struct{ *postgres.Beside }

func (b beside) Read(ctx context.Context, fn func(pgvector.Tx) error) error {
	return b.Beside.Read(ctx, statements(fn))
}

func (b beside) ReadNow(ctx context.Context, fn func(pgvector.Tx) error) error {
	return b.Beside.Read(ctx, statements(fn))
}

func (b beside) Write(ctx context.Context, fn func(pgvector.Tx) error) error {
	return b.Beside.Write(ctx, statements(fn))
}

func (b beside) Alone(ctx context.Context, fn func(pgvector.Tx) error) error {
	return b.Beside.Alone(ctx, statements(fn))
}

func statements(fn func(pgvector.Tx) error) func(store.Tx) error {
	return func(tx store.Tx) error { return fn(statement{tx}) }
}

type statement struct{ store.Tx }

func (s statement) Query(ctx context.Context, statement string, args ...any) (pgvector.Rows, error) {
	return s.Tx.Query(ctx, statement, args...)
}

// every is how often an index of a test looks for changes.
const every = 20 * time.Millisecond

// open makes the tables of a database with a store's schema, and follows the source.
func open(t *testing.T, url string, source index.Source, model string) pgvector.Keeper {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := postgres.OpenBeside(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	ix, err := pgvector.Open(t.Context(), beside{pool}, func(pgvector.Space) index.Source { return source },
		&pgvector.Options{Every: every})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- ix.Follow(ctx) }()
	go func() { ended <- ix.Watch(ctx) }()
	t.Cleanup(func() {
		cancel()
		for range cap(ended) {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		pool.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return ix.Of(pgvector.Space{Model: model})
}

// counted tells how often the graph was asked, and how often all of some memos.
type counted struct {
	pgvector.Keeper
	graph, among atomic.Int64
}

func (c *counted) Nearest(
	ctx context.Context, p account.ProjectID, v llm.Vector, limit int,
) ([]memo.Hit, int64, error) {
	c.graph.Add(1)
	return c.Keeper.Nearest(ctx, p, v, limit)
}

func (c *counted) Among(
	ctx context.Context, p account.ProjectID, v llm.Vector, memos []memo.ID, limit int,
) ([]memo.Hit, int64, error) {
	c.among.Add(1)
	return c.Keeper.Among(ctx, p, v, memos, limit)
}

// settled is an index whose vectors are all in the database before each search for
// vectors, or, every second time, wherever they happen to be.
type settled struct {
	*flat.Index
	t       *testing.T
	outside *counted
	source  index.Source
	calls   atomic.Int64
}

func (s *settled) settle(in memo.Selection) {
	s.t.Helper()
	ctx := s.t.Context()
	latest, err := s.source.LatestChange(ctx, in.Project)
	if err != nil || latest == 0 || s.calls.Add(1)%2 == 0 {
		return
	}
	if _, err := s.Index.Titles(ctx, in, "", true, 1); err != nil { // it learns how large the project is
		s.t.Error(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(every) {
		if k, ok := s.outside.Kept(in.Project); ok && k.Through >= latest {
			return
		}
		if vectorless(ctx, s.source, in.Project, s.t) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Errorf("the vectors of %s are not in the database", in.Project)
			return
		}
	}
}

// vectorless reports whether a project has no vectors to be kept.
func vectorless(ctx context.Context, source index.Source, p account.ProjectID, t *testing.T) bool {
	changes, err := source.Changes(ctx, p, "letters", 0, 1<<20)
	if err != nil {
		t.Error(err)
	}
	for _, c := range changes {
		for _, k := range c.Chunks {
			if k.Vector != nil {
				return false
			}
		}
	}
	return true
}

func (s *settled) Nearest(
	ctx context.Context, in memo.Selection, model string, v llm.Vector, limit int, maxDistance float64,
) ([]memo.Hit, error) {
	s.settle(in)
	return s.Index.Nearest(ctx, in, model, v, limit, maxDistance)
}

func (s *settled) Vectors(ctx context.Context, in memo.Selection, model string, hits []memo.Hit) ([]llm.Vector, error) {
	s.settle(in)
	return s.Index.Vectors(ctx, in, model, hits)
}

func (s *settled) Typical(ctx context.Context, in memo.Selection, model string) (llm.Vector, error) {
	s.settle(in)
	return s.Index.Typical(ctx, in, model)
}

// TestPgvector runs everything on one server: starting one takes a while.
func TestPgvector(t *testing.T) {
	t.Parallel()
	cluster := testenv.Postgres(t)
	for _, tt := range []struct {
		name string
		run  func(*testing.T, *testenv.Cluster)
	}{
		{"Conformance", conformance},
		{"Recall", recall},
		{"A start reads no vectors", startsWithoutVectors},
		{"Vectors come back", comeBack},
		{"Long vectors", longVectors},
		{"Without the right", withoutTheRight},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.run(t, cluster)
		})
	}
}

func conformance(t *testing.T, cluster *testenv.Cluster) {
	made := cluster.Database(t)
	t.Run("tables", func(t *testing.T) { open(t, made, indextest.NewSource(nil), "") })
	var asked atomic.Int64
	t.Run("index", func(t *testing.T) {
		indextest.Run(t, func(t *testing.T, source index.Source, model string) indextest.Index {
			outside := &counted{Keeper: open(t, cluster.Copy(t, made), source, model)}
			t.Cleanup(func() { asked.Add(outside.graph.Load() + outside.among.Load()) })
			return &settled{
				Index: flat.New(source, &flat.Options{Model: model, Bytes: 1, Outside: outside}), t: t, outside: outside,
				source: source,
			}
		})
	})
	if asked.Load() == 0 {
		t.Error("nothing was looked for in the database")
	}
	t.Logf("%d searches in the database", asked.Load())
}
