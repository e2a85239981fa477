package pgvector

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/internal/memo"
)

const (
	// pageMemos is how many changes are followed in one transaction, and rowsAtOnce how
	// many vectors go to the database together: each has to find its place in the graph.
	pageMemos  = 64
	rowsAtOnce = 128
	// longest is the longest vector that is kept.
	longest = 16_000
)

const (
	lockPart  = `SELECT seq, dimension FROM outside_projects WHERE id = $1 FOR UPDATE`
	countRows = `SELECT count(*) FROM outside_vectors WHERE part = $1 AND memo = ANY ($2::text[])`
	dropRows  = `
DELETE FROM outside_vectors WHERE part = $1 AND memo = ANY ($2::text[]) AND NOT chunk = ANY ($3::text[])`
	// What has not changed stays: only attributes may have.
	putRow = `
INSERT INTO outside_vectors (part, memo, chunk, v) VALUES ($1, $2, $3, $4::real[]::%[1]s.halfvec)
ON CONFLICT (part, memo, chunk) DO UPDATE SET v = excluded.v
WHERE outside_vectors.v OPERATOR(%[1]s.<>) excluded.v`
	movePart  = `UPDATE outside_projects SET seq = $2, dimension = $3, vectors = vectors + $4 WHERE id = $1`
	readyPart = `UPDATE outside_projects SET ready = true WHERE id = $1`
)

// Follow copies the vectors of all parts and builds their graphs, until ctx ends. It
// is for one process at a time; two would only be in each other's way.
func (ix *Index) Follow(ctx context.Context) error {
	var builders errgroup.Group
	err := ix.every(ctx, "vectors outside do not follow", func() error {
		all, err := ix.readParts(ctx, ix.db.ReadNow)
		for i := 0; i < len(all) && err == nil; i++ {
			if err = ix.followPart(ctx, &all[i]); err == nil && !all[i].ready && all[i].dimension > 0 {
				ix.startBuilding(ctx, &builders, all[i])
			}
		}
		if err == nil {
			err = ix.forget(ctx)
		}
		return err
	})
	_ = builders.Wait() // they log what fails
	return err
}

// followPart applies all changes that a part lacks.
func (ix *Index) followPart(ctx context.Context, p *part) error {
	source := ix.source(p.space)
	latest, err := source.LatestChange(ctx, p.project)
	for err == nil && p.seq < latest && ctx.Err() == nil {
		var page []memo.Change
		page, err = source.Changes(ctx, p.project, p.space.Model, p.seq, pageMemos)
		if err != nil || len(page) == 0 {
			return err
		}
		err = ix.db.Write(ctx, func(tx Tx) error { return ix.apply(ctx, tx, p, page) })
	}
	return err
}

// apply copies the vectors of a page of changes.
func (ix *Index) apply(ctx context.Context, tx Tx, p *part, page []memo.Change) error {
	var seq int64
	var dimension int
	found, err := first(ctx, tx, []any{&seq, &dimension}, lockPart, p.id)
	if err != nil {
		return err
	}
	if !found || seq != p.seq {
		return fmt.Errorf("another process follows project %s", p.project)
	}
	memos := make([]string, len(page))
	chunks := []string{}
	var rows [][]any
	for i, c := range page {
		memos[i] = string(c.Memo)
		for _, k := range c.Chunks {
			v := unit(k.Vector)
			if dimension == 0 && len(v) <= longest {
				dimension = len(v)
			}
			if v == nil || len(v) != dimension {
				continue
			}
			chunks = append(chunks, string(k.ID))
			rows = append(rows, []any{p.id, memos[i], chunks[len(chunks)-1], []float32(v)})
		}
	}
	var before, after int64
	if _, err := first(ctx, tx, []any{&before}, countRows, p.id, memos); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, dropRows, p.id, memos, chunks); err != nil {
		return err
	}
	for first := 0; first < len(rows); first += rowsAtOnce {
		some := rows[first:min(first+rowsAtOnce, len(rows))]
		if _, err := tx.ExecEach(ctx, fmt.Sprintf(putRow, ix.schema), some); err != nil {
			return err
		}
	}
	if _, err := first(ctx, tx, []any{&after}, countRows, p.id, memos); err != nil {
		return err
	}
	last := page[len(page)-1].Seq
	if _, err := tx.Exec(ctx, movePart, p.id, last, dimension, after-before); err != nil {
		return err
	}
	p.seq, p.dimension = last, dimension
	return nil
}

