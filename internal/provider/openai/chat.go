package openai

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"

	"kvasir/internal/llm"
	"kvasir/internal/provider/exchange"
	"kvasir/internal/provider/schema"
)

const chat = "/chat/completions"

// GenerateConfig says which models write.
type GenerateConfig struct {
	// Model is the model's name.
	Model string
	// Served is what the server calls Model, if that is something else: the name of
	// a deployment.
	Served string
	// FastModel serves requests for which a small model will do; empty means the
	// same one.
	FastModel string
	// JSON is how the models are held to a schema. [schema.Full] suits OpenAI; a
	// server that does not know response_format wants [schema.Prompt].
	JSON schema.Mode
}

// A Generator implements [llm.Generator].
type Generator struct {
	client *Client
	cfg    GenerateConfig
}

// Generator returns a generator of one model, and perhaps a smaller one.
func (c *Client) Generator(cfg GenerateConfig) *Generator {
	cfg.Served = cmp.Or(cfg.Served, cfg.Model)
	return &Generator{client: c, cfg: cfg}
}

// Model implements [llm.Generator].
func (g *Generator) Model() string { return g.cfg.Model }

type chatRequest struct {
	Model          string          `json:"model"`
	Messages       []chatMessage   `json:"messages"`
	Temperature    *float64        `json:"temperature,omitempty"`
	MaxTokens      int             `json:"max_tokens,omitzero"`
	Stream         bool            `json:"stream,omitzero"`
	StreamOptions  *streamOptions  `json:"stream_options,omitempty"`
	ResponseFormat *responseFormat `json:"response_format,omitempty"`
}

type responseFormat struct {
	Type   string      `json:"type"`
	Schema *jsonSchema `json:"json_schema,omitempty"`
}

type jsonSchema struct {
	Name   string          `json:"name"`
	Strict bool            `json:"strict"`
	Schema json.RawMessage `json:"schema"`
}

type chatMessage struct {
	Role    llm.Role `json:"role"`
	Content string   `json:"content"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// tune sets what shapes an answer of the model of that name. Models that think before they write refuse a
// temperature and the usual bound: theirs would count the thoughts, too, and end
// most answers before the first word.
func (r *chatRequest) tune(model string, temperature float64, maxTokens int) {
	for _, thinking := range []string{"o1", "o3", "o4", "gpt-5"} {
		if strings.HasPrefix(model, thinking) {
			return
		}
	}
	r.Temperature, r.MaxTokens = &temperature, maxTokens
}

// Generate implements [llm.Generator].
func (g *Generator) Generate(ctx context.Context, req llm.GenerateRequest) iter.Seq2[llm.Event, error] {
	model, served := g.cfg.Model, g.cfg.Served
	if req.Fast && g.cfg.FastModel != "" {
		model, served = g.cfg.FastModel, g.cfg.FastModel
	}
	format, messages := g.hold(model, req)
	body := chatRequest{
		Model:          served,
		Messages:       make([]chatMessage, len(messages)),
		Stream:         true,
		StreamOptions:  &streamOptions{IncludeUsage: true},
		ResponseFormat: format,
	}
	for i, m := range messages {
		body.Messages[i] = chatMessage{Role: m.Role, Content: m.Text}
	}
	body.tune(model, req.Temperature, req.MaxTokens)
	path := g.client.path(served, chat)
	return exchange.Write(ctx, g.client.endpoint, path, body, g.delta)
}

// hold returns the format that holds a model to the schema of the request, if there
// is one, and the messages, which tell what the format does not.
func (g *Generator) hold(model string, req llm.GenerateRequest) (*responseFormat, []llm.Message) {
	if req.Schema == nil {
		return nil, req.Messages
	}
	schemas, objects := formats(model)
	if strict, ok := schema.Strict(req.Schema.JSON); ok && schemas && g.cfg.JSON == schema.Full {
		return &responseFormat{"json_schema", &jsonSchema{schema.Name(req.Schema), true, strict}}, req.Messages
	}
	told := schema.Told(req.Messages, req.Schema)
	if objects && g.cfg.JSON != schema.Prompt && schema.IsObject(req.Schema.JSON) {
		return &responseFormat{Type: "json_object"}, told
	}
	return nil, told
}

// formats reports whether a model can be held to a schema, and to an object. Only
// OpenAI's older ones cannot; what others serve is for the lane to say.
func formats(model string) (schemas, objects bool) {
	for _, older := range []string{"gpt-3.5-turbo", "gpt-4-turbo", "gpt-4-1106", "gpt-4-0125", "gpt-4o-2024-05-13"} {
		if strings.HasPrefix(model, older) {
			return false, true
		}
	}
	oldest := model == "gpt-4" || strings.HasPrefix(model, "gpt-4-") ||
		strings.HasPrefix(model, "o1-mini") || strings.HasPrefix(model, "o1-preview")
	return !oldest, !oldest
}

type chatChunk struct {
	Choices []struct {
		Delta struct {
			Content string `json:"content"`
			Refusal string `json:"refusal"`
		} `json:"delta"`
		FinishReason string `json:"finish_reason"`
	} `json:"choices"`
	Usage *chatUsage `json:"usage"`
}

type chatUsage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	Details          struct {
		CachedTokens int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

func (u *chatUsage) words() llm.Usage {
	if u == nil {
		return llm.Usage{}
	}
	return llm.Usage{
		InputTokens: u.PromptTokens, CachedTokens: u.Details.CachedTokens, OutputTokens: u.CompletionTokens,
	}
}

// delta returns the text of one event of the stream and notes what it says about
// the end. A refusal is an answer: the person shall read it.
func (g *Generator) delta(event exchange.Event, p *exchange.Progress) (string, error) {
	if string(event.Data) == exchange.Done {
		p.Ended = true
		return "", nil
	}
	var chunk chatChunk
	if err := json.Unmarshal(event.Data, &chunk); err != nil {
		return "", g.client.endpoint.Garbage(fmt.Errorf("decode the stream: %w", err))
	}
	if chunk.Usage != nil {
		p.Usage = chunk.Usage.words() // some servers count up in every event
	}
	if len(chunk.Choices) == 0 {
		return "", nil
	}
	choice := chunk.Choices[0]
	if choice.FinishReason == "content_filter" {
		return "", g.client.endpoint.Refuse("the provider's content filter stopped the answer")
	}
	p.Ended = p.Ended || choice.FinishReason != ""
	return choice.Delta.Content + choice.Delta.Refusal, nil
}
