package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// A ChatSummary is a chat as lists have it.
type ChatSummary struct {
	ID           string    `json:"uuid"`
	Created      time.Time `json:"created_at"`
	Title        string    `json:"title"` // the first question
	MessageCount int       `json:"message_count"`
	LastMessage  time.Time `json:"last_message_at,omitzero"` // zero if there is none
}

// A Conversation is one stored chat with its messages, in order.
type Conversation struct {
	ID       string    `json:"uuid"`
	Created  time.Time `json:"created_at"`
	Messages []Message `json:"messages"`
}

// A Message is a question or an answer.
type Message struct {
	ID           string    `json:"uuid"`
	Content      string    `json:"content"`
	SentBy       string    `json:"sent_by"` // user or model
	Sent         time.Time `json:"sent_at"`
	SystemPrompt string    `json:"client_system_prompt"`
	Cut          bool      `json:"cut"` // the answer broke off
}

// ListChats reads a page of chats, the newest first.
func (c *Client) ListChats(ctx context.Context, p PageRequest) (Page[ChatSummary], error) {
	return fetch[Page[ChatSummary]](ctx, c, request{method: http.MethodGet, path: chatPath, query: p.query()})
}

// GetChat reads a chat.
func (c *Client) GetChat(ctx context.Context, id string) (Conversation, error) {
	return fetch[Conversation](ctx, c, request{method: http.MethodGet, path: chatPath + "/" + url.PathEscape(id)})
}