// startBuilding builds the graph of a part beside everything else.
func (ix *Index) startBuilding(ctx context.Context, builders *errgroup.Group, p part) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if ix.building[p.id] {
		return
	}
	ix.building[p.id] = true
	builders.Go(func() error {
		began := time.Now()
		err := ix.db.Alone(ctx, func(tx Tx) error { return ix.build(ctx, tx, p) })
		ix.mu.Lock()
		defer ix.mu.Unlock()
		delete(ix.building, p.id)
		switch {
		case err == nil:
			ix.opts.Log.InfoContext(ctx, "vectors outside are ready", "project", string(p.project), "took", time.Since(began))
		case ctx.Err() == nil:
			ix.opts.Log.WarnContext(ctx, "vectors outside are not ready", "project", string(p.project), "error", err)
		}
		return nil
	})
}

const (
	holdBuild = `SELECT pg_advisory_lock($1)`
	findGraph = `
SELECT i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relname = $1 AND c.relnamespace = current_schema()::regnamespace`
	dropGraph  = `DROP INDEX CONCURRENTLY IF EXISTS %s`
	buildGraph = `
CREATE INDEX CONCURRENTLY %s ON outside_vectors USING hnsw (%s halfvec_cosine_ops)
WITH (m = %d, ef_construction = %d) WHERE part = %d`
)

// The graph is a little denser than pgvector's own default, which finds 98 of 100.
const (
	graphDegree = 16
	graphEffort = 128
	// graphMemory is the most that a build takes of the server's memory, by and large.
	// A graph that does not fit in is built far slower.
	graphMemory = 1 << 30
)

// builds is the key of the lock for building part 0: "kvgraphs", and some to spare.
const builds = 0x6b76677261706800

func graphName(id int64) string { return fmt.Sprintf("outside_vectors_graph_%d", id) }

// build builds the graph of a part, unless it is there. A build that was interrupted
// has left one that is of no use.
func (ix *Index) build(ctx context.Context, tx Tx, p part) error {
	if _, err := tx.Exec(ctx, "SET search_path = kvasir,public,"+ix.schema); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, holdBuild, builds+p.id); err != nil {
		return err
	}
	valid := false
	found, err := first(ctx, tx, []any{&valid}, findGraph, graphName(p.id))
	if err != nil {
		return err
	}
	if found && !valid {
		if _, err := tx.Exec(ctx, fmt.Sprintf(dropGraph, graphName(p.id))); err != nil {
			return err
		}
	}
	if !valid {
		needed := min(int64(p.vectors+1000)*int64(2*min(p.dimension, indexed)+32*graphDegree), graphMemory)
		if _, err := tx.Exec(ctx, fmt.Sprintf("SET maintenance_work_mem = '%dkB'", max(needed, 64<<20)>>10)); err != nil {
			return err
		}
		statement := fmt.Sprintf(buildGraph, graphName(p.id), graphKey("v", p.dimension), graphDegree, graphEffort, p.id)
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, readyPart, p.id)
	return err
}

const (
	findUnwanted = `SELECT id FROM outside_projects WHERE wanted < $1 ORDER BY id LIMIT 1`
	forgetPart   = `DELETE FROM outside_projects WHERE id = $1`
	forgetRows   = `DELETE FROM outside_vectors WHERE part = $1`
)

// forget drops a part that nobody has wanted for long, as after a change of model.
func (ix *Index) forget(ctx context.Context) error {
	var id int64
	var found bool
	err := ix.db.ReadNow(ctx, func(tx Tx) (err error) {
		found, err = first(ctx, tx, []any{&id}, findUnwanted, time.Now().Add(-unwanted).UnixMicro())
		return err
	})
	if err != nil || !found {
		return err
	}
	return ix.db.Alone(ctx, func(tx Tx) error {
		if _, err := tx.Exec(ctx, fmt.Sprintf(dropGraph, graphName(id))); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, forgetRows, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, forgetPart, id)
		return err
	})
}
