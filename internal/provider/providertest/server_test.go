package providertest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/provider/providertest"
)

const (
	embedBody  = `{"model": "m", "input": ["a duck", "a goose"]}`
	chatBody   = `{"model": "m", "messages": [{"role": "user", "content": "Passages.\n\nQuestion: Why?"}]}`
	streamBody = `{"model": "m", "stream": true, "messages": [{"role": "user", "content": "Why?"}]}`
)

func start(t *testing.T, opts providertest.Options) *providertest.Server {
	t.Helper()
	srv := providertest.Start(opts)
	t.Cleanup(srv.Close)
	return srv
}

// post sends body and returns the status, the body as far as it came, and the
// error that ended it.
func post(t *testing.T, url, body string) (int, string, error) {
	t.Helper()
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: tr}).Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(data), err
}

func TestEveryProtocolHasItsPlace(t *testing.T) {
	t.Parallel()
	srv := start(t, providertest.Options{Dimensions: 2, Tokens: 3})
	tests := []struct{ path, body, want string }{
		{"/v1/embeddings", embedBody, `"prompt_tokens":4`},
		{"/v1/embeddings", `{"model": "m", "input": ["a"], "encoding_format": "base64"}`, `"embedding":"`},
		{"/v1/embeddings", `{"model": "m", "input": ["a"], "output_dimension": 1}`, `"embedding":[`},
		{"/v1/chat/completions", chatBody, `"content":"Asked: Why? [[1]]"`},
		{"/v1/chat/completions", streamBody, "data: [DONE]\n\n"},
		{
			"/v1/rerank", `{"model": "m", "query": "b", "documents": ["a", "b"], "top_k": 1}`,
			`"data":[{"index":1,"relevance_score":1}]`,
		},
		{
			"/v1/rerank", `{"model": "m", "query": "b", "documents": ["a", "b"], "top_n": 1, "return_documents": false}`,
			`"results":[{"index":1,"relevance_score":1}],"usage":`,
		},
		{
			"/v2/rerank", `{"model": "m", "query": "b", "documents": ["a", "b"], "top_n": 1}`,
			`"meta":{"billed_units":{"search_units":1}},"results":[{"index":1,"relevance_score":1}]`,
		},
		{"/rerank", `{"query": "b", "texts": ["a", "b"]}`, `[{"index":1,"score":1},{"index":0,"score":0}]`},
		{"/embed", `{"content": "a duck", "normalize": true}`, `"dimension":2`},
		{
			"/rerank", `{"query": "b", "documents": ["a", "b"], "top_k": 2}`,
			`{"results":[{"index":1,"relevance_score":1,"document":"b"}`,
		},
	}
	for _, tt := range tests {
		status, got, err := post(t, srv.URL()+tt.path, tt.body)
		if err != nil || status != 200 || !strings.Contains(got, tt.want) {
			t.Errorf("POST %s %s = %d %s %v, want %s", tt.path, tt.body, status, got, err, tt.want)
		}
	}
}

func TestBadRequestsAreRefused(t *testing.T) {
	t.Parallel()
	srv := start(t, providertest.Options{})
	for _, path := range []string{"/v1/embeddings", "/v1/chat/completions", "/v1/rerank", "/embed", "/rerank"} {
		if status, body, _ := post(t, srv.URL()+path, "{"); status != 400 || !strings.Contains(body, "read the request") {
			t.Errorf("POST %s with no JSON = %d %s, want 400", path, status, body)
		}
	}
	for _, path := range []string{"/v1/embeddings", "/v1/chat/completions", "/v1/rerank", "/rerank"} {
		if status, _, _ := post(t, srv.URL()+path, "{}"); status != 400 {
			t.Errorf("POST %s with nothing = %d, want 400", path, status)
		}
	}
	if n := srv.Totals(providertest.Embed).Requests; n != 0 {
		t.Errorf("%d refused requests are recorded", n)
	}
}

