package blob_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kvasir/internal/account"
)

func TestSweepRemovesOldFilesThatNobodyNames(t *testing.T) {
	t.Parallel()
	s, dir := openDisk(t)
	now := time.Now()
	write := func(key string, age time.Duration) {
		t.Helper()
		if _, _, err := s.Put(t.Context(), key, strings.NewReader(key), 100); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Join(dir, key), now, now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	write("ours/named", 48*time.Hour)
	write("ours/orphan", 48*time.Hour)
	write("ours/orphan.part-ABCDEFGH", 48*time.Hour)
	write("ours/new", time.Hour)
	write("theirs/unknown", 48*time.Hour)
	write("README", 48*time.Hour)
	named := func(_ context.Context, p account.ProjectID) ([]string, bool, error) {
		return []string{"ours/named", "ours/gone"}, p == "ours", nil
	}
	if n, err := s.Sweep(t.Context(), now.Add(-24*time.Hour), named); n != 2 || err != nil {
		t.Errorf("Sweep = %d, %v, want 2 files removed", n, err)
	}
	got := filesIn(t, dir)
	for i := range got {
		got[i] = filepath.ToSlash(strings.TrimPrefix(got[i], dir+string(filepath.Separator)))
	}
	if want := []string{"README", "ours/named", "ours/new", "theirs/unknown"}; !slices.Equal(got, want) {
		t.Errorf("left are %v, want %v", got, want)
	}
}

func TestSweepRemovesNothingIfNamesCannotBeRead(t *testing.T) {
	t.Parallel()
	s, dir := openDisk(t)
	if _, _, err := s.Put(t.Context(), key, strings.NewReader("x"), 10); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the database is gone")
	_, err := s.Sweep(t.Context(), time.Now().Add(time.Hour), func(context.Context, account.ProjectID) ([]string, bool, error) {
		return nil, true, broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("Sweep = %v", err)
	}
	if n := filesIn(t, dir); len(n) != 1 {
		t.Errorf("left are %v", n)
	}
}
