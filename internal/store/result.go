package store

import (
	"context"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

// Every statement on a claimed row has the claim in its condition. A lease that
// has run out is still good as long as nobody else took the memo.
const (
	claimHeld = ` WHERE id = $1 AND generation = $2 AND claimed_by = $3`
	enterNext = `UPDATE memos SET stage = $4` + claimHeld
	saveText  = `
UPDATE generations SET content = $3, length = $4, bytes = $5 WHERE memo = $1 AND generation = $2`
	dropChunks  = `DELETE FROM chunks WHERE memo = $1 AND generation = $2`
	insertChunk = `
INSERT INTO chunks (memo, generation, position, id, start_byte, end_byte, headings)
VALUES ($1, $2, $3, $4, $5, $6, $7)`
	finishMemo = `
UPDATE memos SET stage = 'processed', live_generation = generation, completed = $4, error = NULL,
	waiting_for = NULL, not_before = NULL, claimed_by = NULL, claimed_until = NULL` + claimHeld
	failMemo = `
UPDATE memos SET stage = 'error', error = $4, completed = $5,
	waiting_for = NULL, not_before = NULL, claimed_by = NULL, claimed_until = NULL` + claimHeld
	postponeMemo = `
UPDATE memos SET not_before = $4, waiting_for = $5, claimed_by = NULL, claimed_until = NULL` + claimHeld
)

// held runs an update whose condition is the claim, with further arguments from
// $4, and fails with Conflict if the claim is lost.
func held(ctx context.Context, tx Tx, w memo.Work, statement string, args ...any) error {
	n, err := tx.Exec(ctx, statement, append([]any{w.Memo, w.Generation, w.Worker}, args...)...)
	if err == nil && n == 0 {
		err = fault.New(fault.Conflict, "The memo has changed meanwhile")
	}
	return err
}

// SaveText stores the text of a document, which is now to be cut. Like every
// result, it is refused with Conflict once the claim is lost.
func (s *Store) SaveText(ctx context.Context, w memo.Work, content string, _ time.Time) error {
	length, bytes := memo.UTF16Len(content), []byte(content)
	return s.db.Write(ctx, func(tx Tx) error {
		if err := held(ctx, tx, w, enterNext, memo.StageChunking); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, saveText, w.Memo, w.Generation, bytes, length, len(bytes))
		return err
	})
}

// SaveChunks stores the chunks of the generation in place of those it has. They
// are now to be embedded.
func (s *Store) SaveChunks(ctx context.Context, w memo.Work, chunks []memo.Chunk, _ time.Time) error {
	headings := make([]string, len(chunks))
	for i, c := range chunks {
		headings[i] = stringsJSON(c.Headings)
	}
	return s.db.Write(ctx, func(tx Tx) error {
		if err := held(ctx, tx, w, enterNext, memo.StageEmbedding); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, dropChunks, w.Memo, w.Generation); err != nil {
			return err
		}
		for i, c := range chunks {
			_, err := tx.Exec(ctx, insertChunk, w.Memo, w.Generation, c.Index, c.ID, c.Start, c.End, headings[i])
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Finish makes the generation the live one and deletes the older ones, in one
// transaction that indexes learn of. It returns the files that nothing refers
// to any more.
func (s *Store) Finish(ctx context.Context, w memo.Work, now time.Time) (blobs []string, err error) {
	err = s.db.Write(ctx, func(tx Tx) error {
		if err := held(ctx, tx, w, finishMemo, micros(now)); err != nil {
			return err
		}
		if blobs, err = dropGenerations(ctx, tx, w.Memo, w.Generation, w.Generation); err != nil {
			return err
		}
		return noteChange(ctx, tx, w.Project, w.Memo)
	})
	if err != nil {
		return nil, err
	}
	return blobs, nil
}

// Fail ends the work with a reason for the person. What is stored of it serves
// a retry; the live generation stays.
func (s *Store) Fail(ctx context.Context, w memo.Work, reason string, now time.Time) error {
	return s.db.Write(ctx, func(tx Tx) error { return held(ctx, tx, w, failMemo, reason, micros(now)) })
}

// Postpone gives the claim back until notBefore, and tells why.
func (s *Store) Postpone(ctx context.Context, w memo.Work, notBefore time.Time, waitingFor string) error {
	return s.db.Write(ctx, func(tx Tx) error {
		return held(ctx, tx, w, postponeMemo, micros(notBefore), orNull(waitingFor))
	})
}
