package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
)

const (
	findModel     = `SELECT id, dimensions FROM models WHERE name = $1`
	insertModel   = `INSERT INTO models (name, dimensions) VALUES ($1, $2)`
	insertVectors = `INSERT INTO vectors (chunk, model, vector) VALUES`
	insertVector  = `INSERT INTO vectors (chunk, model, vector) SELECT id, $2, $3 FROM chunks WHERE id = $1`
	orReplace     = ` ON CONFLICT (chunk, model) DO UPDATE SET vector = excluded.vector`
	// The memo of a chunk of which indexes read the vectors of a model.
	memoRead = `
FROM chunks c JOIN memos m ON m.id = c.memo AND m.live_generation = c.generation
WHERE c.id = $1 AND (
	NOT EXISTS (SELECT 1 FROM index_versions)
	OR EXISTS (SELECT 1 FROM index_versions v WHERE v.model = $2 AND v.cut = c.cut AND v.built)
)`
	forgetRead     = `DELETE FROM memo_changes WHERE memo = (SELECT m.id` + memoRead + `)`
	insertRead     = `INSERT INTO memo_changes (project, memo, deleted) SELECT m.project, m.id, false` + memoRead
	embeddedChunks = `
SELECT c.id FROM memos m
JOIN chunks c ON c.memo = m.id AND c.generation = $3
JOIN vectors v ON v.chunk = c.id AND v.model = $4
WHERE m.project = $1 AND m.id = $2`
	// The cross join keeps SQLite going through the chunks by id.
	missingFrom = `
FROM chunks c CROSS JOIN memos m
WHERE NOT EXISTS (SELECT 1 FROM vectors v WHERE v.chunk = c.id AND v.model = $1)
	AND m.id = c.memo AND m.live_generation = c.generation AND c.cut = $3
	AND NOT m.archived AND (m.expires IS NULL OR m.expires > $2)`
	missingVectors = `
SELECT ` + chunkColumns + missingFrom + `
	AND c.id > $4 ORDER BY c.id LIMIT $5`
	countMissing = `SELECT count(*)` + missingFrom
	countLess    = `SELECT (SELECT count(*) FROM chunks) - (SELECT count(*) FROM vectors WHERE model = $1)`
)

// A model is an embedding model whose vectors are stored; id 0 stands for one
// that has none yet.
type model struct {
	id         int64
	dimensions int
}

func lookupModel(ctx context.Context, tx Tx, name string) (model, error) {
	m, _, err := find(ctx, tx, func(r Rows) (m model, err error) {
		err = r.Scan(&m.id, &m.dimensions)
		return m, err
	}, findModel, name)
	return m, err
}

// Dimension returns the length of a model's stored vectors, 0 if there are none.
func (s *Store) Dimension(ctx context.Context, name string) (int, error) {
	var m model
	err := s.db.Read(ctx, func(tx Tx) (err error) {
		m, err = lookupModel(ctx, tx, name)
		return err
	})
	return m.dimensions, err
}

// SaveVectors stores vectors of chunks of any memos. Chunks that are gone are
// passed over. Indexes learn of those that are live, but for a version that is being
// built: nobody searches that.
func (s *Store) SaveVectors(ctx context.Context, name string, vectors []memo.ChunkVector) error {
	if len(vectors) == 0 {
		return nil
	}
	model := modelKey{name, len(vectors[0].Vector)}
	blobs := make([][]byte, len(vectors))
	for i, v := range vectors {
		if len(v.Vector) == 0 || len(v.Vector) != model.dimensions {
			return fault.New(fault.Invalid, "The embedding model returned vectors of different or no length")
		}
		blobs[i] = encodeVector(v.Vector)
	}
	id, err := s.modelID(ctx, model)
	if err != nil {
		return err
	}
	rows, noted, notes := make([][]any, len(vectors)), map[memo.ID]bool{}, []Statement(nil)
	for i, v := range vectors {
		rows[i] = []any{v.Chunk, id, blobs[i]}
		if v.Memo == "" || !noted[v.Memo] {
			noted[v.Memo] = true
			notes = append(notes,
				Statement{Text: forgetRead, Args: []any{v.Chunk, name}}, Statement{Text: insertRead, Args: []any{v.Chunk, name}})
		}
	}
	all := insertion{into: insertVectors, row: "($1, $2, $3)", tail: orReplace}.statements(rows)
	err = s.write(ctx, append(all, notes...)...)
	if err == nil || fault.KindOf(err) != fault.Internal {
		return err
	}
	return s.saveThose(ctx, model, rows, notes)
}

