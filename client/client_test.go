package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/client"
	"kvasir/client/clienttest"
)

// start returns a server of the wire and a client of it.
func start(t *testing.T) (*clienttest.Server, *client.Client) {
	t.Helper()
	srv := clienttest.Start(t)
	return srv, client.New(srv.URL+"/", clienttest.Key, &client.Options{HTTPClient: srv.HTTP})
}

// answering returns a client of a server that does as told.
func answering(t *testing.T, handler http.HandlerFunc) *client.Client {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	return client.New(srv.URL, "key", &client.Options{HTTPClient: srv.Client(), UserAgent: "test"})
}

func TestAMemoFromBeginningToEnd(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	ctx := t.Context()
	id, err := c.CreateMemo(ctx, client.NewMemo{
		Title: "Ducks", Content: "Ducks eat seeds.",
		MemoOptions: client.MemoOptions{
			Source: "farm", ReferenceID: "birds/duck", Tags: []string{"birds"}, Metadata: map[string]any{"year": 2026.0},
			Scopes: map[string]string{"team": "all"}, Expires: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if status, err := c.WaitForMemo(ctx, client.ByID(id)); err != nil || status.Status != client.StatusProcessed {
		t.Fatalf("WaitForMemo() = %+v, %v", status, err)
	}
	m, err := c.GetMemo(ctx, client.ByReference("birds/duck"))
	if err != nil {
		t.Fatal(err)
	}
	want := client.Memo{
		MemoSummary: client.MemoSummary{
			ID: id, Created: m.Created, Updated: m.Updated, Title: "Ducks", ContentLength: 16, ContentHash: m.ContentHash,
			Metadata: map[string]any{"year": 2026.0}, ReferenceID: "birds/duck", Status: client.StatusProcessed,
		},
		Content: "Ducks eat seeds.", Type: "plaintext", Source: "farm", Scopes: map[string]string{"team": "all"},
		Stage:  "processed",
		Tags:   []client.Tag{{ID: id, Name: "birds"}},
		Chunks: []client.Chunk{{ID: id, Content: "Ducks eat seeds.", End: 16, Headings: []string{"Ducks"}}},
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("GetMemo() (-want +got):\n%s", diff)
	}
	patch := client.MemoPatch{Content: new("Ducks eat grass."), Tags: []string{}}
	if err := c.UpdateMemo(ctx, client.ByID(id), patch); err != nil {
		t.Fatal(err)
	}
	if m, err = c.GetMemo(ctx, client.ByID(id)); err != nil || m.Content != "Ducks eat grass." || len(m.Tags) != 0 {
		t.Errorf("after the update: %+v, %v", m, err)
	}
	if err := c.DeleteMemo(ctx, client.ByID(id)); err != nil {
		t.Fatal(err)
	}
	_, err = c.GetMemo(ctx, client.ByID(id))
	refused, ok := errors.AsType[*client.APIError](err)
	if !ok || refused.StatusCode != http.StatusNotFound || refused.Message != "Memo not found" {
		t.Errorf("after the delete: %v", err)
	}
}

func TestUpsertReplacesByReference(t *testing.T) {
	t.Parallel()
	srv, c := start(t)
	memo := client.NewMemo{Title: "Ducks", Content: "one", MemoOptions: client.MemoOptions{ReferenceID: "r"}}
	first, err := c.UpsertMemo(t.Context(), memo)
	if err != nil || !first.Created {
		t.Fatalf("first UpsertMemo() = %+v, %v", first, err)
	}
	memo.Content = "two"
	second, err := c.UpsertMemo(t.Context(), memo)
	if err != nil || second.Created || second.MemoID != first.MemoID {
		t.Errorf("second UpsertMemo() = %+v, %v, want %s replaced", second, err, first.MemoID)
	}
	file := client.Upload{Name: "duck.md", Body: strings.NewReader("three"), MemoOptions: memo.MemoOptions}
	third, err := c.UpsertFile(t.Context(), file)
	if err != nil || third.MemoID != first.MemoID {
		t.Errorf("UpsertFile() = %+v, %v", third, err)
	}
	if memos := srv.Memos(); len(memos) != 1 || memos[0].Content != "three" {
		t.Errorf("the server has %+v", memos)
	}
}

func TestUploadsAreStreamed(t *testing.T) {
	t.Parallel()
	srv, c := start(t)
	const size = 3 << 20
	id, err := c.UploadFile(t.Context(), client.Upload{
		Name: `größe "3".md`, Body: io.LimitReader(endless('x'), size), Title: "Größe",
		MemoOptions: client.MemoOptions{
			Source: "disk", ReferenceID: "r", Tags: []string{"a", "ä"}, Metadata: map[string]any{"k": "v"},
			Scopes: map[string]string{"s": "t"}, Expires: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := srv.Memos()[0]
	if len(got.Content) != size {
		t.Errorf("%d bytes arrived, want %d", len(got.Content), size)
	}
	got.Content = ""
	want := clienttest.Memo{
		ID: id, ReferenceID: "r", Title: "Größe", Type: "document", Source: "disk", Tags: []string{"a", "ä"},
		Metadata: map[string]any{"k": "v", "original_filename": `größe "3".md`, "size": float64(size)},
		Scopes:   map[string]string{"s": "t"}, Writes: 1, File: `größe "3".md`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the server has (-want +got):\n%s", diff)
	}
	_, err = c.UploadFile(t.Context(), client.Upload{Name: "a.exe", Body: strings.NewReader("MZ")})
	if err == nil || !strings.HasPrefix(err.Error(), "Invalid file type. Allowed types: .pdf") {
		t.Errorf("after an .exe: %v", err)
	}
}

// endless is a reader of one byte, for ever.
type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

func TestAllMemosReadsEveryPage(t *testing.T) {
	t.Parallel()
	srv, c := start(t)
	const count = 2*client.MaxPageSize + 5
	for i := range count {
		memo := client.NewMemo{Title: fmt.Sprint("memo ", i), Content: "text"}
		if _, err := c.CreateMemo(t.Context(), memo); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for m, err := range c.AllMemos(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		seen[m.ID] = true
	}
	if len(seen) != count {
		t.Errorf("AllMemos() yielded %d memos, want %d", len(seen), count)
	}
	page, err := c.ListMemos(t.Context(), client.PageRequest{Page: 3, Size: 100})
	if err != nil || len(page.Results) != 5 || page.Count != count || page.TotalPages != 3 {
		t.Errorf("third page: %d of %d on %d pages, %v", len(page.Results), page.Count, page.TotalPages, err)
	}
	for range c.AllMemos(t.Context()) {
		break // a consumer may stop
	}
	for _, err := range client.New(srv.URL, "wrong", &client.Options{HTTPClient: srv.HTTP}).AllMemos(t.Context()) {
		if err == nil {
			t.Error("a wrong key was taken")
		}
	}
}

func TestAFailedMemoTellsWhyAndCanBeRetried(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	id, err := c.CreateMemo(t.Context(), client.NewMemo{Title: "t", Content: clienttest.FailingText})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.RetryMemo(t.Context(), client.ByID(id)); err == nil {
		t.Error("a memo in progress was retried")
	}
	_, err = c.WaitForMemo(t.Context(), client.ByID(id))
	failed, ok := errors.AsType[*client.ProcessingError](err)
	if !ok || failed.Reason != clienttest.FailingText || failed.MemoID != id {
		t.Fatalf("WaitForMemo() failed with %v", err)
	}
	if err := c.RetryMemo(t.Context(), client.ByID(id)); err != nil {
		t.Error(err)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	bored := errors.New("bored")
	c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"status": "processing"}`)
		cancel(bored)
	})
	if _, err := c.WaitForMemo(ctx, client.ByID("x")); !errors.Is(err, bored) && !errors.Is(err, context.Canceled) {
		t.Errorf("WaitForMemo() failed with %v", err)
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	addDucks(t, c)
	results, err := c.Search(t.Context(), client.SearchRequest{
		Query: "ducks", Limit: 3,
		Filters: []client.Filter{{Field: "source", Operator: client.OpEqual, Value: "farm", Type: client.FilterNative}},
	})
	if err != nil || len(results) != 1 {
		t.Fatalf("Search() = %+v, %v", results, err)
	}
	got := results[0]
	if got.MemoTitle != "Ducks" || got.Content != "Ducks eat seeds." || got.Distance != 0.5 {
		t.Errorf("Search() = %+v", got)
	}
	_, err = c.Search(t.Context(), client.SearchRequest{})
	if err == nil || !strings.Contains(err.Error(), "Query is required") {
		t.Errorf("without a query: %v", err)
	}
}

func addDucks(t *testing.T, c *client.Client) {
	t.Helper()
	if _, err := c.CreateMemo(t.Context(), client.NewMemo{Title: "Ducks", Content: "Ducks eat seeds."}); err != nil {
		t.Fatal(err)
	}
}

var withReferences = &client.RAGConfig{References: &client.Toggle{Enabled: true}}

func TestChat(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	addDucks(t, c)
	a, err := c.Chat(t.Context(), client.ChatRequest{Query: "What do ducks eat?", RAG: withReferences})
	if err != nil {
		t.Fatal(err)
	}
	if a.Text != "Ducks eat seeds. [[1]]" || a.ChatID == "" || a.References["1"].MemoTitle != "Ducks" {
		t.Errorf("Chat() = %+v", a)
	}
	if len(a.Citations) != 1 || a.Citations[0].Number != 1 || a.Citations[0].End != 16 {
		t.Errorf("citations %+v", a.Citations)
	}
	chats, err := c.ListChats(t.Context(), client.PageRequest{})
	if err != nil || len(chats.Results) != 1 || chats.Results[0].MessageCount != 2 {
		t.Fatalf("ListChats() = %+v, %v", chats, err)
	}
	chat, err := c.GetChat(t.Context(), chats.Results[0].ID)
	if err != nil || len(chat.Messages) != 2 || chat.Messages[1].SentBy != "model" || !chat.Messages[1].Cut {
		t.Errorf("GetChat() = %+v, %v", chat, err)
	}
	if _, err := c.GetChat(t.Context(), "../memo"); err == nil || !strings.Contains(err.Error(), "Chat not found") {
		t.Errorf("GetChat() of a path: %v", err)
	}
}

func TestGenerate(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	addDucks(t, c)
	text, err := c.Generate(t.Context(), client.GenerateRequest{Prompt: "a page on ducks", Rules: "short"})
	if err != nil || !strings.Contains(text, "seeds") {
		t.Errorf("Generate() = %q, %v", text, err)
	}
}

func TestStreamChat(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	addDucks(t, c)
	var text strings.Builder
	var types []client.EventType
	for e, err := range c.StreamChat(t.Context(), client.ChatRequest{Query: "What do ducks eat?", RAG: withReferences}) {
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(e.Text)
		if len(types) == 0 || types[len(types)-1] != e.Type {
			types = append(types, e.Type)
		}
		if e.Type == client.EventReferences && e.References["1"].MemoTitle != "Ducks" {
			t.Errorf("references %+v", e.References)
		}
		if e.Type == client.EventDone && e.ChatID == "" {
			t.Error("the end names no chat")
		}
	}
	if got := text.String(); got != "Ducks eat seeds. [[1]]" {
		t.Errorf("text %q", got)
	}
	want := []client.EventType{"token", "citations", "afterthought", "references", "done"}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
}

func TestAStreamThatBreaksOff(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	var last client.Event
	var failed error
	for e, err := range c.StreamChat(t.Context(), client.ChatRequest{Query: clienttest.BrokenQuery}) {
		last, failed = e, err
	}
	broken, ok := errors.AsType[*client.AnswerError](failed)
	if !ok || broken.Reason != "the model went away" || last.Type != client.EventDone || last.ChatID == "" {
		t.Errorf("last event %+v, %v", last, failed)
	}
}

func TestStreamsThatAreNone(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"a refusal", 400, `{"error": "Query is required"}`, "Query is required (HTTP 400)"},
		{"no end", 200, "data: {\"type\":\"token\",\"content\":\"a\"}\n\n", "unexpected EOF"},
		{"nothing", 200, "", "unexpected EOF"},
		{"no JSON", 200, "data: hello\n\n", "read event"},
		{"references that are none", 200, "data: {\"type\":\"references\",\"content\":\"[]\"}\n\n", "read references"},
		{"an error and no end", 200, "data: {\"type\":\"error\",\"content\":\"An error occurred\"}\n\n", "An error occurred"},
		{"a line without end", 200, strings.Repeat("x", 2<<20), "longer than 1 MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				fmt.Fprint(w, tt.body)
			})
			var failures []error
			for _, err := range c.StreamChat(t.Context(), client.ChatRequest{Query: "q"}) {
				if err != nil {
					failures = append(failures, err)
				}
			}
			if len(failures) != 1 || !strings.Contains(failures[0].Error(), tt.want) {
				t.Errorf("errors %v, want one with %q", failures, tt.want)
			}
		})
	}
}

func TestAConsumerThatStopsEndsTheRequest(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "data: {\"type\":\"token\",\"content\":\"a\"}\n\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-r.Context().Done()
		close(ended)
	})
	for range c.StreamChat(t.Context(), client.ChatRequest{Query: "q"}) {
		break
	}
	select {
	case <-ended:
	case <-t.Context().Done():
		t.Error("the request goes on")
	}
}

func TestRefusalsInAnyForm(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status int
		body   string
		want   string
	}{
		{404, `{"error": "Memo not found"}`, "Memo not found"},
		{429, "Too many requests from this IP.\n", "Too many requests from this IP."},
		{502, "", "Bad Gateway"},
		{500, `{"error": ["a list"]}`, `{"error": ["a list"]}`},
	}
	for _, tt := range tests {
		c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			fmt.Fprint(w, tt.body)
		})
		_, err := c.Health(t.Context())
		refused, ok := errors.AsType[*client.APIError](err)
		if !ok || refused.StatusCode != tt.status || refused.Message != tt.want {
			t.Errorf("after %d %q: %v, want %q", tt.status, tt.body, err, tt.want)
		}
	}
}

func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	var got string
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		got = fmt.Sprint(r.Method, " ", r.URL.RequestURI(), " ", r.Header.Get("Authorization"), " ", r.UserAgent())
		fmt.Fprint(w, `{}`)
	})
	if _, err := c.GetMemo(t.Context(), client.ByReference("a/b c?")); err != nil {
		t.Fatal(err)
	}
	want := "GET /api/v1/memo/a%2Fb%20c%3F?id_type=reference_id Bearer key test"
	if got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
}

func TestAnswersThatAreNoJSON(t *testing.T) {
	t.Parallel()
	c := answering(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") })
	if _, err := c.Health(t.Context()); err == nil || !strings.Contains(err.Error(), "GET /api/health") {
		t.Errorf("Health() failed with %v", err)
	}
}

func TestHealthNeedsNoKey(t *testing.T) {
	t.Parallel()
	srv := clienttest.Start(t)
	h, err := client.New(srv.URL, "", &client.Options{HTTPClient: srv.HTTP}).Health(t.Context())
	if err != nil || h.Status != "ok" || !h.Checks.Database || h.Providers.Embeddings.Name != "none" {
		t.Errorf("Health() = %+v, %v", h, err)
	}
}
