package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"kvasir/internal/fault"
	"kvasir/internal/store"
	"kvasir/internal/store/folder"
	"kvasir/internal/store/group"
)

// A database fills the store's seam with one SQLite file.
type database struct {
	folder *folder.Folder
	writes *sql.DB
	reads  *sql.DB

	// readers holds the connections nobody uses. Those not opened yet are nil.
	readers chan *conn
	writing *conn         // the writer's
	writer  *group.Writer // nil if it is open for reading

	closed    chan struct{} // closed by Close: no new transactions
	closeOnce sync.Once
}

func newDatabase(writes, reads *sql.DB, readers int) *database {
	db := &database{writes: writes, reads: reads, readers: make(chan *conn, readers), closed: make(chan struct{})}
	for range readers {
		db.readers <- nil
	}
	return db
}

// start opens the writing connection and starts the writer.
func (db *database) start(ctx context.Context) (err error) {
	if db.writing, err = openConn(ctx, db.writes); err != nil {
		return err
	}
	db.writer = group.Start(ctx, db.closed, func(ctx context.Context) (group.Transaction, error) {
		return transaction{db.writing}, db.writing.run(ctx, "BEGIN IMMEDIATE")
	})
	return nil
}

// Read runs fn on one snapshot.
func (db *database) Read(ctx context.Context, fn func(store.Tx) error) error {
	c, err := db.take(ctx)
	if err != nil {
		return err
	}
	defer func() { db.readers <- c }()
	if c == nil {
		if c, err = openConn(ctx, db.reads); err != nil {
			return err
		}
	}
	// The caller may leave at any moment; the connection must not stay behind in
	// a transaction.
	staying := context.WithoutCancel(ctx)
	if err := c.run(staying, "BEGIN"); err != nil {
		return err
	}
	err = group.Protect(fn, c)
	return translate(errors.Join(err, c.run(staying, "ROLLBACK")))
}

func (db *database) take(ctx context.Context) (*conn, error) {
	select {
	case <-db.closed:
		return nil, group.ErrClosed()
	default:
	}
	select {
	case c := <-db.readers:
		return c, nil
	case <-db.closed:
		return nil, group.ErrClosed()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Write hands fn to the writer and waits for its commit.
func (db *database) Write(ctx context.Context, fn func(store.Tx) error) error {
	if db.writer == nil {
		return errForReading()
	}
	return translate(db.writer.Write(ctx, fn))
}

// WriteAll hands statements to the writer and waits for their commit.
func (db *database) WriteAll(ctx context.Context, statements []store.Statement) ([]int64, error) {
	if db.writer == nil {
		return nil, errForReading()
	}
	changed, err := db.writer.WriteAll(ctx, statements)
	return changed, translate(err)
}

func errForReading() error { return fault.New(fault.Conflict, "the database is open for reading") }

// Close refuses new transactions, waits for those in progress, and closes the
// file. Closing twice does no harm.
func (db *database) Close() (err error) {
	db.closeOnce.Do(func() { err = db.close() })
	return err
}

func (db *database) close() error {
	close(db.closed)
	var errs []error
	if db.writer != nil {
		db.writer.Wait()
		errs = append(errs, db.writing.close())
	}
	for range cap(db.readers) {
		if c := <-db.readers; c != nil {
			errs = append(errs, c.close())
		}
	}
	errs = append(errs, db.reads.Close())
	if db.writer != nil {
		errs = append(errs, db.writes.Close(), db.folder.Release())
	}
	return errors.Join(errs...)
}
