package store

import (
	"context"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

const generationFile = `
SELECT file_name, file_type, file_size, file_blob, file_hash FROM generations WHERE memo = $1 AND generation = $2`

// FindOriginal returns the file of a document: of its newest generation, else of
// the live one. It fails with NotFound if there is none.
func (s *Store) FindOriginal(ctx context.Context, p account.ProjectID, ref memo.Ref) (file memo.File, err error) {
	err = s.db.Read(ctx, func(tx Tx) error {
		m, err := locate(ctx, tx, p, ref)
		if err != nil {
			return err
		}
		found := m.File
		if found == nil && m.Progress.Live != 0 {
			found, _, err = find(ctx, tx, func(r Rows) (*memo.File, error) {
				var f fileColumns
				err := r.Scan(&f.name, &f.mimeType, &f.size, &f.blob, &f.hash)
				return f.file(), err
			}, generationFile, m.ID, m.Progress.Live)
		}
		if err == nil && found == nil {
			err = fault.New(fault.NotFound, "The memo has no original file")
		}
		if err == nil {
			file = *found
		}
		return err
	})
	return file, err
}
