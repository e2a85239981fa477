package flat

import (
	"slices"
	"strings"

	"kvasir/internal/memo"
)

// titles returns the first chunk of the newest memos whose title contains text.
func (s *snapshot) titles(sv *sieve, text string, prefix bool, limit int) []memo.Hit {
	text = strings.ToLower(text)
	var out []memo.Hit
	for _, v := range s.views {
		pass := sv.pass(v)
		for i := range v.entries {
			e := &v.entries[i]
			if !pass.has(e.first) {
				continue
			}
			title := strings.ToLower(e.attrs.Title)
			if strings.HasPrefix(title, text) || !prefix && strings.Contains(title, text) {
				out = append(out, memo.Hit{Chunk: v.docs[e.first].chunk, Memo: e.id})
			}
		}
	}
	// Ids are ordered by time of creation.
	slices.SortFunc(out, func(a, b memo.Hit) int { return strings.Compare(string(b.Memo), string(a.Memo)) })
	return out[:min(max(limit, 0), len(out))]
}
