package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
)

const chatPath = "/api/v1/chat"

// A ChatRequest is a question.
type ChatRequest struct {
	Query        string     `json:"query"`
	ChatID       string     `json:"chat_id,omitzero"`       // continues this chat; empty starts one
	SystemPrompt string     `json:"system_prompt,omitzero"` // further instructions
	Filters      []Filter   `json:"filters,omitempty"`
	RAG          *RAGConfig `json:"rag_config,omitempty"`
	// Schema makes the answer one JSON value, as text; nil for words.
	Schema  *Schema `json:"response_format,omitempty"`
	Explain bool    `json:"explain,omitzero"` // see [Answer.Explanation]
}

// A Schema is the JSON schema of an answer: an object, draft 2020-12, at most 64 KiB.
type Schema struct {
	Name string // 1 to 64 letters, digits, _ or -
	JSON json.RawMessage
}

// MarshalJSON writes the schema as the wire has it.
func (s Schema) MarshalJSON() ([]byte, error) {
	type named struct {
		Name   string          `json:"name"`
		Schema json.RawMessage `json:"schema"`
	}
	return json.Marshal(struct {
		Type   string `json:"type"`
		Schema named  `json:"json_schema"`
	}{"json_schema", named{s.Name, s.JSON}})
}

// A RAGConfig changes how passages are found and used. What is nil or empty is
// the server's default.
type RAGConfig struct {
	LLMProvider  string        `json:"llm_provider,omitzero"` // one of those the server has
	QueryRewrite *Toggle       `json:"query_rewrite,omitempty"`
	VectorSearch *VectorSearch `json:"vector_search,omitempty"`
	Reranking    *Reranking    `json:"reranking,omitempty"`
	// References makes models cite passages as [[n]]; see [Answer.References].
	References *Toggle `json:"references,omitempty"`
	// Retrieval chooses how passages are found. What it has in common with
	// VectorSearch and Reranking is chosen there.
	Retrieval *Retrieval `json:"retrieval,omitempty"`
	// Agentic lets the model search, read and look around before it answers.
	Agentic *Agentic `json:"agentic,omitempty"`
}

// Agentic says whether a model looks around by itself, and how long.
type Agentic struct {
	Enabled  bool `json:"enabled"`
	MaxSteps int  `json:"max_steps,omitzero"` // 1 to 10
}

// A Toggle switches a step on or off.
type Toggle struct {
	Enabled bool `json:"enabled"`
}

// A VectorSearch says which passages are candidates.
type VectorSearch struct {
	TopK int `json:"top_k,omitzero"` // 1 to 200
	// SimilarityThreshold is, despite its name, the largest cosine distance.
	SimilarityThreshold *float64 `json:"similarity_threshold,omitempty"`
}

// Reranking says how many of the candidates are used, and in which order.
type Reranking struct {
	Enabled *bool `json:"enabled,omitempty"`
	TopK    int   `json:"top_k,omitzero"` // 1 to 100, at most that of [VectorSearch]
}

// A Reference is a passage that was handed to the model.
type Reference struct {
	MemoID    string `json:"memo_uuid"`
	MemoTitle string `json:"memo_title"`
}

// A Citation is a place where an answer cites a passage: [[Number]] in the
// answer stands for the bytes Start to End of a memo's text.
type Citation struct {
	Number    int    `json:"number"`
	MemoID    string `json:"memo_uuid"`
	MemoTitle string `json:"memo_title"`
	ChunkID   string `json:"chunk_uuid"`
	Start     int    `json:"start"`
	End       int    `json:"end"`
	// Quote is what is cited, its first 1,000 characters; empty if the server does not
	// tell.
	Quote string `json:"quote,omitzero"`
	Page  int    `json:"page,omitzero"` // where the passage begins; 0 if the memo has no pages
	// Support is from 0 to 1 how well the passage bears out the claim.
	Support float64 `json:"support,omitzero"`
}

// A Flag marks a sentence of an answer that is not borne out: the bytes Start to
// End of its text.
type Flag struct {
	Start   int    `json:"start"`
	End     int    `json:"end"`
	Text    string `json:"text"` // the sentence, its first 1,000 characters
	Reason  string `json:"reason"`
	Numbers []int  `json:"numbers"` // what it cites
}

// The reasons of flags.
const (
	FlagUnsupported = "unsupported" // what it cites says something else, or less
	FlagUncited     = "uncited"     // it claims something and cites nothing
	FlagNoPassage   = "no_passage"  // it cites a number that no passage has
)

// A Step is one move of an agentic answer: what the model chose to do, and what
// came of it.
type Step struct {
	Number int    `json:"number"`
	Tool   string `json:"tool"` // search, read_memo, list_tags
	Input  string `json:"input"`
	Result string `json:"result"`
}

// An Answer is what the server says to a question.
type Answer struct {
	ChatID    string     `json:"chat_id"`
	Text      string     `json:"response"`
	Citations []Citation `json:"citations"`
	// References are all passages that the model was given, by their number, if
	// the request asked for them.
	References map[string]Reference `json:"references"`
	Flags      []Flag               `json:"flags,omitempty"` // sentences that are not borne out
	Steps      []Step               `json:"steps,omitempty"` // of an agentic answer
	// InferredFilters were read from the question, if that was asked for.
	InferredFilters []Filter `json:"inferred_filters,omitempty"`
	// Explanation tells how passages were found, if that was asked for.
	Explanation *Explanation `json:"explanation,omitempty"`
}

