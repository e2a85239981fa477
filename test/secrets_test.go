package test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"kvasir/internal/testenv"
)

// Secrets are marked so that they are found wherever they turn up, also by halves and as
// basic authentication sends them.
const (
	markedKey = "sk_proj_5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2"
	user      = "me"
)

// marked returns a secret of which no part is a word.
func marked(name string) string { return "hUsH" + name + "sEcReT77" }

// An overheard is everything that was said by processes and in answers.
type overheard struct {
	mu   sync.Mutex
	said []struct{ where, what string }
}

func (o *overheard) hear(where, what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.said = append(o.said, struct{ where, what string }{where, what})
}

// tells fails the test for every secret that was said.
func (o *overheard) tells(t *testing.T, secrets []string) {
	t.Helper()
	for _, secret := range secrets {
		forms := []string{secret, secret[4 : len(secret)-4]}
		for _, pair := range []string{user + ":" + secret, ":" + secret} {
			forms = append(forms, base64.StdEncoding.EncodeToString([]byte(pair)))
		}
		for _, said := range o.said {
			for _, form := range forms {
				if at := strings.Index(said.what, form); at >= 0 {
					t.Errorf("%s tells %s:\n%s", said.where, secret, said.what[max(0, at-300):min(len(said.what), at+200)])
					break
				}
			}
		}
	}
}

// run runs a command with secrets, and hears what it says.
func (o *overheard) run(t *testing.T, environment []string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "kvasir", args...)
	cmd.Env = append(os.Environ(), environment...)
	out, _ := cmd.CombinedOutput() // many are to fail
	o.hear("kvasir "+strings.Join(args, " "), string(out))
}

// ask sends a request and hears the answer.
func (o *overheard) ask(t *testing.T, s *server, method, path, body string, headers ...string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return ""
	}
	req.Header.Set("Authorization", "Bearer "+markedKey)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	o.hear(method+" "+path, fmt.Sprint(res.StatusCode, res.Header, string(said)))
	return string(said)
}

// indiscreet is a provider, a proxy and a collector that repeats all it was sent, as an
// error of another kind each time.
func indiscreet(t *testing.T, collected *overheard) *httptest.Server {
	var mu sync.Mutex
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/v1/traces") {
			body, _ := io.ReadAll(r.Body) // what there is of it
			collected.hear("the traces", string(body))
		}
		mu.Lock()
		n++
		status := []int{500, 401, 400, 403, 404, 429, 503}[n%7]
		mu.Unlock()
		about := fmt.Sprint(r.Method, " ", r.URL, " ", r.Header)
		words, _ := json.Marshal(map[string]any{"error": map[string]any{"message": "You sent " + about, "type": "scripted"}})
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Echo", strings.NewReplacer("\n", "", "\r", "").Replace(about))
		w.WriteHeader(status)
		_, _ = w.Write(words) // the client may be gone
	}))
	t.Cleanup(s.Close)
	return s
}

// withPassword puts credentials into an address.
func withPassword(address, password string) string {
	return strings.Replace(address, "://", "://"+user+":"+password+"@", 1)
}

// TestSecretsAreNotTold gives a server a marked secret in every option that takes one,
// has it succeed and fail in all ways with all of them, at the level of debugging, and
// looks for them in all that is said.
func TestSecretsAreNotTold(t *testing.T) {
	t.Parallel()
	var all overheard
	echo := indiscreet(t, &all)
	lanes, secrets, environment := everySecret(t, echo.URL)
	data := t.TempDir()
	s := serveFolder(t, data, environment...)
	exercise(t, &all, s)
	for _, args := range [][]string{
		{"status", "--once"}, {"health"}, {"usage"}, {"search", "ducks"}, {"ask", "ducks?"}, {"memo", "list"}, {"webhook", "list"},
	} {
		all.run(t, append(environment, "KVASIR_URL="+s.url), args...)
		all.run(t, append(environment, "KVASIR_URL="+withPassword("http://127.0.0.1:1", marked("CLIENT"))), args...)
	}
	secrets = append(secrets, marked("CLIENT"))
	s.stop(t)
	all.hear("the log", s.log.String())

	backup := filepath.Join(t.TempDir(), "b.tar.gz")
	for _, args := range [][]string{
		{"backup", backup, "--data", data}, {"verify", backup}, {"restore", backup, "--data", t.TempDir()},
		{"restore", backup, "--data", data}, {"serve", "--help"}, {"serve", "--no-such-option"}, {"model", "status"},
	} {
		all.run(t, environment, args...)
	}
	all.hear("the backup", unpacked(t, backup))
	wrongly(t, &all, environment, echo.URL, lanes)
	all.tells(t, secrets)
}

