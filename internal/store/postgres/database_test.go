package postgres_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kvasir/internal/account"
	"kvasir/internal/event"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/store"
	"kvasir/internal/store/postgres"
	"kvasir/internal/testenv"
)

func open(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func project(t *testing.T, s *store.Store) account.ProjectID {
	t.Helper()
	key := account.NewKey()
	if _, err := s.EnsureProject(t.Context(), key, time.Now()); err != nil {
		t.Fatal(err)
	}
	caller, err := s.FindKey(t.Context(), key.Hash())
	if err != nil {
		t.Fatal(err)
	}
	return caller.Project
}

func create(t *testing.T, s *store.Store, p account.ProjectID, title string) (memo.ID, error) {
	t.Helper()
	id := memo.ID(uuid.Must(uuid.NewV7()).String())
	return id, s.CreateMemo(t.Context(), p, id, memo.Draft{Attributes: memo.Attributes{Title: title}, Content: "text"}, time.Now())
}

// TestEventsOfManyNodesAreInOrder follows the log while four nodes write: whoever has
// read up to a number never misses a smaller one.
func TestEventsOfManyNodesAreInOrder(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t).Database(t)
	reader := open(t, url)
	p := project(t, reader)
	const nodes, callers, each = 4, 4, 25
	var writers sync.WaitGroup
	for range nodes {
		s := open(t, url)
		for range callers {
			writers.Go(func() {
				for range each {
					if _, err := create(t, s, p, "T"); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	var seen []event.Event
	for last := false; !last; {
		signal := reader.EventSignal()
		cursor := int64(0)
		if len(seen) > 0 {
			cursor = seen[len(seen)-1].Seq
		}
		select {
		case <-done:
			last = true
		default:
		}
		page, err := reader.Events(t.Context(), p, cursor, 1000)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, page...)
		if last {
			break
		}
		select { // another node's write wakes this one
		case <-signal:
		case <-done:
		}
	}
	if len(seen) != nodes*callers*each {
		t.Errorf("%d events were seen, want %d", len(seen), nodes*callers*each)
	}
}

func TestTheServerMayStopAndComeBack(t *testing.T) {
	t.Parallel()
	cluster := testenv.Postgres(t)
	s := open(t, cluster.Database(t))
	p := project(t, s)
	kept, err := create(t, s, p, "before")
	if err != nil {
		t.Fatal(err)
	}
	if err := cluster.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := create(t, s, p, "meanwhile"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a write without a server: %v, want Unavailable", err)
	}
	if err := s.Ping(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a read without a server: %v, want Unavailable", err)
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	var after memo.ID
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if after, err = create(t, s, p, "after"); err == nil || time.Now().After(deadline) {
			break
		}
	}
	for _, id := range []memo.ID{kept, after} {
		if _, err := s.FindMemo(t.Context(), p, memo.Ref{ID: id}); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestOpenIsRefused(t *testing.T) {
	t.Parallel()
	cluster := testenv.Postgres(t)
	url := cluster.Database(t)
	open(t, url)
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if _, err := c.Exec(t.Context(), "INSERT INTO kvasir.goose_db_version (version_id, is_applied) VALUES (4711, true)"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, url string
		kind      fault.Kind
		words     string
	}{
		{"a newer schema", url, fault.Conflict, "4711"},
		{"no URL", "postgres://user:geheim@host:port/x", fault.Invalid, "DATABASE_URL"},
		{"no server", "postgres://user:geheim@127.0.0.1:1/x", fault.Unavailable, "not available"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := postgres.Open(t.Context(), tt.url, nil)
			if !fault.Is(err, tt.kind) || !strings.Contains(fault.Message(err), tt.words) {
				t.Errorf("Open = %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "geheim") {
				t.Error("the error shows the password")
			}
		})
	}
}

func TestTextsMayHoldAnything(t *testing.T) {
	t.Parallel()
	s := open(t, testenv.Postgres(t).Database(t))
	p := project(t, s)
	id, err := create(t, s, p, "zero \x00 and \xff\xfe")
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.FindMemo(t.Context(), p, memo.Ref{ID: id})
	if err != nil || m.Title != "zero \uFFFD and \uFFFD" {
		t.Errorf("%q, %v", m.Title, err)
	}
}
