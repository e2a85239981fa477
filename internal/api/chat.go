package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"kvasir/internal/api/field"
	"kvasir/internal/api/guard"
	"kvasir/internal/chat"
	"kvasir/internal/fault"
)

const agentUnavailable = "Chat agent unavailable"

// A chatBody is the body of POST /api/v1/chat.
type chatBody struct {
	Query        field.Of[string]    `json:"query" minLength:"1"`
	Stream       truthy              `json:"stream" required:"false"`
	Filters      filters             `json:"filters" required:"false" nullable:"true"`
	ChatID       field.Of[string]    `json:"chat_id" required:"false" nullable:"true"`
	SystemPrompt field.Of[string]    `json:"system_prompt" required:"false" nullable:"true"`
	RAGConfig    field.Of[ragConfig] `json:"rag_config" required:"false"`

	Format  field.Of[responseFormat] `json:"response_format" required:"false"`
	Explain field.Of[bool]           `json:"explain" required:"false" nullable:"true"`
}

// TransformSchema explains the fields.
func (chatBody) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return field.Explain(field.MayBeNull(s, "response_format"),
		"stream", "Whether to answer as server-sent events. Anything that JavaScript takes for true is true.",
		"filters", "The answer is made only from memos for which all of them hold.",
		"chat_id", "Continues this chat. Without it a new one is started.",
		"system_prompt", "Further instructions for the model.",
		"explain", "Whether to tell what each stage of the search did.",
	)
}

// validate checks the body in the wire's order.
func (b *chatBody) validate(providers []chat.Provider) (chat.Question, error) {
	q := chat.Question{Text: b.Query.Value}
	if field.IsBlank(b.Query) {
		return q, invalid(queryRequired)
	}
	var c field.Complaints
	field.Check(&c, "query", b.Query)
	field.CheckNullable(&c, "chat_id", b.ChatID)
	if field.CheckNullable(&c, "system_prompt", b.SystemPrompt) && b.SystemPrompt.Value != "" {
		q.SystemPrompt = &b.SystemPrompt.Value
	}
	field.CheckNullable(&c, "explain", b.Explain)
	field.CheckNullable(&c, "response_format", b.Format)
	if err := c.Err(", "); err != nil {
		return q, err
	}
	if !b.Filters.isList() {
		return q, invalid("Filters must be a list")
	}
	var err error
	if q.Options, err = b.RAGConfig.Value.options(providers); err != nil {
		return q, err
	}
	q.Options.Retrieval.Explain = b.Explain.Value
	if b.Format.Given() {
		if q.Options.Schema, err = b.Format.Value.schema(); err != nil {
			return q, err
		}
	}
	if q.Filters, err = b.Filters.parse(); err != nil {
		return q, err
	}
	if b.ChatID.Value != "" {
		q.Chat, err = parseChatID(b.ChatID.Value)
	}
	return q, err
}

// A truthy is true for all that JavaScript takes for true, the text "false"
// included.
type truthy bool

// UnmarshalJSON never fails.
func (t *truthy) UnmarshalJSON(raw []byte) error {
	switch field.KindOf(raw) {
	case "number":
		f, err := strconv.ParseFloat(string(raw), 64)
		*t = f != 0 || err != nil
	case "null":
		*t = false
	default:
		*t = string(raw) != "false" && string(raw) != `""`
	}
	return nil
}

// Schema documents that anything is taken.
func (truthy) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Examples: []any{true}}
}

// A reply writes itself: JSON or a stream, as the request asked.
type reply struct {
	Body func(huma.Context)
}

func jsonReply(q *request, v any) *reply {
	return &reply{func(huma.Context) { guard.WriteJSON(q.w, http.StatusOK, v) }}
}

type chatInput struct{ request }

func (s *server) chat(ctx context.Context, in *chatInput) (*reply, error) {
	var body chatBody
	if err := s.decodeJSON(&in.request, &body); err != nil {
		return nil, err
	}
	q, err := body.validate(s.Assistant.Providers())
	if err != nil {
		return nil, err
	}
	q.Project, q.Key = in.project, in.key
	if !body.Stream {
		return s.chatWhole(ctx, in, q)
	}
	answer, err := s.Ask(ctx, q)
	if err != nil {
		return nil, orNotFound(err, chatNotFound)
	}
	return &reply{func(huma.Context) { s.streamChat(ctx, in.w, answer) }}, nil
}

// chatWhole answers at once, before the client loses patience.
func (s *server) chatWhole(ctx context.Context, in *chatInput, q chat.Question) (*reply, error) {
	limited, cancel := context.WithTimeout(ctx, s.Options.AnswerTimeout)
	defer cancel()
	answer, err := s.Ask(limited, q)
	if err != nil {
		return nil, s.late(limited, orNotFound(err, chatNotFound))
	}
	whole, err := collect(limited, answer)
	if err != nil {
		return nil, s.late(limited, agentFault(err))
	}
	return jsonReply(&in.request, whole), nil
}

// late explains an error by the time that has run out, if it has.
func (s *server) late(limited context.Context, err error) error {
	if limited.Err() != context.DeadlineExceeded {
		return err
	}
	return fault.Wrap(fault.Unavailable,
		fmt.Sprintf("No answer within %v; ask with stream: true", s.Options.AnswerTimeout), err)
}

// agentFault is how a failed answer looks to a client that waits for all of it.
// What it can mend itself is told as it is.
func agentFault(err error) error {
	if errors.Is(err, chat.ErrUnfit) {
		return err
	}
	switch fault.KindOf(err) {
	case fault.Internal, fault.Unavailable, fault.Unauthenticated, fault.Forbidden:
		return fault.Wrap(fault.Unavailable, agentUnavailable, err)
	}
	return err
}

const chatExample = `{
	"query": "When may I travel first class?",
	"stream": false,
	"system_prompt": "Answer in one sentence.",
	"filters": [{"field": "source", "operator": "eq", "value": "handbook", "filter_type": "native_field"}],
	"rag_config": {
		"llm_provider": "",
		"query_rewrite": {"enabled": false},
		"vector_search": {"top_k": 50, "similarity_threshold": 0.8},
		"reranking": {"enabled": true, "top_k": 25},
		"references": {"enabled": true}
	}
}`

const streamExample = `: ping

data: {"type":"token","content":"From four hours on [[1]]"}

data: {"type":"citations","content":"[{\"number\":1,…}]","citations":[{"number":1,"memo_uuid":"…",…}]}

data: {"type":"references","content":"{\"1\":{\"memo_uuid\":\"…\",\"memo_title\":\"Travel policy\"}}"}

data: {"type":"done","chat_id":"…"}

`

func (s *server) registerChat() {
	content := jsonAnswer[chatAnswer](s)
	content["text/event-stream"] = &huma.MediaType{
		Schema: &huma.Schema{Type: "string"}, Example: json.RawMessage(strconv.Quote(streamExample)),
	}
	register(s, huma.Operation{
		OperationID: "chat", Method: http.MethodPost, Path: chatPath, Tags: []string{"chat"},
		Summary: "Ask a question", RequestBody: jsonBody[chatBody](s, chatExample),
		Responses: map[string]*huma.Response{"200": {Description: "The answer.", Content: content}},
		Description: "With `stream`, events come as lines `data: {…}`: `token`s, then `citations`, then `references` " +
			"if asked for, and at last `done`. If the answer fails half-way there is an `error` before `done`. " +
			"Lines that begin with a colon are comments. Long lists of citations come in several events.",
	}, []int{400, 402, 404, 413, 415, 503}, s.chat)
}
