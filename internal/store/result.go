package store

import (
	"context"
	"time"

	"kvasir/internal/event"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

// Every statement on a claimed row has the claim in its condition. A lease that
// has run out is still good as long as nobody else took the memo.
const (
	claimHeld = ` WHERE id = $1 AND generation = $2 AND claimed_by = $3`
	enterNext = `UPDATE memos SET stage = $4` + claimHeld
	// The row is locked by an update that changes nothing.
	keepClaim    = `UPDATE memos SET attempt = attempt` + claimHeld
	saveProgress = `UPDATE memos SET pages_done = $4, pages_total = $5` + claimHeld
	saveFile     = `
UPDATE generations SET hash = $3, bytes = $4,
	file_name = $5, file_type = $6, file_size = $4, file_blob = $7, file_hash = $3
WHERE memo = $1 AND generation = $2`
	saveText = `
UPDATE generations SET content = $3, length = $4, bytes = $5 WHERE memo = $1 AND generation = $2`
	isUntitled     = `SELECT 1 FROM generation_details WHERE memo = $1 AND generation = $2 AND untitled`
	titleGenerated = `UPDATE generations SET title = $3 WHERE memo = $1 AND generation = $2`
	titleMemo      = `UPDATE memos SET title = $2 WHERE id = $1`
	dropChunks     = `DELETE FROM chunks WHERE memo = $1 AND generation = $2 AND cut = $3`
	insertChunks   = `
INSERT INTO chunks (memo, generation, cut, position, id, start_byte, end_byte, headings, header, page, chunker)
VALUES`
	chunkRowValues = `($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, coalesce((SELECT id FROM chunkers WHERE name = $11), 0))`
	finishMemo     = `
UPDATE memos SET stage = 'processed', live_generation = generation, completed = $4, error = NULL,
	summary = $5, auto_tags = $6,
	waiting_for = NULL, not_before = NULL, claimed_by = NULL, claimed_until = NULL` + claimHeld + `
	AND $7 = ` + liveCut
	failMemo = `
UPDATE memos SET stage = 'error', error = $4, completed = $5,
	waiting_for = NULL, not_before = NULL, claimed_by = NULL, claimed_until = NULL` + claimHeld
	postponeMemo = `
UPDATE memos SET not_before = $4, waiting_for = $5, claimed_by = NULL, claimed_until = NULL` + claimHeld
)

// chunksAtOnce bounds the chunks that one write stores.
const chunksAtOnce = 1024

// errSuperseded is what a result gets that comes too late.
var errSuperseded = fault.New(fault.Conflict, "The memo has changed meanwhile")

// holding returns an update whose condition is the claim, with further arguments from
// $4. It fails with Conflict if the claim is lost.
func holding(w memo.Work, statement string, args ...any) Statement {
	return Statement{
		Text: statement, Args: append([]any{w.Memo, w.Generation, w.Worker}, args...),
		Else: errSuperseded,
	}
}

// held runs such an update.
func held(ctx context.Context, tx Tx, w memo.Work, statement string, args ...any) error {
	_, err := tx.ExecAll(ctx, []Statement{holding(w, statement, args...)})
	return err
}

// write runs statements that are a write of their own.
func (s *Store) write(ctx context.Context, statements ...Statement) error {
	_, err := s.db.WriteAll(ctx, statements)
	return err
}

// Enter tells what the memo is at now. Like every result, it is refused with
// Conflict once the claim is lost.
func (s *Store) Enter(ctx context.Context, w memo.Work, stage memo.Stage) error {
	return s.write(ctx, holding(w, enterNext, stage))
}

// SaveProgress tells how many pages of a document have been parsed.
func (s *Store) SaveProgress(ctx context.Context, w memo.Work, done, total int) error {
	return s.write(ctx, holding(w, saveProgress, done, total))
}

// SaveFile stores the original of a page that was loaded, which is now to be
// parsed.
func (s *Store) SaveFile(ctx context.Context, w memo.Work, f memo.File, _ time.Time) error {
	return s.write(ctx, holding(w, enterNext, memo.StageParsing), Statement{
		Text: saveFile, Args: []any{w.Memo, w.Generation, f.Hash, f.Size, f.Name, f.MIMEType, f.Blob},
	})
}

// SaveParsed stores the text of a document, which is now to be cut, and its parts.
// The document's own title takes the place of a stand-in.
func (s *Store) SaveParsed(ctx context.Context, w memo.Work, d memo.Parsed, _ time.Time) error {
	t := text{length: new(memo.UTF16Len(d.Text)), content: d.Text}
	if err := s.savePieces(ctx, w, d.Text); err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx Tx) error {
		if err := held(ctx, tx, w, enterNext, memo.StageChunking); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, saveText, w.Memo, w.Generation, t.inline(), t.length, len(d.Text))
		if err == nil && len(d.Parts) > 0 {
			_, err = tx.Exec(ctx, saveParts, w.Memo, w.Generation, toJSON(d.Parts))
		}
		if err != nil || d.Title == "" {
			return err
		}
		return entitle(ctx, tx, w, d.Title)
	})
}

