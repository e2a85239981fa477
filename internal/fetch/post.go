package fetch

import (
	"bytes"
	"context"
	"net/http"
	"time"
)

// Post sends a body and returns the status of the answer, and how long the server
// asks to wait. Redirects are not followed: they are the answer. An error is a fault
// like those of [Client.Fetch], and means that there is no answer.
func (c *Client) Post(
	ctx context.Context, rawURL string, header http.Header, body []byte,
) (status int, retry time.Duration, err error) {
	u, err := c.parse(rawURL)
	if err != nil {
		return 0, 0, err
	}
	request, err := http.NewRequest(http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	request.Header = header.Clone()
	request.Header.Set("User-Agent", c.opts.UserAgent)
	t := begin(ctx, u.Hostname(), c.opts.Timeout)
	defer t.end()
	response, err := t.do(c.posts, request)
	if err != nil {
		return 0, 0, t.explain(err)
	}
	discard(c.bound(t, response.Body))
	return response.StatusCode, retryAfter(response.Header, time.Now()), nil
}
