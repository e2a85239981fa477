package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/client"
)

func TestEventsAreFollowed(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	id := ""
	opened := func() {
		var err error
		if id, err = c.CreateMemo(ctx, client.NewMemo{Title: "Ducks", Content: "Ducks eat seeds."}); err != nil {
			t.Error(err)
			cancel()
		}
	}
	var kinds []client.ChangeKind
	for change, err := range c.Events(ctx, client.EventsRequest{Opened: opened}) {
		if err != nil {
			t.Fatal(err)
		}
		if change.MemoID != id {
			t.Errorf("of another memo: %+v", change)
		}
		if change.Kind == client.ChangeProgress && change.PagesTotal != 3 {
			t.Errorf("progress %+v", change)
		}
		if kinds = append(kinds, change.Kind); change.Kind == client.MemoProcessed {
			break
		}
	}
	want := []client.ChangeKind{client.MemoCreated, client.ChangeProgress, client.MemoProcessed}
	if !slices.Equal(kinds, want) {
		t.Errorf("events %v", kinds)
	}
}

func TestABrokenStreamOfEventsGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	var asked []string
	event := func(id int) string {
		return fmt.Sprintf("id: %d\nevent: memo.created\ndata: {\"id\":%d,\"type\":\"memo.created\"}\n\n", id, id)
	}
	answers := []string{
		": ping\n\nid: 7\n\n",             // breaks off before anything has happened
		event(8) + "id: 9\ndata: {\"id\"", // within an event
		"503", event(9) + event(12), "410",
	}
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		answer := answers[len(asked)]
		asked = append(asked, r.URL.RawQuery+" "+r.Header.Get("Last-Event-ID"))
		switch answer {
		case "503":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "410":
			w.WriteHeader(http.StatusGone)
		default:
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, answer)
		}
	})
	var ids []int64
	var failed error
	for change, err := range c.Events(t.Context(), client.EventsRequest{MemoID: "m", NoProgress: true}) {
		if failed = err; err == nil {
			ids = append(ids, change.ID)
		}
	}
	if want := []int64{8, 9, 12}; !slices.Equal(ids, want) {
		t.Errorf("events %v, want %v", ids, want)
	}
	const query = "memo=m&progress=false "
	if diff := cmp.Diff([]string{query, query + "7", query + "8", query + "8", query + "12"}, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if refused, ok := errors.AsType[*client.APIError](failed); !ok || refused.StatusCode != http.StatusGone {
		t.Errorf("ended with %v", failed)
	}
}

func TestEventsEndWithTheContext(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	var last error
	for _, err := range c.Events(ctx, client.EventsRequest{After: client.OldestEvent, Opened: cancel}) {
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("ended with %v", last)
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	srv, c := start(t)
	ctx := t.Context()
	upload := client.Upload{Name: "Über.txt", Body: strings.NewReader("hello")}
	upload.Processing = client.Processing{ChunkWords: 40, Enrich: []client.Aspect{}}
	id, err := c.UploadFile(ctx, upload)
	if err != nil {
		t.Fatal(err)
	}
	o, err := c.Original(ctx, client.ByID(id))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Body.Close()
	text, err := io.ReadAll(o.Body)
	if string(text) != "hello" || o.Name != "Über.txt" || o.Size != 5 || len(o.SHA256) != 64 {
		t.Errorf("original %q, %v: %+v", text, err, o)
	}
	if err := c.Enrich(ctx, client.ByID(id), client.AspectSummary); err != nil {
		t.Error(err)
	}
	m := srv.Memos()[0]
	if diff := cmp.Diff(map[string]any{"chunk_words": 40.0, "enrich": []any{}}, m.Processing); diff != "" ||
		!slices.Equal(m.Enriched, []string{"summary"}) {
		t.Errorf("enriched %v, processing (-want +got):\n%s", m.Enriched, diff)
	}
	if id, err = c.CreateMemo(ctx, client.NewMemo{URL: "https://example.com"}); err != nil {
		t.Fatal(err)
	}
	_, err = c.Original(ctx, client.ByID(id))
	if refused, ok := errors.AsType[*client.APIError](err); !ok || refused.StatusCode != http.StatusNotFound {
		t.Errorf("the original of a page: %v", err)
	}
	want := client.Processing{ChunkWords: 100, Enrich: []client.Aspect{client.AspectTags}}
	if _, err := c.SetProcessing(ctx, want); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Processing(ctx); err != nil || !cmp.Equal(got, want) {
		t.Errorf("Processing() = %+v, %v", got, err)
	}
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	ctx := t.Context()
	made, err := c.CreateWebhook(ctx, "https://broken.example", client.MemoFailed)
	if err != nil || made.Secret == "" || !slices.Equal(made.Kinds, []client.ChangeKind{client.MemoFailed}) {
		t.Fatalf("CreateWebhook() = %+v, %v", made, err)
	}
	made.Secret = ""
	if list, err := c.Webhooks(ctx); err != nil || !cmp.Equal(list, []client.Webhook{made}) {
		t.Errorf("Webhooks() = %+v, %v", list, err)
	}
	if err := c.TestWebhook(ctx, made.ID); err == nil || !strings.Contains(err.Error(), "answered 500") {
		t.Errorf("TestWebhook: %v", err)
	}
	if err := c.DeleteWebhook(ctx, made.ID); err != nil {
		t.Error(err)
	}
	if err := c.TestWebhook(ctx, made.ID); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("of one that is gone: %v", err)
	}
}
