package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"time"
)

// An Upload is a file to be added as a memo.
type Upload struct {
	// Name is the file's name; its ending tells the type.
	Name string
	// Body is read once, while it is sent, and need not fit into memory.
	Body io.Reader
	// Title is the memo's; by default it is made from the name.
	Title string
	MemoOptions
}

// UploadFile adds a file as a memo and returns its id. It is stored for good
// then, and becomes searchable in the background; see [Client.WaitForMemo].
func (c *Client) UploadFile(ctx context.Context, u Upload) (string, error) {
	out, err := c.upload(ctx, u, nil)
	return out.MemoID, err
}

// UpsertFile replaces the memo that has u's reference id, or adds it. An
// unchanged file is not processed again.
func (c *Client) UpsertFile(ctx context.Context, u Upload) (Upserted, error) {
	return c.upload(ctx, u, url.Values{"upsert": {"true"}})
}

func (c *Client) upload(ctx context.Context, u Upload, query url.Values) (Upserted, error) {
	body, contentType, err := u.form()
	if err != nil {
		return Upserted{}, err
	}
	return fetch[Upserted](ctx, c, request{
		method: http.MethodPost, path: memoPath, query: query, body: body, contentType: contentType,
	})
}

// form returns the upload as a form and its content type. Only what stands
// around the file is in memory.
func (u *Upload) form() (io.Reader, string, error) {
	texts, err := u.texts()
	if err != nil {
		return nil, "", err
	}
	var around bytes.Buffer
	form := multipart.NewWriter(&around)
	for _, t := range texts {
		if err := form.WriteField(t[0], t[1]); err != nil { // a buffer takes everything
			return nil, "", fmt.Errorf("write form: %w", err)
		}
	}
	if _, err := form.CreateFormFile("file", u.Name); err != nil {
		return nil, "", fmt.Errorf("write form: %w", err)
	}
	before := around.Len()
	if err := form.Close(); err != nil {
		return nil, "", fmt.Errorf("write form: %w", err)
	}
	head, tail := around.Bytes()[:before], around.Bytes()[before:]
	return io.MultiReader(bytes.NewReader(head), u.Body, bytes.NewReader(tail)), form.FormDataContentType(), nil
}

// texts returns the parts that are not empty: names and texts.
func (u *Upload) texts() ([][2]string, error) {
	parts := [][2]string{{"title", u.Title}, {"source", u.Source}, {"reference_id", u.ReferenceID}}
	if !u.Expires.IsZero() {
		parts = append(parts, [2]string{"expiration_date", u.Expires.UTC().Format(time.RFC3339Nano)})
	}
	for _, p := range []struct {
		name  string
		size  int
		value any
	}{
		{"tags", len(u.Tags), u.Tags},
		{"metadata", len(u.Metadata), u.Metadata},
		{"scopes", len(u.Scopes), u.Scopes},
		{"processing", u.Processing.set(), u.Processing},
	} {
		if p.size == 0 {
			continue
		}
		raw, err := json.Marshal(p.value)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", p.name, err)
		}
		parts = append(parts, [2]string{p.name, string(raw)})
	}
	filled := parts[:0]
	for _, p := range parts {
		if p[1] != "" {
			filled = append(filled, p)
		}
	}
	return filled, nil
}
