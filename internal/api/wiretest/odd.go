package wiretest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// testOdd sends what no client should, on every route. Whatever it is, the answer
// comes, is no failure of the server, and a refusal has words.
func (c *client) testOdd(t *testing.T) {
	for name, body := range oddBodies() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, kind := range []string{"application/json", "multipart/form-data; boundary=x", "text/plain", "a/b;;", ""} {
				c.answered(t, "POST", "/api/v1/memo", kind, body)
				c.answered(t, "PATCH", noMemo, kind, body)
				c.answered(t, "POST", "/api/v1/search", kind, body)
				c.answered(t, "POST", "/api/v1/chat", kind, body)
				c.answered(t, "POST", "/api/v1/generate", kind, body)
				c.answered(t, "POST", "/api/v1/usage/estimate", kind, body)
			}
		})
	}
	t.Run("ids", func(t *testing.T) {
		t.Parallel()
		for _, id := range []string{"%", "\x00", "\xff", "..", "' OR 1=1 --", "龍", strings.Repeat("x", 3000)} {
			for _, tail := range []string{"", "?id_type=reference_id", "/status", "/status?id_type=reference_id"} {
				path, query, _ := strings.Cut(tail, "?")
				c.answered(t, "GET", "/api/v1/memo/"+url.PathEscape(id)+path+"?"+query, "", "")
			}
			c.answered(t, "DELETE", "/api/v1/memo/"+url.PathEscape(id), "", "")
			c.answered(t, "GET", "/api/v1/chat/"+url.PathEscape(id), "", "")
		}
	})
	t.Run("pages", func(t *testing.T) {
		t.Parallel()
		for _, n := range []string{"", "-1", "0", "1.5", "1e19", "9223372036854775808", "NaN", "%00", "%ff", "x;y"} {
			for _, list := range []string{"/api/v1/memo", "/api/v1/chat"} {
				c.answered(t, "GET", list+"?page="+url.QueryEscape(n), "", "")
				c.answered(t, "GET", list+"?page_size="+n, "", "")
			}
			for _, name := range []string{"from", "to", "group_by", "limit"} {
				c.answered(t, "GET", "/api/v1/usage?"+name+"="+url.QueryEscape(n), "", "")
			}
		}
	})
}

// oddBodies have the names of every route's fields, so that each route looks at
// what is odd in them.
func oddBodies() map[string]string {
	with := func(members string) string {
		return `{"title":"t","content":"c","query":"c","prompt":"c",` + members + `}`
	}
	filter := func(value string) string {
		return with(`"filters":[{"field":"a","operator":"in","filter_type":"custom_metadata","value":` + value + `}]`)
	}
	deep := strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	bodies := map[string]string{
		"deep":            deep,
		"deep metadata":   with(`"metadata":{"a":` + deep + `}`),
		"deep filter":     filter(deep),
		"deep and open":   strings.Repeat(`{"a":`, 100_000),
		"no UTF-8":        with("\"metadata\":{\"a\xff\":\"\xfe\"}"),
		"UTF-16":          "\xff\xfe{\x00}\x00",
		"a mark in front": "\ufeff{}",
		"huge numbers":    with(`"limit":1e999,"rag_config":{"vector_search":{"top_k":-1e999}},"expiration_date":1e999`),
		"huge member":     with(`"system_prompt":"` + strings.Repeat("x ", 100_000) + `"`),
		"long query":      `{"query":"` + strings.Repeat("duck ", 20_000) + `"}`,
		"no words":        `{"title":"?","content":"#","query":"?!","prompt":"🦓"}`,
		"many values":     filter("[" + strings.Repeat(`null,1,true,"x",{},[],`, 1000) + "0]"),
		"twice":           with(`"title":1,"content":null,"query":[],"prompt":{}`),
		"half a form":     "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nhalf",
		"a form of parts": strings.Repeat("--x\r\nContent-Disposition: form-data; name=\"p\"\r\n\r\nv\r\n", 3000) +
			"--x--\r\n",
	}
	for _, value := range []string{`5`, `"x"`, `[]`, `{}`, `[null]`, `true`, `null`, `"\u0000"`, `"\ud800"`} {
		bodies["every member "+value] = `{"title":` + value + `,"content":` + value + `,"query":` + value +
			`,"prompt":` + value + `,"limit":` + value + `,"filters":` + value + `,"rag_config":` + value +
			`,"chat_id":` + value + `,"system_prompt":` + value + `,"tags":` + value + `,"metadata":` + value +
			`,"texts":` + value + `,"bytes":` + value + `,"memos":` + value +
			`,"scopes":` + value + `,"expiration_date":` + value + `,"reference_id":` + value + `,"stream":` + value + `}`
		bodies["an odd filter "+value] = filter(value)
	}
	return bodies
}

// answered fails the test unless the request is answered well or refused in words.
func (c *client) answered(t *testing.T, method, path, kind, body string) {
	t.Helper()
	header := http.Header{"Authorization": {"Bearer " + c.key}}
	if kind != "" {
		header.Set("Content-Type", kind)
	}
	a := c.send(t, method, path, header, body)
	switch {
	case a.status >= 500:
		t.Errorf("%s %s as %q: status %d, body %.300q", method, path, kind, a.status, a.body)
	case a.status >= 400:
		if words, _ := a.json(t)["error"].(string); words == "" {
			t.Errorf("%s %s as %q: status %d has no words: %.300q", method, path, kind, a.status, a.body)
		}
	}
}
