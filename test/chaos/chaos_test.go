// Package chaos pulls the plugs: of the process, of the database, of the network
// between them, of the disk, of the provider and of the clients, while memos are
// created, edited, deleted, uploaded and asked about. Then there is peace, and what is
// there is compared with what was acknowledged.
//
// Everything is real: the binary (this test binary under another name, so the race
// detector watches it, too), SQLite files, PostgreSQL servers of the tests' own, and a
// scripted provider that sells vectors and remembers to whom. A [ledger] remembers
// what the server has said yes to. A write whose answer never came may have happened or
// not; both are right, but nothing in between.
//
//	go test ./test/chaos              # a short run, about a minute
//	go test ./test/chaos -rounds 100  # a hundred kills on each store, five minutes of dying nodes
//
// After each scenario [invariants] holds the server to this:
//
//   - what was acknowledged last is there: texts, files and answers to the byte;
//   - what was deleted is neither read nor found;
//   - no memo, no passage and no result is there twice;
//   - a memo's passages tile its own text, so no two versions are mixed;
//   - nothing is stuck: all is processed within a minute of peace, and no vector missing;
//   - no more vectors were bought again than were on their way at the kills.
package chaos

import (
	"flag"
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"kvasir/internal/cli"
	"kvasir/internal/provider/providertest"
)

// rounds is how often a server is killed on each store; many make the other
// scenarios long, too.
var rounds = flag.Int("rounds", 4, "kills on each store; with 100 and more everything runs long")

const (
	key = "sk_proj_0123456789abcdef0123456789abcdef01234567"
	// patience is how long anything may take after the last plug is back in.
	patience = time.Minute
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"kvasir": func() { os.Exit(cli.Run()) }})
}

// long reports whether the run is to be thorough.
func long() bool { return *rounds >= 100 }

// seller starts a provider that remembers what it has sold, and returns the
// environment of a server that buys there. Second tries of slow calls are off: they
// buy twice on purpose.
func seller(t *testing.T, b providertest.Behaviour) (*providertest.Server, []string) {
	t.Helper()
	srv := providertest.Start(providertest.Options{Behaviour: b, Remember: true, Keep: 1_000_000})
	t.Cleanup(srv.Close)
	return srv, []string{
		"EMBEDDING_PROVIDER=openai", "LLM_PROVIDER=openai", "OPENAI_API_KEY=sk-test", "OPENAI_BASE_URL=" + srv.BaseURL(),
		"KVASIR_HEDGE_SHARE=0", "KVASIR_EMBED_CONCURRENCY=4", "KVASIR_PARSE_WORKERS=1",
	}
}

// unhurried is a provider that is well, and slow enough to be killed at.
func unhurried() providertest.Behaviour {
	slow := providertest.Pace{Latency: providertest.Duration(60 * time.Millisecond), Jitter: 0.5}
	return providertest.Behaviour{Embed: providertest.Manner{Pace: slow}, Chat: providertest.Manner{Pace: slow}}
}

// eventually waits until a condition holds that nothing tells of.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("it never happened that %s", what)
		}
		rest(50 * time.Millisecond)
	}
}

// rest lets time pass.
func rest(d time.Duration) {
	passed := time.NewTimer(d)
	<-passed.C
}