func TestStreamsHaveOneEventATokenAndUsageWhenAsked(t *testing.T) {
	t.Parallel()
	srv := start(t, providertest.Options{Tokens: 5})
	plain := strings.TrimSuffix(streamBody, "}")
	for _, body := range []string{streamBody, plain + `, "stream_options": {"include_usage": true}}`} {
		_, got, err := post(t, srv.BaseURL()+"/chat/completions", body)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		events, usage := 0, 0
		for line := range strings.SplitSeq(got, "\n\n") {
			data, ok := strings.CutPrefix(line, "data: {")
			if !ok {
				continue
			}
			var chunk struct {
				Choices []struct {
					Delta struct{ Content string }
				}
				Usage struct {
					CompletionTokens int `json:"completion_tokens"`
				}
			}
			if err := json.Unmarshal([]byte("{"+data), &chunk); err != nil {
				t.Fatal(err)
			}
			events++
			usage += chunk.Usage.CompletionTokens
			if len(chunk.Choices) > 0 {
				text.WriteString(chunk.Choices[0].Delta.Content)
			}
		}
		asked := strings.Contains(body, "include_usage")
		if text.String() != strings.Join(providertest.Answer("Why?", 5), "") || (usage == 5) != asked || events < 6 {
			t.Errorf("stream of %s:\n%s", body, got)
		}
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	type action = providertest.Action
	tests := []struct {
		name   string
		body   string
		action action
		status int
		want   string // in the body
		broken bool
	}{
		{"a status", chatBody, action{Status: 418}, 418, "scripted status 418", false},
		{"a status and body", chatBody, action{Status: 500, Body: "oops"}, 500, "oops", false},
		{"other words", chatBody, action{Text: "Because."}, 200, `"content":"Because."`, false},
		{"garbage", chatBody, action{Fault: providertest.Garbage}, 200, "<html>", false},
		{"half a document", chatBody, action{Fault: providertest.Truncate}, 200, `{"id"`, false},
		{"a cut document", chatBody, action{Fault: providertest.Cut}, 200, `{"id"`, true},
		{"garbage in a stream", streamBody, action{Fault: providertest.Garbage, After: 1}, 200, "data: <html>", false},
		{"half an event", streamBody, action{Fault: providertest.Truncate, After: 1}, 200, "\"cont\n\n", false},
		{"an early end", streamBody, action{Fault: providertest.End, After: 1}, 200, "Asked:", false},
		{
			"an error event", streamBody, action{Fault: providertest.Report, Body: `{"error": "x"}`}, 200,
			`data: {"error": "x"}`, false,
		},
		{"a cut stream", streamBody, action{Fault: providertest.Cut, After: 1}, 200, "Asked:", true},
	}
	srv := start(t, providertest.Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { // one after the other: they share the script
			srv.Next(providertest.Chat, tt.action)
			status, got, err := post(t, srv.BaseURL()+"/chat/completions", tt.body)
			if status != tt.status || !strings.Contains(got, tt.want) || (err != nil) != tt.broken {
				t.Errorf("answer = %d %s, %v; want %d, %s, broken %v", status, got, err, tt.status, tt.want, tt.broken)
			}
			if tt.body == streamBody && strings.Contains(got, "[DONE]") {
				t.Errorf("a faulty stream is complete: %s", got)
			}
		})
	}
}

func TestMissingLeavesOneOut(t *testing.T) {
	t.Parallel()
	srv := start(t, providertest.Options{})
	missing := providertest.Action{Fault: providertest.Missing}
	srv.Next(providertest.Embed, missing)
	srv.Next(providertest.Rerank, missing)
	_, vectors, _ := post(t, srv.BaseURL()+"/embeddings", embedBody)
	_, scores, _ := post(t, srv.BaseURL()+"/rerank", `{"query": "a", "documents": ["a", "b"]}`)
	if n := strings.Count(vectors, `"index"`); n != 1 {
		t.Errorf("%d vectors of 2 with one missing", n)
	}
	if n := strings.Count(scores, `"index"`); n != 1 {
		t.Errorf("%d scores of 2 with one missing", n)
	}
}

func TestScriptOrder(t *testing.T) {
	t.Parallel()
	srv := start(t, providertest.Options{})
	srv.Poison(providertest.Embed, "ARSENIC", providertest.Fail(400, "indigestible"))
	srv.Sometimes(providertest.Embed, 0.25, providertest.Fail(500, "oops"))
	srv.Next(providertest.Embed, providertest.Throttle(2*time.Second), providertest.Throttle(1500*time.Millisecond))
	var got []int
	for i := range 11 {
		text := "a duck"
		if i == 2 {
			text = "ARSENIC and lace"
		}
		status, _, err := post(t, srv.BaseURL()+"/embeddings", fmt.Sprintf(`{"input": ["x", %q]}`, text))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, status)
	}
	// Two throttled, one poisoned, and then every fourth.
	if diff := cmp.Diff([]int{429, 429, 400, 200, 200, 200, 500, 200, 200, 200, 500}, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	srv.Clear()
	if status, _, _ := post(t, srv.BaseURL()+"/embeddings", `{"input": ["ARSENIC"]}`); status != 200 {
		t.Errorf("status after Clear = %d, want 200", status)
	}
	if got := srv.Totals(providertest.Embed); got.Requests != 12 || got.Failed != 5 || got.Texts != 23 {
		t.Errorf("totals = %+v, want 12 requests, 5 failed, 23 texts", got)
	}
}

