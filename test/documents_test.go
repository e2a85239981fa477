package test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"kvasir/client"
	"kvasir/internal/provider/providertest"
)

// private lets a server load pages from this machine.
const private = "KVASIR_ALLOW_PRIVATE=127.0.0.0/8"

// A detail is what these tests look at of a memo.
type detail struct {
	UUID   string
	Title  string
	URL    string
	Status string  `json:"processing_status"`
	Reason *string `json:"error_reason"`
	Text   *string `json:"content"`

	Summary *string
	Tags    []struct{ Tag string }
	File    *struct {
		Name string
		Size int
	}
	Parts []struct {
		Kind       string
		Number     int
		Start, End int
	}
	Chunks []struct {
		Content   string `json:"chunk_content"`
		Page      *int
		Context   *string
		Questions []string
	}
}

// ask makes a call with a JSON body and reads its answer into out.
func (s *server) ask(t *testing.T, method, path string, body, out any) {
	t.Helper()
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := call(s.url, method, path, sent)
	if err == nil && out != nil {
		err = json.Unmarshal(answer, out)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
}

// done waits until a memo is processed or has failed.
func (s *server) done(t *testing.T, id string) detail {
	t.Helper()
	var m detail
	eventually(t, "the memo is done", func() bool {
		m = detail{}
		s.ask(t, http.MethodGet, "/api/v1/memo/"+id, nil, &m)
		return m.Status != "processing"
	})
	return m
}

// upload adds a file.
func (s *server) upload(t *testing.T, name string, content []byte) (status int, answer map[string]any) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", name)
	if err == nil {
		_, err = part.Write(content)
	}
	if err = errors.Join(err, form.Close()); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/api/v1/memo", &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", form.FormDataContentType())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}

func TestAPageBecomesAMemo(t *testing.T) {
	t.Parallel()
	const page = "<html><head><title>Of ducks</title></head><body><nav>Home</nav><main><h1>Ducks</h1>" +
		"<p>Ducks eat seeds.</p></main></body></html>"
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/ducks", http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, page)
	}))
	defer site.Close()
	if _, err := call(serve(t).url, http.MethodPost, "/api/v1/memo", []byte(`{"url": "`+site.URL+`"}`)); err == nil ||
		!strings.Contains(err.Error(), "status 400") || !strings.Contains(err.Error(), "not on the public internet") {
		t.Errorf("an address of this machine: %v", err)
	}
	s := serve(t, private)
	var made struct {
		UUID string `json:"memo_uuid"`
	}
	s.ask(t, http.MethodPost, "/api/v1/memo", map[string]any{"url": site.URL + "/"}, &made)
	m := s.done(t, made.UUID)
	if m.Status != "processed" || m.Title != "Of ducks" || m.Text == nil || !strings.Contains(*m.Text, "Ducks eat seeds.") ||
		strings.Contains(*m.Text, "Home") || m.File == nil || m.File.Size != len(page) {
		t.Errorf("the page became %+v", m)
	}
	original, err := call(s.url, http.MethodGet, "/api/v1/memo/"+made.UUID+"/original", nil)
	if err != nil || string(original) != page {
		t.Errorf("the original is %q, %v", original, err)
	}
	found, err := s.Search(t.Context(), client.SearchRequest{Query: "seeds"})
	if err != nil || len(found) != 1 {
		t.Errorf("found %+v, %v", found, err)
	}
}

func TestFilesOfManyFormats(t *testing.T) {
	t.Parallel()
	s := serve(t)
	samples := map[string]string{
		"a.csv":   "name;eats\nduck;\"seeds; bread\"\n",
		"b.json":  `{"name": "duck", "eats": ["seeds", "bread"]}`,
		"c.html":  "<p>A duck eats <b>seeds</b>.",
		"d.rtf":   `{\rtf1\ansi A duck eats seeds.\par}`,
		"e.xml":   "<birds><bird><name>duck</name><eats>seeds</eats></bird></birds>",
		"f.eml":   "Subject: Ducks\r\nFrom: a@example.com\r\n\r\nA duck eats seeds.\r\n",
		"g.ipynb": `{"nbformat": 4, "cells": [{"cell_type": "markdown", "source": ["# duck\n", "seeds"]}]}`,
		"h.go":    "package duck\n\n// Eat eats seeds.\nfunc Eat() {}\n",
	}
	ids := map[string]string{}
	for name, content := range samples {
		status, answer := s.upload(t, name, []byte(content))
		if status != http.StatusCreated {
			t.Fatalf("%s: status %d, %v", name, status, answer)
		}
		ids[name] = answer["memo_uuid"].(string)
	}
	for name, id := range ids {
		m := s.done(t, id)
		if m.Status != "processed" || m.Text == nil || !strings.Contains(*m.Text, "duck") || !strings.Contains(*m.Text, "seeds") {
			t.Errorf("%s became %+v", name, m)
		}
	}
	for _, name := range []string{"duck", "duck.exe", "duck."} {
		if status, answer := s.upload(t, name, []byte("A duck.")); status != http.StatusBadRequest ||
			!strings.HasPrefix(fmt.Sprint(answer["error"]), "Invalid file type. Allowed types: .pdf") {
			t.Errorf("%s: status %d, %v", name, status, answer)
		}
	}
	status, answer := s.upload(t, "../../../duck.pdf", []byte("not a PDF at all"))
	if status != http.StatusCreated {
		t.Fatalf("status %d, %v", status, answer)
	}
	if m := s.done(t, answer["memo_uuid"].(string)); m.Status != "error" || m.Reason == nil ||
		!strings.HasPrefix(*m.Reason, "duck.pdf is not a PDF") {
		t.Errorf("a lie became %+v", m)
	}
}

