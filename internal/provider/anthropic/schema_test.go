package anthropic_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kvasir/internal/llm"
	"kvasir/internal/provider/anthropic"
	"kvasir/internal/provider/schema"
)

// piece is a piece of a tool's input.
func piece(s string) string {
	text, _ := json.Marshal(s)
	delta := `"index": 0, "delta": {"type": "input_json_delta", "partial_json": ` + string(text) + `}`
	return event("content_block_delta", delta)
}

// A held request is what the API gets of one that is held to a schema.
type heldRequest struct {
	System string          `json:"system"`
	Tools  json.RawMessage `json:"tools"`
	Choice json.RawMessage `json:"tool_choice"`
	Stream bool            `json:"stream"`
}

func TestAnAnswerOfASchemaIsAToolsInput(t *testing.T) {
	t.Parallel()
	var got heldRequest
	c := start(t, func(w http.ResponseWriter, r *http.Request) {
		got = heldRequest{}
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, begin+
			event("content_block_start", `"index": 0, "content_block": {"type": "tool_use", "name": "ducks", "input": {}}`)+
			piece("")+piece(`{"duck": `)+ping+piece(`"a \"duck\""}`)+event("content_block_stop", `"index": 0`)+
			event("message_delta", `"delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}`)+stop)
	})
	const object = `{"type":"object","properties":{"duck":{"type":"string"}}}`
	tests := []struct {
		name   string
		mode   schema.Mode
		schema string
		held   bool
	}{
		{"an object", schema.Full, object, true},
		{"a list", schema.Full, `{"type":"array"}`, false},
		{"a server without tools", schema.Prompt, object, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { // one after the other: they share the request
			g := c.Generator(anthropic.GenerateConfig{Model: "claude-sonnet-4-5", JSON: tt.mode})
			said, usage, err := collect(g.Generate(t.Context(), llm.GenerateRequest{
				Messages: []llm.Message{{Role: llm.RoleUser, Text: "What?"}},
				Schema:   &llm.Schema{Name: "ducks", JSON: []byte(tt.schema)},
			}))
			if err != nil || said != `{"duck": "a \"duck\""}` || usage.OutputTokens != 9 {
				t.Errorf("answer = %q, %+v, %v", said, usage, err)
			}
			if !tt.held {
				if got.Tools != nil || got.Choice != nil || !strings.Contains(got.System, tt.schema) {
					t.Errorf("asked %s", got.System)
				}
				return
			}
			want := heldRequest{
				Tools: json.RawMessage(`[{"name":"ducks","description":"Takes the answer. Call it once, with all of it.",` +
					`"input_schema":` + tt.schema + `}]`),
				Choice: json.RawMessage(`{"type":"tool","name":"ducks","disable_parallel_tool_use":true}`),
				Stream: true,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}
