package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

// held is the condition under which a worker's result counts.
const held = ` WHERE id = $1 AND project_id = $2 AND generation = $3 AND claimed_by = $4
	AND stage NOT IN ('processed', 'error')`

// update runs a statement on the claimed memo and fails if the claim is lost.
// The statement's own arguments start at $5.
func update(ctx context.Context, tx Tx, w memo.Work, set string, args ...any) error {
	args = append([]any{w.Memo, w.Project, w.Generation, w.Worker}, args...)
	n, err := affected(ctx, tx, "UPDATE memos SET "+set+held, args...)
	if err == nil && n == 0 {
		err = errClaimLost
	}
	return err
}

// SaveText stores the text of a parsed document.
func (s *Store) SaveText(ctx context.Context, w memo.Work, text string, now time.Time) error {
	return s.engine.Write(ctx, func(ctx context.Context, tx Tx) error {
		err := update(ctx, tx, w, `stage = 'chunking', content_length = $5, updated_at = $6`,
			memo.UTF16Len(text), micros(now))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE generations SET content = $3 WHERE memo_id = $1 AND generation = $2`,
			w.Memo, w.Generation, text)
		return err
	})
}

const insertChunk = `
INSERT INTO chunks (id, memo_id, generation, position, start_byte, end_byte, headings)
VALUES ($1, $2, $3, $4, $5, $6, $7)`

// SaveChunks stores the chunks of a generation in place of any it has.
func (s *Store) SaveChunks(ctx context.Context, w memo.Work, chunks []memo.Chunk, now time.Time) error {
	return s.engine.Write(ctx, func(ctx context.Context, tx Tx) error {
		if err := update(ctx, tx, w, `stage = 'embedding', updated_at = $5`, micros(now)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM chunks WHERE memo_id = $1 AND generation = $2`, w.Memo, w.Generation)
		if err != nil {
			return err
		}
		for _, c := range chunks {
			headings := ""
			if len(c.Headings) > 0 {
				if headings, err = encode(c.Headings); err != nil {
					return err
				}
			}
			_, err = tx.ExecContext(ctx, insertChunk, c.ID, w.Memo, w.Generation, c.Index, c.Start, c.End, headings)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// A model is an embedding model that has made vectors.
type model struct {
	id         int64
	dimensions int
}

func scanModel(rows *sql.Rows, m *model) error { return rows.Scan(&m.id, &m.dimensions) }

// modelID returns the id of a model, 0 if it has made no vector yet.
func (s *Store) modelID(ctx context.Context, name string) (int64, error) {
	m, err := s.model(ctx, name)
	return m.id, err
}

func (s *Store) model(ctx context.Context, name string) (model, error) {
	s.mu.Lock()
	known, ok := s.models[name]
	s.mu.Unlock()
	if ok {
		return known, nil
	}
	found, err := collect(ctx, s.engine.Read, scanModel, `SELECT id, dimensions FROM models WHERE name = $1`, name)
	if err != nil || len(found) == 0 {
		return model{}, err
	}
	s.mu.Lock()
	s.models[name] = found[0]
	s.mu.Unlock()
	return found[0], nil
}

// Dimension returns the length of a model's vectors, 0 if it has made none yet.
func (s *Store) Dimension(ctx context.Context, name string) (int, error) {
	m, err := s.model(ctx, name)
	return m.dimensions, err
}

const (
	insertModel  = `INSERT INTO models (name, dimensions) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`
	insertVector = `
INSERT INTO vectors (chunk_id, model_id, vector)
SELECT id, $2, $3 FROM chunks WHERE id = $1
ON CONFLICT (chunk_id, model_id) DO UPDATE SET vector = excluded.vector`
	touchLive = `
INSERT INTO memo_changes (project_id, memo_id, seq, deleted)
SELECT m.project_id, m.id, (SELECT coalesce(max(seq), 0) + 1 FROM memo_changes WHERE project_id = m.project_id), false
FROM chunks c JOIN memos m ON m.id = c.memo_id AND m.live_generation = c.generation
WHERE c.id = $1
ON CONFLICT (project_id, memo_id) DO UPDATE SET seq = excluded.seq`
)

// SaveVectors stores vectors of chunks of any memos. Chunks that are gone are
// passed over. Memos whose live chunks got a vector count as changed.
func (s *Store) SaveVectors(ctx context.Context, name string, vectors []memo.ChunkVector) error {
	if len(vectors) == 0 {
		return nil
	}
	m, err := s.model(ctx, name)
	if err != nil {
		return err
	}
	dimensions := len(vectors[0].Vector)
	if m.id == 0 {
		if err := s.exec(ctx, insertModel, name, dimensions); err != nil {
			return err
		}
		if m, err = s.model(ctx, name); err != nil {
			return err
		}
	}
	if m.dimensions != dimensions {
		return fmt.Errorf("model %s made vectors of %d dimensions and now of %d", name, m.dimensions, dimensions)
	}
	return s.engine.Write(ctx, func(ctx context.Context, tx Tx) error {
		for _, v := range vectors {
			n, err := affected(ctx, tx, insertVector, v.Chunk, m.id, encodeVector(v.Vector))
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			if _, err := tx.ExecContext(ctx, touchLive, v.Chunk); err != nil {
				return err
			}
		}
		return nil
	})
}

// encodeVector stores a vector as little-endian float32.
func encodeVector(v llm.Vector) []byte {
	out := make([]byte, 4*len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint32(out[4*i:], math.Float32bits(x))
	}
	return out
}

func decodeVector(b []byte) (llm.Vector, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if len(b)%4 != 0 {
		return nil, fmt.Errorf("vector of %d bytes: the data folder is damaged", len(b))
	}
	v := make(llm.Vector, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v, nil
}

// Finish makes the claimed generation the live one, drops the others, and tells
// the indexes, all in one transaction. It returns the files that nothing refers
// to any more.
func (s *Store) Finish(ctx context.Context, w memo.Work, now time.Time) (blobs []string, err error) {
	err = s.engine.Write(ctx, func(ctx context.Context, tx Tx) error {
		err := update(ctx, tx, w, `live_generation = generation, stage = 'processed', claimed_by = NULL,
	claimed_until = 0, waiting_for = '', error = '', completed_at = $5, updated_at = $5`, micros(now))
		if err != nil {
			return err
		}
		if blobs, err = dropGenerations(ctx, tx, w.Memo, w.Generation, w.Generation); err != nil {
			return err
		}
		return s.writeChange(ctx, tx, w.Project, w.Memo, false)
	})
	return blobs, err
}

// Fail ends the run with a reason for the person. The live generation stays.
func (s *Store) Fail(ctx context.Context, w memo.Work, reason string, now time.Time) error {
	return s.engine.Write(ctx, func(ctx context.Context, tx Tx) error {
		return update(ctx, tx, w, `stage = 'error', error = $5, completed_at = $6, updated_at = $6, claimed_by = NULL,
	claimed_until = 0, waiting_for = ''`, reason, micros(now))
	})
}

// Postpone gives the claim back until notBefore, with the reason to wait.
func (s *Store) Postpone(ctx context.Context, w memo.Work, notBefore time.Time, waitingFor string) error {
	return s.engine.Write(ctx, func(ctx context.Context, tx Tx) error {
		return update(ctx, tx, w, `claimed_by = NULL, claimed_until = 0, not_before = $5, waiting_for = $6`,
			micros(notBefore), waitingFor)
	})
}
