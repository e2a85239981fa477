package app

import (
	"context"

	"kvasir/internal/store/folder"
	"kvasir/internal/store/postgres"
	"kvasir/internal/store/sqlite"
)

// openStore opens the database that the configuration names. The data folder is this
// process's alone with either: files wait in it, and may stay there.
func (a *App) openStore(ctx context.Context) (err error) {
	if a.cfg.DatabaseURL == "" {
		a.database = "sqlite"
		a.store, err = sqlite.Open(ctx, a.cfg.Data, nil)
		return err
	}
	a.database = "postgres"
	if a.folder, err = folder.Hold(a.cfg.Data); err != nil {
		return err
	}
	a.store, err = postgres.Open(ctx, a.cfg.DatabaseURL.Reveal(), a.databaseOptions())
	return err
}

func (a *App) databaseOptions() *postgres.Options {
	return &postgres.Options{Replica: a.cfg.DatabaseReplicaURL.Reveal()}
}
