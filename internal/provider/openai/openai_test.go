package openai_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"kvasir/internal/llm"
	"kvasir/internal/provider/exchange"
	"kvasir/internal/provider/openai"
	"kvasir/internal/provider/providertest"
)

var (
	_ llm.Embedder  = (*openai.Embedder)(nil)
	_ llm.Generator = (*openai.Generator)(nil)
)

const key = "sk-test-4815162342"

// start returns a scripted server and a client of it.
func start(t testing.TB, opts providertest.Options) (*providertest.Server, *openai.Client) {
	t.Helper()
	srv := providertest.Start(opts)
	t.Cleanup(srv.Close)
	return srv, client(t, srv, time.Minute)
}

// client returns a client that bears silence for so long.
func client(t testing.TB, srv *providertest.Server, idle time.Duration) *openai.Client {
	t.Helper()
	shared := exchange.NewHTTPClient(exchange.HTTPOptions{})
	t.Cleanup(shared.CloseIdleConnections)
	return openai.New(openai.Config{BaseURL: srv.BaseURL(), APIKey: key, HTTPClient: shared, IdleTimeout: idle})
}

// A kindOfCall makes one call of a kind and returns its error.
type kindOfCall struct {
	name string
	kind providertest.Kind
	make func(context.Context, *openai.Client) error
}

func calls() []kindOfCall {
	return []kindOfCall{
		{"embed", providertest.Embed, func(ctx context.Context, c *openai.Client) error {
			e := c.Embedder(openai.EmbedConfig{Model: "m"})
			_, err := e.Embed(ctx, llm.EmbedRequest{Texts: []string{"a duck", "a goose"}})
			return err
		}},
		{"generate", providertest.Chat, func(ctx context.Context, c *openai.Client) error {
			_, _, err := collect(c.Generator(openai.GenerateConfig{Model: "m"}).Generate(ctx, ask("What do ducks eat?")))
			return err
		}},
	}
}

func TestFailuresHaveTheirClass(t *testing.T) {
	t.Parallel()
	quota := `{"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}`
	tests := []struct {
		name   string
		action providertest.Action
		want   llm.Class
		wait   time.Duration
		says   string
	}{
		{"wrong key", providertest.Fail(401, "Incorrect API key provided: "+key), llm.ClassDeadKey, 0, "provided: ***"},
		{"forbidden", providertest.Fail(403, "no"), llm.ClassDeadKey, 0, "HTTP 403"},
		{"no credit", providertest.Action{Status: 429, Body: quota}, llm.ClassDeadKey, 0, "quota"},
		{"throttled", providertest.Throttle(7 * time.Second), llm.ClassThrottled, 7 * time.Second, "Rate limit reached"},
		{
			"throttled for less than a second", providertest.Throttle(350 * time.Millisecond), llm.ClassThrottled,
			350 * time.Millisecond, "",
		},
		{"time-out", providertest.Fail(408, "slow"), llm.ClassSick, 0, "slow"},
		{"conflict", providertest.Fail(409, "busy"), llm.ClassSick, 0, "busy"},
		{"broken", providertest.Fail(500, "oops"), llm.ClassSick, 0, "oops"},
		{
			"in maintenance", providertest.Action{Status: 503, Header: map[string]string{"Retry-After": "60"}},
			llm.ClassSick, time.Minute, "HTTP 503",
		},
		{"bad request", providertest.Fail(400, "no such parameter"), llm.ClassBadRequest, 0, "no such parameter"},
		{"no such model", providertest.Fail(404, "no such model"), llm.ClassBadRequest, 0, "no such model"},
		{"not processable", providertest.Fail(422, "odd"), llm.ClassBadRequest, 0, "odd"},
		{
			"too long", providertest.Fail(400, "This model's maximum context length is 10 tokens"), llm.ClassTooLong, 0,
			"10 tokens",
		},
		{"too large", providertest.Fail(413, "Payload Too Large"), llm.ClassTooLong, 0, ""},
		{"garbage", providertest.Action{Fault: providertest.Garbage}, llm.ClassSick, 0, "decode"},
		{"JSON that stops", providertest.Action{Fault: providertest.Truncate}, llm.ClassSick, 0, "decode"},
		{"a cut connection", providertest.Action{Fault: providertest.Cut}, llm.ClassSick, 0, "EOF"},
	}
	srv, c := start(t, providertest.Options{})
	for _, call := range calls() {
		for _, tt := range tests {
			t.Run(call.name+"/"+tt.name, func(t *testing.T) { // one after the other: they share the script
				srv.Next(call.kind, tt.action)
				err := call.make(t.Context(), c)
				e, ok := errors.AsType[*llm.Error](err)
				if !ok || e.Class != tt.want || e.RetryAfter != tt.wait || e.Provider != "openai" {
					t.Errorf("error = %v, want class %q and a wait of %v", err, tt.want, tt.wait)
				}
				if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), key) {
					t.Errorf("error = %v, want %q and no key", err, tt.says)
				}
			})
		}
	}
}

