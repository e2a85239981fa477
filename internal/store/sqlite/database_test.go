package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/store"
	"kvasir/internal/store/folder"
)

// openTest opens a database with one table of numbers.
func openTest(t *testing.T, readers int) *database {
	t.Helper()
	dir := t.TempDir()
	held, err := folder.Hold(dir)
	if err != nil {
		t.Fatal(err)
	}
	db, err := openDatabase(t.Context(), filepath.Join(dir, fileName), Options{Readers: readers, CacheKiB: 1024})
	if err != nil {
		t.Fatal(err)
	}
	db.folder = held
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	err = db.Write(t.Context(), func(tx store.Tx) error {
		_, err := tx.Exec(t.Context(), "CREATE TABLE numbers (n integer PRIMARY KEY)")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func insert(ctx context.Context, tx store.Tx, n int) error {
	_, err := tx.Exec(ctx, "INSERT INTO numbers (n) VALUES ($1)", n)
	return err
}

func count(ctx context.Context, t *testing.T, tx store.Tx) (n int) {
	t.Helper()
	rows, err := tx.Query(ctx, "SELECT count(*) FROM numbers")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	if err := rows.Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func numbers(t *testing.T, db *database) (n int) {
	t.Helper()
	err := db.Read(t.Context(), func(tx store.Tx) error {
		n = count(t.Context(), t, tx)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// All writes of one batch are sent before the first of them goes on, so they
// share a transaction; every third fails after it has changed something.
func TestFailedWriteTakesNothingElseWithIt(t *testing.T) {
	t.Parallel()
	db := openTest(t, 1)
	failed := errors.New("failed on purpose")
	var wg sync.WaitGroup
	for i := range 90 {
		wg.Go(func() {
			err := db.Write(t.Context(), func(tx store.Tx) error {
				if err := insert(t.Context(), tx, i); err != nil {
					return err
				}
				switch i % 3 {
				case 1:
					return failed
				case 2:
					panic("a bug")
				}
				return nil
			})
			if (err == nil) != (i%3 == 0) || i%3 == 1 && !errors.Is(err, failed) {
				t.Errorf("write %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if n := numbers(t, db); n != 30 {
		t.Errorf("%d numbers are stored, want 30", n)
	}
}

func TestWaitingWritesShareATransaction(t *testing.T) {
	t.Parallel()
	db := openTest(t, 1)
	const waiting = 8
	var wg sync.WaitGroup
	inside := make(chan struct{})
	release := make(chan struct{})
	wg.Go(func() {
		err := db.Write(t.Context(), func(store.Tx) error {
			close(inside)
			<-release
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	wg.Go(func() { gone <- db.Write(ctx, func(tx store.Tx) error { return insert(ctx, tx, -1) }) })
	cancel()
	// The writer is busy, so whoever leaves the line is not written.
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("a write whose caller left: %v, want %v", err, context.Canceled)
	}
	for i := range waiting {
		wg.Go(func() {
			if err := db.Write(t.Context(), func(tx store.Tx) error { return insert(t.Context(), tx, i) }); err != nil {
				t.Error(err)
			}
		})
	}
	close(release)
	wg.Wait()
	if n := numbers(t, db); n != waiting {
		t.Errorf("%d numbers are stored, want %d", n, waiting)
	}
}

func TestCallerWhoLeavesDoesNotStopItsWrite(t *testing.T) {
	t.Parallel()
	db := openTest(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	err := db.Write(ctx, func(tx store.Tx) error {
		cancel()
		return insert(ctx, tx, 1)
	})
	if n := numbers(t, db); err != nil || n != 1 {
		t.Errorf("Write = %v with %d numbers stored, want 1", err, n)
	}
}

func TestReadSeesOneSnapshot(t *testing.T) {
	t.Parallel()
	db := openTest(t, 2)
	err := db.Read(t.Context(), func(tx store.Tx) error {
		before := count(t.Context(), t, tx)
		if err := db.Write(t.Context(), func(tx store.Tx) error { return insert(t.Context(), tx, 1) }); err != nil {
			return err
		}
		if after := count(t.Context(), t, tx); after != before {
			t.Errorf("a read counts %d and then %d", before, after)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := numbers(t, db); n != 1 {
		t.Errorf("the next read counts %d, want 1", n)
	}
}

func TestReadersCannotWrite(t *testing.T) {
	t.Parallel()
	db := openTest(t, 1)
	err := db.Read(t.Context(), func(tx store.Tx) error { return insert(t.Context(), tx, 1) })
	if n := numbers(t, db); err == nil || n != 0 {
		t.Errorf("writing in a read: %v, %d numbers stored", err, n)
	}
}

// A reader whose caller leaves, fails or panics must be good for the next one.
func TestReadersAreReused(t *testing.T) {
	t.Parallel()
	db := openTest(t, 1)
	const endless = `WITH RECURSIVE r (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT max(i) FROM r`
	for i := range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		err := db.Read(ctx, func(tx store.Tx) error {
			rows, err := tx.Query(ctx, endless)
			if err == nil {
				err = errors.Join(errors.New("an endless query has ended"), rows.Close())
			}
			return err
		})
		cancel()
		if !fault.Is(err, fault.Canceled) {
			t.Errorf("read %d: %v, want a cancelled one", i, err)
		}
		if err := db.Read(t.Context(), func(store.Tx) error { panic("a bug") }); err == nil {
			t.Error("a panic was swallowed")
		}
		if n := numbers(t, db); n != 0 {
			t.Errorf("%d numbers, want none", n)
		}
	}
}

func TestCallerWaitsForAReaderNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	db := openTest(t, 1)
	err := db.Read(t.Context(), func(store.Tx) error {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		return db.Read(ctx, func(store.Tx) error { return nil })
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Read = %v, want %v", err, context.Canceled)
	}
}

func TestFullDiskIsUnavailable(t *testing.T) {
	t.Parallel()
	db := openTest(t, 1)
	ctx := t.Context()
	err := db.Write(ctx, func(tx store.Tx) error {
		if _, err := tx.Exec(ctx, "PRAGMA max_page_count = 1"); err != nil { // SQLite takes the present size instead
			return err
		}
		_, err := tx.Exec(ctx, "CREATE TABLE large AS SELECT randomblob(10000000)")
		return err
	})
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("Write = %v, want Unavailable", err)
	}
	if n := numbers(t, db); n != 0 {
		t.Errorf("%d numbers, want none", n)
	}
}
