package gemini

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

// GenerateConfig says which models write.
type GenerateConfig struct {
	// Model is the model's name.
	Model string
	// Served is what the server calls Model, if that is something else.
	Served string
	// FastModel serves requests for which a small model will do; empty means the
	// same one.
	FastModel string
	// JSON is how the models are held to a schema: [schema.Full] or [schema.Prompt].
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
	System   *content  `json:"systemInstruction,omitempty"`
	Contents []content `json:"contents"`
	Config   config    `json:"generationConfig"`
}

type config struct {
	Temperature float64         `json:"temperature"`
	MaxTokens   int             `json:"maxOutputTokens,omitzero"`
	MIMEType    string          `json:"responseMimeType,omitempty"`
	Schema      json.RawMessage `json:"responseJsonSchema,omitempty"`
}

// roomToThink is added to the bound of an answer. The API counts a model's
// thoughts, too, and they would end most answers before the first word.
const roomToThink = 16 << 10

// thinks reports whether a model thinks before it writes. The older ones do not,
// and refuse a bound above their own 8,192 tokens.
func thinks(model string) bool {
	for _, older := range []string{"gemini-1", "gemini-2.0", "gemma"} {
		if strings.HasPrefix(strings.TrimPrefix(model, "models/"), older) {
			return false
		}
	}
	return true
}

// newRequest puts the conversation into the API's form, in which the assistant is
// called the model and the system stands apart.
func newRequest(model string, req llm.GenerateRequest) request {
	out := request{Config: config{Temperature: req.Temperature, MaxTokens: req.MaxTokens}}
	if req.MaxTokens > 0 && thinks(model) {
		out.Config.MaxTokens += roomToThink
	}
	roles := map[llm.Role]string{llm.RoleUser: "user", llm.RoleAssistant: "model"}
	for _, m := range req.Messages {
		last := len(out.Contents) - 1
		switch {
		case m.Text == "": // refused
		case m.Role == llm.RoleSystem && out.System == nil:
			out.System = &content{Parts: []part{{Text: m.Text}}}
		case m.Role == llm.RoleSystem:
			out.System.Parts = append(out.System.Parts, part{Text: m.Text})
		case last >= 0 && out.Contents[last].Role == roles[m.Role]:
			out.Contents[last].Parts = append(out.Contents[last].Parts, part{Text: m.Text})
		default:
			out.Contents = append(out.Contents, content{roles[m.Role], []part{{Text: m.Text}}})
		}
	}
	return out
}

// Generate implements [llm.Generator].
func (g *Generator) Generate(ctx context.Context, req llm.GenerateRequest) iter.Seq2[llm.Event, error] {
	model, served := g.cfg.Model, g.cfg.Served
	if req.Fast && g.cfg.FastModel != "" {
		model, served = g.cfg.FastModel, g.cfg.FastModel
	}
	body := g.hold(model, req)
	path := "/" + resource(served) + ":streamGenerateContent?alt=sse"
	return exchange.Write(ctx, g.endpoint, path, body, g.delta)
}

// hold makes a request that holds the model to the schema of its answer, if there is
// one, and tells it what the API does not know of it. The small open models know
// neither.
func (g *Generator) hold(model string, req llm.GenerateRequest) request {
	if req.Schema == nil {
		return newRequest(model, req)
	}
	fitted, whole := schema.Gemini(req.Schema.JSON)
	held := g.cfg.JSON == schema.Full && !strings.HasPrefix(strings.TrimPrefix(model, "models/"), "gemma")
	if !held || !whole {
		req.Messages = schema.Told(req.Messages, req.Schema)
	}
	out := newRequest(model, req)
	if held {
		out.Config.MIMEType, out.Config.Schema = "application/json", fitted
	}
	return out
}

type chunk struct {
	Candidates []struct {
		Content      content `json:"content"`
		FinishReason string  `json:"finishReason"`
	} `json:"candidates"`
	PromptFeedback struct {
		BlockReason string `json:"blockReason"`
	} `json:"promptFeedback"`
	Usage *struct {
		Prompt   int `json:"promptTokenCount"` // with what is cached
		Cached   int `json:"cachedContentTokenCount"`
		Written  int `json:"candidatesTokenCount"`
		Thoughts int `json:"thoughtsTokenCount"`
	} `json:"usageMetadata"` // up to here
}

// delta returns the text of one event of the stream and notes what else it says.
func (g *Generator) delta(event exchange.Event, p *exchange.Progress) (string, error) {
	var c chunk
	if err := json.Unmarshal(event.Data, &c); err != nil {
		return "", g.endpoint.Garbage(fmt.Errorf("decode the stream: %w", err))
	}
	if u := c.Usage; u != nil {
		p.Usage = llm.Usage{
			InputTokens: u.Prompt, CachedTokens: u.Cached,
			OutputTokens: max(p.Usage.OutputTokens, u.Written+u.Thoughts),
		}
	}
	if reason := c.PromptFeedback.BlockReason; reason != "" {
		return "", g.endpoint.Refuse("the provider's filter refuses the question: %s", inWords(reason))
	}
	if len(c.Candidates) == 0 {
		return "", nil
	}
	var text strings.Builder
	for _, part := range c.Candidates[0].Content.Parts {
		if !part.Thought {
			text.WriteString(part.Text)
		}
	}
	switch reason := c.Candidates[0].FinishReason; reason {
	case "":
	case "STOP", "MAX_TOKENS":
		p.Ended = true
	case "OTHER", "MALFORMED_RESPONSE":
		return "", g.endpoint.Garbage(fmt.Errorf("the model gave up: %s", inWords(reason)))
	default: // SAFETY, RECITATION, LANGUAGE, BLOCKLIST, PROHIBITED_CONTENT, SPII, …
		return "", g.endpoint.Refuse("the provider's filter stopped the answer: %s", inWords(reason))
	}
	return text.String(), nil
}

// inWords makes one of the API's constants readable.
func inWords(constant string) string {
	return strings.ToLower(strings.ReplaceAll(constant, "_", " "))
}