// everySecret returns a configuration with all secrets that there can be, and these. The
// file of lanes is for another start.
func everySecret(t *testing.T, url string) (lanes string, secrets, environment []string) {
	set := func(variable, format string) {
		secret := marked(variable)
		secrets = append(secrets, secret)
		environment = append(environment, variable+"="+strings.ReplaceAll(format, "SECRET", secret))
	}
	for _, vendor := range []string{"OPENAI", "ANTHROPIC", "GEMINI", "GROQ", "LOCAL_LLM", "VOYAGE", "COHERE", "JINA"} {
		set(vendor+"_API_KEY", "SECRET")
	}
	set("KVASIR_METRICS_TOKEN", "SECRET")
	set("KVASIR_FETCH_PROXY", withPassword(url, "SECRET"))
	set("ANTHROPIC_BASE_URL", withPassword(url, "SECRET"))
	set("GEMINI_BASE_URL", url+"/?key=SECRET")
	set("LOCAL_LLM_BASE_URL", withPassword(url, "SECRET")+"/v1")
	set("VOYAGE_BASE_URL", withPassword(url, "SECRET")+"/v1")
	set("COHERE_BASE_URL", withPassword(url, "SECRET")+"/v2")
	set("OTEL_EXPORTER_OTLP_HEADERS", "authorization=SECRET")
	set("HTTP_PROXY", withPassword(url, "SECRET"))
	set("HTTPS_PROXY", withPassword(url, "SECRET")) // the way to Groq
	environment = append(environment,
		"KVASIR_API_KEY="+markedKey, "OPENAI_BASE_URL="+url+"/v1", "EMBEDDING_PROVIDER=openai", "RERANKING_PROVIDER=cohere",
		"LLM_PROVIDER=openai", "KVASIR_ANSWER_TIMEOUT=1s", "OTEL_EXPORTER_OTLP_ENDPOINT="+url, "OTEL_BSP_SCHEDULE_DELAY=1", "LOG_LEVEL=debug", private)
	secrets = append(secrets, markedKey)

	lanes = filepath.Join(t.TempDir(), "lanes.toml")
	secrets = append(secrets, marked("LANE"))
	file := "[[provider]]\nname = \"openai\"\nbase_url = \"" + url + "\"\nkeys = [\"" + marked("LANE") + "\"]\nnonsense = 7\n"
	if err := os.WriteFile(lanes, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	return lanes, secrets, environment
}

// exercise uses every route, in ways that succeed and that fail.
func exercise(t *testing.T, all *overheard, s *server) {
	made := all.ask(t, s, "POST", "/api/v1/memo", `{"title":"Ducks","content":"Ducks eat seeds."}`)
	var memo struct {
		ID string `json:"memo_uuid"`
	}
	if err := json.Unmarshal([]byte(made), &memo); err != nil || memo.ID == "" {
		t.Fatalf("%s, %v", made, err)
	}
	all.ask(t, s, "POST", "/api/v1/memo", `{"title":"Page","url":"http://pages.example.com/x"}`)
	all.ask(t, s, "POST", "/api/v1/memo", `{"title":"Page","url":"`+withPassword("http://pages.example.com/x", marked("PAGE"))+`"}`)
	var asking sync.WaitGroup
	for _, provider := range []string{"openai", "anthropic", "gemini", "groq", "local"} {
		body := `{"query":"Who?","stream":%v,"rag_config":{"llm_provider":"` + provider + `"}}`
		if provider != "groq" { // a stream has the patience for retries
			asking.Go(func() { all.ask(t, s, "POST", "/api/v1/chat", fmt.Sprintf(body, true)) })
		}
		for range 3 {
			asking.Go(func() { all.ask(t, s, "POST", "/api/v1/chat", fmt.Sprintf(body, false)) })
		}
	}
	for range 3 {
		asking.Go(func() { all.ask(t, s, "POST", "/api/v1/search", `{"query":"ducks","explain":true}`) })
		asking.Go(func() { all.ask(t, s, "POST", "/api/v1/generate", `{"prompt":"ducks"}`) })
	}
	asking.Wait()
	all.ask(t, s, "POST", "/api/v1/webhooks", `{"url":"`+withPassword("http://127.0.0.1:4711/", marked("HOOK"))+`"}`)
	for _, path := range []string{
		"/", "/api/v1/memo/" + memo.ID + "/status", "/api/health", "/api/v1/status", "/api/v1/usage?group_by=key,model", "/api/v1/config/llm-providers", "/metrics",
		"/api/v1/memo", "/api/v1/memo/" + memo.ID, "/api/v1/chat", "/api/v1/webhooks", "/api/v1/processing", "/openapi.json",
		"/nothing", "/api/v1/nothing",
	} {
		all.ask(t, s, "GET", path, "")
	}
	all.ask(t, s, "GET", "/api/v1/memo", "", "Authorization", "Bearer "+markedKey+"x")
	all.ask(t, s, "GET", "/api/v1/memo", "", "Authorization", "Basic "+markedKey)
	all.ask(t, s, "GET", "/api/v1/memo", "", "Cookie", "accessToken="+markedKey)
	all.ask(t, s, "GET", "/metrics", "", "Authorization", "Bearer "+marked("KVASIR_METRICS_TOKEN"), "X-Forwarded-For", "1.1.1.1")
	all.ask(t, s, "POST", "/api/v1/memo", `{"title":`)
}

// wrongly starts servers that cannot start, with each secret where something is wrong
// with it.
func wrongly(t *testing.T, all *overheard, environment []string, url, lanes string) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	_ = closed.Close() // nobody listens there now
	postgres := "postgres://" + user + ":" + marked("DATABASE_URL") + "@"
	folder := "KVASIR_DATA=" + t.TempDir()
	for _, wrong := range [][]string{
		{"DATABASE_URL=" + postgres + nobody + "/x"},
		{"DATABASE_URL=" + postgres + "no-such-host.invalid/x"},
		{"DATABASE_URL=" + postgres + nobody + ":x/%zz"},
		{"DATABASE_URL=" + postgres + nobody + "/x?sslmode=nonsense"},
		{"DATABASE_URL=host=" + nobody + " password=" + marked("DATABASE_URL") + " nonsense"},
		{"KVASIR_API_KEY=" + marked("DATABASE_URL")},
		{"KVASIR_FETCH_PROXY=" + user + ":" + marked("KVASIR_FETCH_PROXY") + "@proxy"},
		{"ANTHROPIC_BASE_URL=" + user + ":" + marked("ANTHROPIC_BASE_URL") + "@proxy"},
		{"LOCAL_LLM_BASE_URL=ftp://" + user + ":" + marked("LOCAL_LLM_BASE_URL") + "@proxy"},
		{"VOYAGE_BASE_URL=http://" + user + ":" + marked("VOYAGE_BASE_URL") + "@%zz"},
		{"KVASIR_MODELS=" + lanes},
		{
			"KVASIR_S3_BUCKET=b", "KVASIR_S3_ENDPOINT=" + url, "KVASIR_S3_ACCESS_KEY=" + marked("S3A"),
			"KVASIR_S3_SECRET_KEY=" + marked("S3S"),
		},
		{
			"KVASIR_S3_BUCKET=b", "KVASIR_S3_ENDPOINT=" + withPassword(url, marked("S3A")), "KVASIR_S3_ACCESS_KEY=" + marked("S3A"),
			"KVASIR_S3_SECRET_KEY=" + marked("S3S"),
		},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=" + user + ":" + marked("KVASIR_FETCH_PROXY") + "@x"},
		{"API_URL=" + user + ":" + marked("KVASIR_FETCH_PROXY") + "@x"},
	} {
		all.run(t, append(append([]string{folder, "KVASIR_LISTEN=127.0.0.1:0"}, environment...), wrong...), "serve")
	}
	all.tells(t, []string{marked("DATABASE_URL"), marked("S3A"), marked("S3S"), marked("PAGE")})
}

