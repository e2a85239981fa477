package store

import (
	"context"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

const (
	// A live generation that is searched and has not all of its chunks of a cut.
	uncutFrom = `
FROM memos m JOIN generations g ON g.memo = m.id AND g.generation = m.live_generation
WHERE NOT m.archived AND (m.expires IS NULL OR m.expires > $1)
	AND EXISTS (
		SELECT 1 FROM chunks c WHERE c.memo = m.id AND c.generation = m.live_generation AND c.cut = ` + liveCut + `
	) AND NOT EXISTS (
		SELECT 1 FROM chunks c WHERE c.memo = m.id AND c.generation = m.live_generation AND c.cut = $2
			AND c.end_byte = g.bytes
	)`
	selectUncut = `SELECT m.id` + uncutFrom + ` AND m.id > $3 ORDER BY m.id LIMIT $4`
	countUncut  = `
SELECT count(*) FROM chunks u WHERE u.cut = ` + liveCut + ` AND EXISTS (
	SELECT 1 ` + uncutFrom + ` AND m.id = u.memo AND m.live_generation = u.generation
)`
	selectLiveText = `
SELECT m.project, m.live_generation, g.title, ` + textColumns + `, coalesce(d.parts, '[]'),
	p.processing, coalesce(d.processing, '{}'), coalesce(d.added, '[]')
FROM memos m JOIN generations g ON g.memo = m.id AND g.generation = m.live_generation
JOIN projects p ON p.id = m.project
LEFT JOIN generation_details d ON d.memo = m.id AND d.generation = m.live_generation
WHERE m.id = $1`
	hasGeneration = `SELECT 1 FROM generations WHERE memo = $1 AND generation = $2`
	hasVersion    = `
SELECT 1 FROM index_versions WHERE id = $1 AND cut = $2 AND state IN ('live', 'next', 'former')`
	// What models have written of a chunk is true of one of another cut with the same
	// bounds.
	carryTexts = `
INSERT INTO enrichments (memo, generation, aspect, cut, position, texts, error, stale)
SELECT e.memo, e.generation, e.aspect, n.cut, n.position, e.texts, e.error, e.stale
FROM chunks n
JOIN chunks o ON o.memo = n.memo AND o.generation = n.generation AND o.cut = ` + liveCut + `
	AND o.start_byte = n.start_byte AND o.end_byte = n.end_byte
JOIN enrichments e ON e.memo = o.memo AND e.generation = o.generation AND e.cut = o.cut AND e.position = o.position
	AND e.aspect IN ('context', 'questions')
WHERE n.memo = $1 AND n.generation = $2 AND n.cut = $3`
	countSearched = `
SELECT count(*) FROM chunks c CROSS JOIN memos m
WHERE c.cut = $1 AND m.id = c.memo AND m.live_generation = c.generation
	AND NOT m.archived AND (m.expires IS NULL OR m.expires > $2)`
)

// UncutMemos returns up to limit memos after the given one, by id, that are searchable
// and are not cut for a version yet.
func (s *Store) UncutMemos(
	ctx context.Context, v memo.IndexVersion, after memo.ID, limit int,
) (uncut []memo.ID, err error) {
	now := micros(time.Now())
	err = s.db.Read(ctx, func(tx Tx) error {
		uncut, err = collect(ctx, tx, scanString[memo.ID], selectUncut, now, v.Cut, after, limit)
		return err
	})
	return uncut, err
}

// LiveText returns the live generation of a memo of any project as work on it needs it;
// nobody claims it. It fails with NotFound if there is none.
func (s *Store) LiveText(ctx context.Context, id memo.ID) (w memo.Work, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		var text *reader
		var ok bool
		w, ok, err = find(ctx, tx, func(r Rows) (w memo.Work, err error) {
			var project, parts string
			var content []byte
			var bytes int
			var c processingColumns
			var d details
			err = r.Scan(&project, &w.Generation, &w.Title, &content, &bytes, &parts, &c.project, &c.own, &c.added)
			if err == nil {
				err = c.decode(&d)
			}
			w.Memo, w.Project, w.Processing = id, account.ProjectID(project), d.wanted()
			text = newReader(id, w.Generation, content, bytes)
			if err == nil {
				w.Parts, err = fromJSON[[]memo.Part](parts)
			}
			return w, err
		}, selectLiveText, id)
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.NotFound, "Memo not found")
		}
		content, err := text.all(ctx, tx)
		w.Content = &content
		return err
	})
	return w, err
}

// SaveCut stores the chunks of a generation for a version that is cut otherwise than
// the live one, in place of those it has. What models have written of live chunks is
// kept for those with the same bounds. It fails with Conflict if the generation or the
// version is gone.
func (s *Store) SaveCut(ctx context.Context, w memo.Work, v memo.IndexVersion, chunks []memo.Chunk) error {
	w.Cut, w.Chunker = v.Cut, v.Chunker
	for first := true; first || len(chunks) > 0; first = false {
		step := chunks[:min(chunksAtOnce, len(chunks))]
		chunks = chunks[len(step):]
		err := s.db.Write(ctx, func(tx Tx) error {
			if err := stillThere(ctx, tx, w, v); err != nil {
				return err
			}
			statements := replaceChunks(w, step, first)
			if len(chunks) == 0 {
				statements = append(statements, Statement{Text: carryTexts, Args: []any{w.Memo, w.Generation, w.Cut}})
			}
			_, err := tx.ExecAll(ctx, statements)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func stillThere(ctx context.Context, tx Tx, w memo.Work, v memo.IndexVersion) error {
	_, ok, err := find(ctx, tx, scanInt, hasGeneration, w.Memo, w.Generation)
	if err == nil && ok {
		_, ok, err = find(ctx, tx, scanInt, hasVersion, v.ID, v.Cut)
	}
	if err == nil && !ok {
		err = errSuperseded
	}
	return err
}

// VersionChunks returns the chunks of a generation for a version, with their texts cut
// out of the content.
func (s *Store) VersionChunks(ctx context.Context, w memo.Work, v memo.IndexVersion) (chunks []memo.Chunk, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		rows, err := collect(ctx, tx, scanChunk, selectCut, w.Memo, w.Generation, v.Cut)
		chunks = make([]memo.Chunk, len(rows))
		for i, c := range rows {
			chunks[i] = c.cut(*w.Content)
		}
		return err
	})
	return chunks, err
}

// DoneVersion notes that all of a version is there that was left to be done up to a
// count.
func (s *Store) DoneVersion(ctx context.Context, id, done int64) error {
	return s.db.Write(ctx, func(tx Tx) error {
		_, err := tx.Exec(ctx, setDone, id, done)
		return err
	})
}

// VersionSize counts what there is of a version. It looks at each passage.
func (s *Store) VersionSize(ctx context.Context, v memo.IndexVersion) (size memo.VersionSize, err error) {
	lacking, err := s.CountMissingVectors(ctx, v)
	if err != nil {
		return size, err
	}
	now := micros(time.Now())
	err = s.db.Read(ctx, func(tx Tx) error {
		uncut, _, err := find(ctx, tx, scanInt, countUncut, now, v.Cut)
		if err != nil {
			return err
		}
		searched, _, err := find(ctx, tx, scanInt, countSearched, v.Cut, now)
		size = memo.VersionSize{Passages: int(searched + uncut), Lacking: lacking + int(uncut)}
		return err
	})
	return size, err
}
