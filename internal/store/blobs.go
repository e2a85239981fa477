package store

import (
	"context"

	"kvasir/internal/account"
)

const (
	isProject    = `SELECT 1 FROM projects WHERE id = $1`
	projectBlobs = `
SELECT g.file_blob FROM memos m JOIN generations g ON g.memo = m.id
WHERE m.project = $1 AND g.file_blob IS NOT NULL`
)

// Blobs returns the keys of all files that a project's memos name, and whether
// there is such a project.
func (s *Store) Blobs(ctx context.Context, p account.ProjectID) (keys []string, ok bool, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		if _, ok, err = find(ctx, tx, scanInt, isProject, p); err != nil || !ok {
			return err
		}
		keys, err = collect(ctx, tx, scanString[string], projectBlobs, p)
		return err
	})
	return keys, ok, err
}
