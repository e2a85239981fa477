package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"kvasir/internal/account"
	"kvasir/internal/event"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

const (
	findEnriched = `
SELECT texts FROM enrichments WHERE memo = $1 AND generation = $2 AND aspect = $3 AND cut = $4 AND position = $5`
	saveEnriched = `
INSERT INTO enrichments (memo, generation, aspect, cut, position, texts, error, stale)
VALUES ($1, $2, $3, $4, $5, $6, $7, false)
ON CONFLICT (memo, generation, aspect, cut, position)
DO UPDATE SET texts = excluded.texts, error = excluded.error, stale = false`
	copyEnrichments = `
INSERT INTO enrichments (memo, generation, aspect, cut, position, texts, error, stale)
SELECT memo, generation + 1, aspect, cut, position, texts, error, stale FROM enrichments
WHERE memo = $1 AND generation = $2 AND aspect IN ('summary', 'tags')`
	dropOfChunks = `
DELETE FROM enrichments WHERE memo = $1 AND generation = $2 AND cut = $3 AND aspect IN ('context', 'questions')`
	dropVectors = `
DELETE FROM vectors
WHERE chunk = (SELECT id FROM chunks WHERE memo = $1 AND generation = $2 AND cut = $3 AND position = $4)`
	markStale    = `UPDATE enrichments SET stale = true WHERE memo = $1 AND generation = $2 AND aspect = $3`
	reenrichMemo = `
UPDATE memos SET stage = 'enriching', queued = $2, attempt = 0, error = NULL, not_before = NULL, waiting_for = NULL,
	started = NULL, completed = NULL
WHERE id = $1`
	enrichedColumns = `e.memo, e.aspect, e.position, e.texts, e.error, e.stale`
	ofGeneration    = `
SELECT ` + enrichedColumns + ` FROM enrichments e WHERE e.memo = $1 AND e.generation = $2 AND `
	// What was written of the memo as a whole is of every cut.
	shownEnriched      = `(e.aspect IN ('summary', 'tags') OR e.cut = ` + liveCut + `)`
	selectEnriched     = ofGeneration + shownEnriched + ` AND (e.aspect IN ('summary', 'tags') OR e.error <> '')`
	selectOfTheWhole   = ofGeneration + `e.aspect IN ('summary', 'tags')`
	untouched          = ` AND NOT EXISTS (SELECT 1 FROM enrichments e WHERE e.memo = $1 AND e.generation = $2)`
	selectWorkEnriched = `
SELECT ` + enrichedColumns + `
FROM memos m JOIN enrichments e ON e.memo = m.id AND e.generation = m.generation
WHERE m.claimed_by = $1 AND ` + shownEnriched + ` AND m.id IN`
	countEnriched = `
SELECT e.aspect, count(*) FROM enrichments e
WHERE e.memo = $1 AND e.generation = $2 AND NOT e.stale AND ` + shownEnriched + ` GROUP BY e.aspect`
)

// An enrichedRow is an enrichment and its memo.
type enrichedRow struct {
	memo memo.ID
	memo.Enrichment
}

func scanEnriched(r Rows) (e enrichedRow, err error) {
	var id, aspect, texts string
	if err = r.Scan(&id, &aspect, &e.Chunk, &texts, &e.Error, &e.Stale); err != nil {
		return e, err
	}
	e.memo, e.Aspect = memo.ID(id), memo.Aspect(aspect)
	e.Texts, err = fromStringsJSON(texts)
	return e, err
}

// sortEnriched puts enrichments into the order in which they are written.
func sortEnriched(list []memo.Enrichment) {
	slices.SortFunc(list, func(a, b memo.Enrichment) int {
		order := memo.Aspects()
		return cmp.Or(
			cmp.Compare(slices.Index(order, a.Aspect), slices.Index(order, b.Aspect)), cmp.Compare(a.Chunk, b.Chunk))
	})
}

// SaveEnrichments stores what a model wrote, in place of what is there for the
// same aspect and chunk. A chunk whose text for the embedding model has changed by
// it loses its vectors.
func (s *Store) SaveEnrichments(ctx context.Context, w memo.Work, written []memo.Enrichment) error {
	return s.db.Write(ctx, func(tx Tx) error {
		if err := held(ctx, tx, w, keepClaim); err != nil {
			return err
		}
		for _, e := range written {
			if err := saveEnrichment(ctx, tx, w, e); err != nil {
				return err
			}
		}
		return nil
	})
}

func saveEnrichment(ctx context.Context, tx Tx, w memo.Work, e memo.Enrichment) error {
	aspect, texts := string(e.Aspect), stringsJSON(e.Texts)
	cut := firstCut
	if e.Aspect.OfChunks() {
		cut = w.Cut
		before, ok, err := find(ctx, tx, scanString[string], findEnriched, w.Memo, w.Generation, aspect, cut, e.Chunk)
		if err != nil {
			return err
		}
		if !ok {
			before = "[]"
		}
		if before != texts {
			if _, err := tx.Exec(ctx, dropVectors, w.Memo, w.Generation, cut, e.Chunk); err != nil {
				return err
			}
		}
	}
	_, err := tx.Exec(ctx, saveEnriched, w.Memo, w.Generation, aspect, cut, e.Chunk, texts, e.Error)
	return err
}

