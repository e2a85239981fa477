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
}

// An Answer is what the server says to a question.
type Answer struct {
	ChatID    string     `json:"chat_id"`
	Text      string     `json:"response"`
	Citations []Citation `json:"citations"`
	// References are all passages that the model was given, by their number, if
	// the request asked for them.
	References map[string]Reference `json:"references"`
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
	EventToken      EventType = "token"      // Text is the next piece of the answer
	EventCitations  EventType = "citations"  // Citations are more of what the answer cites
	EventReferences EventType = "references" // References are what the model was given
	EventDone       EventType = "done"       // the end; ChatID is the chat
)

// An Event is a piece of a streamed answer.
type Event struct {
	Type       EventType
	Text       string
	Citations  []Citation
	References map[string]Reference
	ChatID     string
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
		Type      EventType  `json:"type"`
		Content   string     `json:"content"`
		Citations []Citation `json:"citations"`
		Error     string     `json:"error"`
		ChatID    string     `json:"chat_id"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return Event{}, fmt.Errorf("read event: %w", err)
	}
	event := Event{Type: wire.Type, ChatID: wire.ChatID, Citations: wire.Citations}
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