func TestRulesOfOneKindLeaveTheOthersAlone(t *testing.T) {
	t.Parallel()
	srv := start(t, providertest.Options{})
	srv.Always(providertest.Embed, providertest.Fail(500, "oops"))
	if status, _, _ := post(t, srv.BaseURL()+"/chat/completions", chatBody); status != 200 {
		t.Errorf("chat = %d, want 200", status)
	}
	srv.Poison(providertest.Rerank, "QUERY", providertest.Fail(400, "no"))
	if status, _, _ := post(t, srv.URL()+"/rerank", `{"query": "the QUERY", "documents": ["a"]}`); status != 400 {
		t.Errorf("rerank with a poisoned query = %d, want 400", status)
	}
}

func TestLimitThrottlesWhatIsTooMuch(t *testing.T) {
	t.Parallel()
	srv := start(t, providertest.Options{})
	srv.Limit(providertest.Embed, 3, time.Hour)
	for i := range 5 {
		want := 200
		if i >= 3 {
			want = 429
		}
		if status, _, _ := post(t, srv.BaseURL()+"/embeddings", embedBody); status != want {
			t.Errorf("request %d = %d, want %d", i+1, status, want)
		}
	}
}

func TestRecordKeepsRequestsButNoKeys(t *testing.T) {
	t.Parallel()
	srv := start(t, providertest.Options{Tokens: 4})
	_, _, _ = post(t, srv.BaseURL()+"/chat/completions", streamBody)
	if err := srv.WaitFor(t.Context(), func() bool { return srv.Totals(providertest.Chat).InFlight == 0 }); err != nil {
		t.Fatal(err)
	}
	want := []providertest.Request{{
		ID: 1, Kind: providertest.Chat, Path: "/v1/chat/completions", Model: "m", Texts: []string{"Why?"},
		Stream: true, Status: 200, Tokens: 4, Done: true,
	}}
	if diff := cmp.Diff(want, srv.Requests(providertest.Chat)); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	if got := srv.Totals(providertest.Chat); got.Requests != 1 || got.Peak != 1 || got.HungUp != 0 {
		t.Errorf("totals = %+v", got)
	}
}

func TestRecordKeepsTheNewest(t *testing.T) {
	t.Parallel()
	srv := start(t, providertest.Options{Keep: 3})
	for i := range 5 {
		_, _, _ = post(t, srv.URL()+"/embed", fmt.Sprintf(`{"content": "text %d"}`, i))
	}
	var got []string
	for _, r := range srv.Requests(providertest.Embed) {
		got = append(got, r.Texts...)
	}
	if diff := cmp.Diff([]string{"text 2", "text 3", "text 4"}, got); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}

func TestHangingUpIsSeen(t *testing.T) {
	t.Parallel()
	srv := start(t, providertest.Options{})
	srv.Always(providertest.Chat, providertest.Action{Fault: providertest.Stall, After: 1})
	ctx, cancel := context.WithCancel(t.Context())
	url := srv.BaseURL() + "/chat/completions"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(streamBody))
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	resp.Body.Close()
	if err := srv.WaitFor(t.Context(), func() bool { return srv.Totals(providertest.Chat).HungUp == 1 }); err != nil {
		t.Fatalf("the hang-up was never seen: %v", err)
	}
	if r := srv.Requests(providertest.Chat)[0]; !r.Done || !r.HungUp || r.Tokens != 1 {
		t.Errorf("record = %+v, want a hang-up after one token", r)
	}
}

func TestCloseEndsWhatStalls(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := start(t, providertest.Options{
		Listener: listener,
		Latency:  map[providertest.Kind]time.Duration{providertest.Embed: time.Hour},
	})
	srv.Always(providertest.Chat, providertest.Action{Fault: providertest.Stall})
	var wg sync.WaitGroup
	for _, r := range [][2]string{{"/embeddings", embedBody}, {"/chat/completions", chatBody}} {
		wg.Go(func() { _, _, _ = post(t, srv.BaseURL()+r[0], r[1]) })
	}
	err = srv.WaitFor(t.Context(), func() bool {
		return srv.Totals(providertest.Embed).InFlight+srv.Totals(providertest.Chat).InFlight == 2
	})
	if err != nil {
		t.Fatal(err)
	}
	srv.Close()
	wg.Wait()
	if n := srv.Totals(providertest.Chat).HungUp; n != 0 {
		t.Errorf("%d clients hung up, want none: the server did", n)
	}
}

func TestWaitForGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	srv := start(t, providertest.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := srv.WaitFor(ctx, func() bool { return false }); err != context.Canceled {
		t.Errorf("WaitFor = %v, want %v", err, context.Canceled)
	}
}
