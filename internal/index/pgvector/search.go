package pgvector

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"kvasir/internal/account"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

const (
	// What a search asks of pgvector is set for its transaction, in one go with the look
	// how far the part has followed: both belong to one snapshot.
	begin = `
SELECT concat(set_config('search_path', current_setting('search_path') || $1, true),
	set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true),
	set_config('enable_seqscan', 'off', true), set_config('enable_sort', $2, true),
	set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.scan_mem_multiplier', '16', true),
	set_config('hnsw.ef_search', $3, true), set_config('hnsw.max_scan_tuples', $4, true)),
	(SELECT seq FROM outside_projects WHERE id = $5)`
	// The number of the part and the dimension stand in the statements themselves: the
	// planner finds the part's index by them. Scores are by the whole vector.
	nearest = `
SELECT memo, chunk, 1 - (v <=> $1::real[]::halfvec) FROM outside_vectors WHERE part = %d
ORDER BY %s <=> %s LIMIT %d`
	among = `
SELECT memo, chunk, 1 - (v <=> $1::real[]::halfvec) FROM outside_vectors WHERE part = %d AND memo = ANY ($2::text[])
ORDER BY v <=> $1::real[]::halfvec LIMIT %d`
	vectorsOf = `
SELECT chunk, v::real[] FROM outside_vectors WHERE part = %d AND memo = ANY ($1::text[]) AND chunk = ANY ($2::text[])`
)

const (
	leastEffort = 200  // of a search in the graph: how many it keeps in view
	mostEffort  = 1000 // what pgvector allows
	leastTuples = 20_000
)

// indexed is the longest vector that a graph can be of. Of longer ones it has the
// beginning, which is most of it.
const indexed = 4000

// graphKey returns the expression that a graph of vectors is of.
func graphKey(vector string, dimension int) string {
	if dimension <= indexed {
		return fmt.Sprintf("(%s::halfvec(%d))", vector, dimension)
	}
	return fmt.Sprintf("(subvector(%s::halfvec, 1, %d)::halfvec(%[2]d))", vector, indexed)
}

// Nearest implements [index.Outside].
func (k Keeper) Nearest(
	ctx context.Context, project account.ProjectID, v llm.Vector, limit int,
) ([]memo.Hit, int64, error) {
	p := k.part(project)
	statement := fmt.Sprintf(nearest, p.id, graphKey("v", p.dimension), graphKey("$1::real[]", p.dimension), limit)
	return k.search(ctx, lookup{part: p, graph: true, limit: limit}, v, statement)
}

// Among implements [index.Outside].
func (k Keeper) Among(
	ctx context.Context, project account.ProjectID, v llm.Vector, memos []memo.ID, limit int,
) ([]memo.Hit, int64, error) {
	p := k.part(project)
	ids := make([]string, len(memos))
	for i, id := range memos {
		ids[i] = string(id)
	}
	return k.search(ctx, lookup{part: p, limit: limit}, v, fmt.Sprintf(among, p.id, limit), ids)
}

// Vectors implements [index.Outside].
func (k Keeper) Vectors(ctx context.Context, project account.ProjectID, hits []memo.Hit) ([]llm.Vector, error) {
	p := k.part(project)
	out := make([]llm.Vector, len(hits))
	memos, chunks := make([]string, len(hits)), make([]string, len(hits))
	for i, h := range hits {
		memos[i], chunks[i] = string(h.Memo), string(h.Chunk)
	}
	found := make(map[memo.ChunkID]llm.Vector, len(hits))
	_, err := k.read(ctx, lookup{part: p, begin: func() {}}, func(rows Rows) error {
		var chunk memo.ChunkID
		var v []float32
		err := rows.Scan(&chunk, &v)
		found[chunk] = unit(v)
		return err
	}, fmt.Sprintf(vectorsOf, p.id), memos, chunks)
	for i, h := range hits {
		out[i] = found[h.Chunk]
	}
	return out, err
}

// search runs a statement that finds the nearest.
func (ix *Index) search(
	ctx context.Context, l lookup, v llm.Vector, statement string, args ...any,
) (hits []memo.Hit, seq int64, err error) {
	v = unit(v)
	if v == nil || len(v) != l.part.dimension || l.limit <= 0 {
		return nil, l.part.seq, nil
	}
	l.begin = func() { hits = nil }
	seq, err = ix.read(ctx, l, func(rows Rows) error {
		var h memo.Hit
		err := rows.Scan(&h.Memo, &h.Chunk, &h.Score)
		hits = append(hits, h)
		return err
	}, statement, append([]any{[]float32(v)}, args...)...)
	slices.SortStableFunc(hits, func(a, b memo.Hit) int { return cmp.Compare(b.Score, a.Score) })
	return hits, seq, err
}

// A lookup is what a statement looks for.
type lookup struct {
	part  part
	graph bool // it goes through the graph
	limit int
	begin func() // is called before the first row
}

// read runs a statement, and returns up to where the part has followed; 0 if it is no
// more. What a replica has is taken if it is as far as this process has seen the part
// to be.
func (ix *Index) read(
	ctx context.Context, l lookup, scan func(Rows) error, statement string, args ...any,
) (seq int64, err error) {
	run := func(tx Tx) (err error) {
		if seq, err = ix.begin(ctx, tx, &l); err != nil || seq < l.part.seq {
			return err
		}
		rows, err := tx.Query(ctx, statement, args...)
		if err != nil {
			return err
		}
		defer rows.Close() // what it could report, Err has said
		l.begin()
		for rows.Next() {
			if err := scan(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	}
	if l.part.id == 0 {
		return 0, nil
	}
	if err = ix.db.Read(ctx, run); err == nil && seq < l.part.seq {
		err = ix.db.ReadNow(ctx, run)
	}
	if err == nil && seq < l.part.seq { // somebody has made it begin anew
		err = ix.refresh(ctx)
	}
	return seq, err
}

// begin sets up a transaction.
func (ix *Index) begin(ctx context.Context, tx Tx, l *lookup) (int64, error) {
	sort := "on"
	if l.graph {
		sort = "off"
	}
	effort := min(max(2*l.limit, leastEffort), mostEffort)
	var settings string
	var seq *int64
	_, err := first(ctx, tx, []any{&settings, &seq}, begin,
		","+ix.schema, sort, strconv.Itoa(effort), strconv.Itoa(max(leastTuples, 4*l.limit)), l.part.id)
	if err != nil || seq == nil {
		return 0, err
	}
	return *seq, nil
}

// first scans the first row of a query, and reports whether there is one.
func first(ctx context.Context, tx Tx, into []any, statement string, args ...any) (bool, error) {
	rows, err := tx.Query(ctx, statement, args...)
	if err != nil {
		return false, err
	}
	defer rows.Close() // what it could report, Err has said
	if !rows.Next() {
		return false, rows.Err()
	}
	return true, rows.Scan(into...)
}

// quoted is a name as it stands in statements.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// unit returns v at length 1, nil if it has none: a number of half precision ends at
// 65,504.
func unit(v llm.Vector) llm.Vector {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if !(sum > 0) || math.IsInf(sum, 0) {
		return nil
	}
	scale := 1 / math.Sqrt(sum)
	out := make(llm.Vector, len(v))
	for i, x := range v {
		out[i] = float32(float64(x) * scale)
	}
	return out
}