// savePieces stores a long text ahead of the transaction that makes it the
// generation's, in steps, so that nobody waits for a book to be written.
func (s *Store) savePieces(ctx context.Context, w memo.Work, content string) error {
	if len(content) <= inlineBytes {
		return nil
	}
	const step = piecesAtOnce * pieceBytes
	for from := 0; from < len(content); from += step {
		err := s.db.Write(ctx, func(tx Tx) error {
			err := held(ctx, tx, w, keepClaim)
			if err == nil && from == 0 {
				_, err = tx.Exec(ctx, dropPieces, w.Memo, w.Generation) // of an attempt that was cut short
			}
			if err != nil {
				return err
			}
			return writePieces(ctx, tx, w.Memo, w.Generation, content, from, min(from+step, len(content)))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// entitle gives a memo its document's title, unless a person has said that the
// stand-in stays. Had he given another one, the claim would be lost.
func entitle(ctx context.Context, tx Tx, w memo.Work, title string) error {
	_, untitled, err := find(ctx, tx, scanInt, isUntitled, w.Memo, w.Generation)
	if err != nil || !untitled {
		return err
	}
	if _, err := tx.Exec(ctx, titleGenerated, w.Memo, w.Generation, title); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, titleMemo, w.Memo, title)
	return err
}

// SaveChunks stores the chunks of the generation in place of those it has, which
// take with them what was written about them. What comes next is told by the
// caller. The many chunks of a book are stored in steps, so that nobody waits for
// them; they count when the last of the text is there.
func (s *Store) SaveChunks(
	ctx context.Context, w memo.Work, chunks []memo.Chunk, next memo.Stage, _ time.Time,
) error {
	for first := true; first || len(chunks) > 0; first = false {
		step := chunks[:min(chunksAtOnce, len(chunks))]
		chunks = chunks[len(step):]
		if err := s.write(ctx, saveChunks(w, step, first, len(chunks) == 0, next)...); err != nil {
			return err
		}
	}
	return nil
}

// saveChunks is a step of SaveChunks. The last one enters the next stage; the others
// only make sure of the claim.
func saveChunks(w memo.Work, chunks []memo.Chunk, first, last bool, next memo.Stage) []Statement {
	claim := holding(w, keepClaim)
	if last {
		claim = holding(w, enterNext, next)
	}
	return append([]Statement{claim}, replaceChunks(w, chunks, first)...)
}

// replaceChunks stores chunks; the first ones take the place of what is there.
func replaceChunks(w memo.Work, chunks []memo.Chunk, first bool) (statements []Statement) {
	if first {
		for _, drop := range []string{dropChunks, dropOfChunks} {
			statements = append(statements, Statement{Text: drop, Args: []any{w.Memo, w.Generation, w.Cut}})
		}
	}
	rows := make([][]any, len(chunks))
	for i, c := range chunks {
		rows[i] = []any{
			w.Memo, w.Generation, w.Cut, c.Index, c.ID, c.Start, c.End, stringsJSON(c.Headings), c.Header, c.Page, w.Chunker,
		}
	}
	return append(statements, insertion{into: insertChunks, row: chunkRowValues}.statements(rows)...)
}

// Fail ends the work with a reason for the person. What is stored of it serves
// a retry; the live generation stays.
func (s *Store) Fail(ctx context.Context, w memo.Work, reason string, now time.Time) error {
	err := s.write(ctx, holding(w, failMemo, reason, micros(now)), eventOf(event.Failed, w.Memo, now))
	if err == nil {
		s.announce()
	}
	return err
}

// Postpone gives the claim back until notBefore, and tells why.
func (s *Store) Postpone(ctx context.Context, w memo.Work, notBefore time.Time, waitingFor string) error {
	return s.write(ctx, holding(w, postponeMemo, micros(notBefore), orNull(waitingFor)))
}
