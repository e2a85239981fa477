package app

import (
	"context"
	"errors"
	"io"
	"os"

	"kvasir/internal/backup"
	"kvasir/internal/blob"
	"kvasir/internal/config"
	"kvasir/internal/store"
	"kvasir/internal/store/postgres"
	"kvasir/internal/store/sqlite"
)

// Backup writes everything that the configuration's database and files hold to w. A
// server may go on with them meanwhile.
func Backup(ctx context.Context, cfg *config.Config, w io.Writer, tell backup.Progress) (m *backup.Manifest, err error) {
	st, err := openToRead(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return m, withFiles(ctx, cfg, func(files backup.Files) (err error) {
		m, err = backup.Make(ctx, w, st, files, Version, tell)
		return err
	})
}

func openToRead(ctx context.Context, cfg *config.Config) (*store.Store, error) {
	if cfg.DatabaseURL == "" {
		return sqlite.OpenToRead(ctx, cfg.Data)
	}
	return postgres.Open(ctx, cfg.DatabaseURL.Reveal(), nil)
}

// Restore brings a backup into the configuration's database and files, which must be
// empty, and which no server may use meanwhile.
func Restore(ctx context.Context, cfg *config.Config, r io.ReadSeeker, tell backup.Progress) (m *backup.Manifest, err error) {
	a := &App{cfg: *cfg}
	if err := a.openStore(ctx); err != nil {
		return nil, errors.Join(err, a.close(ctx))
	}
	defer func() { err = errors.Join(err, a.close(ctx)) }()
	return m, withFiles(ctx, cfg, func(files backup.Files) (err error) {
		m, err = backup.Restore(ctx, r, a.store, files, tell)
		return err
	})
}

// withFiles calls fn with the originals.
func withFiles(ctx context.Context, cfg *config.Config, fn func(backup.Files) error) (err error) {
	transit, err := os.MkdirTemp("", "kvasir-backup-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(transit)) }()
	files, err := openFiles(ctx, cfg, transit)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, files.Close()) }()
	return fn(originals{files})
}

// originals are files as a backup reads them.
type originals struct{ blob.Store }

// Read opens an original.
func (o originals) Read(ctx context.Context, key string) (io.ReadCloser, error) {
	return o.Open(ctx, key)
}
