package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"kvasir/internal/api/field"
	"kvasir/internal/api/sse"
	"kvasir/internal/chat"
	"kvasir/internal/fault"
)

// A generateBody is the body of POST /api/v1/generate.
type generateBody struct {
	Prompt  field.Of[string] `json:"prompt" minLength:"1" doc:"What the document is to be about."`
	Rules   field.Of[string] `json:"rules" required:"false" nullable:"true" doc:"What the document must keep to."`
	Stream  truthy           `json:"stream" required:"false" doc:"Whether to answer as server-sent events."`
	Filters filters          `json:"filters" required:"false" nullable:"true"`
}

func (b *generateBody) validate() (chat.DocumentRequest, error) {
	r := chat.DocumentRequest{Prompt: b.Prompt.Value, Rules: b.Rules.Value}
	if field.IsBlank(b.Prompt) {
		return r, invalid("Prompt is required")
	}
	var c field.Complaints
	field.Check(&c, "prompt", b.Prompt)
	field.CheckNullable(&c, "rules", b.Rules)
	if err := c.Err(", "); err != nil {
		return r, err
	}
	var err error
	r.Filters, err = b.Filters.parse()
	return r, err
}

// A document is a generated text.
type document struct {
	OK                bool     `json:"ok"`
	Response          string   `json:"response" doc:"The document, in Markdown."`
	IntermediateSteps []string `json:"intermediate_steps" nullable:"false" doc:"Always empty."`
}

type generateInput struct{ request }

func (s *server) generate(ctx context.Context, in *generateInput) (*reply, error) {
	var body generateBody
	if err := s.decodeJSON(&in.request, &body); err != nil {
		return nil, err
	}
	r, err := body.validate()
	if err != nil {
		return nil, err
	}
	r.Project, r.Key = in.project, in.key
	if body.Stream {
		return &reply{func(huma.Context) { s.streamDocument(ctx, in.w, r) }}, nil
	}
	limited, cancel := context.WithTimeout(ctx, s.Options.AnswerTimeout)
	defer cancel()
	var text strings.Builder
	for piece, err := range s.Assistant.Write(limited, r) {
		if err != nil {
			return nil, s.late(limited, agentError(err))
		}
		text.WriteString(piece)
	}
	return jsonReply(&in.request, document{true, text.String(), []string{}}), nil
}

// agentError is the wire's form of a document that failed.
func agentError(err error) error {
	kind := fault.KindOf(err)
	if kind == fault.Internal {
		kind = fault.Unavailable
	}
	return fault.Wrap(kind, "Agent error: "+fault.Message(err), err)
}

// streamDocument sends a document as it is written, and at the end as a whole
// if it fits a line; clients may leave that and join the tokens.
func (s *server) streamDocument(ctx context.Context, w http.ResponseWriter, r chat.DocumentRequest) {
	if w.Header().Get("Access-Control-Allow-Origin") == "" {
		w.Header().Set("Access-Control-Allow-Origin", "*") // old clients call this from any page
	}
	sse.Serve(ctx, w, func(ctx context.Context, out *sse.Stream) {
		var text strings.Builder
		for piece, err := range s.Assistant.Write(ctx, r) {
			if err != nil {
				_ = out.Send(s.errorEvent(ctx, err)) && out.Send(chatEvent{Type: "done"})
				return
			}
			text.WriteString(piece)
			if !sendText(out, piece) {
				return
			}
		}
		whole := chatEvent{Type: "output", Content: text.String()}
		if sse.Fits(sse.Encode(whole)) && !out.Send(whole) {
			return
		}
		out.Send(chatEvent{Type: "done"})
	})
}

func (s *server) registerGenerate() {
	content := jsonAnswer[document](s)
	content["text/event-stream"] = &huma.MediaType{Schema: &huma.Schema{Type: "string"}}
	register(s, huma.Operation{
		OperationID: "generate", Method: http.MethodPost, Path: generatePath, Tags: []string{"chat"},
		Summary: "Write a document from memos", Deprecated: true,
		RequestBody: jsonBody[generateBody](s, `{"prompt": "A page on business travel", "rules": "At most 200 words"}`),
		Responses:   map[string]*huma.Response{"200": {Description: "The document.", Content: content}},
		Description: "For old clients; new ones use chat. With `stream`, events as in chat: `token`s, `output` with " +
			"the whole text if it is not too long for a line, and `done`.",
	}, []int{400, 402, 413, 415, 503}, s.generate)
}
