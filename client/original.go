package client

import (
	"context"
	"io"
	"mime"
	"net/http"
	"strings"
)

// An Original is the file that a memo was read from.
type Original struct {
	Name     string // as it was called when it was added; a stranger's word, never a path to write to
	MIMEType string
	Size     int64         // bytes; -1 if the server does not tell
	SHA256   string        // in hexadecimal
	Body     io.ReadCloser // the caller closes it
}

// Original downloads the file that a memo was read from. A memo that was added as
// text has none: the error is an [*APIError] with status 404.
func (c *Client) Original(ctx context.Context, ref Ref) (Original, error) {
	resp, err := c.send(ctx, ref.request(http.MethodGet, "/original"))
	if err != nil {
		return Original{}, err
	}
	o := Original{
		MIMEType: resp.Header.Get("Content-Type"), Size: resp.ContentLength, Body: resp.Body,
		SHA256: strings.Trim(resp.Header.Get("ETag"), `"`),
	}
	if _, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition")); err == nil {
		o.Name = params["filename"]
	}
	return o, nil
}
