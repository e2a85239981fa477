package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

const (
	// What is dropped goes in steps by the order of an index, so that none of them takes
	// long, wherever its rows are.
	goneVersions = `
SELECT id, model, cut FROM index_versions WHERE state NOT IN ('live', 'next', 'former') ORDER BY id LIMIT 1`
	forgetVersion = `DELETE FROM index_versions WHERE id = $1`
	cutInUse      = `SELECT count(*) FROM index_versions WHERE cut = $1 AND id <> $2`
	modelInUse    = `SELECT count(*) FROM index_versions WHERE model = $1 AND id <> $2`
	nextMemos     = `
SELECT coalesce(max(memo), '') FROM (SELECT memo FROM chunks WHERE memo > $1 ORDER BY memo LIMIT $2) step`
	dropChunksOfCut = `DELETE FROM chunks WHERE cut = $1 AND memo > $2 AND memo <= $3`
	dropTextsOfCut  = `
DELETE FROM enrichments WHERE cut = $1 AND memo > $2 AND memo <= $3 AND aspect IN ('context', 'questions')`
	nextVectors = `
SELECT coalesce(max(chunk), '') FROM (SELECT chunk FROM vectors WHERE chunk > $1 ORDER BY chunk LIMIT $2) step`
	dropVectorsOfModel = `
DELETE FROM vectors WHERE model = (SELECT id FROM models WHERE name = $1) AND chunk > $2 AND chunk <= $3`
)

// StartVersion begins a version beside the live one. One that is cut as the live one
// is shares its chunks. It fails with Conflict if there are two already, or if nothing
// is to be made.
func (s *Store) StartVersion(ctx context.Context, of VersionOf, now time.Time) error {
	return s.db.Write(ctx, func(tx Tx) error {
		versions, err := allVersions(ctx, tx)
		if err != nil {
			return err
		}
		live := versions[memo.VersionLive]
		if next, ok := versions[memo.VersionNext]; ok {
			if next.Model == of.Model && next.Chunker == of.Chunker {
				return nil // it goes on
			}
			return fault.New(fault.Conflict, fmt.Sprintf(
				"Version %d is made already, for another model or chunker: kvasir reindex cancel gives it up", next.ID))
		}
		if former, ok := versions[memo.VersionFormer]; ok {
			return fault.New(fault.Conflict, fmt.Sprintf(
				"Version %d is kept for the way back: kvasir reindex drop gives it up", former.ID))
		}
		if live.Model == of.Model && live.Chunker == of.Chunker {
			return fault.New(fault.Conflict,
				"The live index is of this model and chunker: configure another with NEXT_EMBEDDING_PROVIDER")
		}
		cut := int64(live.Cut)
		if live.Chunker != of.Chunker {
			if cut, _, err = find(ctx, tx, scanInt, lastCut); err != nil {
				return err
			}
			cut = max(cut, int64(live.Cut)) + 1
		}
		m, err := lookupModel(ctx, tx, of.Model)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, ensureChunker, of.Chunker); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, insertVersion,
			memo.VersionNext, of.Model, m.dimensions, of.Chunker, cut, false, micros(now), nil)
		return err
	})
}

// FlipVersion makes the next version the live one, and the live one the former, in one
// transaction. It fails with Conflict unless the next is complete.
func (s *Store) FlipVersion(ctx context.Context, now time.Time) error {
	return s.db.Write(ctx, func(tx Tx) error {
		versions, err := allVersions(ctx, tx)
		if err != nil {
			return err
		}
		next, ok := versions[memo.VersionNext]
		switch {
		case !ok:
			return fault.New(fault.Conflict, "There is no next version: kvasir reindex makes one")
		case !next.Complete():
			return fault.New(fault.Conflict, fmt.Sprintf(
				"Version %d is not complete yet: kvasir reindex status tells how far it is", next.ID))
		}
		return exchange(ctx, tx, versions[memo.VersionLive], next, memo.VersionFormer, now)
	})
}