// Reenrich lets aspects of a memo be written anew, on its live generation, which
// stays searchable meanwhile. It fails with Conflict unless the newest generation
// is the live one and nobody works on it.
func (s *Store) Reenrich(
	ctx context.Context, p account.ProjectID, ref memo.Ref, aspects []memo.Aspect, now time.Time,
) (memo.ID, error) {
	var id memo.ID
	err := s.db.Write(ctx, func(tx Tx) error {
		m, err := locate(ctx, tx, p, ref)
		if err != nil {
			return err
		}
		done := m.Progress.Stage == memo.StageProcessed || m.Progress.Stage == memo.StageError
		if !done || m.Progress.Live != m.Progress.Generation {
			return fault.New(fault.Conflict, "The memo is still being processed")
		}
		id = m.ID
		if err := addAspects(ctx, tx, m.ID, m.Progress.Generation, aspects); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, reenrichMemo, m.ID, micros(now))
		return err
	})
	if err != nil {
		return "", err
	}
	s.signal()
	return id, nil
}

func addAspects(ctx context.Context, tx Tx, id memo.ID, generation int, aspects []memo.Aspect) error {
	d, err := detailsOf(ctx, tx, id, generation)
	if err != nil {
		return err
	}
	for _, a := range aspects {
		if _, err := tx.Exec(ctx, markStale, id, generation, string(a)); err != nil {
			return err
		}
		if !slices.Contains(d.added, a) {
			d.added = append(d.added, a)
		}
	}
	_, err = tx.Exec(ctx, saveAdded, id, generation, toJSON(d.added))
	return err
}

// Finish makes the generation the live one and deletes the older ones, in one
// transaction that indexes and those who follow the log learn of. What a model
// wrote about the memo as a whole shows from now on. It returns the files that
// nothing refers to any more.
func (s *Store) Finish(ctx context.Context, w memo.Work, now time.Time) (blobs []string, err error) {
	if w.Generation == 1 && len(w.Processing.Enrich) == 0 && !s.beside.Load() {
		err := s.write(ctx, finishFirst(w, now)...)
		if err == nil {
			s.announce()
		}
		if !fault.Is(err, fault.Conflict) {
			return nil, err
		}
	}
	err = s.db.Write(ctx, func(tx Tx) error {
		summary, tags, err := writtenOfTheWhole(ctx, tx, w)
		if err != nil {
			return err
		}
		if err := s.finish(ctx, tx, w, micros(now), summary, tags); err != nil {
			return err
		}
		if blobs, err = dropGenerations(ctx, tx, w.Memo, w.Generation, w.Generation); err != nil {
			return err
		}
		if err := noteEvent(ctx, tx, event.Processed, w.Memo, now); err != nil {
			return err
		}
		return noteChange(ctx, tx, w.Project, w.Memo)
	})
	if err != nil {
		return nil, err
	}
	s.announce()
	return blobs, nil
}

// errOtherVersion is what work gets that was cut for a version that is live no more. It
// is to be done again, soon.
var errOtherVersion = fault.New(fault.Unavailable, "Another index version has become the live one")

// finish makes the generation live. It is refused if the version that is searched has
// become another one since the work was loaded: the text is to be cut for that. Where
// versions are kept beside the live one, what this memo lacks of them is to be made.
func (s *Store) finish(ctx context.Context, tx Tx, w memo.Work, now int64, summary *string, tags string) error {
	if err := held(ctx, tx, w, finishMemo, now, summary, tags, w.Cut); err != nil {
		if held(ctx, tx, w, keepClaim) == nil {
			return errOtherVersion
		}
		return err
	}
	others, _, err := find(ctx, tx, scanInt, countOthers)
	if err != nil {
		return err
	}
	s.beside.Store(others > 0)
	if others > 0 {
		_, err = tx.Exec(ctx, markDirty, w.Memo, w.Generation)
	}
	return err
}

// finishFirst is Finish of what most memos are: the first generation of a text that no
// model has written about, while there is one version. Of others it is a Conflict.
func finishFirst(w memo.Work, now time.Time) []Statement {
	return append([]Statement{
		holding(w, finishMemo+untouched+noOthers, micros(now), nil, "[]", w.Cut), eventOf(event.Processed, w.Memo, now),
	}, changeOf(w.Project, w.Memo, false)...)
}

// writtenOfTheWhole returns what models wrote about the memo.
func writtenOfTheWhole(ctx context.Context, tx Tx, w memo.Work) (summary *string, tags string, err error) {
	tags = "[]"
	written, err := collect(ctx, tx, scanEnriched, selectOfTheWhole, w.Memo, w.Generation)
	for _, e := range written {
		switch {
		case e.Aspect == memo.AspectTags:
			tags = stringsJSON(e.Texts)
		case len(e.Texts) > 0:
			summary = &e.Texts[0]
		}
	}
	return summary, tags, err
}

// countEnrichment counts what models have written of what is wanted. What could
// not be written is done with. Once the memo is processed, there is no more to come.
func countEnrichment(ctx context.Context, tx Tx, id memo.ID, p *memo.Progress) error {
	type count struct {
		aspect string
		n      int
	}
	counts, err := collect(ctx, tx, func(r Rows) (c count, err error) {
		err = r.Scan(&c.aspect, &c.n)
		return c, err
	}, countEnriched, id, p.Generation)
	if err != nil {
		return err
	}
	d, err := detailsOf(ctx, tx, id, p.Generation)
	if err != nil {
		return err
	}
	wanted := d.wanted()
	for _, a := range memo.Aspects() {
		switch {
		case !wanted.Wants(a):
		case a.OfChunks():
			p.EnrichTotal += p.ChunksTotal
		default:
			p.EnrichTotal++
		}
	}
	for _, c := range counts {
		if wanted.Wants(memo.Aspect(c.aspect)) {
			p.EnrichDone += c.n
		}
	}
	if p.Stage == memo.StageProcessed {
		p.EnrichTotal = p.EnrichDone
	}
	return nil
}
