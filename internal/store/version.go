package store

import (
	"context"
	"time"

	"kvasir/internal/memo"
)

// firstCut is that of what was there before there were versions, and of what is of
// every cut.
const firstCut = 1

const (
	// liveCut is which chunks are searched: the first cut until there are versions.
	liveCut        = `coalesce((SELECT cut FROM index_versions WHERE state = 'live'), 1)`
	selectVersions = `
SELECT id, state, model, dimensions, chunker, cut, built, dirty, done, created, flipped FROM index_versions
WHERE state IN ('live', 'next', 'former') ORDER BY CASE state WHEN 'live' THEN 0 ELSE 1 END, id`
	insertVersion = `
INSERT INTO index_versions (state, model, dimensions, chunker, cut, built, dirty, done, created, flipped)
VALUES ($1, $2, $3, $4, $5, $6, 0, 0, $7, $8)`
	// Of the models there are vectors of, the one with the most.
	usualModel = `
SELECT m.name, m.dimensions FROM models m JOIN vectors v ON v.model = m.id
GROUP BY m.id, m.name, m.dimensions ORDER BY count(*) DESC LIMIT 1`
	adoptModel = `UPDATE index_versions SET model = $2, dimensions = $3, dirty = dirty + 1 WHERE id = $1`
	setChunker = `UPDATE index_versions SET chunker = $2 WHERE id = $1`
	hasChunks  = `SELECT 1 FROM chunks LIMIT 1`
	// What was built for a model is the live one's by now.
	dropSame  = `DELETE FROM index_versions WHERE state = 'next' AND model = $1 AND cut = $2`
	setState  = `UPDATE index_versions SET state = $2, flipped = coalesce($3, flipped) WHERE id = $1`
	setLength = `UPDATE index_versions SET dimensions = $2 WHERE model = $1 AND dimensions = 0`
	setDone   = `UPDATE index_versions SET built = true, done = $2 WHERE id = $1`
	lastCut   = `
SELECT max(n) FROM (
	SELECT coalesce(max(cut), 1) AS n FROM chunks UNION ALL SELECT coalesce(max(cut), 1) FROM index_versions
) cuts`
	ensureChunker = `INSERT INTO chunkers (name) VALUES ($1) ON CONFLICT (name) DO NOTHING`
	// A generation that has become live without its part of a version.
	markDirty = `
UPDATE index_versions SET dirty = dirty + 1 WHERE model <> '' AND (
	EXISTS (
		SELECT 1 FROM chunks c WHERE c.memo = $1 AND c.generation = $2 AND c.cut = index_versions.cut
			AND NOT EXISTS (
				SELECT 1 FROM vectors v JOIN models m ON m.id = v.model
				WHERE v.chunk = c.id AND m.name = index_versions.model
			)
	) OR NOT EXISTS (
		SELECT 1 FROM chunks c WHERE c.memo = $1 AND c.generation = $2 AND c.cut = index_versions.cut
			AND c.end_byte = (SELECT bytes FROM generations WHERE memo = $1 AND generation = $2)
	) AND EXISTS (
		SELECT 1 FROM chunks c WHERE c.memo = $1 AND c.generation = $2 AND c.cut = ` + liveCut + `
	)
)`
	noOthers    = ` AND NOT EXISTS (SELECT 1 FROM index_versions WHERE state <> 'live')`
	countOthers = `SELECT count(*) FROM index_versions WHERE state <> 'live'`
)

// Versions returns the index versions, the live one first. There are none before
// [Store.EnsureVersion].
func (s *Store) Versions(ctx context.Context) (versions []memo.IndexVersion, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		versions, err = collect(ctx, tx, scanVersion, selectVersions)
		return err
	})
	return versions, err
}

func scanVersion(r Rows) (v memo.IndexVersion, err error) {
	var state string
	var created int64
	var flipped *int64
	err = r.Scan(&v.ID, &state, &v.Model, &v.Dimensions, &v.Chunker, &v.Cut,
		&v.Built, &v.Dirty, &v.Done, &created, &flipped)
	v.State, v.Created, v.Flipped = memo.VersionState(state), timeOf(created), timeOrNil(flipped)
	return v, err
}

