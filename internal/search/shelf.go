package search

import (
	"context"

	"kvasir/internal/account"
	"kvasir/internal/memo"
)

// A shelf holds the passages that a search has read, so that none is read twice.
type shelf struct {
	passages Passages
	project  account.ProjectID
	read     map[memo.ChunkID]*memo.Passage // nil for one that is gone
}

// fetch reads the passages that are not on the shelf yet.
func (s *shelf) fetch(ctx context.Context, ids []memo.ChunkID) error {
	missing := make([]memo.ChunkID, 0, len(ids))
	for _, id := range ids {
		if _, ok := s.read[id]; !ok {
			missing = append(missing, id)
			s.read[id] = nil
		}
	}
	if len(missing) == 0 {
		return nil
	}
	found, err := s.passages.Passages(ctx, s.project, missing)
	for i := range found {
		s.read[found[i].ID] = &found[i]
	}
	return err
}

// title returns the title of a chunk's memo, empty if it is not on the shelf.
func (s *shelf) title(id memo.ChunkID) string {
	if p := s.read[id]; p != nil {
		return p.Title
	}
	return ""
}
