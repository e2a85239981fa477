package app

import (
	"path/filepath"

	"kvasir/internal/blob"
	"kvasir/internal/config"
)

// openFiles opens the store of originals.
func openFiles(cfg config.Config) (blob.Store, error) {
	disk, err := blob.Open(filepath.Join(cfg.Data, "blob"))
	if err != nil {
		return nil, err
	}
	return disk, nil
}
