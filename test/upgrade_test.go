package test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"kvasir/client"
	"kvasir/internal/account"
	"kvasir/internal/testenv"
)

// An engine is a database, and since which of its migrations it has what.
type engine struct {
	name       string
	driver     string
	dialect    goose.Dialect
	migrations string
	spending   int64
	documents  int64
	nodes      int64
	versions   int64
	newest     int64
}

// Whoever adds a migration says here what databases of the version before it have, in
// [oldData], and moves these on.
var engines = []engine{
	{"SQLite", "sqlite", goose.DialectSQLite3, "../internal/store/sqlite/migrations", 2, 3, 4, 5, 5},
	{"PostgreSQL", "pgx", goose.DialectPostgres, "../internal/store/postgres/migrations", 1, 1, 2, 3, 4},
}

// A lodging is where a database lies, and how a server is pointed at it.
type lodging struct {
	data        string
	environment []string
	db          *sql.DB
}

// lodge makes an empty database.
func (e engine) lodge(t *testing.T, cluster *testenv.Cluster) *lodging {
	t.Helper()
	l := &lodging{data: t.TempDir()}
	address := "file:" + filepath.ToSlash(filepath.Join(l.data, "kvasir.db")) + "?_pragma=journal_mode(WAL)&_pragma=busy_timeout(10000)"
	if e.driver == "pgx" {
		url := cluster.Database(t)
		l.environment = []string{"DATABASE_URL=" + url}
		address = url + "?search_path=kvasir"
	}
	var err error
	if l.db, err = sql.Open(e.driver, address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.db.Close() })
	if e.driver == "pgx" {
		execute(t, l.db, "CREATE SCHEMA kvasir")
	}
	return l
}

// provider returns what brings a database up to a version.
func (e engine) provider(t *testing.T, db *sql.DB) *goose.Provider {
	t.Helper()
	p, err := goose.NewProvider(e.dialect, db, os.DirFS(e.migrations), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// stopAt makes a database of an earlier version, with what it would hold.
func (e engine) stopAt(t *testing.T, l *lodging, version int64) {
	t.Helper()
	if _, err := e.provider(t, l.db).UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	oldData(t, e, l.db, version)
}

// TestUpgrades starts servers on databases of other versions.
func TestUpgrades(t *testing.T) {
	t.Parallel()
	cluster := testenv.Postgres(t)
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			everyVersion(t, e, cluster)
			t.Run("newer", func(t *testing.T) { t.Parallel(); newer(t, e, cluster) })
			t.Run("killed", func(t *testing.T) { t.Parallel(); killed(t, e, cluster) })
		})
	}
}

// everyVersion starts a server on a database of every version that there has been. Nothing
// of what it has is lost, and all of it is found.
func everyVersion(t *testing.T, e engine, cluster *testenv.Cluster) {
	names, err := fs.Glob(os.DirFS(e.migrations), "*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("no migrations, %v", err)
	}
	newest := int64(len(names))
	if newest != e.newest {
		t.Errorf("there is migration %d: say in this test what databases of version %d hold", newest, newest-1)
	}
	for version := int64(1); version <= newest; version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			l := e.lodge(t, cluster)
			e.stopAt(t, l, version)
			vectors := count(t, l.db, "vectors")
			s := serveFolder(t, l.data, l.environment...)
			found(t, e, s, version)
			if now := count(t, l.db, "vectors"); now != vectors {
				t.Errorf("%d vectors, there were %d", now, vectors)
			}
			s.stop(t)
			found(t, e, serveFolder(t, l.data, l.environment...), version) // and so it stays
		})
	}
}

