package store

import (
	"context"
	"encoding/hex"
	"slices"
	"sync"
	"time"

	"kvasir/internal/ledger"
	"kvasir/internal/llm"
)

const (
	findSpace = `
SELECT s.id FROM vector_spaces s JOIN projects p ON p.organization = s.organization
WHERE p.id = $1 AND s.model = $2 AND s.dimensions = $3 AND s.input = $4`
	insertSpace = `
INSERT INTO vector_spaces (organization, model, dimensions, input)
SELECT organization, $2, $3, $4 FROM projects WHERE id = $1`
	selectCached = `SELECT hash, used, vector FROM cached_vectors WHERE space = $1 AND hash IN`
	insertCached = `INSERT INTO cached_vectors (space, hash, used, vector) VALUES`
	unlessKnown  = ` ON CONFLICT (space, hash) DO NOTHING`
	touchCached  = `UPDATE cached_vectors SET used = $2 WHERE space = $1 AND hash IN`
	cachedBytes  = `SELECT coalesce(sum(length(vector)), 0) FROM cached_vectors`
	// The least used first, and of those the oldest.
	forgetCached = `
DELETE FROM cached_vectors WHERE id IN (SELECT id FROM cached_vectors ORDER BY used, id LIMIT $1)
RETURNING length(vector)`
)

// forgetAtOnce bounds the vectors that one write drops.
const forgetAtOnce = 64

// A cacheSize is how large the vector cache is and may be, in bytes of vectors.
type cacheSize struct {
	limit int64 // 0 keeps nothing

	mu    sync.Mutex // guards the rest
	bytes int64
	known bool
}

// fits notes by how much the cache has grown, and reports whether that is known to be
// within the limit.
func (c *cacheSize) fits(grown int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes += grown
	return c.known && c.bytes <= c.limit
}

// BoundCache sets how many bytes of vectors are kept. It is called before the
// first use; without it there is no cache.
func (s *Store) BoundCache(bytes int64) { s.cache.limit = bytes }

// CachedVectors returns a vector for each text, nil where there is none. The
// projects of an organization share what they have.
func (s *Store) CachedVectors(
	ctx context.Context, project string, space llm.VectorSpace, texts []llm.TextHash,
) ([]llm.Vector, error) {
	vectors := make([]llm.Vector, len(texts))
	today := int64(ledger.DayOf(time.Now()))
	var id int64
	var stale []string
	err := s.db.Read(ctx, func(tx Tx) (err error) {
		if id, _, err = lookupSpace(ctx, tx, project, space); err != nil || id == 0 {
			return err
		}
		at := map[string][]int{}
		for i, h := range texts {
			key := hex.EncodeToString(h[:])
			at[key] = append(at[key], i)
		}
		stale, err = readCached(ctx, tx, id, today, at, vectors)
		return err
	})
	if err == nil && len(stale) > 0 { // at most once a day each
		err = s.db.Write(ctx, func(tx Tx) error { return touch(ctx, tx, id, today, stale) })
	}
	return vectors, err
}

// readCached fills in the vectors that there are, and returns the hashes of those
// that were not used today.
func readCached(
	ctx context.Context, tx Tx, space, today int64, at map[string][]int, vectors []llm.Vector,
) (stale []string, err error) {
	hashes := make([]string, 0, len(at))
	for h := range at {
		hashes = append(hashes, h)
	}
	for part := range slices.Chunk(hashes, maxList) {
		in, args := list([]any{space}, part)
		_, err := collect(ctx, tx, func(r Rows) (struct{}, error) {
			var hash string
			var used int64
			var vector []byte
			err := r.Scan(&hash, &used, &vector)
			for _, i := range at[hash] {
				vectors[i] = decodeVector(vector)
			}
			if used < today {
				stale = append(stale, hash)
			}
			return struct{}{}, err
		}, selectCached+in, args...)
		if err != nil {
			return nil, err
		}
	}
	return stale, nil
}

func touch(ctx context.Context, tx Tx, space, today int64, hashes []string) error {
	for part := range slices.Chunk(hashes, maxList) {
		in, args := list([]any{space, today}, part)
		if _, err := tx.Exec(ctx, touchCached+in, args...); err != nil {
			return err
		}
	}
	return nil
}

func lookupSpace(ctx context.Context, tx Tx, project string, s llm.VectorSpace) (int64, bool, error) {
	return find(ctx, tx, scanInt, findSpace, project, s.Model, s.Dimensions, string(s.Input))
}

// CacheVectors keeps vectors, one for each text, and lets the least used go when
// there are too many.
func (s *Store) CacheVectors(
	ctx context.Context, project string, space llm.VectorSpace, texts []llm.TextHash, vectors []llm.Vector,
) error {
	if s.cache.limit <= 0 || len(texts) == 0 {
		return nil
	}
	id, ok, err := s.spaceID(ctx, spaceKey{project, space})
	if err != nil || !ok { // the project is gone
		return err
	}
	today := int64(ledger.DayOf(time.Now()))
	rows := make([][]any, len(texts))
	for i, h := range texts {
		rows[i] = []any{id, hex.EncodeToString(h[:]), today, encodeVector(vectors[i])}
	}
	inserted, err := s.db.WriteAll(ctx, insertion{insertCached, "($1, $2, $3, $4)", unlessKnown}.statements(rows))
	if err != nil {
		s.spaces.forget(spaceKey{project, space}) // as far as we know it is gone
		return err
	}
	var grown int64
	for _, n := range inserted {
		grown += n * int64(4*len(vectors[0])) // all are of one space
	}
	if s.cache.fits(grown) {
		return nil
	}
	return s.forget(ctx)
}

// spaceID returns the number of a space, and whether its project exists.
func (s *Store) spaceID(ctx context.Context, k spaceKey) (id int64, ok bool, err error) {
	if id, ok = s.spaces.find(k); ok {
		return id, true, nil
	}
	err = s.db.Write(ctx, func(tx Tx) error {
		if id, ok, err = lookupSpace(ctx, tx, k.project, k.space); err != nil || ok {
			return err
		}
		_, err = tx.Exec(ctx, insertSpace, k.project, k.space.Model, k.space.Dimensions, string(k.space.Input))
		if err == nil {
			id, ok, err = lookupSpace(ctx, tx, k.project, k.space)
		}
		return err
	})
	if err == nil && ok {
		s.spaces.set(k, id)
	}
	return id, ok, err
}

// A spaceKey is what a space's number stands for.
type spaceKey struct {
	project string
	space   llm.VectorSpace
}

// forget drops vectors while there are too many.
func (s *Store) forget(ctx context.Context) error {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	bytes := s.cache.bytes
	err := s.db.Write(ctx, func(tx Tx) (err error) {
		if !s.cache.known {
			if bytes, _, err = find(ctx, tx, scanInt, cachedBytes); err != nil {
				return err
			}
		}
		for bytes > s.cache.limit {
			lengths, err := collect(ctx, tx, scanInt, forgetCached, forgetAtOnce)
			if err != nil || len(lengths) == 0 {
				return err
			}
			for _, n := range lengths {
				bytes -= n
			}
		}
		return nil
	})
	if err == nil {
		s.cache.bytes, s.cache.known = bytes, true
	}
	return err
}
