package providertest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/provider/providertest"
)

const (
	messagesBody = `{"model": "claude", "max_tokens": 100, "stream": true, "system": "Be brief.",
		"messages": [{"role": "user", "content": [{"type": "text", "text": "Why?"}]}]}`
	geminiBody = `{"systemInstruction": {"parts": [{"text": "Be brief."}]},
		"contents": [{"role": "user", "parts": [{"text": "Why?"}]}]}`
	geminiStream = "/models/gemini-x:streamGenerateContent?alt=sse"
	geminiEmbed  = "/models/gemini-x:batchEmbedContents"
	contentsBody = `{"requests": [
		{"model": "models/gemini-x", "content": {"parts": [{"text": "a duck"}]}, "outputDimensionality": 3},
		{"model": "models/gemini-x", "content": {"parts": [{"text": "a goose"}]}, "outputDimensionality": 3}]}`
)

// events returns the data of an event stream.
func events(t *testing.T, stream string) []map[string]any {
	t.Helper()
	var out []map[string]any
	for line := range strings.Lines(stream) {
		data, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "data: ")
		if !ok {
			continue
		}
		var event map[string]any
		if err := json.Unmarshal([]byte(data), &event); err != nil {
			t.Fatalf("event %s: %v", data, err)
		}
		out = append(out, event)
	}
	return out
}

func TestAnthropicStreams(t *testing.T) {
	t.Parallel()
	srv := start(t, providertest.Options{Tokens: 3})
	status, body, err := post(t, srv.BaseURL()+"/messages", messagesBody)
	if status != 200 || err != nil {
		t.Fatalf("status %d, %v: %s", status, err, body)
	}
	var types []string
	var text strings.Builder
	for _, e := range events(t, body) {
		kind := fmt.Sprint(e["type"])
		types = append(types, kind)
		if !strings.Contains(body, "event: "+kind+"\n") {
			t.Errorf("no event is named %s", kind)
		}
		if delta, ok := e["delta"].(map[string]any); ok && delta["type"] == "text_delta" {
			text.WriteString(fmt.Sprint(delta["text"]))
		}
	}
	want := []string{
		"message_start", "content_block_start", "ping", "content_block_delta", "content_block_delta",
		"content_block_delta", "content_block_stop", "message_delta", "message_stop",
	}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if want := strings.Join(providertest.Answer("Why?", 3), ""); text.String() != want {
		t.Errorf("text %q, want %q", text.String(), want)
	}
	if !strings.Contains(body, `"input_tokens":3`) || !strings.Contains(body, `"usage":{"output_tokens":3}`) {
		t.Errorf("usage of 3 words and 3 tokens is not in %s", body)
	}
	whole := strings.Replace(messagesBody, `"stream": true`, `"stream": false`, 1)
	if _, body, _ := post(t, srv.BaseURL()+"/messages", whole); !strings.Contains(body, `"stop_reason":"end_turn"`) {
		t.Errorf("a whole message: %s", body)
	}
}

func TestGeminiStreams(t *testing.T) {
	t.Parallel()
	srv := start(t, providertest.Options{Tokens: 3})
	status, body, err := post(t, srv.GeminiURL()+geminiStream, geminiBody)
	if status != 200 || err != nil {
		t.Fatalf("status %d, %v: %s", status, err, body)
	}
	all := events(t, body)
	last := fmt.Sprint(all[len(all)-1])
	if len(all) != 4 || !strings.Contains(last, "finishReason:STOP") ||
		!strings.Contains(last, "candidatesTokenCount:3 promptTokenCount:3 totalTokenCount:6") {
		t.Errorf("stream:\n%s", body)
	}
	if got := srv.Requests(providertest.Chat)[0]; got.Model != "gemini-x" || len(got.Texts) != 2 {
		t.Errorf("record %+v", got)
	}
}

func TestGeminiEmbeds(t *testing.T) {
	t.Parallel()
	srv := start(t, providertest.Options{})
	_, body, err := post(t, srv.GeminiURL()+geminiEmbed, contentsBody)
	var out struct{ Embeddings []struct{ Values []float32 } }
	if jsonErr := json.Unmarshal([]byte(body), &out); err != nil || jsonErr != nil || len(out.Embeddings) != 2 {
		t.Fatalf("%s: %v, %v", body, err, jsonErr)
	}
	if diff := cmp.Diff(providertest.Embedding("a goose", 3), out.Embeddings[1].Values); diff != "" {
		t.Errorf("vector (-want +got):\n%s", diff)
	}
}

