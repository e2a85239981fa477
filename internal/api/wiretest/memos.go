package wiretest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var (
	uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	date = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
)

func (c *client) testMemoLife(t *testing.T) {
	id := c.create(t, `{"title":"Zebras 🦓","content":"Zebras have stripes.","source":"wiki","reference_id":"life-1",
		"tags":["animals","b"],"metadata":{"n":1.50,"deep":{"x":[null]}},"scopes":{"team":"a"},
		"expiration_date":"2099-01-01","type":"ignored","project_id":"ignored"}`)
	if !uuid.MatchString(id) {
		t.Errorf("memo_uuid = %q", id)
	}
	m := c.call(t, "GET", "/api/v1/memo/"+strings.ToUpper(id), "").must(t, 200)
	for key, want := range map[string]string{
		"uuid": `"` + id + `"`, "title": `"Zebras 🦓"`, "content": `"Zebras have stripes."`, "summary": "null",
		"metadata": `{"deep":{"x":[null]},"n":1.5}`, "scopes": `{"team":"a"}`, "client_reference_id": `"life-1"`,
		"source": `"wiki"`, "type": `"plaintext"`, "expiration_date": `"2099-01-01T00:00:00.000Z"`,
		"archived": "false", "processing_status": `"processed"`, "content_length": "20", "pending": "false",
		"error_reason": "null", "stage": `"processed"`, "waiting_for": "null",
		"content_hash": `"2cd7b8d9b12a1d44d0f4f2d71d0a2a3d5c0d1ebd2c8c1ac0d4a9b0e4bb0e7a62"`,
	} {
		if key == "content_hash" {
			want = fmt.Sprintf("%q", m[key]) // only its form is the wire's
			if s, _ := m[key].(string); len(s) != 64 {
				t.Errorf("content_hash = %q", s)
			}
		}
		same(t, m, key, want)
	}
	for _, key := range []string{"created_at", "updated_at", "expiration_date"} {
		if s, _ := m[key].(string); !date.MatchString(s) {
			t.Errorf("%s = %q", key, s)
		}
	}
	tags := m["tags"].([]any)
	if len(tags) != 2 || tags[0].(map[string]any)["tag"] != "animals" ||
		!uuid.MatchString(tags[0].(map[string]any)["uuid"].(string)) {
		t.Errorf("tags = %v", tags)
	}
	if joined := joinChunks(t, m); joined != "Zebras have stripes." {
		t.Errorf("chunks join to %q", joined)
	}
	c.checkStatus(t, id)
	c.changeMemo(t, id)

	deleted := c.call(t, "DELETE", "/api/v1/memo/"+id, "")
	if deleted.status != 204 || deleted.body != "" {
		t.Errorf("delete: %d %q", deleted.status, deleted.body)
	}
	c.call(t, "DELETE", "/api/v1/memo/"+id, "").refused(t, 404, "Memo not found")
	c.call(t, "GET", "/api/v1/memo/"+id, "").refused(t, 404, "Memo not found")
}

// joinChunks joins the chunks of a memo in their order.
func joinChunks(t *testing.T, m map[string]any) string {
	var b strings.Builder
	for i, item := range m["chunks"].([]any) {
		chunk := item.(map[string]any)
		same(t, chunk, "chunk_index", fmt.Sprint(i))
		if !uuid.MatchString(chunk["uuid"].(string)) {
			t.Errorf("chunk uuid = %v", chunk["uuid"])
		}
		b.WriteString(chunk["chunk_content"].(string))
	}
	return b.String()
}

func (c *client) checkStatus(t *testing.T, id string) {
	a := c.call(t, "GET", "/api/v1/memo/"+id+"/status", "")
	s := a.must(t, 200)
	for key, want := range map[string]string{
		"memo_uuid": `"` + id + `"`, "status": `"processed"`, "error_reason": "null", "stage": `"processed"`,
		"waiting_for": "null", "chunks_done": "1", "chunks_total": "1", "next_attempt": "null",
	} {
		same(t, s, key, want)
	}
	for _, key := range []string{"processing_started_at", "processing_completed_at"} {
		if text, _ := s[key].(string); !date.MatchString(text) {
			t.Errorf("%s = %v", key, s[key])
		}
	}
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control = %q, want no-store", got)
	}
}