// allVersions returns the versions by their state.
func allVersions(ctx context.Context, tx Tx) (map[memo.VersionState]memo.IndexVersion, error) {
	list, err := collect(ctx, tx, scanVersion, selectVersions)
	versions := make(map[memo.VersionState]memo.IndexVersion, len(list))
	for _, v := range list {
		versions[v.State] = v
	}
	return versions, err
}

// A VersionOf is what a version is to be made of.
type VersionOf struct {
	Model   string
	Chunker string
}

// EnsureVersion makes sure that there is a live version. What was stored before there
// were versions becomes the first, with the model that has made most of its vectors.
//
// A live version whose model is none of the known ones becomes one of the first of
// them, unless another version is: its vectors are to be made, and its chunks stay as
// they were cut. It reports the name of the model that was given up, if any.
func (s *Store) EnsureVersion(ctx context.Context, known []VersionOf, now time.Time) (given string, err error) {
	err = s.db.Write(ctx, func(tx Tx) error {
		given = ""
		if err := ensureLive(ctx, tx, now); err != nil {
			return err
		}
		versions, err := allVersions(ctx, tx)
		if err != nil || len(known) == 0 {
			return err
		}
		live := versions[memo.VersionLive]
		for _, k := range known {
			if k.Model == live.Model {
				return nameChunker(ctx, tx, live, k.Chunker)
			}
		}
		given = live.Model
		if former, ok := versions[memo.VersionFormer]; ok && former.Model == known[0].Model {
			return exchange(ctx, tx, live, former, memo.VersionNext, now)
		}
		if next, ok := versions[memo.VersionNext]; ok && next.Model == known[0].Model && next.Complete() {
			return exchange(ctx, tx, live, next, memo.VersionFormer, now)
		}
		return adopt(ctx, tx, live, known[0])
	})
	return given, err
}

func ensureLive(ctx context.Context, tx Tx, now time.Time) error {
	versions, err := allVersions(ctx, tx)
	if _, ok := versions[memo.VersionLive]; ok || err != nil {
		return err
	}
	m, _, err := find(ctx, tx, func(r Rows) (v memo.IndexVersion, err error) {
		err = r.Scan(&v.Model, &v.Dimensions)
		return v, err
	}, usualModel)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, insertVersion, memo.VersionLive, m.Model, m.Dimensions, "", 1, true, micros(now), micros(now))
	return err
}

// unknownChunker has cut what was there before chunkers were noted.
const unknownChunker = "unknown"

// nameChunker notes how the texts of a version are cut, unless that is known.
func nameChunker(ctx context.Context, tx Tx, v memo.IndexVersion, chunker string) error {
	if v.Chunker != "" {
		return nil
	}
	if _, err := tx.Exec(ctx, ensureChunker, chunker); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, setChunker, v.ID, chunker)
	return err
}

// adopt gives a version another model. What is cut already stays as it is.
func adopt(ctx context.Context, tx Tx, v memo.IndexVersion, of VersionOf) error {
	m, err := lookupModel(ctx, tx, of.Model)
	if err != nil {
		return err
	}
	chunker := of.Chunker
	_, cut, err := find(ctx, tx, scanInt, hasChunks)
	if err != nil {
		return err
	}
	if cut {
		chunker = unknownChunker
	} else {
		v.Chunker = ""
	}
	if err := nameChunker(ctx, tx, v, chunker); err != nil {
		return err
	}
	// New texts are cut for the model, and their chunks say so.
	if _, err := tx.Exec(ctx, ensureChunker, of.Chunker); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, adoptModel, v.ID, of.Model, m.dimensions); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, dropSame, of.Model, v.Cut)
	return err
}

// exchange makes another version the live one, and the live one what is said.
func exchange(
	ctx context.Context, tx Tx, live, other memo.IndexVersion, becomes memo.VersionState, now time.Time,
) error {
	// No two versions have one state, not even in between.
	for _, step := range []struct {
		id    int64
		state memo.VersionState
		at    *int64
	}{{other.ID, "", nil}, {live.ID, becomes, nil}, {other.ID, memo.VersionLive, new(micros(now))}} {
		if _, err := tx.Exec(ctx, setState, step.id, step.state, step.at); err != nil {
			return err
		}
	}
	return nil
}
