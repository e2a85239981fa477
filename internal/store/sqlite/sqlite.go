// Package sqlite runs the store on SQLite: one file in a locked data folder,
// connections for reading, and one writer that commits many callers' writes
// together.
//
// A write is acknowledged when its transaction is on the disk: WAL with
// synchronous=FULL is one fsync a commit. Writes that arrive while a commit is
// running share the next one, so the more there are, the less of an fsync each
// of them costs. Reads run beside the writer, each on its own snapshot.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"kvasir/internal/fault"
	"kvasir/internal/store"
	"kvasir/internal/store/folder"
)

const (
	fileName = "kvasir.db"
	driver   = "sqlite"
)

// Options tune the database. The zero value of a field is its default.
type Options struct {
	Readers  int // connections for reading, opened when needed; twice the processors, at least 4
	CacheKiB int // page cache of a connection; 4,096
}

// Open opens the store in the folder dir, which it creates and locks. A folder
// that another process holds, or one written by a newer version, is refused. All
// claims of workers are freed: whoever held one is gone.
//
// Open starts the writer, a goroutine that ends in the store's Close.
func Open(ctx context.Context, dir string, opts *Options) (*store.Store, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	o.Readers = cmp.Or(o.Readers, max(4, 2*runtime.GOMAXPROCS(0)))
	o.CacheKiB = cmp.Or(o.CacheKiB, 4096)
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find data folder: %w", err)
	}
	held, err := folder.Hold(dir)
	if err != nil {
		return nil, err
	}
	db, err := openDatabase(ctx, filepath.Join(dir, fileName), o)
	if err != nil {
		return nil, errors.Join(err, held.Release())
	}
	db.folder = held
	s := store.New(db)
	if err := s.FreeClaims(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("free claims: %w", err), s.Close())
	}
	return s, nil
}

// OpenToRead opens the store of a folder that another process may hold, for reading
// alone. A schema of another version is refused.
func OpenToRead(ctx context.Context, dir string) (*store.Store, error) {
	file, err := filepath.Abs(filepath.Join(dir, fileName))
	if err != nil {
		return nil, fmt.Errorf("find data folder: %w", err)
	}
	if _, err := os.Stat(file); err != nil {
		return nil, fault.Wrap(fault.NotFound, "there is no data in "+dir, err)
	}
	reads, err := sql.Open(driver, address(file, Options{CacheKiB: 4096}, "query_only(ON)"))
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	have, err := schemaVersion(ctx, reads)
	newest, newestErr := newestMigration()
	if err := errors.Join(err, newestErr); err != nil {
		return nil, errors.Join(fmt.Errorf("read schema version: %w", err), reads.Close())
	}
	if have != newest {
		return nil, errors.Join(fault.New(fault.Conflict, fmt.Sprintf(
			"the schema of the data folder is %d, and this version of Kvasir works with %d; "+
				"use the version that serves it", have, newest)), reads.Close())
	}
	return store.New(newDatabase(nil, reads, 1)), nil
}

func openDatabase(ctx context.Context, file string, o Options) (*database, error) {
	writes, err := sql.Open(driver, address(file, o, "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)"))
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	writes.SetMaxOpenConns(1)
	if err := migrate(ctx, writes); err != nil {
		return nil, errors.Join(err, writes.Close())
	}
	reads, err := sql.Open(driver, address(file, o, "query_only(ON)"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), writes.Close())
	}
	db := newDatabase(writes, reads, o.Readers)
	if err := db.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), writes.Close(), reads.Close())
	}
	return db, nil
}

// address returns the driver's name for the file, with what is set on each
// connection.
func address(file string, o Options, pragmas ...string) string {
	pragmas = append(pragmas, "busy_timeout(10000)", "temp_store(MEMORY)", fmt.Sprintf("cache_size(-%d)", o.CacheKiB))
	path := filepath.ToSlash(file)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{"_pragma": pragmas}.Encode()}
	return u.String()
}
