package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"kvasir/internal/store/postgres"
	"kvasir/internal/testenv"
)

// TestSearchesReadTheReplica reads changes where the replica stands still, goes on, is
// gone, and is back.
func TestSearchesReadTheReplica(t *testing.T) {
	t.Parallel()
	cluster := testenv.Postgres(t)
	url := cluster.Database(t)
	replica := cluster.Replica(t)
	s, err := postgres.Open(t.Context(), url, &postgres.Options{Replica: replica.Of(url)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	p := project(t, s)
	wait(t, replica.Of(url), "to_regclass('kvasir.memo_changes') IS NOT NULL") // it has followed so far
	latest := func() int64 {
		t.Helper()
		seq, err := s.LatestChange(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		return seq
	}
	until := func(what string, want func() bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !want(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
		}
	}
	change := func() {
		t.Helper()
		on(t, url, fmt.Sprintf("INSERT INTO kvasir.memo_changes (project, memo, deleted) VALUES ('%s', '%s', true)", p, uuid.NewString()))
	}
	change()
	until("the replica does not follow", func() bool { return latest() == 1 })

	pause(t, replica.Of(url))
	change()
	if got := latest(); got != 1 {
		t.Errorf("while the replica stands still, the last change is %d", got)
	}
	on(t, replica.Of(url), "SELECT pg_wal_replay_resume()")
	until("the replica does not go on", func() bool { return latest() == 2 })

	if err := replica.Stop(); err != nil {
		t.Fatal(err)
	}
	change()
	if got := latest(); got != 3 {
		t.Errorf("without the replica, the last change is %d", got)
	}
	if err := replica.Start(); err != nil {
		t.Fatal(err)
	}
	pause(t, replica.Of(url))
	change()
	until("the replica is not asked again", func() bool { return latest() == 3 })
}

// pause has a replica stand still.
func pause(t *testing.T, url string) {
	t.Helper()
	on(t, url, "SELECT pg_wal_replay_pause()")
	wait(t, url, "pg_get_wal_replay_pause_state() = 'paused'")
}

// wait waits until a condition holds on a database.
func wait(t *testing.T, url, condition string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	met := false
	for deadline := time.Now().Add(20 * time.Second); !met; time.Sleep(10 * time.Millisecond) {
		if err := c.QueryRow(t.Context(), "SELECT "+condition).Scan(&met); err != nil || time.Now().After(deadline) {
			t.Fatal(condition, err)
		}
	}
}

// on runs a statement on a database.
func on(t *testing.T, url, statement string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if _, err := c.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
