package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"kvasir/internal/memo"
)

// A short text is in its generation's row. A long one is in pieces of one size,
// so that a passage of a book is read, and a book is stored, without ever
// holding the book twice.
const (
	inlineBytes = 32 << 10
	pieceBytes  = 16 << 10
	// piecesAtOnce bounds what one write stores or one window holds: 1 MiB.
	piecesAtOnce = 64
)

const (
	insertGeneration = `
INSERT INTO generations (memo, generation, title, hash, bytes, length,
	file_name, file_type, file_size, file_blob, file_hash, content)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	copyGeneration = `
INSERT INTO generations (memo, generation, title, hash, bytes, length,
	file_name, file_type, file_size, file_blob, file_hash, content)
SELECT memo, generation + 1, $3, hash, bytes, length,
	file_name, file_type, file_size, file_blob, file_hash, content
FROM generations WHERE memo = $1 AND generation = $2`
	// The content of the row, and how long the text is; 0 while it is not parsed.
	textColumns    = `g.content, CASE WHEN g.length IS NULL THEN 0 ELSE g.bytes END`
	generationText = `SELECT ` + textColumns + ` FROM generations g WHERE g.memo = $1 AND g.generation = $2`
	insertPiece    = `INSERT INTO pieces (memo, generation, piece, content) VALUES ($1, $2, $3, $4)`
	dropPieces     = `DELETE FROM pieces WHERE memo = $1 AND generation = $2`
	copyPieces     = `
INSERT INTO pieces (memo, generation, piece, content)
SELECT memo, generation + 1, piece, content FROM pieces WHERE memo = $1 AND generation = $2`
	selectPieces = `
SELECT content FROM pieces WHERE memo = $1 AND generation = $2 AND piece BETWEEN $3 AND $4 ORDER BY piece`
)

// A text is what a generation is made of.
type text struct {
	title   string
	hash    string
	bytes   int64 // what a worker has to hold
	length  *int  // nil while a document is not parsed
	file    *memo.File
	content string
	details details
}

// textOf returns what the first generation of a draft is made of. What identifies
// a page that is not loaded yet is its address.
func textOf(d memo.Draft) (t text) {
	switch {
	case d.File != nil:
		t = text{hash: d.File.Hash, bytes: d.File.Size, file: d.File}
	case d.URL != "":
		t = text{hash: hashOf(d.URL)}
	default:
		t = plainText(d.Content)
	}
	t.title = d.Title
	t.details = details{url: d.URL, untitled: d.Untitled, processing: d.Processing}
	return t
}

// plainText returns the text without its title.
func plainText(content string) text {
	return text{
		hash: hashOf(content), bytes: int64(len(content)), length: new(memo.UTF16Len(content)), content: content,
	}
}

// hashOf returns the SHA-256 of s in hexadecimal, without a second s.
func hashOf(s string) string {
	h := sha256.New()
	buf := make([]byte, 0, min(len(s), pieceBytes))
	for from := 0; from < len(s); from += pieceBytes {
		buf = append(buf[:0], s[from:min(from+pieceBytes, len(s))]...)
		_, _ = h.Write(buf) // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil))
}

// insert stores a generation.
func (t text) insert(ctx context.Context, tx Tx, id memo.ID, generation int) error {
	if _, err := tx.ExecAll(ctx, t.rows(id, generation)); err != nil || !t.long() {
		return err
	}
	return writePieces(ctx, tx, id, generation, t.content, 0, len(t.content))
}

// rows stores a generation without the pieces of a long text.
func (t text) rows(id memo.ID, generation int) []Statement {
	f := filesOf(t.file)
	row := Statement{Text: insertGeneration, Args: []any{
		id, generation, t.title, t.hash, t.bytes, t.length,
		f.name, f.mimeType, f.size, f.blob, f.hash, t.inline(),
	}}
	return append([]Statement{row}, t.details.insert(id, generation)...)
}

// long reports whether the text is in pieces.
func (t text) long() bool { return len(t.content) > inlineBytes }

// inline returns what goes into the generation's row, nil if there is no text, or
// none so short.
func (t text) inline() []byte {
	if t.length == nil || t.long() {
		return nil
	}
	return []byte(t.content)
}

// writePieces stores those pieces of a long text that lie between two offsets; the
// first is where a piece begins.
func writePieces(ctx context.Context, tx Tx, id memo.ID, generation int, content string, from, to int) error {
	buf := make([]byte, 0, pieceBytes)
	for ; from < to; from += pieceBytes {
		buf = append(buf[:0], content[from:min(from+pieceBytes, to)]...)
		if _, err := tx.Exec(ctx, insertPiece, id, generation, from/pieceBytes, buf); err != nil {
			return err
		}
	}
	return nil
}

// A reader reads the text of one generation, as a whole or a passage at a time. It
// keeps what it has read last: passages in order are read once.
type reader struct {
	memo       memo.ID
	generation int
	bytes      int // of the whole text
	window     string
	from       int  // where the window is in the text
	whole      bool // the window is the whole text
}

// newReader returns a reader of the text that the row has as textColumns. A text
// that is in pieces has no content there.
func newReader(id memo.ID, generation int, content []byte, bytes int) *reader {
	r := &reader{memo: id, generation: generation, bytes: bytes, whole: len(content) > 0 || bytes == 0}
	if r.whole {
		r.window = string(content)
	}
	return r
}

// findText returns a reader of a stored generation.
func findText(ctx context.Context, tx Tx, id memo.ID, generation int) (*reader, error) {
	r, _, err := find(ctx, tx, func(rows Rows) (*reader, error) {
		var content []byte
		var bytes int
		err := rows.Scan(&content, &bytes)
		return newReader(id, generation, content, bytes), err
	}, generationText, id, generation)
	return r, err
}

// all returns the whole text.
func (r *reader) all(ctx context.Context, tx Tx) (string, error) {
	if !r.whole {
		var b strings.Builder
		b.Grow(r.bytes)
		if err := r.pieces(ctx, tx, 0, r.bytes/pieceBytes, &b); err != nil {
			return "", err
		}
		r.window, r.from, r.whole = b.String(), 0, true
	}
	return r.window, nil
}

// cut returns a passage, which holds on to the window. It reads so many pieces
// ahead.
func (r *reader) cut(ctx context.Context, tx Tx, start, end, ahead int) (string, error) {
	if end <= start {
		return "", nil
	}
	if !r.whole && (start < r.from || end > r.from+len(r.window)) {
		var b strings.Builder
		first := start / pieceBytes
		if err := r.pieces(ctx, tx, first, max((end-1)/pieceBytes, first+ahead), &b); err != nil {
			return "", err
		}
		r.window, r.from = b.String(), first*pieceBytes
	}
	start, end = start-r.from, end-r.from
	return r.window[min(start, len(r.window)):min(end, len(r.window))], nil
}

func (r *reader) pieces(ctx context.Context, tx Tx, first, last int, b *strings.Builder) error {
	rows, err := tx.Query(ctx, selectPieces, r.memo, r.generation, first, last)
	if err != nil {
		return err
	}
	defer rows.Close() // what it could report, Err has said
	var piece []byte
	for rows.Next() {
		if err := rows.Scan(&piece); err != nil {
			return err
		}
		b.Write(piece)
	}
	return rows.Err()
}
