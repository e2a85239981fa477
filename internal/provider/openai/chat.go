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
	ResponseFormat json.RawMessage `json:"response_format,omitempty"`
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
	body := chatRequest{
		Model:         served,
		Messages:      make([]chatMessage, len(req.Messages)),
		Stream:        true,
		StreamOptions: &streamOptions{IncludeUsage: true},
	}
	for i, m := range req.Messages {
		body.Messages[i] = chatMessage{Role: m.Role, Content: m.Text}
	}
	body.tune(model, req.Temperature, req.MaxTokens)
	path := g.client.path(served, chat)
	return exchange.Write(ctx, g.client.endpoint, path, body, g.delta)
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
