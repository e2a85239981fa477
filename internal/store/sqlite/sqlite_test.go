package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"kvasir/internal/account"
	"kvasir/internal/fault"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/store"
	"kvasir/internal/store/sqlite"
	"kvasir/internal/store/storetest"
)

// crashFolder names the folder in which a copy of this program writes until it
// is killed.
const crashFolder = "KVASIR_TEST_CRASH_FOLDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashFolder); dir != "" {
		if err := writeUntilKilled(context.Background(), dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	goleak.VerifyTestMain(m)
}

// openAt opens the store in dir and closes it after the test.
func openAt(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), dir, nil)
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

// raw opens the database file beside the store.
func raw(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "kvasir.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func newID() memo.ID { return memo.ID(uuid.Must(uuid.NewV7()).String()) }

// project returns the default project, which it creates.
func project(ctx context.Context, s *store.Store) (account.ProjectID, error) {
	key := account.NewKey()
	if _, err := s.EnsureProject(ctx, key, time.Now()); err != nil {
		return "", err
	}
	caller, err := s.FindKey(ctx, key.Hash())
	return caller.Project, err
}

func mustProject(t *testing.T, s *store.Store) account.ProjectID {
	t.Helper()
	p, err := project(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func draft(content string) memo.Draft {
	return memo.Draft{Attributes: memo.Attributes{Title: "T"}, Content: content}
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Database {
		dir := t.TempDir()
		s := openAt(t, dir)
		// insert adds a project to the organization that a query gives.
		insert := func(t *testing.T, organization string) account.ProjectID {
			t.Helper()
			id := account.ProjectID(newID())
			_, err := raw(t, dir).ExecContext(t.Context(), `
INSERT INTO projects (id, organization, name, bootstrap, created) SELECT $1, id, 'Further', false, 0 FROM organizations
WHERE id = $2 OR $2 = '' LIMIT 1`, string(id), organization)
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		return storetest.Database{
			Store:      s,
			AddProject: func(t *testing.T) account.ProjectID { t.Helper(); return insert(t, "") },
			AddTenant: func(t *testing.T) account.ProjectID {
				t.Helper()
				organization := string(newID())
				_, err := raw(t, dir).ExecContext(t.Context(),
					`INSERT INTO organizations (id, name, created) VALUES ($1, 'Other', 0)`, organization)
				if err != nil {
					t.Fatal(err)
				}
				return insert(t, organization)
			},
		}
	})
}

func TestConcurrentWritesAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir)
	p := mustProject(t, s)
	const callers, each = 32, 20
	ids := make([][]memo.ID, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for range each {
				id := newID()
				if err := s.CreateMemo(t.Context(), p, id, draft("text"), time.Now()); err != nil {
					t.Error(err)
				}
				if _, err := s.FindMemo(t.Context(), p, memo.Ref{ID: id}); err != nil {
					t.Errorf("a memo just created: %v", err)
				}
				ids[i] = append(ids[i], id)
				// A project that does not exist: this write fails among the others.
				if err := s.CreateMemo(t.Context(), "nowhere", newID(), draft("text"), time.Now()); err == nil {
					t.Error("a memo was stored in no project")
				}
			}
		})
	}
	wg.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := openAt(t, dir)
	for _, list := range ids {
		for _, id := range list {
			if _, err := again.FindMemo(t.Context(), p, memo.Ref{ID: id}); err != nil {
				t.Errorf("memo %s after reopening: %v", id, err)
			}
		}
	}
	if c, err := again.Counts(t.Context()); c.Pending != callers*each || err != nil {
		t.Errorf("Counts = %+v, %v, want %d memos", c, err, callers*each)
	}
}

// writeUntilKilled prints the project, and each memo's id after it was stored.
func writeUntilKilled(ctx context.Context, dir string) error {
	s, err := sqlite.Open(ctx, dir, nil)
	if err != nil {
		return err
	}
	p, err := project(ctx, s)
	if err != nil {
		return err
	}
	fmt.Println(p)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				id := newID()
				err := s.CreateMemo(ctx, p, id, draft(strings.Repeat("text ", 1000)), time.Now())
				mu.Lock()
				if err == nil {
					fmt.Println(id)
				}
				mu.Unlock()
				if _, err := s.Claim(ctx, "killed", 1, 1<<20, time.Now()); err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.New("the writers have ended")
}

