package test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kvasir/internal/provider/providertest"
)

// serveForBench builds the binary and starts it on a fresh folder, by default
// without an embedding model: the provider's time is not ours.
func serveForBench(b *testing.B, environment ...string) (url string) {
	b.Helper()
	dir := b.TempDir()
	binary := filepath.Join(dir, "kvasir")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", binary, "../cmd/kvasir").CombinedOutput(); err != nil {
		b.Fatalf("build: %v: %s", err, out)
	}
	addr, err := freeAddr()
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	server := exec.CommandContext(ctx, binary, "serve", "--listen", addr, "--data", filepath.Join(dir, "data"))
	server.Env = append(server.Environ(), "KVASIR_API_KEY="+key, "EMBEDDING_PROVIDER=none", "OPENAI_API_KEY=")
	server.Env = append(server.Env, environment...)
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cancel()
		_ = server.Wait() // killed: it says so
	})
	url = "http://" + addr
	for range 500 {
		if _, err := call(url, http.MethodGet, "/api/health", nil); err == nil {
			return url
		}
		poll := time.NewTimer(10 * time.Millisecond)
		<-poll.C
	}
	b.Fatal("the server does not answer")
	return ""
}

var benchClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

func call(url, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequest(method, url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := benchClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: status %d: %s", method, path, resp.StatusCode, answer)
	}
	return answer, err
}

// callers runs b.N calls from 32 callers and reports their rate and latencies.
func callers(b *testing.B, do func(i int) error) {
	b.Helper()
	const together = 32
	var wg sync.WaitGroup
	var mu sync.Mutex
	took := make([]time.Duration, 0, b.N)
	next := make(chan int)
	b.ResetTimer()
	began := time.Now()
	for range together {
		wg.Go(func() {
			for i := range next {
				start := time.Now()
				if err := do(i); err != nil {
					b.Error(err)
				}
				mu.Lock()
				took = append(took, time.Since(start))
				mu.Unlock()
			}
		})
	}
	for i := range b.N {
		next <- i
	}
	close(next)
	wg.Wait()
	rate := float64(b.N) / time.Since(began).Seconds()
	slices.Sort(took)
	b.ReportMetric(rate, "calls/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(0, "ns/op")
}

// drain waits until every memo is processed.
func drain(b *testing.B, url string) {
	b.Helper()
	for pending := -1; pending != 0; {
		answer, err := call(url, http.MethodGet, "/api/health", nil)
		if err != nil {
			b.Fatal(err)
		}
		var health struct {
			Queue struct{ Pending int }
		}
		if err := json.Unmarshal(answer, &health); err != nil {
			b.Fatal(err)
		}
		pending = health.Queue.Pending
	}
}

// zipf is text of words as frequent as a language's.
func zipf(r *rand.Rand, words int) string {
	z := rand.NewZipf(r, 1.1, 2, 50_000)
	var b strings.Builder
	for i := range words {
		if i%12 == 11 {
			b.WriteString(". ")
		}
		fmt.Fprintf(&b, "w%dx ", z.Uint64())
	}
	return b.String()
}

func memoBody(i, words int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(i)))
	body, err := json.Marshal(map[string]any{"title": fmt.Sprint("Memo ", i), "content": zipf(r, words)})
	if err != nil {
		panic(err)
	}
	return body
}

// BenchmarkAccept posts memos of 8 KB from 32 callers: what is accepted is on the
// disk. Run it with -benchtime 20000x.
func BenchmarkAccept(b *testing.B) {
	url := serveForBench(b)
	body, err := json.Marshal(map[string]any{"title": "Ducks", "content": strings.Repeat("Ducks eat seeds. ", 8192/17)})
	if err != nil {
		b.Fatal(err)
	}
	callers(b, func(int) error {
		_, err := call(url, http.MethodPost, "/api/v1/memo", body)
		return err
	})
}

// BenchmarkIngest takes memos of 8 KB from 32 callers until all are processed, with
// a provider that takes 100 ms for an embedding request. Run it with -benchtime
// 2000x.
func BenchmarkIngest(b *testing.B) {
	provider := providertest.Start(providertest.Options{
		Latency: map[providertest.Kind]time.Duration{providertest.Embed: 100 * time.Millisecond},
	})
	defer provider.Close()
	url := serveForBench(b, "EMBEDDING_PROVIDER=openai", "OPENAI_API_KEY=sk-test", "OPENAI_BASE_URL="+provider.BaseURL())
	began := time.Now()
	callers(b, func(i int) error {
		_, err := call(url, http.MethodPost, "/api/v1/memo", memoBody(i, 1250))
		return err
	})
	drain(b, url)
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "memos/s")
}

// BenchmarkSearch searches 100,000 chunks in one project by words, 32 callers at a
// time. Run it with -benchtime 5000x.
func BenchmarkSearch(b *testing.B) {
	url := serveForBench(b)
	const memos = 10_000 // of 10 chunks each
	var wg sync.WaitGroup
	next := make(chan int)
	for range 32 {
		wg.Go(func() {
			for i := range next {
				if _, err := call(url, http.MethodPost, "/api/v1/memo", memoBody(i, 1800)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range memos {
		next <- i
	}
	close(next)
	wg.Wait()
	drain(b, url)
	query := func(i int) error {
		r := rand.New(rand.NewPCG(2, uint64(i)))
		body, err := json.Marshal(map[string]any{"query": zipf(r, 8), "limit": 10})
		if err != nil {
			return err
		}
		_, err = call(url, http.MethodPost, "/api/v1/search", body)
		return err
	}
	if err := query(0); err != nil { // loads the index
		b.Fatal(err)
	}
	callers(b, query)
}
