package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"

	"kvasir/internal/fault"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date and refuses one from the future. The database
// has one connection.
func migrate(ctx context.Context, db *sql.DB) error {
	newest, err := newestMigration()
	if err != nil {
		return err
	}
	have, err := schemaVersion(ctx, db)
	switch {
	case err != nil:
		return fmt.Errorf("read schema version: %w", err)
	case have == newest:
		return nil // the usual start; it need not wait for goose
	case have > newest:
		return fault.New(fault.Conflict, fmt.Sprintf(
			"the data folder was written by a newer Kvasir: its schema is %d, and this version knows %d; "+
				"install the newer version or name another folder", have, newest))
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files,
		goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	// A table that is made anew must not take with it what refers to it.
	if _, err := db.ExecContext(ctx, "PRAGMA foreign_keys = OFF"); err != nil {
		return fmt.Errorf("migrate schema: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate schema: %w", err)
	}
	if _, err := db.ExecContext(ctx, "PRAGMA foreign_keys = ON"); err != nil {
		return fmt.Errorf("migrate schema: %w", err)
	}
	return nil
}

// newestMigration returns the highest number of a migration's file name.
func newestMigration() (int64, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil || len(names) == 0 {
		return 0, errors.Join(errors.New("no migrations"), err)
	}
	number, _, _ := strings.Cut(path.Base(slices.Max(names)), "_")
	return strconv.ParseInt(number, 10, 64)
}

// schemaVersion returns the number of the last migration that the database has
// seen, 0 for an empty file.
func schemaVersion(ctx context.Context, db *sql.DB) (version int64, err error) {
	const hasTable = `SELECT count(*) FROM sqlite_master WHERE name = 'goose_db_version'`
	const readVersion = `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`
	var has int
	if err := db.QueryRowContext(ctx, hasTable).Scan(&has); err != nil || has == 0 {
		return 0, err
	}
	err = db.QueryRowContext(ctx, readVersion).Scan(&version)
	return version, err
}
