package wiretest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func (c *client) testSearch(t *testing.T) {
	id := c.create(t, `{"title":"Quokkas","content":"Quokkas live on Rottnest Island."}`)
	for _, body := range []string{
		`{"query":"quokkas live"}`, `{"query":"quokkas live","limit":0,"filters":null}`,
		`{"query":"quokkas live","limit":50,"filters":[],"search_method":"chunk_semantic_search","scopes":{}}`,
	} {
		results := c.call(t, "POST", "/api/v1/search", body).must(t, 200)["results"].([]any)
		if len(results) == 0 {
			t.Fatalf("%s found nothing", body)
		}
		hit := results[0].(map[string]any)
		for key, want := range map[string]string{
			"memo_uuid": `"` + id + `"`, "uuid": `"` + id + `"`, "memo_title": `"Quokkas"`, "title": `"Quokkas"`,
			"memo_summary": `""`, "summary": `""`, "chunk_content": `"Quokkas live on Rottnest Island."`,
			"content_snippet": `"Quokkas live on Rottnest Island."`,
		} {
			same(t, hit, key, want)
		}
		if d, ok := hit["distance"].(float64); !ok || d < 0 || d > 1 {
			t.Errorf("distance = %v", hit["distance"])
		}
		if !uuid.MatchString(fmt.Sprint(hit["chunk_uuid"])) {
			t.Errorf("chunk_uuid = %v", hit["chunk_uuid"])
		}
	}
	titles := c.call(t, "POST", "/api/v1/search", `{"query":"QUOKK","search_method":"title_startswith"}`).must(t, 200)
	hit := titles["results"].([]any)[0].(map[string]any)
	same(t, hit, "title", `"Quokkas"`)
	same(t, hit, "distance", "null")
}

func (c *client) testChat(t *testing.T) {
	id := c.create(t, `{"title":"Wombats","content":"Wombats dig burrows."}`)
	first := c.call(t, "POST", "/api/v1/chat",
		`{"query":"Wombats dig burrows","rag_config":{"references":{"enabled":true},"vectorSearch":{"topK":5}}}`).must(t, 200)
	same(t, first, "ok", "true")
	same(t, first, "intermediate_steps", "[]")
	if text, _ := first["response"].(string); text == "" {
		t.Error("no response")
	}
	chatID, _ := first["chat_id"].(string)
	if !uuid.MatchString(chatID) {
		t.Errorf("chat_id = %q", chatID)
	}
	reference := first["references"].(map[string]any)["1"].(map[string]any)
	same(t, reference, "memo_uuid", `"`+id+`"`)
	same(t, reference, "memo_title", `"Wombats"`)
	if _, isList := first["citations"].([]any); !isList {
		t.Errorf("citations = %v", first["citations"])
	}

	second := c.call(t, "POST", "/api/v1/chat", fmt.Sprintf(
		`{"query":"Wombats dig burrows","chat_id":%q,"system_prompt":"Be brief.","stream":0}`, chatID)).must(t, 200)
	same(t, second, "chat_id", `"`+chatID+`"`)
	if _, there := second["references"]; there {
		t.Error("references although they were not asked for")
	}
	chat := c.call(t, "GET", "/api/v1/chat/"+chatID, "").must(t, 200)
	messages := chat["messages"].([]any)
	if len(messages) != 4 {
		t.Fatalf("%d messages, want 4", len(messages))
	}
	question := messages[2].(map[string]any)
	same(t, question, "content", `"Wombats dig burrows"`)
	same(t, question, "sent_by", `"user"`)
	same(t, question, "client_system_prompt", `"Be brief."`)
	same(t, messages[3].(map[string]any), "sent_by", `"model"`)

	list := c.call(t, "GET", "/api/v1/chat/?page_size=1", "").must(t, 200)
	item := list["results"].([]any)[0].(map[string]any)
	same(t, item, "title", `"Wombats dig burrows"`)
	same(t, item, "message_count", "4")
	for _, none := range []string{`null`, `""`} {
		fresh := c.call(t, "POST", "/api/v1/chat", `{"query":"Wombats","chat_id":`+none+`}`).must(t, 200)
		if id := fresh["chat_id"]; id == chatID || !uuid.MatchString(fmt.Sprint(id)) {
			t.Errorf("chat_id %s was answered with %v", none, id)
		}
	}
}