// A chat that is held to a schema answers in the vendor's way, and is on record.
func TestVendorsAreHeldToASchema(t *testing.T) {
	t.Parallel()
	const schema = `{"type":"object"}`
	tests := []struct{ path, body, more, format, want string }{
		{
			"/v1/chat/completions", chatBody,
			`"response_format": {"type": "json_schema", "json_schema": {"schema": ` + schema + `}}`,
			"json_schema", `"content":"{}"`,
		},
		{
			"/v1/messages", messagesBody,
			`"tools": [{"name": "t", "input_schema": ` + schema + `}], "tool_choice": {"type": "tool", "name": "t"}`,
			"tool", `{"partial_json":"{}","type":"input_json_delta"}`,
		},
		{
			"/v1beta" + geminiStream, geminiBody,
			`"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": ` + schema + `}`,
			"application/json", `"text":"{}"`,
		},
	}
	for _, tt := range tests {
		srv := start(t, providertest.Options{})
		_, got, err := post(t, srv.URL()+tt.path, strings.TrimSuffix(tt.body, "}")+", "+tt.more+"}")
		if err != nil || !strings.Contains(got, tt.want) {
			t.Errorf("POST %s: %v %s, want %s", tt.path, err, got, tt.want)
		}
		if asked := srv.Requests(providertest.Chat)[0]; asked.Format != tt.format || asked.Schema != schema {
			t.Errorf("POST %s: recorded %q %s", tt.path, asked.Format, asked.Schema)
		}
	}
}

// What is wrong is said as the vendor says it.
func TestVendorsComplain(t *testing.T) {
	t.Parallel()
	b := providertest.Behaviour{}
	b.Chat.RequestsPerMinute, b.Embed.Failed = 1, 1
	srv := start(t, providertest.Options{Behaviour: b})
	_, _, _ = post(t, srv.BaseURL()+"/chat/completions", chatBody) // takes the one request of the minute
	tests := []struct {
		path, body string
		status     int
		want       string
	}{
		{"/v1/messages", messagesBody, 429, `{"error":{"message":"Rate limit reached for claude`},
		{"/v1/messages", messagesBody, 429, `"type":"rate_limit_error"},"type":"error"}`},
		{"/v1/messages", `{"max_tokens": 3}`, 400, `"type":"invalid_request_error"`},
		{"/v1/messages", `{"messages": [{"role": "user", "content": ""}]}`, 400, "max_tokens: Field required"},
		{"/v1/messages", `{"max_tokens": 3, "messages": [{"role": "system", "content": ""}]}`, 400, "unexpected role"},
		{"/v1/messages", "{", 400, "read the request"},
		{"/v1beta" + geminiStream, geminiBody, 429, `google.rpc.RetryInfo","retryDelay":"`},
		{"/v1beta" + geminiStream, geminiBody, 429, `"status":"RESOURCE_EXHAUSTED"`},
		{"/v1beta" + geminiStream, "{}", 400, `"status":"INVALID_ARGUMENT"`},
		{"/v1beta" + geminiStream, "{", 400, "read the request"},
		{"/v1beta" + geminiEmbed, "{", 400, "read the request"},
		{"/v1beta" + geminiEmbed, contentsBody, 500, `"status":"INTERNAL"`},
		{"/v1beta" + geminiEmbed, "{}", 400, `"status":"INVALID_ARGUMENT"`},
		{"/v1beta/models/other:batchEmbedContents", contentsBody, 400, "models/gemini-x"},
		{"/v1beta/models/gemini-x:generateContent", geminiBody, 404, `"status":"NOT_FOUND"`},
		{"/v1/chat/completions", chatBody, 429, `"code":"rate_limit_exceeded"`},
	}
	for _, tt := range tests {
		status, got, err := post(t, srv.URL()+tt.path, tt.body)
		if err != nil || status != tt.status || !strings.Contains(got, tt.want) {
			t.Errorf("POST %s %s = %d %s %v, want %d %s", tt.path, tt.body, status, got, err, tt.status, tt.want)
		}
	}
}

func TestScriptsOfVendors(t *testing.T) {
	t.Parallel()
	srv := start(t, providertest.Options{})
	tests := []struct{ path, body, half, report string }{
		{"/v1/messages", messagesBody, `"delta": {"te` + "\n", "event: error\ndata: {\"x\": 1}\n\n"},
		{"/v1beta" + geminiStream, geminiBody, `{"pa` + "\r\n", "data: {\"x\": 1}\r\n\r\n"},
	}
	for _, tt := range tests {
		srv.Next(providertest.Chat,
			providertest.Action{Fault: providertest.Truncate, After: 1},
			providertest.Action{Fault: providertest.Report, Body: `{"x": 1}`},
			providertest.Action{Fault: providertest.Cut, After: 1},
			providertest.Throttle(2*time.Second),
		)
		for i, want := range []string{tt.half, tt.report, "Asked:", "Rate limit reached"} {
			_, got, err := post(t, srv.URL()+tt.path, tt.body)
			if !strings.Contains(got, want) || (err != nil) != (i == 2) {
				t.Errorf("POST %s, fault %d: %v %s, want %q", tt.path, i, err, got, want)
			}
		}
	}
}
