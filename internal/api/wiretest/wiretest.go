// Package wiretest holds a server to the wire: the routes, statuses, texts and
// shapes that clients of Skald rely on. [Run] needs a base URL and an API key,
// so it tests the edge over anything behind it, up to the real binary.
package wiretest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Run runs the suite against a server. It leaves memos and chats behind.
func Run(t *testing.T, base, key string) {
	c := &client{base: base, key: key}
	t.Run("refusals", c.testRefusals)
	t.Run("authentication", c.testAuthentication)
	t.Run("routing", c.testRouting)
	t.Run("fixed routes", c.testFixed)
	t.Run("a memo's life", c.testMemoLife)
	t.Run("reference ids", c.testReferenceIDs)
	t.Run("upsert", c.testUpsert)
	t.Run("uploads", c.testUploads)
	t.Run("lists", c.testLists)
	t.Run("search", c.testSearch)
	t.Run("chat", c.testChat)
	t.Run("stream", c.testStream)
	t.Run("options", c.testOptions)
	t.Run("generate", c.testGenerate)
	t.Run("routes of our own", c.testOwn)
	t.Run("documents", c.testDocuments)
	t.Run("processing", c.testProcessing)
	t.Run("webhooks", c.testWebhooks)
	t.Run("events", c.testEvents)
	t.Run("conditional requests", c.testConditional)
	t.Run("odd requests", c.testOdd)
}

// A client speaks to the server under test.
type client struct{ base, key string }

// An answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// json decodes an answer that must be an object.
func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(a.body), &object); err != nil {
		t.Fatalf("status %d, body %.300q is no JSON object: %v", a.status, a.body, err)
	}
	return object
}

// must fails the test unless the status is the wanted one.
func (a answer) must(t *testing.T, status int) map[string]any {
	t.Helper()
	if a.status != status {
		t.Fatalf("status = %d, want %d; body %.300q", a.status, status, a.body)
	}
	if a.body == "" {
		return nil
	}
	return a.json(t)
}

// refused fails the test unless the answer is an error with these words.
func (a answer) refused(t *testing.T, status int, words string) {
	t.Helper()
	if got := a.must(t, status)["error"]; got != words {
		t.Errorf("error = %q, want %q", got, words)
	}
	if kind := a.header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		t.Errorf("Content-Type = %q, want application/json", kind)
	}
}

// call sends JSON with the API key. An empty body is no body.
func (c *client) call(t *testing.T, method, path, body string) answer {
	t.Helper()
	header := http.Header{"Authorization": {"Bearer " + c.key}}
	if body != "" {
		header.Set("Content-Type", "application/json")
	}
	return c.send(t, method, path, header, body)
}

// send sends exactly what it is given.
func (c *client) send(t *testing.T, method, path string, header http.Header, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, c.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	resp, err := http.DefaultTransport.RoundTrip(req) // follows no redirect
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: read: %v", method, path, err)
	}
	return answer{resp.StatusCode, resp.Header, string(raw)}
}

// create stores a memo and waits until it is processed.
func (c *client) create(t *testing.T, body string) (id string) {
	t.Helper()
	made := c.call(t, "POST", "/api/v1/memo", body).must(t, http.StatusCreated)
	if made["ok"] != true {
		t.Errorf("ok = %v, want true", made["ok"])
	}
	id, _ = made["memo_uuid"].(string)
	c.processed(t, id)
	return id
}

// processed waits until a memo is processed.
func (c *client) processed(t *testing.T, id string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		a := c.call(t, "GET", "/api/v1/memo/"+id+"/status", "")
		switch status := a.must(t, http.StatusOK)["status"]; {
		case status == "processed":
			return
		case status != "processing":
			t.Fatalf("memo %s is %v: %s", id, status, a.body)
		case time.Now().After(deadline):
			t.Fatalf("memo %s is still processing: %s", id, a.body)
		}
		select {
		case <-t.Context().Done():
			t.Fatal("the test has ended")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// same fails the test unless a value of a JSON object is the wanted one.
func same(t *testing.T, object map[string]any, key, want string) {
	t.Helper()
	value, there := object[key]
	if !there {
		t.Errorf("key %s is missing", key)
		return
	}
	var compact bytes.Buffer
	enc := json.NewEncoder(&compact)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(compact.String()); got != want {
		t.Errorf("%s = %s, want %s", key, got, want)
	}
}
