package test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kvasir/client"
	"kvasir/internal/testenv"
)

// run runs a command of the binary and returns what it said.
func run(t *testing.T, environment []string, args ...string) (said string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "kvasir", args...)
	cmd.Env = append(os.Environ(), environment...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestBackup moves a server's memos from SQLite to PostgreSQL and back, the first time
// while it serves, and finds the same each time, bought once.
func TestBackup(t *testing.T) {
	t.Parallel()
	provider, environment := scripted(t)
	data, dir := t.TempDir(), t.TempDir()
	s := serveFolder(t, data, environment...)
	post(t, s.Client, 40)
	const letter = "Dear Sir, the quagga is gone."
	uploaded, err := s.UploadFile(t.Context(), client.Upload{Name: "letter.txt", Body: strings.NewReader(letter)})
	if err != nil {
		t.Fatal(err)
	}
	processed(t, s)
	bought := len(provider.Requests("embed"))
	want := picture(t, s)

	first := filepath.Join(dir, "first.tar.gz")
	if said, err := run(t, nil, "backup", first, "--data", data); err != nil || !strings.Contains(said, "41 memos") {
		t.Fatalf("backup: %v\n%s", err, said)
	}
	if said, err := run(t, nil, "backup", first, "--data", data); err == nil || !strings.Contains(said, "is there already") {
		t.Errorf("a second one of that name: %v\n%s", err, said)
	}
	if said, err := run(t, nil, "verify", first); err != nil || !strings.Contains(said, "41 memos") {
		t.Errorf("verify: %v\n%s", err, said)
	}
	s.stop(t)

	database := "DATABASE_URL=" + testenv.Postgres(t).Database(t)
	second, elsewhere := filepath.Join(dir, "second.tar.gz"), t.TempDir()
	if said, err := run(t, []string{database}, "restore", first, "--data", elsewhere); err != nil {
		t.Fatalf("restore: %v\n%s", err, said)
	}
	if said, err := run(t, []string{database}, "restore", first, "--data", elsewhere); err == nil ||
		!strings.Contains(said, "there is data already") {
		t.Errorf("restore over it: %v\n%s", err, said)
	}
	p := serveFolder(t, elsewhere, append(environment, database)...)
	if got := picture(t, p); got != want {
		t.Errorf("on PostgreSQL there is\n%s\nwant\n%s", got, want)
	}
	original, err := p.Original(t.Context(), client.ByID(uploaded))
	if err != nil {
		t.Fatal(err)
	}
	var content bytes.Buffer
	if _, err := content.ReadFrom(original.Body); err != nil || content.String() != letter {
		t.Errorf("the original is %q, %v", &content, err)
	}
	original.Body.Close()
	post(t, p.Client, 1) // numbers go on where they were
	processed(t, p)
	want = picture(t, p)
	if said, err := run(t, []string{database}, "backup", second, "--data", elsewhere); err != nil {
		t.Fatalf("backup of PostgreSQL: %v\n%s", err, said)
	}
	p.stop(t)

	back := t.TempDir()
	if said, err := run(t, nil, "restore", second, "--data", back); err != nil {
		t.Fatalf("restore into SQLite: %v\n%s", err, said)
	}
	again := serveFolder(t, back, environment...)
	if got := picture(t, again); got != want {
		t.Errorf("back on SQLite there is\n%s\nwant\n%s", got, want)
	}
	if n := len(provider.Requests("embed")); n > bought+10 { // of the searches, and the memo
		t.Errorf("%d requests for vectors after %d before the moves", n, bought)
	}
}

// picture tells what a server has.
func picture(t *testing.T, s *server) string {
	t.Helper()
	var b strings.Builder
	for m, err := range s.AllMemos(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		full, err := s.GetMemo(t.Context(), client.ByID(m.ID))
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(m.ID + " " + full.Title + " " + full.Content + "\n")
	}
	found, err := s.Search(t.Context(), client.SearchRequest{Query: "the quagga", Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		b.WriteString(f.ChunkID + "\n")
	}
	return b.String()
}

// TestADamagedBackupIsRefused turns every so many bytes of a backup over, and cuts it
// off: nothing of it gets past verify.
func TestADamagedBackupIsRefused(t *testing.T) {
	t.Parallel()
	data, dir := t.TempDir(), t.TempDir()
	s := serveFolder(t, data)
	post(t, s.Client, 3)
	processed(t, s)
	file := filepath.Join(dir, "good.tar.gz")
	if said, err := run(t, nil, "backup", file, "--data", data); err != nil {
		t.Fatalf("backup: %v\n%s", err, said)
	}
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(dir, "bad.tar.gz")
	for at := 20; at < len(good)-8; at += len(good) / 7 {
		flipped := bytes.Clone(good)
		flipped[at] ^= 0x40
		for _, content := range [][]byte{flipped, good[:at]} {
			if same(t, content, good) { // some bits of gzip mean nothing
				continue
			}
			if err := os.WriteFile(bad, content, 0o600); err != nil {
				t.Fatal(err)
			}
			if said, err := run(t, nil, "verify", bad); err == nil || strings.Contains(said, "panic") {
				t.Errorf("damaged at %d: %v\n%s", at, err, said)
			}
			if said, err := run(t, nil, "restore", bad, "--data", filepath.Join(dir, "new")); err == nil {
				t.Errorf("damaged at %d, and restored: %s", at, said)
			}
		}
	}
}

// same reports whether two gzipped files hold the same.
func same(t *testing.T, a, b []byte) bool {
	t.Helper()
	var held [2][]byte
	for i, zipped := range [][]byte{a, b} {
		r, err := gzip.NewReader(bytes.NewReader(zipped))
		if err != nil {
			return false
		}
		if held[i], err = io.ReadAll(r); err != nil {
			return false
		}
	}
	return bytes.Equal(held[0], held[1])
}
