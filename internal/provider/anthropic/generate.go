package anthropic

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"kvasir/internal/llm"
	"kvasir/internal/provider/exchange"
	"kvasir/internal/provider/schema"
)

// defaultMaxTokens bounds an answer where the request does not: the API wants a
// bound, and every model since Claude 3 can write as much.
const defaultMaxTokens = 4096

// GenerateConfig says which models write.
type GenerateConfig struct {
	// Model is the model's name.
	Model string
	// Served is what the server calls Model, if that is something else.
	Served string
	// FastModel serves requests for which a small model will do; empty means the
	// same one.
	FastModel string
	// JSON is how the models are held to a schema. [schema.Full] suits Anthropic; a
	// server that does not know tools wants [schema.Prompt].
	JSON schema.Mode
}

// A Generator implements [llm.Generator].
type Generator struct {
	endpoint *exchange.Endpoint
	cfg      GenerateConfig
}

// Generator returns a generator of one model, and perhaps a smaller one.
func (c *Client) Generator(cfg GenerateConfig) *Generator {
	cfg.Served = cmp.Or(cfg.Served, cfg.Model)
	return &Generator{endpoint: c.endpoint, cfg: cfg}
}

// Model implements [llm.Generator].
func (g *Generator) Model() string { return g.cfg.Model }

type request struct {
	Model       string    `json:"model"`
	System      string    `json:"system,omitempty"`
	Messages    []message `json:"messages"`
	MaxTokens   int       `json:"max_tokens"`
	Temperature *float64  `json:"temperature,omitempty"`
	Stream      bool      `json:"stream"`
	Tools       []tool    `json:"tools,omitempty"`
	ToolChoice  *choice   `json:"tool_choice,omitempty"`
}

// A tool takes the answer that is to be of a schema: its input is the answer.
type tool struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	InputSchema json.RawMessage `json:"input_schema"`
}

type choice struct {
	Type       string `json:"type"`
	Name       string `json:"name"`
	NoParallel bool   `json:"disable_parallel_tool_use"`
}

type message struct {
	Role    llm.Role `json:"role"`
	Content content  `json:"content"`
}

// A content is what somebody says in a row. It is sent as a text, unless the API is
// to keep what it costs to read a beginning of it.
type content []block

type block struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Cache *keep  `json:"cache_control,omitempty"`
}

// A keep asks the API to keep the request up to here, for five minutes.
type keep struct {
	Type string `json:"type"`
}

// MarshalJSON joins the blocks if none is kept.
func (c content) MarshalJSON() ([]byte, error) {
	texts := make([]string, len(c))
	for i, b := range c {
		if b.Cache != nil {
			return json.Marshal([]block(c))
		}
		texts[i] = b.Text
	}
	return json.Marshal(strings.Join(texts, "\n\n"))
}

// blockOf returns a message as a block.
func blockOf(m llm.Message) block {
	b := block{Type: "text", Text: m.Text}
	if m.Cache {
		b.Cache = &keep{Type: "ephemeral"}
	}
	return b
}

// takesTemperature reports whether a model can be asked for a temperature. Claude
// models after 4.6 refuse it; other vendors' models behind this protocol do not.
func takesTemperature(model string) bool {
	name, claude := strings.CutPrefix(model, "claude-")
	if !claude || strings.HasPrefix(name, "3") || strings.HasPrefix(name, "2") {
		return true
	}
	_, generation, _ := strings.Cut(name, "-") // after opus, sonnet or haiku
	major, rest, _ := strings.Cut(generation, "-")
	minor, _, _ := strings.Cut(rest, "-")
	n, err := strconv.Atoi(minor)
	return major == "4" && (err != nil || n <= 6 || len(minor) == len("20250514"))
}

