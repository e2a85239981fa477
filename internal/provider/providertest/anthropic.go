package providertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// anthropicTypes are Anthropic's names of errors.
var anthropicTypes = map[int]string{
	400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
	413: "request_too_large", 429: "rate_limit_error", 500: "api_error", 529: "overloaded_error",
}

// complainAnthropic is how Anthropic complains.
func complainAnthropic(status int, message string, _ time.Duration) string {
	kind := anthropicTypes[status]
	if kind == "" {
		kind = "api_error"
	}
	return text(object{"type": "error", "error": object{"type": kind, "message": message}})
}

// blocks are a content: a text, or a list of blocks of which some are texts.
type blocks []string

// UnmarshalJSON reads either form.
func (b *blocks) UnmarshalJSON(data []byte) error {
	var whole string
	if json.Unmarshal(data, &whole) == nil {
		*b = blocks{whole}
		return nil
	}
	var list []struct {
		Text string `json:"text"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	for _, block := range list {
		*b = append(*b, block.Text)
	}
	return nil
}

// String returns the texts.
func (b blocks) String() string { return strings.Join(b, "\n") }

// readMessages reads Anthropic's requests for a message.
func readMessages(body []byte) (call, error) {
	var in struct {
		Model     string `json:"model"`
		MaxTokens int    `json:"max_tokens"`
		System    blocks `json:"system"`
		Stream    bool   `json:"stream"`
		Tools     []struct {
			Name   string          `json:"name"`
			Schema json.RawMessage `json:"input_schema"`
		} `json:"tools"`
		Choice struct {
			Type string `json:"type"`
			Name string `json:"name"`
		} `json:"tool_choice"`
		Messages []struct {
			Role    string `json:"role"`
			Content blocks `json:"content"`
		} `json:"messages"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return call{}, fmt.Errorf("read the request: %w", err)
	}
	switch {
	case len(in.Messages) == 0:
		return call{}, errors.New("messages: at least one message is required")
	case in.MaxTokens <= 0:
		return call{}, errors.New("max_tokens: Field required")
	}
	c := call{Request: Request{Model: in.Model, Stream: in.Stream}}
	if len(in.System) > 0 {
		c.Texts = append(c.Texts, in.System.String())
	}
	for _, m := range in.Messages {
		if m.Role != "user" && m.Role != "assistant" {
			return call{}, fmt.Errorf("messages: unexpected role %q", m.Role)
		}
		c.Texts = append(c.Texts, m.Content.String())
	}
	for _, t := range in.Tools {
		if in.Choice.Type == "tool" && t.Name == in.Choice.Name {
			c.Format, c.Schema = "tool", string(t.Schema)
		}
	}
	c.tokens = c.answer()
	c.voice = c.anthropic()
	c.document = func(o Options, a Action) any {
		tokens := c.tokens(o, a)
		return object{
			"id": "msg_1", "type": "message", "role": "assistant", "model": in.Model,
			"content":     []object{{"type": "text", "text": strings.Join(tokens, "")}},
			"stop_reason": "end_turn", "stop_sequence": nil,
			"usage": object{"input_tokens": c.read(), "output_tokens": len(tokens)},
		}
	}
	return c, nil
}

func (c *call) anthropic() voice {
	block, delta, piece, stop := object{"type": "text", "text": ""}, "text_delta", "text", "end_turn"
	if c.Format == "tool" {
		block = object{"type": "tool_use", "id": "toolu_1", "name": "answer", "input": object{}}
		delta, piece, stop = "input_json_delta", "partial_json", "tool_use"
	}
	event := func(kind string, more object) string {
		more["type"] = kind
		return "event: " + kind + "\ndata: " + text(more) + "\n\n"
	}
	return voice{
		open: []string{
			event("message_start", object{"message": object{
				"id": "msg_1", "type": "message", "role": "assistant", "model": c.Model, "content": []string{},
				"stop_reason": nil, "stop_sequence": nil,
				"usage": object{"input_tokens": c.read(), "output_tokens": 1},
			}}),
			event("content_block_start", object{"index": 0, "content_block": block}),
			event("ping", object{}),
		},
		token: func(text string) string {
			return event("content_block_delta", object{"index": 0, "delta": object{"type": delta, piece: text}})
		},
		finish: func(tokens int) []string {
			return []string{
				event("content_block_stop", object{"index": 0}),
				event("message_delta", object{
					"delta": object{"stop_reason": stop, "stop_sequence": nil},
					"usage": object{"output_tokens": tokens},
				}),
				event("message_stop", object{}),
			}
		},
		half:   "event: content_block_delta\ndata: {\"type\": \"content_block_delta\", \"delta\": {\"te\n\n",
		report: func(body string) string { return "event: error\ndata: " + body + "\n\n" },
	}
}
