package account_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"kvasir/internal/account"
	"kvasir/internal/fault"
)

func TestHashIsSHA3OfTheWholeKey(t *testing.T) {
	t.Parallel()
	// Known answers of FIPS 202; Keccak before the standard differs.
	tests := map[string]string{
		"":    "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a",
		"abc": "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532",
	}
	for in, want := range tests {
		if got := account.HashKey(in); got != want {
			t.Errorf("HashKey(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	good := "sk_proj_" + strings.Repeat("0a", 20)
	key, err := account.ParseKey(good)
	if err != nil || key.Reveal() != good || key.Prefix() != "sk_proj_0a0a" {
		t.Fatalf("ParseKey(%q) = %q with prefix %q, %v", good, key.Reveal(), key.Prefix(), err)
	}
	for _, bad := range []string{
		"", "sk_proj_", good[:47], good + "0", strings.ToUpper(good), "sk_test_" + good[8:], " " + good,
	} {
		if _, err := account.ParseKey(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("ParseKey(%q): %v, want an Invalid fault", bad, err)
		}
	}
}

func TestNewKeysDifferAndParse(t *testing.T) {
	t.Parallel()
	a, b := account.NewKey(), account.NewKey()
	if a == b {
		t.Error("two new keys are equal")
	}
	if _, err := account.ParseKey(a.Reveal()); err != nil {
		t.Errorf("ParseKey(NewKey()): %v", err)
	}
	if !(account.Key{}).IsZero() || a.IsZero() {
		t.Error("IsZero is wrong")
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	t.Parallel()
	key := account.NewKey()
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("key", "key", key)
	for _, printed := range []string{fmt.Sprint(key), fmt.Sprintf("%v %s %q", key, key, key), log.String()} {
		if strings.Contains(printed, key.Reveal()[8:]) {
			t.Errorf("the key shows in %q", printed)
		}
	}
}