// saveThose stores the vectors of those chunks that are not gone.
func (s *Store) saveThose(ctx context.Context, model modelKey, rows [][]any, notes []Statement) error {
	each := make([]Statement, len(rows))
	for i, row := range rows {
		each[i] = Statement{Text: insertVector + orReplace, Args: row}
	}
	err := s.write(ctx, append(each, notes...)...)
	if err != nil {
		s.models.forget(model) // as far as we know it is gone
	}
	return err
}

// modelID returns the number of a model, whose vectors all have one length.
func (s *Store) modelID(ctx context.Context, k modelKey) (int64, error) {
	if id, ok := s.models.find(k); ok {
		return id, nil
	}
	var id int64
	err := s.db.Write(ctx, func(tx Tx) (err error) {
		id, err = ensureModel(ctx, tx, k.name, k.dimensions)
		return err
	})
	if err == nil {
		s.models.set(k, id)
	}
	return id, err
}

// A modelKey is what a model's number stands for.
type modelKey struct {
	name       string
	dimensions int
}

// ensureModel returns the number of a model, whose vectors all have one length.
func ensureModel(ctx context.Context, tx Tx, name string, dimensions int) (int64, error) {
	m, err := lookupModel(ctx, tx, name)
	if err != nil {
		return 0, err
	}
	if m.id == 0 {
		if _, err := tx.Exec(ctx, insertModel, name, dimensions); err != nil {
			return 0, err
		}
		if _, err := tx.Exec(ctx, setLength, name, dimensions); err != nil {
			return 0, err
		}
		m, err = lookupModel(ctx, tx, name)
		return m.id, err
	}
	if m.dimensions != dimensions {
		return 0, fault.New(fault.Invalid, fmt.Sprintf(
			"The embedding model returned vectors of length %d, and those stored have %d", dimensions, m.dimensions))
	}
	return m.id, nil
}

// EmbeddedChunks returns the chunks of a generation that have a vector of the
// model.
func (s *Store) EmbeddedChunks(
	ctx context.Context, p account.ProjectID, id memo.ID, generation int, name string,
) (map[memo.ChunkID]bool, error) {
	embedded := map[memo.ChunkID]bool{}
	err := s.db.Read(ctx, func(tx Tx) error {
		m, err := lookupModel(ctx, tx, name)
		if err != nil {
			return err
		}
		ids, err := collect(ctx, tx, scanString[memo.ChunkID], embeddedChunks, p, id, generation, m.id)
		for _, id := range ids {
			embedded[id] = true
		}
		return err
	})
	return embedded, err
}

// MissingVectors returns up to limit chunks of a version after the given one, by id,
// that are searchable and have no vector of its model.
func (s *Store) MissingVectors(
	ctx context.Context, v memo.IndexVersion, after memo.ChunkID, limit int,
) (missing []memo.ChunkText, err error) {
	now := micros(time.Now())
	err = s.db.Read(ctx, func(tx Tx) error {
		m, err := lookupModel(ctx, tx, v.Model)
		if err != nil {
			return err
		}
		rows, err := collect(ctx, tx, scanChunk, missingVectors, m.id, now, v.Cut, after, limit)
		if err != nil {
			return err
		}
		texts, err := readLive(ctx, tx, rows)
		if err != nil {
			return err
		}
		for _, c := range rows {
			live := texts[c.memo]
			if c.Content, err = live.cut(ctx, tx, c.Start, c.End, 0); err != nil {
				return err
			}
			missing = append(missing, memo.ChunkText{Project: live.project, Memo: c.memo, Title: live.title, Chunk: c.Chunk})
		}
		return nil
	})
	return missing, err
}

// CountMissingVectors returns how many chunks MissingVectors has in all. It is
// quick when no chunk lacks a vector, and else looks at each of them.
func (s *Store) CountMissingVectors(ctx context.Context, v memo.IndexVersion) (int, error) {
	now := micros(time.Now())
	var count int64
	err := s.db.Read(ctx, func(tx Tx) error {
		m, err := lookupModel(ctx, tx, v.Model)
		if err != nil {
			return err
		}
		less, _, err := find(ctx, tx, scanInt, countLess, m.id)
		if err != nil || less == 0 {
			return err
		}
		count, _, err = find(ctx, tx, scanInt, countMissing, m.id, now, v.Cut)
		return err
	})
	return int(count), err
}

func encodeVector(v llm.Vector) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

// decodeVector returns nil for no bytes.
func decodeVector(b []byte) llm.Vector {
	if len(b) == 0 {
		return nil
	}
	v := make(llm.Vector, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v
}
