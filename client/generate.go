package client

import "context"

// A GenerateRequest asks for a document made from memos.
type GenerateRequest struct {
	Prompt  string   `json:"prompt"`
	Rules   string   `json:"rules,omitzero"` // what the document must keep to
	Filters []Filter `json:"filters,omitempty"`
}

// Generate writes a document in Markdown from what the memos say.
func (c *Client) Generate(ctx context.Context, r GenerateRequest) (string, error) {
	out, err := post[struct {
		Response string `json:"response"`
	}](ctx, c, "/api/v1/generate", r)
	return out.Response, err
}