// events returns the events of a stream, having checked its framing.
func events(t *testing.T, a answer) []map[string]any {
	t.Helper()
	if a.status != 200 || a.header.Get("Content-Type") != "text/event-stream" ||
		a.header.Get("Cache-Control") != "no-cache" || a.header.Get("X-Accel-Buffering") != "no" {
		t.Fatalf("status %d, header %v, body %.300q", a.status, a.header, a.body)
	}
	rest, pinged := strings.CutPrefix(a.body, ": ping\n\n")
	if !pinged || !strings.HasSuffix(rest, "\n\n") {
		t.Fatalf("framing of %q", a.body)
	}
	var list []map[string]any
	for block := range strings.SplitSeq(strings.TrimSuffix(rest, "\n\n"), "\n\n") {
		if block == ": ping" {
			continue
		}
		data, ok := strings.CutPrefix(block, "data: ")
		if !ok || strings.Contains(data, "\n") || len(block) >= 1<<16 {
			t.Fatalf("block %.300q", block)
		}
		if strings.ContainsFunc(data, func(r rune) bool { return r > 127 }) {
			t.Errorf("characters outside ASCII in %.300q", data)
		}
		var event map[string]any
		if err := json.Unmarshal([]byte(data), &event); err != nil {
			t.Fatalf("%v in %.300q", err, data)
		}
		list = append(list, event)
	}
	return list
}

func (c *client) testStream(t *testing.T) {
	id := c.create(t, `{"title":"Émus 🪶","content":"Émus cannot fly."}`)
	list := events(t, c.call(t, "POST", "/api/v1/chat/",
		`{"query":"Émus cannot fly","stream":"false","rag_config":{"references":{"enabled":true}}}`))
	var order []string
	var text strings.Builder
	for _, e := range list {
		kind := e["type"].(string)
		if kind == "token" {
			text.WriteString(e["content"].(string))
		}
		if kind != "flags" && (len(order) == 0 || order[len(order)-1] != kind) { // flags come only if need be
			order = append(order, kind)
		}
		if kind == "references" {
			var byNumber map[string]struct {
				MemoUUID string `json:"memo_uuid"`
			}
			if err := json.Unmarshal([]byte(e["content"].(string)), &byNumber); err != nil || byNumber["1"].MemoUUID != id {
				t.Errorf("references %v: %v", e["content"], err)
			}
		}
	}
	want := []string{"token", "citations", "references", "done"}
	if strings.Join(order, " ") != strings.Join(want, " ") {
		t.Errorf("events %v, want %v", order, want)
	}
	if !strings.Contains(text.String(), "Émus cannot fly") {
		t.Errorf("tokens join to %q", text.String())
	}
	if chatID := fmt.Sprint(list[len(list)-1]["chat_id"]); !uuid.MatchString(chatID) {
		t.Errorf("chat_id = %q", chatID)
	}
}

func (c *client) testGenerate(t *testing.T) {
	const body = `{"prompt":"Quokkas live on an island","rules":"One line."`
	whole := c.call(t, "POST", "/api/v1/generate", body+`}`).must(t, 200)
	same(t, whole, "ok", "true")
	same(t, whole, "intermediate_steps", "[]")
	if text, _ := whole["response"].(string); text == "" {
		t.Error("no response")
	}
	streamed := c.call(t, "POST", "/api/v1/generate", body+`,"stream":true}`)
	list := events(t, streamed)
	var text strings.Builder
	for _, e := range list[:len(list)-2] {
		if e["type"] != "token" {
			t.Fatalf("event %v among the tokens", e)
		}
		text.WriteString(e["content"].(string))
	}
	output, done := list[len(list)-2], list[len(list)-1]
	if output["type"] != "output" || output["content"] != text.String() {
		t.Errorf("output %v, want the tokens joined: %q", output, text.String())
	}
	if _, there := done["chat_id"]; done["type"] != "done" || there {
		t.Errorf("done = %v", done)
	}
	if origin := streamed.header.Get("Access-Control-Allow-Origin"); origin != "*" {
		t.Errorf("Access-Control-Allow-Origin = %q, want *", origin)
	}
	for _, path := range []string{"/openapi.json", "/docs/", "/"} {
		if a := c.send(t, "GET", path, http.Header{}, ""); a.status != 200 {
			t.Errorf("GET %s: %d", path, a.status)
		}
	}
}
