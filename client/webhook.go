package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

const webhookPath = "/api/v1/webhooks"

// A Webhook is an address that is told of events, in their order, at least once
// each.
type Webhook struct {
	ID          string       `json:"id"`
	URL         string       `json:"url"`
	Kinds       []ChangeKind `json:"kinds"` // empty for all
	Created     time.Time    `json:"created_at"`
	Cursor      int64        `json:"cursor"`                 // the last event that it has taken
	LastTaken   time.Time    `json:"last_taken_at,omitzero"` // zero if it has never taken any
	Attempts    int          `json:"attempts"`               // how often the next event has failed to reach it
	NextAttempt time.Time    `json:"next_attempt,omitzero"`
	LastError   string       `json:"last_error"`
	Paused      bool         `json:"paused"` // it is told no more until a test succeeds
	// Secret signs what is sent. Only [Client.CreateWebhook] returns it.
	Secret string `json:"secret,omitzero"`
}

// CreateWebhook has events of the given kinds posted to an address from now on, all
// if none are given.
func (c *Client) CreateWebhook(ctx context.Context, address string, kinds ...ChangeKind) (Webhook, error) {
	return post[Webhook](ctx, c, webhookPath, struct {
		URL   string       `json:"url"`
		Kinds []ChangeKind `json:"kinds,omitempty"`
	}{address, kinds})
}

// Webhooks lists the webhooks, the oldest first.
func (c *Client) Webhooks(ctx context.Context) ([]Webhook, error) {
	out, err := fetch[struct {
		Results []Webhook `json:"results"`
	}](ctx, c, request{method: http.MethodGet, path: webhookPath})
	return out.Results, err
}

// DeleteWebhook deletes a webhook.
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: webhookPath + "/" + url.PathEscape(id)})
}

// TestWebhook sends a test event to a webhook's address, once. An error says what
// the address answered.
func (c *Client) TestWebhook(ctx context.Context, id string) error {
	return c.do(ctx, request{method: http.MethodPost, path: webhookPath + "/" + url.PathEscape(id) + "/test"})
}