func TestAModelEnrichesAMemo(t *testing.T) {
	t.Parallel()
	provider, environment := scripted(t)
	s := serve(t, environment...)
	var made struct {
		UUID string `json:"memo_uuid"`
	}
	s.ask(t, http.MethodPost, "/api/v1/memo", map[string]any{
		"title": "Ducks", "content": text("ducks"),
		"processing": map[string]any{"chunk_words": 40, "enrich": []string{"summary", "tags", "context", "questions"}},
	}, &made)
	m := s.done(t, made.UUID)
	if m.Status != "processed" || m.Summary == nil || len(m.Tags) == 0 || len(m.Chunks) < 2 {
		t.Fatalf("the memo became %+v", m)
	}
	for _, c := range m.Chunks {
		if c.Context == nil || len(c.Questions) == 0 {
			t.Errorf("a chunk has no context or no questions: %+v", c)
		}
	}
	asked := len(provider.Requests(providertest.Chat))
	if want := 2 + 2*len(m.Chunks); asked != want {
		t.Errorf("%d requests, want %d", asked, want)
	}
	s.ask(t, http.MethodPost, "/api/v1/memo/"+made.UUID+"/enrich", map[string]any{"aspects": []string{"summary"}}, nil)
	s.done(t, made.UUID)
	eventually(t, "the summary is written again", func() bool {
		return len(provider.Requests(providertest.Chat)) == asked+1
	})
	if _, err := call(serve(t).url, http.MethodPut, "/api/v1/processing", []byte(`{"enrich": ["tags"]}`)); err == nil ||
		!strings.Contains(err.Error(), "status 400") || !strings.Contains(err.Error(), "LLM_PROVIDER") {
		t.Errorf("enrichment without a model: %v", err)
	}
}

// A happening is an event of the stream.
type happening struct {
	id, kind string
	memo     string
}

// follow reads events until the wanted kind comes.
func (s *server) follow(t *testing.T, after, until string) (seen []happening) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/api/v1/events?progress=false&after="+after, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var h happening
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			h.id = value
		case "event":
			h.kind = value
		case "data":
			var data struct {
				Memo string `json:"memo_uuid"`
			}
			if err := json.Unmarshal([]byte(value), &data); err != nil {
				t.Fatal(err)
			}
			h.memo = data.Memo
		}
		if lines.Text() == "" && h.kind != "" {
			seen = append(seen, h)
			if h.kind == until {
				return seen
			}
			h = happening{}
		}
	}
	t.Fatalf("the stream ended after %+v", seen)
	return nil
}

func kinds(seen []happening) (out []string) {
	for _, h := range seen {
		out = append(out, h.kind)
	}
	return out
}

func TestEventsTellWhatHappensToMemos(t *testing.T) {
	t.Parallel()
	s := serve(t)
	id, err := s.CreateMemo(t.Context(), client.NewMemo{Title: "Ducks", Content: text("ducks")})
	if err != nil {
		t.Fatal(err)
	}
	first := s.follow(t, "0", "memo.processed")
	if got := kinds(first); !slices.Equal(got, []string{"memo.created", "memo.processed"}) || first[0].memo != id {
		t.Fatalf("events: %+v", first)
	}
	if err := s.DeleteMemo(t.Context(), client.ByID(id)); err != nil {
		t.Fatal(err)
	}
	rest := s.follow(t, first[0].id, "memo.deleted")
	if got := kinds(rest); !slices.Equal(got, []string{"memo.processed", "memo.deleted"}) {
		t.Errorf("events after the first: %+v", rest)
	}
}

func TestAWebhookIsToldOfEverything(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var told []string
	var secret string
	failures := 2
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		raw, derr := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil || derr != nil {
			t.Error(err, derr)
		}
		mac := hmac.New(sha256.New, raw)
		fmt.Fprintf(mac, "%s.%s.%s", r.Header.Get("Webhook-Id"), r.Header.Get("Webhook-Timestamp"), body)
		want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		if got := r.Header.Get("Webhook-Signature"); got != want {
			t.Errorf("the signature is %s, want %s", got, want)
		}
		if failures--; failures >= 0 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		var sent struct {
			Events []struct {
				Type string
				Data struct {
					Memo string `json:"memo_uuid"`
				}
			}
		}
		if err := json.Unmarshal(body, &sent); err != nil {
			t.Error(err)
		}
		for _, e := range sent.Events {
			told = append(told, e.Type+" "+e.Data.Memo)
		}
	}))
	defer hook.Close()
	s := serve(t, private)
	var made struct{ Secret string }
	mu.Lock()
	s.ask(t, http.MethodPost, "/api/v1/webhooks", map[string]any{"url": hook.URL}, &made)
	secret = made.Secret
	mu.Unlock()
	id, err := s.CreateMemo(t.Context(), client.NewMemo{Title: "Ducks", Content: text("ducks")})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the webhook is told", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(told) >= 2
	})
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"memo.created " + id, "memo.processed " + id}; !slices.Equal(told, want) {
		t.Errorf("the webhook was told %q, want %q", told, want)
	}
}
