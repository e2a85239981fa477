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
SELECT set_config('search_path', current_setting('search_path') || $1, true),
	set_config('enable_seqscan', 'off', true), set_config('hnsw.iterative_scan', 'relaxed_order', true),
	set_config('hnsw.scan_mem_multiplier', '16', true),
	set_config('hnsw.ef_search', $2, true), set_config('hnsw.max_scan_tuples', $3, true),
	(SELECT seq FROM outside_projects WHERE id = $4)`
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
	return k.search(ctx, p, v, limit, statement)
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
	return k.search(ctx, p, v, limit, fmt.Sprintf(among, p.id, limit), ids)
}

// search runs a statement that finds the nearest. What a replica has is taken if it is
// as far as this process has seen the part to be.
func (ix *Index) search(
	ctx context.Context, p part, v llm.Vector, limit int, statement string, args ...any,
) (hits []memo.Hit, seq int64, err error) {
	v = unit(v)
	if v == nil || len(v) != p.dimension || limit <= 0 {
		return nil, p.seq, nil
	}
	run := func(tx Tx) (err error) {
		if seq, err = ix.begin(ctx, tx, p.id, limit); err != nil || seq < p.seq {
			return err
		}
		rows, err := tx.Query(ctx, statement, append([]any{[]float32(v)}, args...)...)
		if err != nil {
			return err
		}
		defer rows.Close() // what it could report, Err has said
		hits = hits[:0]
		for rows.Next() {
			var h memo.Hit
			if err := rows.Scan(&h.Memo, &h.Chunk, &h.Score); err != nil {
				return err
			}
			hits = append(hits, h)
		}
		return rows.Err()
	}
	if err = ix.db.Read(ctx, run); err == nil && seq < p.seq {
		err = ix.db.ReadNow(ctx, run)
	}
	if err == nil && seq < p.seq { // somebody has made it begin anew
		err = ix.refresh(ctx)
	}
	slices.SortStableFunc(hits, func(a, b memo.Hit) int { return cmp.Compare(b.Score, a.Score) })
	return hits, seq, err
}

// begin sets up a search, and returns up to where the part has followed; 0 if it is
// no more.
func (ix *Index) begin(ctx context.Context, tx Tx, id int64, limit int) (int64, error) {
	effort := min(max(2*limit, leastEffort), mostEffort)
	var ignored [6]string
	var seq *int64
	into := []any{&ignored[0], &ignored[1], &ignored[2], &ignored[3], &ignored[4], &ignored[5], &seq}
	_, err := first(ctx, tx, into, begin,
		","+ix.schema, strconv.Itoa(effort), strconv.Itoa(max(leastTuples, 4*limit)), id)
	if err != nil || seq == nil {
		return 0, err
	}
	return *seq, nil
}

// Vectors implements [index.Outside].
func (k Keeper) Vectors(ctx context.Context, project account.ProjectID, hits []memo.Hit) ([]llm.Vector, error) {
	p := k.part(project)
	out := make([]llm.Vector, len(hits))
	if p.id == 0 {
		return out, nil
	}
	memos, chunks := make([]string, len(hits)), make([]string, len(hits))
	for i, h := range hits {
		memos[i], chunks[i] = string(h.Memo), string(h.Chunk)
	}
	found := make(map[memo.ChunkID]llm.Vector, len(hits))
	run := func(tx Tx) error {
		seq, err := k.begin(ctx, tx, p.id, 0)
		if err != nil || seq < p.seq {
			return err
		}
		rows, err := tx.Query(ctx, fmt.Sprintf(vectorsOf, p.id), memos, chunks)
		if err != nil {
			return err
		}
		defer rows.Close() // what it could report, Err has said
		for rows.Next() {
			var chunk memo.ChunkID
			var v []float32
			if err := rows.Scan(&chunk, &v); err != nil {
				return err
			}
			found[chunk] = unit(v)
		}
		return rows.Err()
	}
	err := k.db.Read(ctx, run)
	if err == nil && len(found) == 0 {
		err = k.db.ReadNow(ctx, run)
	}
	for i, h := range hits {
		out[i] = found[h.Chunk]
	}
	return out, err
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
