package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kvasir/internal/memo"
)

// ask sends a request with the test's key and decodes a good answer.
func ask[T any](t *testing.T, method, url, body string) (out T) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d", method, url, resp.StatusCode)
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestStatus(t *testing.T) {
	t.Parallel()
	base := serve(t, (&backend{}).config(t))
	got := ask[Status](t, "GET", base+"/api/v1/status", "")
	pool := got.Pools[0]
	if got.Version != "test" || pool.Waiting.Projects[0].Project != "p1" || pool.Waiting.Projects[1].Project != Others {
		t.Errorf("status %+v", got)
	}
	if *pool.Reason != "test/model: 429 until 12:03:10" || *pool.Lanes[0].Requests.Limit != 60 ||
		pool.Lanes[0].Tokens.Limit != nil {
		t.Errorf("pool %+v", pool)
	}
	resp, err := http.Get(base + "/api/v1/status")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a key: %d, want 401", resp.StatusCode)
	}
}

// at sets where the first memo is.
func (b *backend) at(p memo.Progress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.memos[0].Progress = p
}

// waiting is what a memo says of its waiting.
type waiting struct {
	Status     string     `json:"status"`
	Stage      string     `json:"stage"`
	WaitingFor *string    `json:"waiting_for"`
	ETA        *time.Time `json:"eta"`
}

func TestAnUnfinishedMemoSaysWhy(t *testing.T) {
	t.Parallel()
	b := &backend{wait: Wait{"openai/m: 429 until 12:03:10, 41 texts ahead", time.Now().Add(time.Minute)}}
	id, err := b.Add(t.Context(), "p1", memoDraft("waiting"), nil)
	if err != nil {
		t.Fatal(err)
	}
	url := serve(t, b.config(t)) + memoPath + "/" + string(id)
	if got := ask[waiting](t, "GET", url+"/status", ""); got.WaitingFor != nil || got.ETA != nil {
		t.Errorf("a processed memo waits: %+v", got)
	}
	b.at(memo.Progress{Stage: memo.StageEmbedding, WaitingFor: "what the store says"})
	for _, suffix := range []string{"", "/status"} {
		got := ask[waiting](t, "GET", url+suffix, "")
		if got.Stage != "embedding" || got.WaitingFor == nil || *got.WaitingFor != b.wait.Reason ||
			got.ETA == nil || got.ETA.Sub(b.wait.Until).Abs() > time.Millisecond {
			t.Errorf("GET %s: %+v", suffix, got)
		}
	}
	b.at(memo.Progress{Stage: memo.StageError, Error: "nonsense"})
	if got := ask[waiting](t, "GET", url+"/status", ""); got.WaitingFor != nil || got.Status != "error" {
		t.Errorf("a failed memo waits: %+v", got)
	}
	b = &backend{}
	if id, err = b.Add(t.Context(), "p1", memoDraft("waiting"), nil); err != nil {
		t.Fatal(err)
	}
	b.at(memo.Progress{Stage: memo.StageReceived})
	url = serve(t, b.config(t)) + memoPath + "/" + string(id)
	if got := ask[waiting](t, "GET", url+"/status", ""); got.WaitingFor != nil || got.ETA != nil {
		t.Errorf("nothing is known, but told: %+v", got)
	}
}

func TestMetricsAreForFewEyes(t *testing.T) {
	t.Parallel()
	b := &backend{}
	plain, open := b.config(t), b.config(t)
	open.Options.MetricsToken = "0123"
	for _, cfg := range []*Config{&plain, &open} {
		cfg.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	}
	without := b.config(t)
	const far, near, near6 = "192.0.2.7:4000", "127.0.0.1:4000", "[::1]:4000"
	tests := []struct {
		name   string
		cfg    Config
		from   string
		header [2]string
		want   int
	}{
		{"from this machine", plain, near, [2]string{}, 200},
		{"from this machine, IPv6", plain, near6, [2]string{}, 200},
		{"from elsewhere", plain, far, [2]string{}, 404},
		{"through a proxy", plain, near, [2]string{"X-Forwarded-For", "192.0.2.7"}, 404},
		{"through a proxy that says nothing", plain, near, [2]string{"X-Forwarded-For", ""}, 404},
		{"through a modern proxy", plain, near, [2]string{"Forwarded", "for=192.0.2.7"}, 404},
		{"no token is no key", plain, far, [2]string{"Authorization", "Bearer "}, 404},
		{"with the token", open, far, [2]string{"Authorization", "Bearer 0123"}, 200},
		{"with the token, in small letters", open, far, [2]string{"Authorization", "bearer 0123"}, 200},
		{"with a part of the token", open, far, [2]string{"Authorization", "Bearer 012"}, 404},
		{"with an API key", open, far, [2]string{"Authorization", "Bearer " + testKey}, 404},
		{"with another kind", open, far, [2]string{"Authorization", "Basic 0123"}, 404},
		{"not at all", without, near, [2]string{}, 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil)
			r.RemoteAddr = tt.from
			if tt.header[0] != "" {
				r.Header.Set(tt.header[0], tt.header[1])
			}
			w := httptest.NewRecorder()
			New(tt.cfg).ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("%d, want %d", w.Code, tt.want)
			}
		})
	}
}