func (c *client) changeMemo(t *testing.T, id string) {
	patch := func(body string) map[string]any {
		changed := c.call(t, "PATCH", "/api/v1/memo/"+id+"/", body).must(t, 200)
		same(t, changed, "ok", "true")
		same(t, changed, "memo_uuid", `"`+id+`"`)
		c.processed(t, id)
		return c.call(t, "GET", "/api/v1/memo/"+id, "").must(t, 200)
	}
	m := patch(`{"content":"Zebras are striped.","title":"","metadata":{"a":true},"scopes":{},"source":null,` +
		`"expiration_date":null,"unknown":1}`)
	for key, want := range map[string]string{
		"title": `""`, "content": `"Zebras are striped."`, "metadata": `{"a":true}`, "scopes": "{}",
		"source": `"wiki"`, "expiration_date": `"2099-01-01T00:00:00.000Z"`, "client_reference_id": `"life-1"`,
	} {
		same(t, m, key, want)
	}
	if len(m["tags"].([]any)) != 2 {
		t.Errorf("tags after an edit = %v", m["tags"])
	}
	m = patch(`{"tags":["c"],"reference_id":"life-2","expiration_date":"2001-01-01T00:00:00Z"}`)
	same(t, m, "client_reference_id", `"life-2"`)
	same(t, m, "expiration_date", `"2001-01-01T00:00:00.000Z"`)
	if tags := m["tags"].([]any); len(tags) != 1 || tags[0].(map[string]any)["tag"] != "c" {
		t.Errorf("tags = %v", tags)
	}
	patch("")
	m = patch(`{"content":""}`)
	same(t, m, "content", "null")
	same(t, m, "chunks", "[]")
}

func (c *client) testReferenceIDs(t *testing.T) {
	ref := "docs/a b%2F..?#ü.md"
	body, _ := json.Marshal(map[string]string{"title": "t", "content": "c", "reference_id": ref})
	id := c.create(t, string(body))
	escaped := url.PathEscape(ref)
	for _, path := range []string{"", "/status"} {
		m := c.call(t, "GET", "/api/v1/memo/"+escaped+path+"?id_type=reference_id", "").must(t, 200)
		if m["uuid"] != id && m["memo_uuid"] != id {
			t.Errorf("GET %s by reference id found %v", path, m)
		}
	}
	c.call(t, "PATCH", "/api/v1/memo/"+escaped+"?id_type=reference_id", `{"title":"u"}`).must(t, 200)
	c.call(t, "GET", "/api/v1/memo/unknown?id_type=reference_id", "").refused(t, 404, "Memo not found")
	if a := c.call(t, "DELETE", "/api/v1/memo/"+escaped+"?id_type=reference_id", ""); a.status != 204 {
		t.Errorf("delete: %d %s", a.status, a.body)
	}
}

func (c *client) testUpsert(t *testing.T) {
	first := c.call(t, "POST", "/api/v1/memo?upsert=true", `{"title":"t","content":"one","reference_id":"upsert-1"}`)
	same(t, first.must(t, 201), "created", "true")
	second := c.call(t, "POST", "/api/v1/memo/?upsert=true", `{"title":"t2","content":"two","reference_id":"upsert-1"}`)
	same(t, second.must(t, 200), "created", "false")
	id := first.json(t)["memo_uuid"].(string)
	if second.json(t)["memo_uuid"] != id {
		t.Errorf("upsert made another memo: %s", second.body)
	}
	c.processed(t, id)
	same(t, c.call(t, "GET", "/api/v1/memo/"+id, "").must(t, 200), "content", `"two"`)
}

// A part is a part of a form. With a file name it is a file.
type part struct{ name, fileName, body string }

// upload posts a form.
func (c *client) upload(t *testing.T, path string, parts ...part) answer {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, p := range parts {
		disposition := fmt.Sprintf(`form-data; name=%q`, p.name)
		if p.fileName != "" {
			disposition += `; filename="` + p.fileName + `"`
		}
		out, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {disposition}})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(out, p.body)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return c.send(t, "POST", path, http.Header{
		"Authorization": {"Token " + c.key}, "Content-Type": {w.FormDataContentType()},
	}, body.String())
}