// newRequest puts the conversation into the API's form: what the system says
// stands apart, and the user and the assistant take turns, so what one says in a
// row is one message. Empty messages are refused and left out.
func newRequest(model string, req llm.GenerateRequest) request {
	out := request{MaxTokens: cmp.Or(req.MaxTokens, defaultMaxTokens), Stream: true}
	if takesTemperature(model) {
		temperature := min(req.Temperature, 1) // the API's highest
		out.Temperature = &temperature
	}
	var system []string
	for _, m := range req.Messages {
		last := len(out.Messages) - 1
		switch {
		case strings.TrimSpace(m.Text) == "":
		case m.Role == llm.RoleSystem:
			system = append(system, m.Text)
		case last >= 0 && out.Messages[last].Role == m.Role:
			out.Messages[last].Content = append(out.Messages[last].Content, blockOf(m))
		default:
			out.Messages = append(out.Messages, message{m.Role, content{blockOf(m)}})
		}
	}
	out.System = strings.Join(system, "\n\n")
	return out
}

// Generate implements [llm.Generator].
func (g *Generator) Generate(ctx context.Context, req llm.GenerateRequest) iter.Seq2[llm.Event, error] {
	model, served := g.cfg.Model, g.cfg.Served
	if req.Fast && g.cfg.FastModel != "" {
		model, served = g.cfg.FastModel, g.cfg.FastModel
	}
	held := req.Schema != nil && g.cfg.JSON == schema.Full && schema.IsObject(req.Schema.JSON)
	if req.Schema != nil && !held {
		req.Messages = schema.Told(req.Messages, req.Schema)
	}
	body := newRequest(model, req)
	body.Model = served
	if held {
		body.hold(req.Schema)
	}
	return exchange.Write(ctx, g.endpoint, "/v1/messages", body, g.delta)
}

// hold makes the model give its answer to a tool whose input is of a schema: the API
// holds it to that.
func (r *request) hold(s *llm.Schema) {
	name := schema.Name(s)
	r.Tools = []tool{{Name: name, Description: "Takes the answer. Call it once, with all of it.", InputSchema: s.JSON}}
	r.ToolChoice = &choice{Type: "tool", Name: name, NoParallel: true}
}

type streamEvent struct {
	Type    string `json:"type"`
	Message struct {
		Usage *usage `json:"usage"`
	} `json:"message"` // of message_start
	Block struct {
		Type string `json:"type"`
		Text string `json:"text"`
	} `json:"content_block"` // of content_block_start
	Delta struct {
		Type       string `json:"type"`
		Text       string `json:"text"`         // of content_block_delta
		JSON       string `json:"partial_json"` // of it, where a tool is called
		StopReason string `json:"stop_reason"`  // of message_delta
	} `json:"delta"`
	Usage *usage `json:"usage"` // of message_delta; counted from the start
}

// usage counts what was read from the prompt cache and what was written to it
// apart from the rest of the input.
type usage struct {
	Input   int `json:"input_tokens"`
	Read    int `json:"cache_read_input_tokens"`
	Written int `json:"cache_creation_input_tokens"`
	Output  int `json:"output_tokens"`
}

// addTo hands over what u says. The end of a message repeats the input or leaves it
// out.
func (u *usage) addTo(p *exchange.Progress) {
	if u == nil {
		return
	}
	if input := u.Input + u.Read + u.Written; input > 0 {
		p.Usage.InputTokens, p.Usage.CachedTokens = input, u.Read
	}
	p.Usage.OutputTokens = max(p.Usage.OutputTokens, u.Output)
}

// delta returns the text of one event of the stream and notes what else it says.
// Thoughts and events of kinds to come are passed over.
func (g *Generator) delta(event exchange.Event, p *exchange.Progress) (string, error) {
	var e streamEvent
	if err := json.Unmarshal(event.Data, &e); err != nil {
		return "", g.endpoint.Garbage(fmt.Errorf("decode the stream: %w", err))
	}
	switch e.Type {
	case "message_start":
		e.Message.Usage.addTo(p)
	case "content_block_start":
		if e.Block.Type == "text" {
			return e.Block.Text, nil
		}
	case "content_block_delta":
		switch e.Delta.Type {
		case "text_delta":
			return e.Delta.Text, nil
		case "input_json_delta":
			return e.Delta.JSON, nil
		}
	case "message_delta":
		e.Usage.addTo(p)
		if e.Delta.StopReason == "refusal" {
			return "", g.endpoint.Refuse("the provider's safety filter stopped the answer")
		}
		p.Ended = p.Ended || e.Delta.StopReason != ""
	case "message_stop":
		p.Ended = true
	}
	return "", nil
}
