// Package client talks to a Kvasir server: memos in, cited answers out.
//
// A [Client] is made from the server's address and an API key. Memos are added
// by [Client.CreateMemo] or, as files, by [Client.UploadFile]; both return when
// the memo is stored for good, and [Client.WaitForMemo] returns when it can be
// found; [Client.Events] follows many. [Client.Search] finds passages, [Client.Chat] and [Client.StreamChat]
// answer questions, with citations.
//
// A refusal by the server is an [*APIError]; its status is 402 when a budget is
// spent. Nothing is retried: the caller
// knows best what is worth trying again. Everything takes a context, which is
// the only bound on how long a call may take.
//
// The package needs the standard library only, and works with a Skald server
// as well, where [Client.UpsertMemo], [Client.RetryMemo], [Client.Original],
// [Client.Enrich], [Client.Events], [Client.Status], [Client.Usage], webhooks,
// memos of pages and citations are missing.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// DefaultURL is where a server listens unless told otherwise.
const DefaultURL = "http://127.0.0.1:8080"

// Options change how a client works. The zero value of a field is its default.
type Options struct {
	// HTTPClient makes the requests. The default is [http.DefaultClient]. A
	// timeout set there also cuts streams.
	HTTPClient *http.Client
	// UserAgent is sent with every request. The default is "kvasir-go".
	UserAgent string
}

// A Client talks to one server with one key. It is safe for concurrent use.
type Client struct {
	base      string
	key       string
	http      *http.Client
	userAgent string
}

// New returns a client of the server at baseURL, [DefaultURL] if it is empty.
// A nil opts means defaults. No request is made.
func New(baseURL, key string, opts *Options) *Client {
	c := &Client{base: baseURL, key: key, http: http.DefaultClient, userAgent: "kvasir-go"}
	if c.base == "" {
		c.base = DefaultURL
	}
	c.base = strings.TrimRight(c.base, "/")
	if opts != nil && opts.HTTPClient != nil {
		c.http = opts.HTTPClient
	}
	if opts != nil && opts.UserAgent != "" {
		c.userAgent = opts.UserAgent
	}
	return c
}

// An APIError is a request that the server refused or could not fulfil.
type APIError struct {
	StatusCode int
	Message    string // the server's words
}

// Error tells the status and the server's words.
func (e *APIError) Error() string {
	return fmt.Sprintf("%s (HTTP %d)", e.Message, e.StatusCode)
}

// maxErrorBytes bounds what is read of a refusal: a page of HTML by some proxy
// may be anything.
const maxErrorBytes = 64 << 10

// errorOf reads a refusal. It closes the body.
func errorOf(resp *http.Response) error {
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBytes))
	if err != nil {
		return fmt.Errorf("read the refusal with status %d: %w", resp.StatusCode, err)
	}
	var body struct {
		Error string `json:"error"`
	}
	message := strings.TrimSpace(string(raw))
	if json.Unmarshal(raw, &body) == nil && body.Error != "" {
		message = body.Error
	}
	if message == "" {
		message = http.StatusText(resp.StatusCode)
	}
	return &APIError{StatusCode: resp.StatusCode, Message: message}
}

// A request is one call of the API.
type request struct {
	method      string
	path        string
	query       url.Values
	body        io.Reader
	contentType string
	lastEventID string
}

// jsonRequest returns a request with v as its body.
func jsonRequest(method, path string, v any) (request, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return request{}, fmt.Errorf("encode request: %w", err)
	}
	return request{method: method, path: path, body: bytes.NewReader(raw), contentType: "application/json"}, nil
}

// send makes a request. The answer has a status of success; its body is the
// caller's to close.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	target := c.base + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, r.body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("User-Agent", c.userAgent)
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	if r.lastEventID != "" {
		req.Header.Set("Last-Event-ID", r.lastEventID)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err // it names the method and the address
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, errorOf(resp)
	}
	return resp, nil
}

// do makes a request whose answer says nothing more.
func (c *Client) do(ctx context.Context, r request) error {
	resp, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// fetch makes a request and decodes the answer.
func fetch[T any](ctx context.Context, c *Client, r request) (T, error) {
	var out T
	resp, err := c.send(ctx, r)
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return out, fmt.Errorf("read the answer to %s %s: %w", r.method, r.path, err)
	}
	return out, nil
}

// post sends in as JSON and decodes the answer.
func post[T any](ctx context.Context, c *Client, path string, in any) (T, error) {
	r, err := jsonRequest(http.MethodPost, path, in)
	if err != nil {
		var none T
		return none, err
	}
	return fetch[T](ctx, c, r)
}