func (c *client) testUploads(t *testing.T) {
	file := part{"file", "Über uns (2026).txt", "Zebras run."}
	made := c.upload(t, "/api/v1/memo?project_id=ignored", part{"title", "", ""}, file,
		part{"tags", "", `["a"]`}, part{"metadata", "", `{"k":1}`}, part{"scopes", "", `{"team":"b"}`},
		part{"source", "", "disk"}, part{"reference_id", "", "up-1"}, part{"expiration_date", "", "2001-01-01"})
	id := made.must(t, 201)["memo_uuid"].(string)
	same(t, made.json(t), "ok", "true")
	c.processed(t, id)
	m := c.call(t, "GET", "/api/v1/memo/"+id, "").must(t, 200)
	for key, want := range map[string]string{
		"type": `"document"`, "title": `"Über_uns_(2026).txt"`, "source": `"disk"`, "client_reference_id": `"up-1"`,
		"scopes": `{"team":"b"}`, "expiration_date": `"2001-01-01T00:00:00.000Z"`,
		"metadata": `{"k":1,"mimetype":"application/octet-stream","original_filename":"Über uns (2026).txt","size":11}`,
	} {
		same(t, m, key, want)
	}
	if !strings.Contains(joinChunks(t, m), "Zebras run.") {
		t.Errorf("chunks = %v", m["chunks"])
	}
	c.upload(t, "/api/v1/memo/upload/", file, part{"title", "", "Given"}).must(t, 201)

	for _, r := range []struct {
		name  string
		parts []part
		words string
	}{
		{"file field", []part{{"document", "a.pdf", "x"}}, "File upload error: Unexpected file field"},
		{"two files", []part{file, file}, "File upload error: Unexpected file field"},
		{"bad tags", []part{file, {"tags", "", "a,b"}}, "tags: Invalid JSON"},
		{"tags of the wrong kind", []part{{"tags", "", `"a"`}, file}, "tags: Expected array, received string"},
		{"bad metadata", []part{file, {"metadata", "", "[1]"}}, "metadata: Expected object, received array"},
		{"bad scopes", []part{file, {"scopes", "", `{"a":1}`}}, "scopes: Expected string, received number"},
		{"bad date", []part{file, {"expiration_date", "", "soon"}}, "expiration_date: Invalid date"},
		{"long source", []part{file, {"source", "", strings.Repeat("x", 256)}},
			"source: String must contain at most 255 character(s)"},
	} {
		t.Run(r.name, func(t *testing.T) { c.upload(t, "/api/v1/memo", r.parts...).refused(t, 400, r.words) })
	}
	kind := c.upload(t, "/api/v1/memo", part{"file", "a.exe", "MZ"}).must(t, 400)["error"].(string)
	if want := "Invalid file type. Allowed types: .pdf, .doc, .docx, .pptx"; !strings.HasPrefix(kind, want) {
		t.Errorf("file type: %q, want the prefix %q", kind, want)
	}
	for _, a := range []answer{
		c.upload(t, "/api/v1/memo", part{"title", "", "no file"}),
		c.send(t, "POST", "/api/v1/memo", http.Header{
			"Authorization": {"Bearer " + c.key}, "Content-Type": {"multipart/form-data"}}, "x"),
		c.send(t, "POST", "/api/v1/memo", http.Header{
			"Authorization": {"Bearer " + c.key}, "Content-Type": {"multipart/form-data; boundary=x"}}, "--x\r\n"),
	} {
		if a.must(t, 400)["error"] == "" {
			t.Errorf("no words in %s", a.body)
		}
	}
	c.send(t, "POST", "/api/v1/memo", http.Header{
		"Authorization": {"Bearer " + c.key}, "Content-Type": {"text/plain"}}, "x").
		refused(t, 400, "Content-Type must be multipart/form-data or application/json")
}

func (c *client) testLists(t *testing.T) {
	for range 3 {
		c.create(t, `{"title":"listed","content":"c"}`)
	}
	list := c.call(t, "GET", "/api/v1/memo?page=2&page_size=1", "").must(t, 200)
	same(t, list, "page", "2")
	same(t, list, "page_size", "1")
	count := list["count"].(float64)
	if count < 3 || list["total_pages"] != count {
		t.Errorf("count = %v, total_pages = %v", count, list["total_pages"])
	}
	item := list["results"].([]any)[0].(map[string]any)
	for key, want := range map[string]string{
		"title": `"listed"`, "summary": "null", "content_length": "1", "metadata": "{}",
		"client_reference_id": "null", "processing_status": `"processed"`,
	} {
		same(t, item, key, want)
	}
	for _, key := range []string{"next", "previous"} {
		link, _ := list[key].(string)
		if !strings.HasPrefix(link, c.base+"/api/v1/memo?") {
			t.Fatalf("%s = %q", key, link)
		}
		c.call(t, "GET", strings.TrimPrefix(link, c.base), "").must(t, 200)
	}
	for query, want := range map[string]string{
		"": "1 20", "?page=0&page_size=0": "1 20", "?page=x&page_size=y": "1 20", "?page=3x&page_size=7.9": "3 7",
		"?page=1000000&page_size=100": "1000000 100", "?search=ignored": "1 20",
	} {
		got := c.call(t, "GET", "/api/v1/memo"+query, "").must(t, 200)
		if have := fmt.Sprint(got["page"], " ", got["page_size"]); have != strings.ReplaceAll(want, "1000000 ", "1e+06 ") {
			t.Errorf("%q: page and size %s, want %s", query, have, want)
		}
	}
	last := c.call(t, "GET", "/api/v1/memo?page=1000000", "").must(t, 200)
	same(t, last, "results", "[]")
	same(t, last, "next", "null")
}

func (c *client) testConditional(t *testing.T) {
	id := c.create(t, `{"title":"tagged","content":"c"}`)
	path := "/api/v1/memo/" + id
	first := c.call(t, "GET", path, "")
	tag := first.header.Get("ETag")
	if !strings.HasPrefix(tag, `W/"`) {
		t.Fatalf("ETag = %q", tag)
	}
	header := http.Header{"Authorization": {"Bearer " + c.key}, "If-None-Match": {`"x", ` + tag}}
	if again := c.send(t, "GET", path, header, ""); again.status != 304 || again.body != "" {
		t.Errorf("If-None-Match: %d %q", again.status, again.body)
	}
	c.call(t, "PATCH", path, `{"title":"changed"}`).must(t, 200)
	c.send(t, "GET", path, header, "").must(t, 200)
	head := c.call(t, "HEAD", path, "")
	if head.status != 200 || head.body != "" || head.header.Get("ETag") == "" {
		t.Errorf("HEAD: %d %q %v", head.status, head.body, head.header)
	}
}
