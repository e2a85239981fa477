package store

import (
	"context"
	"database/sql"
	"encoding/json"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

// snippetRunes is how much of a memo's content a search result shows.
const snippetRunes = 100

// The ids travel as one JSON array, so that the statement is always the same.
const selectPassages = `
SELECT c.id, c.position, c.start_byte, c.end_byte, c.headings, g.content, m.id, m.title, coalesce(m.summary, '')
FROM json_each($2) wanted
JOIN chunks c ON c.id = wanted.value
JOIN memos m ON m.id = c.memo_id AND m.live_generation = c.generation AND m.project_id = $1
JOIN generations g ON g.memo_id = c.memo_id AND g.generation = c.generation
ORDER BY wanted.key`

// Passages reads live chunks with what a result shows of their memos, in the
// order asked for. Those that are gone are left out.
func (s *Store) Passages(ctx context.Context, p account.ProjectID, ids []memo.ChunkID) ([]memo.Passage, error) {
	wanted, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	return collect(ctx, s.engine.Read, scanPassage, selectPassages, p, string(wanted))
}

func scanPassage(rows *sql.Rows, p *memo.Passage) error {
	var headings, content string
	err := rows.Scan(&p.ID, &p.Index, &p.Start, &p.End, &headings, &content, &p.Memo, &p.Title, &p.Summary)
	if err != nil {
		return err
	}
	p.Content, p.Snippet = content[p.Start:p.End], firstRunes(content, snippetRunes)
	p.Headings, err = decodeHeadings(headings)
	return err
}

// firstRunes returns the first n characters of a text.
func firstRunes(text string, n int) string {
	for i := range text {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
}
