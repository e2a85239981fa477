package sqlite_test

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/fault"
	"kvasir/internal/memo"
	"kvasir/internal/store/sqlite"
)

var update = flag.Bool("update", false, "rewrite schema.sql")

func TestFolderIsLocked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir)
	_, err := sqlite.Open(t.Context(), dir, nil)
	if !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Message(err), "pid "+strconv.Itoa(os.Getpid())) {
		t.Errorf("a second Open: %v, want a refusal that names our pid", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openAt(t, dir)
}

func TestNewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := openAt(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	_, err := raw(t, dir).ExecContext(t.Context(),
		`INSERT INTO goose_db_version (version_id, is_applied) VALUES (4711, true)`)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the refusal frees the folder again
		_, err = sqlite.Open(t.Context(), dir, nil)
		if !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Message(err), "4711") {
			t.Errorf("Open = %v, want a refusal that names the schema", err)
		}
	}
}

func TestDamagedFileIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	junk := []byte(strings.Repeat("no database", 500))
	if err := os.WriteFile(filepath.Join(dir, "kvasir.db"), junk, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), dir, nil); err == nil {
		t.Error("Open took a file that is no database")
	}
}

func TestFolderNameMayHoldAnything(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "50% of it? #1 (ü)")
	openAt(t, dir)
	if _, err := os.Stat(filepath.Join(dir, "kvasir.db")); err != nil {
		t.Error(err)
	}
}

func TestSchemaIsCommitted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	openAt(t, dir)
	rows, err := raw(t, dir).QueryContext(t.Context(), `
SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%'
ORDER BY tbl_name, type DESC, name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got strings.Builder
	got.WriteString("-- The schema after all migrations, written by: go test ./internal/store/sqlite -update\n")
	for rows.Next() {
		var statement string
		if err := rows.Scan(&statement); err != nil {
			t.Fatal(err)
		}
		got.WriteString("\n" + statement + ";\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("schema.sql", []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("the schema differs from schema.sql; run with -update and read the change (-want +got):\n%s", diff)
	}
}

// A folder of an earlier version opens, and its memos are there.
func TestAFolderOfAnEarlierVersionOpens(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := raw(t, dir)
	var statements []string
	for _, name := range []string{"00001_first.sql", "00002_spending.sql"} {
		migration, err := os.ReadFile(filepath.Join("migrations", name))
		if err != nil {
			t.Fatal(err)
		}
		_, schema, _ := strings.Cut(string(migration), "-- +goose Up")
		statements = append(statements, schema)
	}
	// The second memo is a book, whose text was in one row then.
	statements = append(statements, `
CREATE TABLE goose_db_version (
	id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL,
	tstamp TIMESTAMP DEFAULT (datetime('now')));
INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (1, 1), (2, 1);
INSERT INTO organizations (id, name, created) VALUES ('o', 'Default', 0);
INSERT INTO projects (id, organization, name, bootstrap, created) VALUES ('p', 'o', 'Default Project', true, 0);
INSERT INTO memos (id, project, type, title, tags, metadata, created, updated, stage, generation, queued)
VALUES ('m', 'p', 'plaintext', 'Old', '["a"]', '{}', 0, 0, 'received', 1, 0);
INSERT INTO generations (memo, generation, title, hash, bytes, length, content)
VALUES ('m', 1, 'Old', 'h', 4, 4, CAST('text' AS blob));
INSERT INTO memos
	(id, project, type, title, tags, metadata, created, updated, stage, generation, live_generation, queued)
VALUES ('b', 'p', 'plaintext', 'Book', '[]', '{}', 0, 0, 'processed', 1, 1, 0);
INSERT INTO generations (memo, generation, title, hash, bytes, length, content)
VALUES ('b', 1, 'Book', 'h', 100000, 100000, CAST(replace(hex(zeroblob(50000)), '0', 'x') AS blob));
INSERT INTO chunks (memo, generation, position, id, start_byte, end_byte, headings) VALUES
	('b', 1, 0, 'c', 0, 99990, '[]'), ('b', 1, 1, 'd', 99990, 100000, '["H"]');`)
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	s := openAt(t, dir)
	work, err := s.Claim(t.Context(), "worker", 10, 1<<20, time.Now())
	if err != nil || len(work) != 1 || work[0].Title != "Old" || *work[0].Content != "text" || work[0].Key != "" {
		t.Errorf("the work of an old folder: %+v, %v", work, err)
	}
	found, err := s.Passages(t.Context(), "p", []memo.ChunkID{"d"})
	if err != nil || len(found) != 1 || found[0].Content != "xxxxxxxxxx" || len(found[0].Snippet) != 100 {
		t.Errorf("a passage of an old folder: %+v, %v", found, err)
	}
	m, err := s.UpdateMemo(t.Context(), "p", memo.Ref{ID: "b"}, memo.Patch{Title: new("New")}, time.Now())
	if err != nil || m.Generation != 2 {
		t.Errorf("an edit in an old folder: %+v, %v", m, err)
	}
	if book, err := s.FindMemo(t.Context(), "p", memo.Ref{ID: "b"}); err != nil || len(*book.Content) != 100_000 {
		t.Errorf("a book of an old folder: %v", err)
	}
}
