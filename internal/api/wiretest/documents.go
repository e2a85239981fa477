package wiretest

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// testDocuments looks at what is kept and told of files and pages.
func (c *client) testDocuments(t *testing.T) {
	const content = "Aye-ayes tap on wood."
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
	made := c.upload(t, "/api/v1/memo", part{"file", "Fingertier öäü.txt", content},
		part{"processing", "", `{"chunk_words": 40, "enrich": []}`}).must(t, 201)
	id := made["memo_uuid"].(string)
	c.processed(t, id)
	memo := c.call(t, "GET", "/api/v1/memo/"+id, "").must(t, 200)
	file, _ := memo["file"].(map[string]any)
	same(t, file, "name", `"Fingertier öäü.txt"`)
	same(t, file, "size", fmt.Sprint(len(content)))
	same(t, file, "sha256", `"`+sum+`"`)
	for key, want := range map[string]string{
		"url": "null", "auto_tags": "[]", "enrichments": "[]", "pages_done": "0", "enrich_total": "0",
	} {
		same(t, memo, key, want)
	}
	chunk := memo["chunks"].([]any)[0].(map[string]any)
	for key, want := range map[string]string{
		"page": "null", "context": "null", "questions": "[]", "table_header": "null",
	} {
		same(t, chunk, key, want)
	}
	path := "/api/v1/memo/" + id + "/original"
	whole := c.call(t, "GET", path, "")
	if whole.status != 200 || whole.body != content {
		t.Errorf("the original is answered with %d %q", whole.status, whole.body)
	}
	for name, want := range map[string]string{
		"Content-Disposition":    "attachment; filename*=utf-8''Fingertier%20%C3%B6%C3%A4%C3%BC.txt",
		"X-Content-Type-Options": "nosniff", "ETag": `"` + sum + `"`, "Accept-Ranges": "bytes",
		"Content-Type": "application/octet-stream", "Content-Security-Policy": "sandbox; default-src 'none'",
	} {
		if got := whole.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	key := "Bearer " + c.key
	part := c.send(t, "GET", path, http.Header{"Authorization": {key}, "Range": {"bytes=4-7"}}, "")
	if part.status != 206 || part.body != "ayes" {
		t.Errorf("a range is answered with %d %q", part.status, part.body)
	}
	known := c.send(t, "GET", path, http.Header{"Authorization": {key}, "If-None-Match": {`"` + sum + `"`}}, "")
	if known.status != 304 || known.body != "" {
		t.Errorf("what is known is answered with %d %q", known.status, known.body)
	}
	head := c.call(t, "HEAD", path, "")
	if length := head.header.Get("Content-Length"); head.status != 200 || length != fmt.Sprint(len(content)) {
		t.Errorf("HEAD is answered with %d, length %s", head.status, length)
	}
	text := c.create(t, `{"title":"Aye-aye","content":"Aye-ayes tap."}`)
	c.call(t, "GET", "/api/v1/memo/"+text+"/original", "").refused(t, 404, "The memo has no original file")
	c.call(t, "GET", "/api/v1/memo/"+missing+"/original", "").refused(t, 404, "Memo not found")
}

// missing is an id of nothing.
const missing = "0197a1f2-0000-7000-8000-000000000000"

// testProcessing changes how memos are cut, and sets it back.
func (c *client) testProcessing(t *testing.T) {
	const path = "/api/v1/processing"
	set := c.call(t, "PUT", path, `{"chunk_words":200,"enrich":[]}`).must(t, 200)
	same(t, set, "chunk_words", "200")
	same(t, set, "enrich", "[]")
	same(t, c.call(t, "GET", path, "").must(t, 200), "chunk_words", "200")
	same(t, c.call(t, "PUT", path, `{}`).must(t, 200), "chunk_words", "null")
	c.call(t, "PUT", path, `{"chunk_words":19,"enrich":["poems"]}`).refused(t, 400,
		"chunk_words: Number must be greater than or equal to 20, "+
			`enrich: Expected summary, tags, context or questions, received "poems"`)
	for _, r := range []refusal{
		{"url and content", "POST", "/api/v1/memo", `{"title":"t","content":"c","url":"https://example.com"}`, 400,
			"content: Send either content or url, not both"},
		{"a strange scheme", "POST", "/api/v1/memo", `{"url":"ftp://example.com"}`, 400,
			"url: Only http and https addresses are loaded"},
		{"an empty url", "POST", "/api/v1/memo", `{"url":""}`, 400, "url: URL is required"},
		{"no processing", "POST", "/api/v1/memo", `{"title":"t","content":"c","processing":null}`, 400,
			"processing: Expected object, received null"},
		{"no list of aspects", "POST", "/api/v1/memo", `{"title":"t","content":"c","processing":{"enrich":"all"}}`, 400,
			"processing.enrich: Expected array, received string"},
		{"no aspect", "POST", "/api/v1/memo/" + missing + "/enrich", `{"aspects":[]}`, 400,
			"aspects: Array must contain at least 1 element(s)"},
		{"no aspects", "POST", "/api/v1/memo/" + missing + "/enrich", `{}`, 400, "aspects: Required"},
	} {
		t.Run(r.name, func(t *testing.T) { c.call(t, r.method, r.path, r.body).refused(t, r.status, r.words) })
	}
}

// testWebhooks makes and deletes one. No address is asked for.
func (c *client) testWebhooks(t *testing.T) {
	const path = "/api/v1/webhooks"
	made := c.call(t, "POST", path, `{"url":"https://example.com/hook","kinds":["memo.failed"]}`).must(t, 201)
	if secret, _ := made["secret"].(string); len(secret) < 12 {
		t.Errorf("secret = %v", made["secret"])
	}
	id, _ := made["id"].(string)
	found := c.call(t, "GET", path+"/"+id, "").must(t, 200)
	for key, want := range map[string]string{
		"url": `"https://example.com/hook"`, "kinds": `["memo.failed"]`, "attempts": "0", "last_error": "null",
		"last_taken_at": "null", "paused": "false",
	} {
		same(t, found, key, want)
	}
	if _, told := found["secret"]; told {
		t.Error("the secret is told again")
	}
	list, _ := c.call(t, "GET", path, "").must(t, 200)["results"].([]any)
	if len(list) != 1 {
		t.Errorf("%d webhooks", len(list))
	}
	c.call(t, "DELETE", path+"/"+id, "").must(t, 204)
	for _, r := range []refusal{
		{"deleted already", "DELETE", path + "/" + id, "", 404, "Webhook not found"},
		{"no id", "GET", path + "/x", "", 404, "Webhook not found"},
		{"a test of nothing", "POST", path + "/" + id + "/test", "", 404, "Webhook not found"},
		{"no address", "POST", path, `{}`, 400, "url: Required"},
		{"a strange address", "POST", path, `{"url":"ftp://example.com"}`, 400,
			"url: Only http and https addresses are loaded"},
		{"a strange event", "POST", path, `{"url":"https://example.com","kinds":["memo.read"]}`, 400,
			`kinds: There is no event "memo.read"`},
	} {
		t.Run(r.name, func(t *testing.T) { c.call(t, r.method, r.path, r.body).refused(t, r.status, r.words) })
	}
}

// A stream of events that is open.
type stream struct {
	lines *bufio.Scanner
	close func()
}

// follow opens a stream of events. It is to be closed.
func (c *client) follow(t *testing.T, query, lastID string) stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // or a lost event hangs the test
	req, err := http.NewRequestWithContext(ctx, "GET", c.base+"/api/v1/events"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || kind != "text/event-stream" {
		t.Errorf("events are answered with %d, %s", resp.StatusCode, kind)
	}
	return stream{bufio.NewScanner(resp.Body), func() {
		resp.Body.Close()
		cancel()
	}}
}

// until returns the ids and names of events up to the first one of that name about
// a memo, that one included; progress, which has no id, is left out.
func (s stream) until(t *testing.T, name, memo string) (ids, names []string) {
	t.Helper()
	id, event := "", ""
	for s.lines.Scan() {
		field, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch field {
		case "id":
			id = value
		case "event":
			event = value
		case "data":
			if event != "progress" {
				ids, names = append(ids, id), append(names, event)
			}
			if event == name && strings.Contains(value, `"memo_uuid":"`+memo+`"`) {
				return ids, names
			}
		}
	}
	t.Fatalf("the stream ended after %v: %v", names, s.lines.Err())
	return nil, nil
}

func (c *client) testEvents(t *testing.T) {
	live := c.follow(t, "", "")
	defer live.close()
	id := c.create(t, `{"title":"Tapirs","content":"Tapirs swim.","reference_id":"tapirs"}`)
	ids, _ := live.until(t, "memo.processed", id)
	c.call(t, "DELETE", "/api/v1/memo/"+id, "").must(t, 204)
	live.until(t, "memo.deleted", id)

	// All that is kept, of this memo alone, and then what is after its first event.
	replay := c.follow(t, "?after=0&progress=false&memo="+id, "")
	defer replay.close()
	all, names := replay.until(t, "memo.deleted", id)
	if strings.Join(names, " ") != "memo.created memo.processed memo.deleted" || all[1] != ids[len(ids)-1] {
		t.Errorf("replayed %v %v", all, names)
	}
	again := c.follow(t, "?memo="+id, all[0])
	defer again.close()
	if rest, _ := again.until(t, "memo.deleted", id); len(rest) != 2 || rest[0] != all[1] {
		t.Errorf("after %s came %v", all[0], rest)
	}
	lost := c.follow(t, "?after=999999999999&memo="+id, "")
	defer lost.close()
	if _, names := lost.until(t, "memo.deleted", id); len(names) != 4 || names[0] != "reset" {
		t.Errorf("with a cursor of another log: %v", names)
	}
	for query, words := range map[string]string{
		"?after=x": "after must be a whole number, 0 or more", "?after=-1": "after must be a whole number, 0 or more",
		"?memo=x": "memo must be the id of a memo", "?progress=x": "progress must be true or false",
	} {
		c.call(t, "GET", "/api/v1/events"+query, "").refused(t, 400, words)
	}
}
