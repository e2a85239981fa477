package pgvector_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"kvasir/internal/account"
	"kvasir/internal/index"
	"kvasir/internal/index/flat"
	"kvasir/internal/index/indextest"
	"kvasir/internal/index/pgvector"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/store/postgres"
	"kvasir/internal/testenv"
)

// run runs a statement on a database.
func run(t *testing.T, url, statement string, args ...any) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if _, err := c.Exec(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// nearest returns the one chunk nearest to a vector.
func nearest(t *testing.T, ix *flat.Index, v llm.Vector) memo.ChunkID {
	t.Helper()
	hits, err := ix.Nearest(t.Context(), within(), "m", v, 1, 2)
	if err != nil || len(hits) != 1 {
		t.Fatalf("found %v, %v", hits, err)
	}
	return hits[0].Chunk
}

// wordless counts how much is read without vectors.
type wordless struct {
	*indextest.Source
	with, without atomic.Int64
}

func (w *wordless) Changes(
	ctx context.Context, p account.ProjectID, model string, after int64, limit int,
) ([]memo.Change, error) {
	page, err := w.Source.Changes(ctx, p, model, after, limit)
	if model != "" {
		w.with.Add(int64(len(page)))
		return page, err
	}
	w.without.Add(int64(len(page)))
	for i := range page {
		for j := range page[i].Chunks {
			page[i].Chunks[j].Vector = nil
		}
	}
	return page, err
}

// startsWithoutVectors has a process load a project whose vectors another has
// brought to the database, change it, and lose the database's part.
func startsWithoutVectors(t *testing.T, cluster *testenv.Cluster) {
	vectors := indextest.Usual().Clustered(3, 600, 64)
	source := &wordless{Source: vectored(vectors[:500])}
	url := cluster.Database(t)
	outside := open(t, url, source, "m")
	settle(t, flat.New(source, &flat.Options{Model: "m", Bytes: 1, Outside: outside}), outside, source)
	before := source.with.Load()
	ix := flat.New(source, &flat.Options{Model: "m", Bytes: 1, Outside: outside})
	if got := nearest(t, ix, vectors[123]); got != chunkID(123) {
		t.Errorf("found %s", got)
	}
	if with, without := source.with.Load()-before, source.without.Load(); with != 0 || without != 50 {
		t.Errorf("%d memos were read with vectors and %d without, want 0 and 50", with, without)
	}
	source.Put(project, memo.Change{Memo: "m120", Deleted: true}, memo.Change{
		Memo: "m500", Chunks: []memo.IndexedChunk{{ID: chunkID(500), Vector: vectors[500]}},
	})
	if got := nearest(t, ix, vectors[500]); got != chunkID(500) {
		t.Errorf("what has come since: found %s", got)
	}
	if got := nearest(t, ix, vectors[123]); got == chunkID(123) {
		t.Error("what has gone since is found")
	}
	run(t, url, `DELETE FROM kvasir.outside_vectors`)
	run(t, url, `UPDATE kvasir.outside_projects SET seq = 0, vectors = 0, ready = false`)
	if got := nearest(t, ix, vectors[321]); got != chunkID(321) {
		t.Errorf("after it was lost: found %s", got)
	}
	settle(t, ix, outside, source)
	if got := nearest(t, ix, vectors[321]); got != chunkID(321) {
		t.Errorf("after it has come back: found %s", got)
	}
}

// comeBack has a project shrink until memory has room for it.
func comeBack(t *testing.T, cluster *testenv.Cluster) {
	vectors := indextest.Usual().Clustered(3, 400, 64)
	source := &wordless{Source: vectored(vectors)}
	outside := &counted{Keeper: open(t, cluster.Database(t), source, "m")}
	ix := flat.New(source, &flat.Options{Model: "m", Bytes: 64 << 10, Outside: outside})
	settle(t, ix, outside, source)
	look := func() (asked int64) {
		t.Helper()
		if got := nearest(t, ix, vectors[5]); got != chunkID(5) {
			t.Fatalf("found %s", got)
		}
		return outside.among.Swap(0) + outside.graph.Swap(0)
	}
	if look() == 0 {
		t.Error("a large project is not searched in the database")
	}
	for i := 20; i < 400; i += 10 {
		source.Put(project, memo.Change{Memo: memo.ID(fmt.Sprint("m", i)), Deleted: true})
	}
	for deadline := time.Now().Add(10 * time.Second); look() > 0; time.Sleep(every) {
		if time.Now().After(deadline) {
			t.Fatal("a project that has become small is still searched in the database")
		}
	}
}

// longVectors has a model whose vectors are longer than a graph's can be, and
// differ where the graph does not reach.
func longVectors(t *testing.T, cluster *testenv.Cluster) {
	const n, dim = 200, 4100
	vectors := indextest.Usual().Clustered(3, n, dim)
	for i := 0; i < n; i += 2 {
		copy(vectors[i+1], vectors[i])
		vectors[i+1][dim-1] += 0.1
	}
	source := vectored(vectors)
	outside := open(t, cluster.Database(t), source, "m")
	ix := flat.New(source, &flat.Options{Model: "m", Bytes: 1, Outside: outside})
	settle(t, ix, outside, source)
	for i := range n {
		hits, _, err := outside.Nearest(t.Context(), project, vectors[i], 20)
		if err != nil || len(hits) != 20 || hits[0].Chunk != chunkID(i) {
			t.Errorf("nearest to %d are %v, %v", i, hits, err)
		}
	}
}

// withoutTheRight opens the database as a role that may not make the extension.
func withoutTheRight(t *testing.T, cluster *testenv.Cluster) {
	url := cluster.Database(t)
	s, err := postgres.Open(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	run(t, url, `CREATE ROLE humble LOGIN`)
	run(t, url, `GRANT ALL ON SCHEMA kvasir TO humble`)
	open := func() (*pgvector.Index, error) {
		pool, err := postgres.OpenBeside(t.Context(), strings.Replace(url, "postgres@", "humble@", 1), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		source := func(pgvector.Space) index.Source { return s }
		return pgvector.Open(t.Context(), beside{pool}, source, nil)
	}
	if _, err := open(); err == nil || !strings.Contains(err.Error(), "CREATE EXTENSION vector") {
		t.Errorf("without the right: %v", err)
	}
	run(t, url, `
CREATE SCHEMA elsewhere; CREATE EXTENSION vector SCHEMA elsewhere; GRANT USAGE ON SCHEMA elsewhere TO humble`)
	if _, err := open(); err != nil {
		t.Errorf("with an extension that somebody has made: %v", err)
	}
}