// newer starts a server on a database that knows more than it, which is left alone.
func newer(t *testing.T, e engine, cluster *testenv.Cluster) {
	l := e.lodge(t, cluster)
	e.stopAt(t, l, e.newest)
	applied := "1"
	if e.driver == "pgx" {
		applied = "true"
	}
	execute(t, l.db, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (4711, "+applied+")")
	execute(t, l.db, "CREATE TABLE of_the_future (words text)")
	execute(t, l.db, "INSERT INTO of_the_future VALUES ('unheard of')")
	before := dump(t, l.db)
	for _, args := range [][]string{{"serve", "--listen", "127.0.0.1:0"}, {"backup", filepath.Join(t.TempDir(), "b")}} {
		said, err := run(t, append(l.environment, "KVASIR_DATA="+l.data, "KVASIR_API_KEY="+key, "EMBEDDING_PROVIDER=none"), args...)
		if err == nil || !strings.Contains(said, "4711") || !strings.Contains(said, fmt.Sprint(e.newest)) {
			t.Errorf("kvasir %s: %v, %s; want a refusal that names both versions", args[0], err, said)
		}
	}
	if after := dump(t, l.db); after != before {
		t.Errorf("it has changed from\n%s\nto\n%s", before, after)
	}
}

// killed kills servers in the middle of their migration: on
// SQLite after each step, and on PostgreSQL where a lock of ours holds it up. The next start does the
// rest.
func killed(t *testing.T, e engine, cluster *testenv.Cluster) {
	l := e.lodge(t, cluster)
	e.stopAt(t, l, 1)
	bulk(t, l.db)
	chunks := count(t, l.db, "chunks")
	if e.driver == "pgx" {
		killHeldUp(t, e, l)
	} else {
		killOnTheWay(t, e, l)
	}
	s := serveFolder(t, l.data, l.environment...)
	found(t, e, s, 1)
	if now := count(t, l.db, "chunks"); now < chunks {
		t.Errorf("%d chunks, there were %d", now, chunks)
	}
	if got := version(t, e, l.db); got != e.newest {
		t.Errorf("the schema is %d, want %d", got, e.newest)
	}
}

// start starts a server that is to be killed.
func (l *lodging) start(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "kvasir", "serve", "--listen", "127.0.0.1:0", "--data", l.data)
	cmd.Env = append(os.Environ(), append(l.environment, "KVASIR_API_KEY="+key, "EMBEDDING_PROVIDER=none")...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// killOnTheWay kills a server after each migration but the last, when the next is begun.
func killOnTheWay(t *testing.T, e engine, l *lodging) {
	for reached := int64(2); reached < e.newest; reached++ {
		cmd := l.start(t)
		eventually(t, "a migration is done", func() bool {
			var v int64
			const query = "SELECT max(version_id) FROM goose_db_version"
			if err := l.db.QueryRowContext(t.Context(), query).Scan(&v); err != nil {
				t.Fatal(err)
			}
			return v >= reached
		})
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}
	t.Logf("after the last kill the schema is %d of %d", version(t, e, l.db), e.newest)
}

// killHeldUp kills a server whose last migration waits for a table.
func killHeldUp(t *testing.T, e engine, l *lodging) {
	ctx := context.WithoutCancel(t.Context())
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, "LOCK TABLE chunks IN SHARE MODE"); err != nil {
		t.Fatal(err)
	}
	cmd := l.start(t)
	waiting := func() (n int) {
		const query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
		if err := l.db.QueryRowContext(ctx, query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	eventually(t, "the migration waits", func() bool { return waiting() > 0 })
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it was killed
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the database has noticed", func() bool { return waiting() == 0 })
	if got := version(t, e, l.db); got == e.newest {
		t.Error("the kill came too late")
	}
}

func version(t *testing.T, e engine, db *sql.DB) int64 {
	t.Helper()
	v, err := e.provider(t, db).GetDBVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func count(t *testing.T, db *sql.DB, table string) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// dump tells what a database has, as far as a refusal could touch it.
func dump(t *testing.T, db *sql.DB) string {
	t.Helper()
	var b strings.Builder
	for _, query := range []string{
		"SELECT id || stage || coalesce(claimed_by, '') FROM memos ORDER BY id", "SELECT hash FROM api_keys ORDER BY hash",
		"SELECT words FROM of_the_future", "SELECT CAST(version_id AS text) FROM goose_db_version ORDER BY id",
		"SELECT id FROM chunks ORDER BY id",
	} {
		rows, err := db.QueryContext(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			b.WriteString(line + "\n")
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

const (
	oldOrganization = "00000000-0000-7000-8000-00000000000a"
	oldProject      = "00000000-0000-7000-8000-00000000000b"
	oldChat         = "00000000-0000-7000-8000-00000000000c"
	oldHook         = "00000000-0000-7000-8000-00000000000d"
)

// oldMemos are what is in a database of any version, by their ids' last digits.
var oldMemos = []struct {
	id, title, stage, content, word string
}{
	{"01", "Done", "processed", "The axolotl keeps its gills.", "axolotl"},
	{"02", "Waiting", "received", "The bilby digs at night.", "bilby"},
	{"03", "Under way", "embedding", "The colugo glides from tree to tree.", "colugo"},
	{"04", "Failed", "error", "The dik-dik marks its ground.", ""},
	{"05", "Long", "processed", strings.Repeat("Nothing is said here. ", 5000) + "The fossa climbs.", "fossa"},
}

func oldMemo(id string) string { return "00000000-0000-7000-8000-0000000000" + id }

// oldData fills a database as Kvasir did when that version was its newest.
func oldData(t *testing.T, e engine, db *sql.DB, version int64) {
	t.Helper()
	k, err := account.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	do := func(statement string, args ...any) { t.Helper(); execute(t, db, statement, args...) }
	do("INSERT INTO organizations (id, name, created) VALUES ($1, 'Default', 1)", oldOrganization)
	do("INSERT INTO projects (id, organization, name, bootstrap, created) VALUES ($1, $2, 'Default Project', true, 1)",
		oldProject, oldOrganization)
	do("INSERT INTO api_keys (hash, prefix, project, bootstrap, created) VALUES ($1, $2, $3, true, 1)",
		k.Hash(), k.Prefix(), oldProject)
	do("INSERT INTO models (id, name, dimensions) VALUES (7, 'a model', 2)")
	for i, m := range oldMemos {
		id := oldMemo(m.id)
		live := 0
		if m.stage == "processed" {
			live = 1
		}
		do(`INSERT INTO memos (id, project, type, title, tags, metadata, created, updated, stage, generation, live_generation, queued)
			VALUES ($1, $2, 'plaintext', $3, '["old"]', '{"year":2025}', $4, $4, $5, 1, $6, 1)`, id, oldProject, m.title, i+1, m.stage, live)
		oldText(t, e, db, version, id, m.title, m.content)
		if m.stage == "received" || m.stage == "error" {
			continue
		}
		end := len(m.content)
		start := max(0, strings.LastIndex(m.content, "The "))
		if start > 0 {
			do(`INSERT INTO chunks (memo, generation, position, id, start_byte, end_byte, headings) VALUES ($1, 1, 0, $2, 0, $3, '[]')`,
				id, "chunk-0-"+m.id, start)
		}
		do(`INSERT INTO chunks (memo, generation, position, id, start_byte, end_byte, headings) VALUES ($1, 1, 1, $2, $3, $4, '["H"]')`,
			id, "chunk-1-"+m.id, start, end)
		do(`INSERT INTO vectors (chunk, model, vector) VALUES ($1, 7, $2)`, "chunk-1-"+m.id, make([]byte, 8))
		if live == 1 {
			do("INSERT INTO memo_changes (seq, project, memo, deleted) VALUES ($1, $2, $3, false)", i+1, oldProject, id)
		}
	}
	do("UPDATE memos SET summary = 'A summary of old.' WHERE id = $1", oldMemo("01"))
	do("UPDATE memos SET error = 'It was no good.' WHERE id = $1", oldMemo("04"))
	do("UPDATE memos SET claimed_by = 'gone', claimed_until = 2 WHERE id = $1", oldMemo("03"))
	do("INSERT INTO chats (id, project, title, message_count, last_message, created) VALUES ($1, $2, 'Old chat', 2, 5, 4)", oldChat, oldProject)
	for i, by := range []string{"user", "model"} {
		do(`INSERT INTO messages (chat, position, id, sent_by, sent, cut, content) VALUES ($1, $2, $3, $4, 5, false, $5)`,
			oldChat, i, oldMemo(fmt.Sprint("e", i)), by, "Said by the "+by)
	}
	later(e, version, do)
}

// oldText stores a text: long ones are in pieces since there are documents.
func oldText(t *testing.T, e engine, db *sql.DB, version int64, id, title, content string) {
	t.Helper()
	const pieceBytes = 16 << 10
	whole := []byte(content)
	if version >= e.documents && len(content) > 4*pieceBytes {
		whole = nil
	}
	execute(t, db, "INSERT INTO generations (memo, generation, title, hash, bytes, length, content) VALUES ($1, 1, $2, $3, $4, $4, $5)",
		id, title, fmt.Sprintf("%x", sha256.Sum256([]byte(content))), len(content), whole)
	if whole != nil {
		return
	}
	for n, piece := range slices.Collect(slices.Chunk([]byte(content), pieceBytes)) {
		execute(t, db, "INSERT INTO pieces (memo, generation, piece, content) VALUES ($1, 1, $2, $3)", id, n, piece)
	}
}

// later adds what came with later versions.
func later(e engine, version int64, do func(string, ...any)) {
	if version >= e.spending {
		do(`INSERT INTO usage (day, project, api_key, memo, kind, provider, model, requests, input_tokens, cached_tokens, output_tokens, cost)
			VALUES (20000, $1, 'sk_proj_0123', '', 'embed', 'openai', 'm', 3, 100, 0, 0, 4000000000)`, oldProject)
		do("INSERT INTO vector_spaces (id, organization, model, dimensions, input) VALUES (1, $1, 'm', 2, '')", oldOrganization)
		do("INSERT INTO cached_vectors (id, space, hash, used, vector) VALUES (1, 1, 'h', 20000, $1)", make([]byte, 8))
	}
	if version >= e.documents {
		do(`UPDATE projects SET processing = '{"chunk_words":100}'`)
		do(`INSERT INTO enrichments (memo, generation, aspect, position, texts, error, stale)
			VALUES ($1, 1, 'summary', 0, '["A summary of old."]', '', false)`, oldMemo("01"))
		do(`INSERT INTO generation_details (memo, generation, url) VALUES ($1, 1, 'https://example.com/old')`, oldMemo("01"))
		do(`INSERT INTO events (seq, project, kind, at, memo, title, generation, error) VALUES (41, $1, 'memo.processed', $2, $3, 'Done', 1, '')`,
			oldProject, time.Now().UnixMicro(), oldMemo("01"))
		do(`INSERT INTO webhooks (id, project, url, kinds, secret, created, cursor, not_before)
			VALUES ($1, $2, 'https://example.com/hook', '[]', 'whsec_b2xk', 1, 41, $3)`, oldHook, oldProject, time.Now().Add(time.Hour).UnixMicro())
	}
	if version >= e.versions {
		do(`INSERT INTO index_versions (state, model, dimensions, chunker, cut, built, dirty, done, created, flipped)
			VALUES ('live', '', 0, '', 1, true, 0, 0, 1, 1)`)
	}
	if version >= e.nodes {
		do("INSERT INTO duties (name, holder, until) VALUES ('webhooks', 'gone', 2)")
		do("INSERT INTO lane_shares (lane, node, demand, share, until) VALUES ('l', 'gone', 1, 1, 2)")
	}
}

// found fails the test unless a server has all that was put into an old database.
func found(t *testing.T, e engine, s *server, version int64) {
	t.Helper()
	for _, m := range oldMemos {
		ref := client.ByID(oldMemo(m.id))
		if m.stage == "error" {
			if st, err := s.MemoStatus(t.Context(), ref); err != nil || st.Status != "error" || st.ErrorReason != "It was no good." {
				t.Errorf("%s: %+v, %v", m.title, st, err)
			}
		} else if _, err := s.WaitForMemo(t.Context(), ref); err != nil {
			t.Errorf("%s: %v", m.title, err)
		}
		full, err := s.GetMemo(t.Context(), ref)
		if err != nil || full.Content != m.content || full.Title != m.title || len(full.Tags) != 1 {
			t.Errorf("%s is %.100q with the tags %v, %v", m.title, full.Content, full.Tags, err)
		}
		if m.word == "" {
			continue
		}
		hits, err := s.Search(t.Context(), client.SearchRequest{Query: m.word, Limit: 5})
		if err != nil || len(hits) == 0 || hits[0].MemoID != oldMemo(m.id) || !strings.Contains(hits[0].Content, m.word) {
			t.Errorf("a search for %s finds %+v, %v", m.word, hits, err)
		}
	}
	has := map[string]string{
		"/api/v1/memo/" + oldMemo("01"): "A summary of old.",
		"/api/v1/chat/" + oldChat:       "Said by the model",
		"/api/v1/memo":                  fmt.Sprintf(`"count":%d`, len(oldMemos)),
	}
	if version >= e.spending {
		has["/api/v1/usage?from=2024-10-01&to=2024-10-10"] = `"cost":4`
	}
	if version >= e.documents {
		has["/api/v1/webhooks/"+oldHook] = "https://example.com/hook"
		has["/api/v1/processing"] = "100"
	}
	for path, want := range has {
		answer, err := call(s.url, "GET", path, nil)
		if err != nil || !strings.Contains(string(answer), want) {
			t.Errorf("GET %s is %.300s, %v; want %s", path, answer, err, want)
		}
	}
	if version >= e.documents {
		first := s.follow(t, "0", "memo.processed")
		if first[0].id != "41" {
			t.Errorf("the events begin with %+v", first[0])
		}
	}
}

// bulk makes a database so large that its migration takes a moment.
func bulk(t *testing.T, db *sql.DB) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	insert, err := tx.PrepareContext(ctx, `
INSERT INTO chunks (memo, generation, position, id, start_byte, end_byte, headings) VALUES ($1, 1, $2, $3, 0, 4, '[]')`)
	if err != nil {
		t.Fatal(err)
	}
	defer insert.Close()
	for i := range 40_000 { // behind those that there are, of a memo that is not searched
		if _, err := insert.ExecContext(ctx, oldMemo("04"), i, fmt.Sprint("bulk-", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}