// RollbackVersion makes the former version the live one again, and the live one the
// next. It fails with Conflict if none is kept.
func (s *Store) RollbackVersion(ctx context.Context, now time.Time) error {
	return s.db.Write(ctx, func(tx Tx) error {
		versions, err := allVersions(ctx, tx)
		if err != nil {
			return err
		}
		former, ok := versions[memo.VersionFormer]
		switch {
		case !ok:
			return fault.New(fault.Conflict, "There is no former version to go back to")
		case !former.Complete() && former.Cut != versions[memo.VersionLive].Cut:
			// What it lacks would not even be found by its words.
			return fault.New(fault.Conflict, fmt.Sprintf("Version %d lacks memos that came in since: try again", former.ID))
		}
		return exchange(ctx, tx, versions[memo.VersionLive], former, memo.VersionNext, now)
	})
}

// DropVersion forgets the version of a state that is not live; [Store.Sweep] drops what
// only it has. It fails with Conflict if there is none.
func (s *Store) DropVersion(ctx context.Context, state memo.VersionState) error {
	return s.db.Write(ctx, func(tx Tx) error {
		versions, err := allVersions(ctx, tx)
		if err != nil {
			return err
		}
		v, ok := versions[state]
		if !ok || state == memo.VersionLive {
			return fault.New(fault.Conflict, fmt.Sprintf("There is no %s version", state))
		}
		_, err = tx.Exec(ctx, setState, v.ID, fmt.Sprintf("gone %d", v.ID), nil)
		return err
	})
}

// sweepAtOnce bounds the rows that one write of a sweep looks at.
const sweepAtOnce = 1000

// Sweep drops what is left of versions that are given up: chunks of a cut that no
// other version has, else the vectors of a model that none has.
func (s *Store) Sweep(ctx context.Context) error {
	for {
		var gone memo.IndexVersion
		var ok bool
		err := s.db.Read(ctx, func(tx Tx) (err error) {
			gone, ok, err = find(ctx, tx, func(r Rows) (v memo.IndexVersion, err error) {
				err = r.Scan(&v.ID, &v.Model, &v.Cut)
				return v, err
			}, goneVersions)
			return err
		})
		if err != nil || !ok {
			return err
		}
		if err := s.sweepVersion(ctx, gone); err != nil {
			return err
		}
	}
}

func (s *Store) sweepVersion(ctx context.Context, gone memo.IndexVersion) error {
	ofCut := sweep{used: cutInUse, by: gone.Cut, next: nextMemos, drop: []string{dropChunksOfCut, dropTextsOfCut}}
	if err := s.sweep(ctx, gone.ID, ofCut); err != nil {
		return err
	}
	ofModel := sweep{used: modelInUse, by: gone.Model, next: nextVectors, drop: []string{dropVectorsOfModel}}
	if err := s.sweep(ctx, gone.ID, ofModel); err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx Tx) error {
		_, err := tx.Exec(ctx, forgetVersion, gone.ID)
		return err
	})
}

// A sweep is statements that drop what nobody uses, from one key to another.
type sweep struct {
	used string // counts other versions that have it
	by   any    // the cut or the model
	next string // finds the last key of a step
	drop []string
}

func (s *Store) sweep(ctx context.Context, version int64, w sweep) error {
	for after, done := "", false; !done; {
		err := s.db.Write(ctx, func(tx Tx) error {
			used, _, err := find(ctx, tx, scanInt, w.used, w.by, version)
			if err != nil {
				return err
			}
			to, _, err := find(ctx, tx, scanString[string], w.next, after, sweepAtOnce)
			if done = used > 0 || to == ""; done || err != nil {
				return err
			}
			for _, statement := range w.drop {
				if _, err := tx.Exec(ctx, statement, w.by, after, to); err != nil {
					return err
				}
			}
			after = to
			return nil
		})
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
	}
	return nil
}