func TestNobodyThereIsASickUpstream(t *testing.T) {
	t.Parallel()
	srv, c := start(t, providertest.Options{})
	srv.Close()
	for _, call := range calls() {
		err := call.make(t.Context(), c)
		if llm.ClassOf(err) != llm.ClassSick || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("%s: %v, want a sick upstream that refuses", call.name, err)
		}
	}
}

func TestStalledServersAreLeft(t *testing.T) {
	t.Parallel()
	srv, _ := start(t, providertest.Options{})
	impatient := client(t, srv, 20*time.Millisecond)
	for _, call := range calls() {
		srv.Next(call.kind, providertest.Action{Fault: providertest.Stall, After: 2})
		err := call.make(t.Context(), impatient)
		if llm.ClassOf(err) != llm.ClassSick || !strings.Contains(err.Error(), "stalled") {
			t.Errorf("%s: %v, want a stalled upstream", call.name, err)
		}
		if err := srv.WaitFor(t.Context(), func() bool { return srv.Totals(call.kind).InFlight == 0 }); err != nil {
			t.Fatal(err)
		}
	}
	if n := srv.Totals(providertest.Embed).HungUp + srv.Totals(providertest.Chat).HungUp; n != len(calls()) {
		t.Errorf("the server saw %d clients hang up, want %d", n, len(calls()))
	}
}

func TestCancellationReachesTheServer(t *testing.T) {
	t.Parallel()
	for _, call := range calls() {
		for _, after := range []int{0, 2} { // before the headers, and in the body
			srv, c := start(t, providertest.Options{})
			srv.Next(call.kind, providertest.Action{Fault: providertest.Stall, After: after})
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() {
				defer cancel()
				_ = srv.WaitFor(t.Context(), func() bool { return srv.Totals(call.kind).InFlight == 1 })
			})
			if err := call.make(ctx, c); err != context.Canceled {
				t.Errorf("%s, cancelled: %v, want %v", call.name, err, context.Canceled)
			}
			wg.Wait()
			if err := srv.WaitFor(t.Context(), func() bool { return srv.Totals(call.kind).HungUp == 1 }); err != nil {
				t.Errorf("%s: the server never saw the client leave: %v", call.name, err)
			}
		}
	}
}

func TestDeadlinesAreTheCallersOwn(t *testing.T) {
	t.Parallel()
	srv, c := start(t, providertest.Options{})
	srv.Always(providertest.Embed, providertest.Action{Fault: providertest.Stall})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := calls()[0].make(ctx, c); err != context.DeadlineExceeded {
		t.Errorf("Embed past its deadline: %v, want %v", err, context.DeadlineExceeded)
	}
}

func TestKeysAreOptional(t *testing.T) {
	t.Parallel()
	srv, withKey := start(t, providertest.Options{})
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	without := openai.New(openai.Config{
		Name: "local", BaseURL: srv.BaseURL() + "/", HTTPClient: &http.Client{Transport: transport},
	})
	for _, c := range []*openai.Client{withKey, without} {
		if err := calls()[0].make(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	got := srv.Requests(providertest.Embed)
	if !got[0].Authorized || got[1].Authorized {
		t.Errorf("keys were sent: %v and %v, want true and false", got[0].Authorized, got[1].Authorized)
	}
	srv.Next(providertest.Embed, providertest.Fail(500, "oops"))
	if err := calls()[0].make(t.Context(), without); err == nil || !strings.HasPrefix(err.Error(), "local: ") {
		t.Errorf("error of a local server: %v", err)
	}
}