func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), crashFolder+"="+dir)
	child.Stderr = t.Output()
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var acknowledged []memo.ID
	lines.Scan()
	p := account.ProjectID(lines.Text())
	for lines.Scan() {
		acknowledged = append(acknowledged, memo.ID(lines.Text()))
		if len(acknowledged) == 200 {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || len(acknowledged) < 200 {
		t.Fatalf("the writer ended by itself after %d memos: %v", len(acknowledged), err)
	}
	s := openAt(t, dir)
	for _, id := range acknowledged {
		m, err := s.FindMemo(t.Context(), p, memo.Ref{ID: id})
		if len(id) == 36 && (err != nil || len(*m.Content) != 5000) { // the last line may be cut
			t.Errorf("acknowledged memo %s: %v", id, err)
		}
	}
	// The killed worker's claims are free at once.
	c, err := s.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	work, err := s.Claim(t.Context(), "next", 100_000, 1<<40, time.Now())
	if err != nil || len(work) != c.Pending {
		t.Errorf("claimed %d of %d memos, %v", len(work), c.Pending, err)
	}
}

func TestClosedStoreSaysSo(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir())
	p := mustProject(t, s)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Ping(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Ping = %v, want Unavailable", err)
	}
	if err := s.CreateMemo(t.Context(), p, newID(), draft("x"), time.Now()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("CreateMemo = %v, want Unavailable", err)
	}
}

// What an organization has paid for goes with it.
func TestTheCacheGoesWithItsOrganization(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir)
	s.BoundCache(1 << 20)
	db := raw(t, dir)
	for _, statement := range []string{
		`INSERT INTO organizations (id, name, created) VALUES ('o', 'Other', 0)`,
		`INSERT INTO projects (id, organization, name, bootstrap, created) VALUES ('p', 'o', 'P', false, 0)`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	space := llm.VectorSpace{Model: "m", Dimensions: 1, Input: llm.InputDocument}
	hash := []llm.TextHash{llm.HashText("text")}
	if err := s.CacheVectors(t.Context(), "p", space, hash, []llm.Vector{{1}}); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`PRAGMA foreign_keys = ON`, `DELETE FROM projects WHERE id = 'p'`, `DELETE FROM organizations WHERE id = 'o'`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	var left int
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM cached_vectors`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d vectors are left of an organization that is gone, %v", left, err)
	}
}

// What is large goes through every step of the way.
func TestTextOf64MiB(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it writes 200 MB")
	}
	s := openAt(t, t.TempDir())
	p, ctx := mustProject(t, s), t.Context()
	id := newID()
	d := memo.Draft{Attributes: memo.Attributes{Title: "T"}, File: &memo.File{Name: "a", Blob: "b", Hash: "h", Size: 1}}
	claim := func() memo.Work {
		work, err := s.Claim(ctx, "worker", 1, 1<<30, time.Now())
		if err != nil || len(work) != 1 {
			t.Fatalf("Claim = %d memos, %v", len(work), err)
		}
		return work[0]
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.CreateMemo(ctx, p, id, d, time.Now()))
	text := strings.Repeat("0123456789abcde\n", 4<<20)
	must(s.SaveParsed(ctx, claim(), memo.Parsed{Text: text}, time.Now()))
	must(s.Release(ctx, "worker"))
	w := claim()
	if *w.Content != text {
		t.Fatalf("claimed a text of %d bytes, want %d", len(*w.Content), len(text))
	}
	var chunks []memo.Chunk
	for start := 0; start < len(text); start += 64 << 10 {
		chunks = append(chunks, memo.Chunk{
			ID: memo.ChunkID(newID()), Index: len(chunks), Start: start, End: start + 64<<10,
		})
	}
	must(s.SaveChunks(ctx, w, chunks, memo.StageEmbedding, time.Now()))
	_, err := s.Finish(ctx, w, time.Now())
	must(err)
	last := chunks[len(chunks)-1]
	found, err := s.Passages(ctx, p, []memo.ChunkID{last.ID})
	if err != nil || len(found) != 1 || found[0].Content != text[last.Start:] {
		t.Errorf("the last passage: %d found, %v", len(found), err)
	}
	changes, err := s.Changes(ctx, p, "m", 0, 10)
	if err != nil || len(changes) != 1 || len(changes[0].Chunks) != len(chunks) {
		t.Errorf("the index learns of %d memos, %v", len(changes), err)
	}
	m, err := s.FindMemo(ctx, p, memo.Ref{ID: id})
	if err != nil || *m.Content != text {
		t.Errorf("the memo is read with %v", err)
	}
	_, err = s.DeleteMemo(ctx, p, memo.Ref{ID: id}, time.Now())
	must(err)
}