// TestThePasswordOfTheDatabaseIsNotTold takes the database away from a server that has one.
func TestThePasswordOfTheDatabaseIsNotTold(t *testing.T) {
	t.Parallel()
	var all overheard
	cluster := testenv.Postgres(t)
	database := strings.Replace(cluster.Database(t), "postgres@", "postgres:"+marked("DATABASE_URL")+"@", 1)
	s := serve(t, "DATABASE_URL="+database+"?statement_timeout=1s", "LOG_LEVEL=debug", "KVASIR_API_KEY="+markedKey)
	all.ask(t, s, "POST", "/api/v1/memo", `{"title":"Ducks","content":"Ducks eat seeds."}`)
	if err := cluster.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/api/health", "/api/v1/memo", "/api/v1/status", "/api/v1/usage", "/metrics"} {
		all.ask(t, s, "GET", path, "")
	}
	all.ask(t, s, "POST", "/api/v1/memo", `{"title":"Ducks","content":"Ducks eat seeds."}`)
	all.run(t, []string{"DATABASE_URL=" + database}, "backup", filepath.Join(t.TempDir(), "b"))
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	s.stop(t)
	all.hear("the log", s.log.String())
	all.tells(t, []string{marked("DATABASE_URL"), markedKey})
}

// unpacked returns what is in a backup.
func unpacked(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}