// Add takes an event of a stream in. After the last one the answer is what
// [Client.Chat] returns.
func (a *Answer) Add(e Event) {
	a.Text += e.Text
	a.Citations = append(a.Citations, e.Citations...)
	a.Flags = append(a.Flags, e.Flags...)
	if e.Step != nil {
		a.Steps = append(a.Steps, *e.Step)
	}
	if e.References != nil {
		a.References = e.References
	}
	a.InferredFilters = append(a.InferredFilters, e.InferredFilters...)
	if told := e.Explanation; told != nil {
		if a.Explanation == nil {
			a.Explanation = &Explanation{Question: told.Question}
		}
		a.Explanation.Stages = append(a.Explanation.Stages, told.Stages...)
	}
	if e.ChatID != "" {
		a.ChatID = e.ChatID
	}
}

// Chat asks a question and waits for the whole answer. The server answers
// within 30 seconds or not at all; see [Client.StreamChat] for longer ones.
func (c *Client) Chat(ctx context.Context, r ChatRequest) (Answer, error) {
	return post[Answer](ctx, c, chatPath, r)
}

// An EventType says what an [Event] brings.
type EventType string

// The types of event, in their order. Those of other types may come too, and
// are to be skipped.
const (
	EventStep       EventType = "step"       // Step is the next move of an agentic answer
	EventToken      EventType = "token"      // Text is the next piece of the answer
	EventCitations  EventType = "citations"  // Citations are more of what the answer cites
	EventFlags      EventType = "flags"      // Flags are more sentences that are not borne out
	EventReferences EventType = "references" // References are what the model was given
	// EventExplanation brings InferredFilters, or an Explanation with more stages.
	EventExplanation EventType = "explanation"
	EventDone        EventType = "done" // the end; ChatID is the chat
)

// An Event is a piece of a streamed answer.
type Event struct {
	Type            EventType
	Step            *Step
	Text            string
	Citations       []Citation
	Flags           []Flag
	References      map[string]Reference
	InferredFilters []Filter
	Explanation     *Explanation
	ChatID          string
}

// An AnswerError is an answer that failed half-way.
type AnswerError struct {
	Reason string // the server's words
}

// Error tells the reason.
func (e *AnswerError) Error() string { return "the answer broke off: " + e.Reason }

// StreamChat asks a question and yields the answer as it is written. The
// request is made when the iteration starts, and ends when it does: a consumer
// that stops early cancels the answer. The last event is [EventDone].
//
// An error comes once, last. If the answer failed half-way it is an
// [*AnswerError], and the event beside it is [EventDone] with the chat.
func (c *Client) StreamChat(ctx context.Context, r ChatRequest) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		body, err := c.openStream(ctx, chatPath, r)
		if err != nil {
			yield(Event{}, err)
			return
		}
		defer body.Close()
		var failed error
		for m, err := range events(body) {
			var event Event
			if err == nil {
				event, err = decodeEvent(m.data)
			}
			if broken, ok := errors.AsType[*AnswerError](err); ok {
				failed = broken // done follows, with the chat
				continue
			}
			if event.Type == EventDone {
				yield(event, failed)
				return
			}
			if !yield(event, err) || err != nil {
				return
			}
		}
		if failed == nil {
			failed = fmt.Errorf("read stream: %w", io.ErrUnexpectedEOF)
		}
		yield(Event{}, failed)
	}
}

// openStream makes a request that is answered by events.
func (c *Client) openStream(ctx context.Context, path string, body ChatRequest) (io.ReadCloser, error) {
	r, err := jsonRequest(http.MethodPost, path, struct {
		ChatRequest
		Stream bool `json:"stream"`
	}{body, true})
	if err != nil {
		return nil, err
	}
	resp, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// decodeEvent reads an event of the wire. References are JSON in its content.
func decodeEvent(data []byte) (Event, error) {
	var wire struct {
		Type        EventType    `json:"type"`
		Content     string       `json:"content"`
		Citations   []Citation   `json:"citations"`
		Flags       []Flag       `json:"flags"`
		Step        *Step        `json:"step"`
		Inferred    []Filter     `json:"inferred_filters"`
		Explanation *Explanation `json:"explanation"`
		Error       string       `json:"error"`
		ChatID      string       `json:"chat_id"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return Event{}, fmt.Errorf("read event: %w", err)
	}
	event := Event{
		Type: wire.Type, ChatID: wire.ChatID, Citations: wire.Citations, Flags: wire.Flags, Step: wire.Step,
		InferredFilters: wire.Inferred, Explanation: wire.Explanation,
	}
	switch wire.Type {
	case EventToken:
		event.Text = wire.Content
	case EventReferences:
		if err := json.Unmarshal([]byte(wire.Content), &event.References); err != nil {
			return Event{}, fmt.Errorf("read references: %w", err)
		}
	case "error":
		reason := wire.Error
		if reason == "" {
			reason = wire.Content
		}
		return Event{}, &AnswerError{Reason: reason}
	}
	return event, nil
}
