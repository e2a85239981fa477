package providertest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/provider/providertest"
)

// control calls a path of the control and returns the status and the body.
func control(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

func TestBehaviourIsChangedOverHTTP(t *testing.T) {
	t.Parallel()
	first := providertest.Behaviour{Headers: providertest.HeadersOpenAI}
	first.Embed.RequestsPerMinute = 600
	first.Chat.Latency = providertest.Duration(1500 * time.Microsecond)
	srv := start(t, providertest.Options{Control: true, Behaviour: first})
	status, body := control(t, http.MethodPut, srv.URL()+"/behaviour",
		`{"embed": {"burst": "2s", "failed": 0.5}, "chat": {"tokens": 3}}`)
	if status != 200 {
		t.Fatalf("PUT = %d %s", status, body)
	}
	want := first
	want.Embed.Burst, want.Embed.Failed = providertest.Duration(2*time.Second), 0.5
	want.Chat.Tokens = 3
	if diff := cmp.Diff(want, srv.Behaviour()); diff != "" {
		t.Errorf("behaviour (-want +got):\n%s", diff)
	}
	status, body = control(t, http.MethodGet, srv.URL()+"/behaviour", "")
	var got providertest.Behaviour
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 {
		t.Fatalf("GET = %d %s: %v", status, body, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("behaviour read back (-want +got):\n%s", diff)
	}
	if !strings.Contains(body, `"latency": "1.5ms"`) {
		t.Errorf("durations are not in Go's form: %s", body)
	}
	for _, bad := range []string{
		"", `{"embed": {"speed": 3}}`, `{"embed": {"burst": "soon"}}`, `{"headers": "ibm"}`,
		`{"chat": {"failed": 0.6, "cut": 0.6}}`, `{"rerank": {"latency": "-1s"}}`, `{"chat": {"jitter": 2}}`,
	} {
		if status, body := control(t, http.MethodPut, srv.URL()+"/behaviour", bad); status != 400 {
			t.Errorf("PUT %s = %d %s, want 400", bad, status, body)
		}
	}
	if diff := cmp.Diff(want, srv.Behaviour()); diff != "" {
		t.Errorf("a refused behaviour has changed something (-want +got):\n%s", diff)
	}
}

func TestControlIsThereOnlyWhenAskedFor(t *testing.T) {
	t.Parallel()
	srv := start(t, providertest.Options{})
	for _, path := range []string{"/behaviour", "/totals"} {
		if status, _ := control(t, http.MethodGet, srv.URL()+path, ""); status != 404 {
			t.Errorf("GET %s = %d, want 404", path, status)
		}
	}
}

func TestLimitsOfOneKind(t *testing.T) {
	t.Parallel()
	b := providertest.Behaviour{Headers: providertest.HeadersOpenAI}
	b.Embed.TokensPerMinute, b.Embed.Burst = 8, providertest.Duration(time.Minute)
	srv := start(t, providertest.Options{Control: true, Behaviour: b})
	var statuses []int
	for range 3 { // of 4 words each
		status, _, _ := post(t, srv.BaseURL()+"/embeddings", embedBody)
		statuses = append(statuses, status)
	}
	if diff := cmp.Diff([]int{200, 200, 429}, statuses); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if status, body, _ := post(t, srv.BaseURL()+"/chat/completions", chatBody); status != 200 {
		t.Errorf("chat = %d %s: it has no limit", status, body)
	}
	got := srv.Totals(providertest.Embed)
	want := providertest.Totals{
		Requests: 3, Texts: 6, Failed: 1, Peak: 1, ByStatus: map[int]int{200: 2, 429: 1}, Tokens: 8, Served: 4,
	}
	if diff := cmp.Diff(want, got); diff != "" || got.Throttled() != 1 {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	_, body := control(t, http.MethodGet, srv.URL()+"/totals", "")
	var all map[providertest.Kind]providertest.Totals
	if err := json.Unmarshal([]byte(body), &all); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, all[providertest.Embed]); diff != "" {
		t.Errorf("totals over HTTP (-want +got):\n%s", diff)
	}
}

func TestTextsEmbeddedTwiceAreCounted(t *testing.T) {
	t.Parallel()
	srv := start(t, providertest.Options{Remember: true})
	srv.Next(providertest.Embed, providertest.Fail(500, "oops"), providertest.Action{Fault: providertest.Cut})
	for i, want := range []int{0, 0, 0, 2, 3} {
		body := embedBody
		if i == 4 {
			body = `{"model": "m", "input": ["a duck", "a swan"]}`
		}
		_, _, _ = post(t, srv.BaseURL()+"/embeddings", body)
		if got := srv.Totals(providertest.Embed).Duplicates; got != want {
			t.Errorf("%d duplicates after %d requests, want %d", got, i+1, want)
		}
	}
}

func TestChanceBreaksConnections(t *testing.T) {
	t.Parallel()
	b := providertest.Behaviour{}
	b.Embed.Reset, b.Rerank.Throttled = 1, 1
	b.Chat.Cut, b.Chat.Tokens = 1, 6
	srv := start(t, providertest.Options{Behaviour: b})
	if status, _, err := post(t, srv.BaseURL()+"/embeddings", embedBody); err == nil {
		t.Errorf("a reset connection gave %d", status)
	}
	status, body, err := post(t, srv.BaseURL()+"/chat/completions", streamBody)
	if n := strings.Count(body, `"content"`); status != 200 || err == nil || n != 3 {
		t.Errorf("a cut stream gave %d, %d tokens of 6 and %v", status, n, err)
	}
	if status, body, _ := post(t, srv.URL()+"/rerank", `{"query": "b", "documents": ["a"]}`); status != 429 {
		t.Errorf("rerank = %d %s, want 429", status, body)
	}
	if got := srv.Totals(providertest.Embed).ByStatus; !cmp.Equal(got, map[int]int{0: 1}) {
		t.Errorf("statuses %v, want one reset", got)
	}
	srv.Behave(providertest.Behaviour{})
	if status, body, err := post(t, srv.BaseURL()+"/embeddings", embedBody); status != 200 || err != nil {
		t.Errorf("after recovery %d %s %v", status, body, err)
	}
}

func TestStreamsBeginAndRunAtTheirPace(t *testing.T) {
	t.Parallel()
	b := providertest.Behaviour{}
	b.Chat.FirstToken, b.Chat.TokensPerSecond = providertest.Duration(20*time.Millisecond), 1000
	b.Chat.Latency, b.Chat.Tokens = providertest.Duration(5*time.Millisecond), 10
	srv := start(t, providertest.Options{Behaviour: b})
	began := time.Now()
	_, body, err := post(t, srv.BaseURL()+"/chat/completions", streamBody)
	if took := time.Since(began); err != nil || took < 35*time.Millisecond {
		t.Errorf("5 ms, 20 ms and 10 tokens of 1 ms took %v: %v", took, err)
	}
	if n := strings.Count(body, `"content":"`); n < 10 {
		t.Errorf("%d tokens, want 10", n)
	}
}

func TestCloseEndsStreamsThatWait(t *testing.T) {
	t.Parallel()
	b := providertest.Behaviour{}
	b.Chat.FirstToken = providertest.Duration(time.Hour)
	srv := start(t, providertest.Options{Behaviour: b})
	var wg sync.WaitGroup
	wg.Go(func() { _, _, _ = post(t, srv.BaseURL()+"/chat/completions", streamBody) })
	inFlight := func() bool { return srv.Totals(providertest.Chat).InFlight == 1 }
	if err := srv.WaitFor(t.Context(), inFlight); err != nil {
		t.Fatal(err)
	}
	srv.Close()
	wg.Wait()
}

func ExampleServer_Behave() {
	srv := providertest.Start(providertest.Options{})
	defer srv.Close()
	b := srv.Behaviour()
	b.Headers = providertest.HeadersOpenAI
	b.Embed.RequestsPerMinute = 2
	srv.Behave(b)
	for range 3 {
		resp, err := http.Post(srv.URL()+"/embed", "application/json", strings.NewReader(`{"content": "a duck"}`))
		if err != nil {
			fmt.Println(err)
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		h := resp.Header
		fmt.Printf("%d %s %q\n", resp.StatusCode, h.Get("X-Ratelimit-Remaining-Requests"), h.Get("Retry-After"))
	}
	// Output:
	// 200 1 ""
	// 200 0 ""
	// 429 0 "30"
}
