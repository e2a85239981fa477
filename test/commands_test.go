package test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sync/errgroup"

	"kvasir/internal/provider/providertest"
)

// patience is how long waitfor polls: far longer than anything takes, so that
// only what never happens fails.
const patience = 90 * time.Second

// A room is what a script has of its own beside its environment.
type room struct {
	provider *providertest.Server
}

// provider starts a scripted provider and points the environment at it. With a
// delay, embedding requests take that long, and as long passes between tokens.
func provider(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: provider [delay]")
	}
	opts := providertest.Options{}
	if len(args) == 1 {
		delay, err := time.ParseDuration(args[0])
		ts.Check(err)
		opts.TokenDelay = delay
		opts.Latency = map[providertest.Kind]time.Duration{providertest.Embed: delay}
	}
	srv := providertest.Start(opts)
	ts.Defer(srv.Close)
	ts.Value(roomKey{}).(*room).provider = srv
	ts.Setenv("OPENAI_BASE_URL", srv.BaseURL())
	ts.Setenv("OPENAI_API_KEY", "sk-test-0123456789")
	ts.Setenv("EMBEDDING_PROVIDER", "openai")
}

// answering waits until the provider is writing an answer.
func answering(ts *testscript.TestScript, neg bool, args []string) {
	srv := ts.Value(roomKey{}).(*room).provider
	if neg || len(args) != 0 || srv == nil {
		ts.Fatalf("usage: answering, after provider")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ts.Check(srv.WaitFor(ctx, func() bool { return srv.Totals(providertest.Chat).InFlight > 0 }))
}

// waitfor polls a path until its answer contains a text.
func waitfor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitfor PATH SUBSTRING")
	}
	last := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		_, body, err := send(ts, http.MethodGet, args[0], "")
		if err == nil && strings.Contains(body, args[1]) {
			return
		}
		last = fmt.Sprint(body, err)
		poll := time.NewTimer(20 * time.Millisecond)
		<-poll.C
	}
	ts.Fatalf("%s never contained %q; last: %s", args[0], args[1], last)
}

// request sends one request and checks its status; the body goes to stdout.
func request(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || len(args) > 4 {
		ts.Fatalf("usage: http METHOD PATH STATUS [BODY]")
	}
	body := ""
	if len(args) == 4 {
		body = args[3]
	}
	status, answer, err := send(ts, args[0], args[1], body)
	ts.Check(err)
	_, err = fmt.Fprintln(ts.Stdout(), answer)
	ts.Check(err)
	if want, err := strconv.Atoi(args[2]); err != nil || status != want {
		ts.Fatalf("%s %s: status %d, want %s: %s", args[0], args[1], status, args[2], answer)
	}
}

// memos posts n memos in parallel. Memo i alone has the word "needle<i>x".
func memos(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(strings.Join(args, " "))
	if neg || err != nil {
		ts.Fatalf("usage: memos N")
	}
	var g errgroup.Group
	g.SetLimit(32)
	for i := range n {
		g.Go(func() error {
			text := fmt.Sprintf("This memo has needle%dx in it. ", i) + strings.Repeat("Ducks eat seeds and grass. ", 200)
			body := fmt.Sprintf(`{"title": "Memo %d", "content": %q, "reference_id": "ref-%d"}`, i, text, i)
			status, answer, err := send(ts, http.MethodPost, "/api/v1/memo", body)
			if err == nil && status != http.StatusCreated {
				err = fmt.Errorf("memo %d: status %d: %s", i, status, answer)
			}
			return err
		})
	}
	ts.Check(g.Wait())
}

func send(ts *testscript.TestScript, method, path, body string) (int, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, ts.Getenv("KVASIR_URL")+path, bytes.NewBufferString(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", "Bearer "+ts.Getenv("KVASIR_API_KEY"))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(answer), err
}
