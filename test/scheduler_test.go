package test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"kvasir/client"
	"kvasir/internal/provider/providertest"
)

// paced starts a provider of the test's own that remembers what it has sold.
func paced(t *testing.T, b providertest.Behaviour) (*providertest.Server, []string) {
	t.Helper()
	srv := providertest.Start(providertest.Options{Behaviour: b, Remember: true, Keep: 1_000_000})
	t.Cleanup(srv.Close)
	return srv, []string{
		"EMBEDDING_PROVIDER=openai", "OPENAI_API_KEY=sk-test", "OPENAI_BASE_URL=" + srv.BaseURL(),
	}
}

// post adds memos in parallel, each of its own words.
func post(t *testing.T, c *client.Client, n int) []string {
	t.Helper()
	ids := make([]string, n)
	var g errgroup.Group
	g.SetLimit(16)
	for i := range ids {
		g.Go(func() error {
			var content strings.Builder
			for j := range 60 {
				fmt.Fprintf(&content, "Sentence %d of memo %d tells of ducks, ponds and the seeds that grow around them. ", j, i)
			}
			id, err := c.CreateMemo(t.Context(), client.NewMemo{Title: fmt.Sprint("Memo ", i), Content: content.String()})
			ids[i] = id
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	return ids
}

// processed waits until nothing is pending and fails the test if anything failed.
func processed(t *testing.T, s *server) {
	t.Helper()
	eventually(t, "all memos are processed", func() bool {
		health, err := s.Health(t.Context())
		return err == nil && health.Queue.Pending == 0
	})
	if health, err := s.Health(t.Context()); err != nil || health.Queue.Errors != 0 {
		t.Errorf("queue %+v, %v; want no errors", health.Queue, err)
	}
}

// kill ends the process without a word to it.
func (s *server) kill(t *testing.T) {
	t.Helper()
	s.stopped = true
	if err := s.process.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = s.process.Wait() // it says that it was killed
}

// killAt kills and returns how many texts were on their way to the provider: what is
// answered is stored a moment later, so what was in flight a moment before counts, too.
func (s *server) killAt(t *testing.T, provider *providertest.Server, before time.Duration) (texts int) {
	t.Helper()
	first := len(provider.Requests(providertest.Embed))
	for _, r := range provider.Requests(providertest.Embed) {
		if !r.Done {
			first = min(first, r.ID)
		}
	}
	moment := time.NewTimer(before)
	<-moment.C
	s.kill(t)
	for _, r := range provider.Requests(providertest.Embed) {
		if r.ID >= first {
			texts += len(r.Texts)
		}
	}
	return texts
}

// A server that is killed twenty times while it works buys again no more than what
// was on its way at the kills.
func TestKilledTwentyTimesNothingIsBoughtAgain(t *testing.T) {
	t.Parallel()
	slow := providertest.Behaviour{Embed: providertest.Manner{
		Pace: providertest.Pace{Latency: providertest.Duration(200 * time.Millisecond), Jitter: 0.5},
	}}
	provider, environment := paced(t, slow)
	environment = append(environment, "KVASIR_EMBED_CONCURRENCY=2", "KVASIR_API_KEY="+key)
	data := t.TempDir()
	s := serveFolder(t, data, environment...)
	const memos = 500
	post(t, s.Client, memos)
	onTheWay := 0
	for range 20 {
		wait := time.NewTimer(time.Duration(rand.Int64N(int64(400 * time.Millisecond))))
		<-wait.C
		onTheWay += s.killAt(t, provider, 100*time.Millisecond)
		s = serveFolder(t, data, environment...)
	}
	provider.Behave(providertest.Behaviour{})
	processed(t, s)
	totals := provider.Totals(providertest.Embed)
	t.Logf("%d texts sold, %d of them again; %d were on their way at the kills",
		totals.Served, totals.Duplicates, onTheWay)
	const slice = 64 // texts that are stored together, a moment after they are answered
	if totals.Duplicates > onTheWay+slice {
		t.Errorf("%d texts were bought again, %d were on their way at the kills", totals.Duplicates, onTheWay)
	}
	list, err := s.ListMemos(t.Context(), client.PageRequest{})
	if err != nil || list.Count != memos {
		t.Errorf("%d memos, %v; want %d", list.Count, err, memos)
	}
}

func TestOneCallInFiveFails(t *testing.T) {
	t.Parallel()
	provider, environment := paced(t, providertest.Behaviour{Embed: providertest.Manner{
		Pace: providertest.Pace{Latency: providertest.Duration(20 * time.Millisecond)},
		Odds: providertest.Odds{Throttled: 0.07, Failed: 0.07, Reset: 0.06},
	}})
	s := serve(t, environment...)
	post(t, s.Client, 300)
	processed(t, s)
	totals := provider.Totals(providertest.Embed)
	if totals.Duplicates != 0 || totals.Failed == 0 {
		t.Errorf("%d texts bought again, %d requests failed; want none, and some", totals.Duplicates, totals.Failed)
	}
}

func TestWhatWasPaidForIsKept(t *testing.T) {
	t.Parallel()
	provider, environment := paced(t, providertest.Behaviour{})
	data := t.TempDir()
	s := serveFolder(t, data, environment...)
	ids := post(t, s.Client, 5)
	processed(t, s)
	for _, id := range ids {
		if err := s.DeleteMemo(t.Context(), client.ByID(id)); err != nil {
			t.Fatal(err)
		}
	}
	s.stop(t)
	s = serveFolder(t, data, environment...)
	sold := provider.Totals(providertest.Embed).Served
	post(t, s.Client, 5)
	processed(t, s)
	if again := provider.Totals(providertest.Embed).Served - sold; again != 0 {
		t.Errorf("%d of %d vectors were bought again after the memos were deleted", again, sold)
	}
}

func TestASpentBudgetHoldsMemosBack(t *testing.T) {
	t.Parallel()
	provider, environment := paced(t, providertest.Behaviour{})
	environment = append(environment, "OPENAI_EMBEDDING_MODEL=text-embedding-3-large", "KVASIR_BUDGET_DAY=0.0000001")
	s := serve(t, environment...)
	id := post(t, s.Client, 1)[0]
	eventually(t, "the memo says that the budget is spent", func() bool {
		st, err := s.MemoStatus(t.Context(), client.ByID(id))
		return err == nil && st.Status == "processing" && strings.Contains(st.WaitingFor, "budget for the day is spent")
	})
	if n := provider.Totals(providertest.Embed).Requests; n != 0 {
		t.Errorf("%d requests were paid for beyond the budget", n)
	}
	report, err := s.Usage(t.Context(), client.UsageRequest{})
	if err != nil || len(report.Budgets) != 1 {
		t.Errorf("budgets %+v, %v", report.Budgets, err)
	}
}

func TestWhatIsSpentIsBooked(t *testing.T) {
	t.Parallel()
	provider, environment := paced(t, providertest.Behaviour{})
	data := t.TempDir()
	s := serveFolder(t, data, environment...)
	ids := post(t, s.Client, 3)
	processed(t, s)
	if _, err := s.Chat(t.Context(), client.ChatRequest{Query: "What do ducks eat?"}); err != nil {
		t.Fatal(err)
	}
	s.stop(t) // and what is not booked yet is booked at the stop
	s = serveFolder(t, data, environment...)
	report, err := s.Usage(t.Context(), client.UsageRequest{By: []client.Dimension{client.ByMemo, client.ByKind}})
	if err != nil {
		t.Fatal(err)
	}
	sold := provider.Totals(providertest.Embed).Tokens + provider.Totals(providertest.Chat).Tokens
	if got := report.Total.InputTokens + report.Total.OutputTokens; got != int64(sold) {
		t.Errorf("%d tokens are booked and %d were sold", got, sold)
	}
	rows := map[string]int{}
	for _, row := range report.Rows {
		rows[row.Memo+" "+row.Kind]++
	}
	for _, id := range ids {
		if rows[id+" embed"] != 1 {
			t.Errorf("no row for memo %s: %+v", id, report.Rows)
		}
	}
	if rows[" generate"] != 1 {
		t.Errorf("no row for the answer: %+v", report.Rows)
	}
}

func TestAnAnswerFailsOverToTheNextProvider(t *testing.T) {
	t.Parallel()
	first, _ := scripted(t)
	second, _ := scripted(t)
	lanes := filepath.Join(t.TempDir(), "lanes.toml")
	file := fmt.Sprintf(`
[[provider]]
name = "first"
protocol = "openai"
base_url = %q
keys = ["$FIRST_KEY"]

[[provider]]
name = "second"
protocol = "openai"
base_url = %q
keys = ["$SECOND_KEY", "$THIRD_KEY"]

[[generate]]
name = "answers"
provider = "first"
model = "m"

[[generate]]
name = "answers"
provider = "second"
model = "n"
`, first.BaseURL(), second.BaseURL())
	if err := os.WriteFile(lanes, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "KVASIR_MODELS="+lanes, "FIRST_KEY=sk-1", "SECOND_KEY=sk-2", "THIRD_KEY=sk-3")
	ask := func() {
		t.Helper()
		answer, err := s.Chat(t.Context(), client.ChatRequest{Query: "What do ducks eat?"})
		if err != nil || answer.Text == "" {
			t.Errorf("answer %+v, %v", answer, err)
		}
	}
	ask()
	if n := second.Totals(providertest.Chat).Requests; n != 0 {
		t.Errorf("%d answers by the second provider, though the first works", n)
	}
	// The first word has not come yet, so nobody sees that the stream broke.
	first.Always(providertest.Chat, providertest.Action{Fault: providertest.Cut})
	ask()
	first.Clear()
	first.Always(providertest.Chat, providertest.Fail(401, "no such key"))
	ask()
	ask()
	if n := second.Totals(providertest.Chat).Requests; n != 3 {
		t.Errorf("%d answers by the second provider, want three", n)
	}
	st, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var broken []string
	for _, pool := range st.Pools {
		for _, lane := range pool.Lanes {
			if lane.State == "broken" {
				broken = append(broken, lane.Name+": "+lane.Reason)
			}
		}
	}
	if len(broken) != 1 || !strings.Contains(broken[0], "first/m: the key is refused until") {
		t.Errorf("broken lanes: %q", broken)
	}
}

func TestMetricsShowLanesAndNobodysNames(t *testing.T) {
	t.Parallel()
	_, environment := paced(t, providertest.Behaviour{Headers: providertest.HeadersOpenAI, Embed: providertest.Manner{
		Limit: providertest.Limit{RequestsPerMinute: 6000},
	}})
	s := serve(t, environment...)
	id := post(t, s.Client, 1)[0]
	processed(t, s)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v", answer.StatusCode, err)
	}
	const lane = `kind="embed",lane="openai/text-embedding-3-large"`
	for _, want := range []string{
		`kvasir_exchanges_total{` + lane + `,outcome="ok"} 1`, `kvasir_lane_state{` + lane + `,state="open"} 1`,
		`kvasir_lane_limit_per_minute{` + lane, `go_goroutines`, `http_server_request_duration_seconds_count`,
	} {
		if !strings.Contains(string(body), want) {
			t.Errorf("the metrics have no %s", want)
		}
	}
	for _, secret := range []string{id, key, key[:12], "sk-test"} {
		if strings.Contains(string(body), secret) {
			t.Errorf("the metrics tell %s", secret)
		}
	}
}
