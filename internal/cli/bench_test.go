package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"kvasir/internal/bench"
)

func TestBenchProviderServesUntilItIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	read, write := io.Pipe()
	var stderr bytes.Buffer
	status := -1
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		defer write.Close()
		status = Main(ctx, Process{
			Args: strings.Fields("bench provider --listen 127.0.0.1:0 --rpm 2 --headers openai --tokens 3"), Stdout: write,
			Stderr: &stderr,
		})
	})
	defer interrupt()
	lines := bufio.NewScanner(read)
	base := ""
	for base == "" && lines.Scan() {
		if after, found := strings.CutPrefix(lines.Text(), "behaviour"); found {
			base = strings.TrimSuffix(strings.TrimSpace(after), "/behaviour")
		}
	}
	body := `{"model": "m", "input": ["a duck"]}`
	var statuses []int
	for _, change := range []string{"", "", "", `{"embed": {"requests_per_minute": 0}}`} {
		if change != "" {
			sendJSON(t, http.MethodPut, base+"/behaviour", change)
		}
		statuses = append(statuses, sendJSON(t, http.MethodPost, base+"/v1/embeddings", body))
	}
	if want := []int{200, 200, 429, 200}; !slices.Equal(statuses, want) {
		t.Errorf("statuses %v, want %v", statuses, want)
	}
	var said strings.Builder
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "requests/s") {
			interrupt() // after the first line of statistics
		}
	}
	wg.Wait()
	const sum = "4 requests, 6 tokens, 1 throttled, 0 errors; 3 texts embedded, 2 of them again"
	if status != exitOK || !strings.Contains(said.String(), sum) {
		t.Errorf("exit status %d:\n%s%s", status, said.String(), stderr.String())
	}
}

// sendJSON sends a body and returns the status.
func sendJSON(t *testing.T, method, url, body string) int {
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
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp.StatusCode
}

func TestBenchDispatchPrintsFigures(t *testing.T) {
	t.Parallel()
	line := strings.Fields("bench dispatch overhead --duration 200ms --learning 50ms --rate 200 --callers 4 " +
		"--latency 2ms --dimensions 32,64")
	r := command(t.Context(), nil, line...).succeed(t)
	for _, want := range []string{"MEASURED", "32 dimensions: calls", "64 dimensions: added, p99", "< 100 µs"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("no %q in:\n%s", want, r.stdout)
		}
	}
	if !strings.Contains(r.stderr, "overhead: measuring for 200ms") {
		t.Errorf("stderr %q", r.stderr)
	}
	r = command(t.Context(), nil, append(line, "--json")...).succeed(t)
	var reports []bench.Report
	if err := json.Unmarshal([]byte(r.stdout), &reports); err != nil || len(reports) != 1 || len(reports[0].Figures) == 0 {
		t.Errorf("JSON %v: %s", err, r.stdout)
	}
}

func TestBenchRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		line   string
		status int
		want   string
	}{
		{"bench dispatch speed", exitUsage, `there is no scenario "speed", only limit,`},
		{"bench dispatch overhead --rate=-1", exitFailed, "the rate must not be below 0"},
		{"bench dispatch limit --url http://127.0.0.1:1", exitFailed, "reach the provider"},
		{"bench provider --headers ibm", exitUsage, `"ibm" is not known`},
		{"bench provider --failed 0.7 --cut 0.7", exitUsage, "must be 1 at most"},
		{"bench provider --listen nowhere", exitFailed, "nowhere"},
	} {
		r := command(t.Context(), nil, strings.Fields(tt.line)...)
		if r.status != tt.status || !strings.Contains(r.stderr, tt.want) {
			t.Errorf("%s: exit status %d, stderr %q, want %d and %q", tt.line, r.status, r.stderr, tt.status, tt.want)
		}
	}
}

func TestBenchIndexPrintsFigures(t *testing.T) {
	t.Parallel()
	line := strings.Fields("bench index --chunks 6000 --dimensions 130 --words 8 --searches 12 --queries 6 --filter 0.2")
	r := command(t.Context(), nil, line...).succeed(t)
	for _, want := range []string{"6000 chunks of 8 words", "search, p99", "20 % filter: recall@10", "memory of the process"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("no %q in:\n%s", want, r.stdout)
		}
	}
	r = command(t.Context(), nil, append(line, "--json")...).succeed(t)
	var report bench.Report
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Figures {
		if strings.Contains(f.Name, "recall") && (f.Measured == nil || *f.Measured < 90) {
			t.Errorf("%s: %v", f.Name, f.Measured)
		}
	}
	if r := command(t.Context(), nil, "bench", "index", "--filter", "2"); r.status != exitFailed {
		t.Errorf("a filter of 2 ends with status %d", r.status)
	}
}
