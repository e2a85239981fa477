package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/api/field"
	"kvasir/internal/fault"
	"kvasir/internal/memo"
)

func TestSurvivingTexts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, body, title, metadata string }{
		{"lone surrogates", `{"title":"a\ud800b","content":"c","metadata":{"\udfff":"\ud83d"}}`, "a\ufffdb",
			"{\"\ufffd\":\"\ufffd\"}"},
		{"bytes that are no UTF-8", "{\"title\":\"a\xffb\",\"content\":\"c\"}", "a\ufffdb", `{}`},
		{"numbers as spelled", `{"title":"t","content":"c","metadata":{"b":12345678901234567890,"a":1e400,"a":2}}`, "t",
			`{"a":2,"b":12345678901234567890}`},
		{"the longest title", `{"title":"` + strings.Repeat("😀", 127) + `x","content":"c"}`,
			strings.Repeat("😀", 127) + "x", `{}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var body memoCreate
			if err := unmarshal([]byte(c.body), &body); err != nil {
				t.Fatal(err)
			}
			d, err := body.validate(time.Now(), checkURL)
			if err != nil {
				t.Fatal(err)
			}
			if d.Title != c.title || string(d.Metadata) != c.metadata {
				t.Errorf("title %q, metadata %s; want %q, %s", d.Title, d.Metadata, c.title, c.metadata)
			}
		})
	}
}

func TestTitlesOfFiles(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 300)
	for name, want := range map[string]string{
		"report.pdf": "report.pdf", "My  Report (final) v2.pdf": "My_Report_(final)_v2.pdf",
		"Über uns.docx": "Über_uns.docx", "日本語 資料.pdf": "日本語_資料.pdf",
		"__a__b__.PDF": "a_b.PDF", "$$$.pdf": "document.pdf", ".pdf": "document.pdf",
		`C:\docs\a b.pdf`: "a_b.pdf", "../../etc/passwd.txt": "passwd.txt", "a\x00\nb.txt": "ab.txt",
		"\xff.txt": "document.txt", long + ".pdf": long[:251] + ".pdf", "u\u0308.md": "u\u0308.md",
	} {
		if got := cutTitle(titleOf(cleanFileName(name))); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
	if got := cutTitle("x." + long); got != ("x." + long)[:255] {
		t.Errorf("an endless extension becomes %q", got)
	}
}

func TestBodyLimits(t *testing.T) {
	t.Parallel()
	cfg := (&backend{}).config(t)
	cfg.Options.MaxBodyBytes = 1 << 10
	cfg.Options.MaxUploadBytes = 2 << 20
	base := serve(t, cfg)
	memoOf := func(size int) []byte {
		frame := `{"title":"t","content":"%s"}`
		return fmt.Appendf(nil, frame, strings.Repeat("x", size-len(frame)+2))
	}
	if status, words := do(t, "POST", base+"/api/v1/memo", memoOf(1<<10)); status != 201 {
		t.Errorf("at the limit: %d %s", status, words)
	}
	if status, words := do(t, "POST", base+"/api/v1/memo", memoOf(1<<10+1)); status != 413 ||
		words != "Request body is larger than 1 KiB" {
		t.Errorf("over the limit: %d %s", status, words)
	}
	if status, words := do(t, "POST", base+"/api/v1/memo", memoOf(4<<20)); status != 413 {
		t.Errorf("far over the limit: %d %s", status, words)
	}
	wide := (&backend{}).config(t)
	for path, status := range map[string]int{"search": 413, "chat": 413, "generate": 413, "memo": 201, "usage/estimate": 200} {
		frame := `{"query":"q","prompt":"p","title":"t","content":"c","note":"%s"}`
		body := fmt.Appendf(nil, frame, strings.Repeat("x", maxQuestionBytes))
		if got, words := do(t, "POST", serve(t, wide)+"/api/v1/"+path, body); got != status {
			t.Errorf("a megabyte for %s: %d %s, want %d", path, got, words, status)
		}
	}
	upload := func(size int, text string) (int, string) {
		return sendForm(t, base, func(w *multipart.Writer) {
			part, _ := w.CreateFormFile("file", "a.txt")
			_, _ = part.Write(make([]byte, size))
			_ = w.WriteField("title", text)
		})
	}
	if status, words := upload(2<<20, "t"); status != 201 {
		t.Errorf("a file at the limit: %d %s", status, words)
	}
	if status, words := upload(2<<20+1, "t"); status != 400 || words != "File size exceeds 2MB limit" {
		t.Errorf("a file over the limit: %d %s", status, words)
	}
	if status, words := upload(1, strings.Repeat("x", 1<<10+1)); status != 413 {
		t.Errorf("texts over the limit: %d %s", status, words)
	}
	if status, words := upload(8<<20, "t"); status >= 500 || status < 400 {
		t.Errorf("a file far over the limit: %d %s", status, words)
	}
	leftovers, err := os.ReadDir(cfg.TempDir)
	if err != nil || len(leftovers) > 0 {
		t.Errorf("left behind: %v %v", leftovers, err)
	}
}

// sendForm posts a form and returns the status and the error.
func sendForm(t testing.TB, base string, write func(*multipart.Writer)) (int, string) {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	write(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/api/v1/memo", &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	req.Header.Set("Content-Type", w.FormDataContentType())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var failed struct{ Error string }
	_ = json.NewDecoder(resp.Body).Decode(&failed) // a good answer has none
	return resp.StatusCode, failed.Error
}

func TestTooManyParts(t *testing.T) {
	t.Parallel()
	status, words := sendForm(t, serve(t, (&backend{}).config(t)), func(w *multipart.Writer) {
		for range maxParts + 1 {
			_ = w.WriteField("x", "y")
		}
	})
	if status != 400 || words != "File upload error: more than 1000 parts" {
		t.Errorf("%d %s", status, words)
	}
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	for contentType, want := range map[string]string{
		"": "", "application/json": "", "application/json; charset=UTF-8": "", "application/ld+json": "",
		"application/json; charset=latin1":  "Request body must be UTF-8",
		"application/x-www-form-urlencoded": "Content-Type must be application/json",
		"nonsense;;":                        "Content-Type must be application/json",
	} {
		got := ""
		if err := checkJSONType(contentType); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", contentType, got, want)
		}
	}
}

// TestFailures shows which errors are shown, and how.
func TestFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		err    error
		status int
		words  string
	}{
		{"a bug tells nothing", errors.New("secret"), 500, "Internal error"},
		{"a missing memo has the wire's name", fault.New(fault.NotFound, "row missing"), 404, "Memo not found"},
		{"a conflict", fault.New(fault.Conflict, "Changed meanwhile"), 409, "Changed meanwhile"},
		{"something is down", fault.Wrap(fault.Unavailable, "Later", errors.New("secret")), 503, "Later"},
		{"no permission", fault.New(fault.Forbidden, "No"), 403, "No"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			base := serve(t, (&backend{failing: c.err}).config(t))
			status, words := do(t, "GET", base+"/api/v1/memo/00000000-0000-7000-8000-000000000001", nil)
			if status != c.status || words != c.words {
				t.Errorf("%d %q, want %d %q", status, words, c.status, c.words)
			}
		})
	}
}

func TestABrokenKeyStoreIsNoWrongKey(t *testing.T) {
	t.Parallel()
	handler := New((&backend{}).config(t))
	for path, want := range map[string]int{"/api/v1/memo": 500, "/api/health": 200} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer broken")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: %d %s, want %d", path, w.Code, w.Body, want)
		}
	}
}

func TestProjectsAreApart(t *testing.T) {
	t.Parallel()
	b := &backend{}
	id, err := b.Add(t.Context(), "p2", memoDraft("theirs"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, words := do(t, "GET", serve(t, b.config(t))+"/api/v1/memo/"+string(id), nil); status != 404 {
		t.Errorf("another project's memo: %d %s", status, words)
	}
}

func TestProgressIsTold(t *testing.T) {
	t.Parallel()
	b := &backend{}
	id, err := b.Add(t.Context(), "p1", memoDraft("waiting"), nil)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2030, 1, 2, 3, 4, 5, 6e6, time.UTC)
	b.memos[0].Progress = memo.Progress{
		Stage: memo.StageEmbedding, WaitingFor: "openai: rate limited", NotBefore: &at, ChunksDone: 1, ChunksTotal: 3,
	}
	url := serve(t, b.config(t)) + "/api/v1/memo/" + string(id) + "/status"
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"memo_uuid":"` + string(id) + `","status":"processing","processing_started_at":null,` +
		`"processing_completed_at":null,"error_reason":null,"stage":"embedding","waiting_for":"openai: rate limited",` +
		`"eta":null,"chunks_done":1,"chunks_total":3,"pages_done":0,"pages_total":0,"enrich_done":0,"enrich_total":0,` +
		`"next_attempt":"2030-01-02T03:04:05.006Z"}` + "\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLinksUseThePublicURL(t *testing.T) {
	t.Parallel()
	s := &server{Config: Config{Options: Options{PublicURL: "https://rag.example/"}}}
	r := httptest.NewRequest(http.MethodGet, "http://inside/api/v1/memo", nil)
	out := listPage(s, r, page{2, 10}, []int{1}, 21)
	if got := *out.Body.Next + " " + *out.Body.Previous; got !=
		"https://rag.example/api/v1/memo?page=3&page_size=10 https://rag.example/api/v1/memo?page=1&page_size=10" {
		t.Errorf("links %s", got)
	}
}

func FuzzMemoCreate(f *testing.F) {
	for _, seed := range []string{
		createExample, `{}`, `[]`, `{"title":null,"tags":[1],"scopes":{"a":null},"expiration_date":1e400}`,
		`{"title":"\ud800\u0000","content":"x","metadata":{"a":[{"b":"\u0000"}]}}`, `{"title":{`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var create memoCreate
		var patch memoPatch
		if unmarshal(body, &create) != nil || unmarshal(body, &patch) != nil {
			return
		}
		d, err := create.validate(time.Now(), checkURL)
		if err == nil {
			if d.Title == "" || (d.Content == "") == (d.URL == "") || memo.UTF16Len(d.Title) > field.MaxUnits ||
				!utf8.ValidString(d.Title+d.Content) || strings.ContainsRune(d.Title+d.Content, 0) {
				t.Errorf("%q passed as title %q", body, d.Title)
			}
			var metadata map[string]any
			if err := json.Unmarshal(d.Metadata, &metadata); err != nil || field.HasNUL(metadata) {
				t.Errorf("metadata %s", d.Metadata)
			}
		} else if !fault.Is(err, fault.Invalid) || fault.Message(err) == "" {
			t.Errorf("%q: %v", body, err)
		}
		if _, err := patch.validate(); err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", body, err)
		}
	})
}

func FuzzMultipart(f *testing.F) {
	const frame = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n\r\n%s\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n%s\r\n--b--\r\n"
	f.Add(fmt.Appendf(nil, frame, "a.txt", "hello", `{"a":1}`))
	f.Add(fmt.Appendf(nil, frame, "ü\xff.pdf", "", `{`))
	f.Add([]byte("--b\r\n\r\n"))
	f.Add([]byte("--b--"))
	b := &backend{}
	handler := New(b.config(f))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/api/v1/memo", bytes.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+testKey)
		r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != 201 && (w.Code < 400 || w.Code >= 500) {
			t.Errorf("%q was answered with %d %s", body, w.Code, w.Body)
		}
	})
}

func BenchmarkCreate(b *testing.B) {
	handler := New((&backend{}).config(b))
	body := `{"title":"t","content":"` + strings.Repeat("words and ", 800) + `"}`
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/api/v1/memo", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+testKey)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != 201 {
			b.Fatal(w.Code)
		}
	}
}
