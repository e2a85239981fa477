// Package sqlite runs the store on SQLite: one file in a locked data folder,
// readers in a pool, and one writer that commits many callers' writes together.
//
// A write is acknowledged after its transaction is on the disk (WAL with
// synchronous=FULL: one fsync a commit). Writes that wait while a commit runs
// share the next one, so the cost of the fsync is divided by the load.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"kvasir/internal/fault"
	"kvasir/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options tune the engine. The zero value of a field is its default.
type Options struct {
	Readers   int // connections for reading; twice the processors, at least 4
	CachePage int // page cache of a connection in KiB; 8,192
}

// Open opens the store in the folder dir, which it creates and locks. A folder
// that another process holds, or one written by a newer version, is refused.
func Open(ctx context.Context, dir string, opts *Options) (_ *store.Store, err error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	o.Readers = cmp.Or(o.Readers, max(4, 2*runtime.GOMAXPROCS(0)))
	o.CachePage = cmp.Or(o.CachePage, 8192)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create data folder: %w", err)
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	e := &engine{lock: lock}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.closeFiles())
		}
	}()
	file := filepath.Join(dir, "kvasir.db")
	if e.write, err = open(file, 1, o); err != nil {
		return nil, err
	}
	if err := migrate(ctx, e.write); err != nil {
		return nil, err
	}
	if e.read, err = open(file, o.Readers, o); err != nil {
		return nil, err
	}
	s := store.New(e.start())
	if err := s.FreeClaims(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// open opens a pool of connections to the database file.
func open(file string, connections int, o Options) (*sql.DB, error) {
	query := url.Values{"_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)",
		"temp_store(MEMORY)", fmt.Sprintf("cache_size(-%d)", o.CachePage),
	}}
	query.Set("_txlock", "immediate")
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(file)+"?"+query.Encode())
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// lockFolder takes the folder's lock and writes our pid beside it, so that the
// next process can say who is in its way.
func lockFolder(dir string) (*flock.Flock, error) {
	name := filepath.Join(dir, "lock")
	lock := flock.New(name)
	free, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	pidFile := filepath.Join(dir, "pid")
	if !free {
		pid, err := os.ReadFile(pidFile)
		if err != nil {
			pid = []byte("unknown")
		}
		return nil, fault.New(fault.Conflict, fmt.Sprintf(
			"data folder %s is in use by another process (pid %s); stop it or name another folder",
			dir, strings.TrimSpace(string(pid))))
	}
	if err := os.WriteFile(pidFile, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("write pid: %w", err), lock.Unlock())
	}
	return lock, nil
}

// migrate brings the schema up to date and refuses one from the future.
func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	have, want, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if have > want {
		return fault.New(fault.Conflict, fmt.Sprintf(
			"the data folder has schema %d and this version of Kvasir knows %d; use a newer version", have, want))
	}
	if have == want {
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}
