package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"kvasir/internal/fault"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date, one node at a time, and refuses one from the
// future.
func migrate(ctx context.Context, config *pgx.ConnConfig) (err error) {
	patient := config.Copy()
	delete(patient.RuntimeParams, "statement_timeout") // a migration may take its time
	db := stdlib.OpenDB(*patient)
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.PingContext(ctx); err != nil {
		return explain(fmt.Errorf("open database: %w", err))
	}
	if _, err := db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+schema); err != nil {
		return explain(fmt.Errorf("create schema: %w", err))
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	turn, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(turn),
		goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if err := refuseNewer(ctx, db, provider); err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate schema: %w", err)
	}
	return nil
}

func refuseNewer(ctx context.Context, db *sql.DB, provider *goose.Provider) error {
	var there *string
	if err := db.QueryRowContext(ctx, "SELECT to_regclass('goose_db_version')::text").Scan(&there); err != nil || there == nil {
		return err
	}
	sources := provider.ListSources()
	newest := sources[len(sources)-1].Version
	have, err := provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if have > newest {
		return fault.New(fault.Conflict, fmt.Sprintf(
			"the database was written by a newer Kvasir: its schema is %d, and this version knows %d; "+
				"install the newer version or name another database", have, newest))
	}
	return nil
}

// counted are the columns that count by themselves.
var counted = [][2]string{
	{"memo_changes", "seq"}, {"events", "seq"}, {"models", "id"}, {"index_versions", "id"}, {"chunkers", "id"},
	{"vector_spaces", "id"}, {"cached_vectors", "id"},
}

// align lets counting go on after the rows that a backup has brought with their numbers.
func (db *database) align(ctx context.Context) error {
	tx, err := db.begin(ctx) // when nobody writes
	if err != nil {
		return err
	}
	defer tx.Rollback(ctx)
	for _, c := range counted {
		sequence := fmt.Sprintf("pg_get_serial_sequence('%s', '%s')", c[0], c[1])
		statement := fmt.Sprintf(`
SELECT setval(%s, (SELECT max(%s) FROM %s)) WHERE (SELECT max(%[2]s) FROM %[3]s) > coalesce(pg_sequence_last_value(%[1]s::regclass), 0)`,
			sequence, c[1], c[0])
		if _, err := tx.Exec(ctx, statement); err != nil {
			return fmt.Errorf("align %s: %w", c[0], err)
		}
	}
	return tx.Commit(ctx)
}
