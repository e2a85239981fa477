// Package test runs the real binary as its users do, by scripts.
//
// A script is a testscript archive in testdata/script. Besides testscript's own
// commands it has:
//
//	freeport NAME                 sets $NAME to a free loopback address
//	provider [delay]              starts a scripted model provider and points the server at it
//	answering                     waits until the provider is writing an answer
//	waitfor PATH SUBSTRING        polls GET $KVASIR_URL/PATH until the body contains SUBSTRING
//	http METHOD PATH STATUS [BODY] sends a request with the key; the body goes to stdout
//	memos N                       posts N memos in parallel, each with its own word
//
// Every script gets its own data folder, key and address in the environment.
package test

import (
	"net"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"kvasir/internal/cli"
)

const key = "sk_proj_0123456789abcdef0123456789abcdef01234567"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"kvasir": func() { os.Exit(cli.Run()) }})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"freeport": freeport,
			"provider": provider, "answering": answering,
			"waitfor": waitfor,
			"http":    request,
			"memos":   memos,
		},
	})
}

// roomKey is where a script's room is.
type roomKey struct{}

// setup gives a script an address, a data folder and a key of its own, and no
// provider: the environment of the person who runs the tests does not matter.
func setup(env *testscript.Env) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	home, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	env.Values[roomKey{}] = &room{}
	env.Setenv("KVASIR_LISTEN", addr)
	env.Setenv("KVASIR_URL", "http://"+addr)
	env.Setenv("KVASIR_DATA", env.WorkDir+"/data")
	env.Setenv("KVASIR_API_KEY", key)
	env.Setenv("XDG_CACHE_HOME", home)
	env.Setenv("EMBEDDING_PROVIDER", "none")
	env.Setenv("NO_COLOR", "1")
	return nil
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func freeport(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: freeport NAME")
	}
	addr, err := freeAddr()
	ts.Check(err)
	ts.Setenv(args[0], addr)
}
