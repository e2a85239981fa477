package fetch

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"kvasir/internal/fault"
)

// A transfer is one exchange on its way: how long it may take, and why it was cut
// short.
type transfer struct {
	host   string                              // that was asked for
	send   func(r *http.Request) *http.Request // under the transfer's context
	cancel context.CancelCauseFunc             // cuts it short
	cause  func() error                        // why it was cut short; nil if it was not
	over   func() error                        // of the caller's context
	free   context.CancelFunc                  // frees the timer
}

// begin starts the clock of a transfer.
func begin(ctx context.Context, host string, timeout time.Duration) *transfer {
	timed, free := context.WithTimeoutCause(ctx, timeout, errSlow)
	inner, cancel := context.WithCancelCause(timed)
	return &transfer{
		host:   host,
		send:   func(r *http.Request) *http.Request { return r.WithContext(inner) },
		cancel: cancel,
		cause:  func() error { return context.Cause(inner) },
		over:   ctx.Err,
		free:   free,
	}
}

func (t *transfer) do(client *http.Client, r *http.Request) (*http.Response, error) {
	return client.Do(t.send(r))
}

func (t *transfer) end() {
	t.cancel(nil)
	t.free()
}

// A body is the bounded body of a page. One goroutine reads it.
type body struct {
	transfer *transfer
	src      io.ReadCloser
	max      int64
	left     int64
	stall    time.Duration
	rate     int64

	watch  *time.Timer   // cuts the transfer short when a read takes too long
	waited time.Duration // in reads since got was last zero
	got    int64
}

// bound returns the body of a transfer within the client's limits.
func (c *Client) bound(t *transfer, src io.ReadCloser) *body {
	b := &body{
		transfer: t, src: src, max: c.opts.MaxBytes, left: c.opts.MaxBytes,
		stall: c.opts.Stall, rate: c.opts.LeastRate,
	}
	b.watch = time.AfterFunc(b.stall, func() { t.cancel(errSlow) })
	b.watch.Stop()
	return b
}

// Read reads on. The reader's own time does not count as the server's.
func (b *body) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, tooLarge(b.max)
	}
	b.watch.Reset(b.stall)
	began := time.Now()
	n, err := b.src.Read(p[:min(int64(len(p)), b.left+1)])
	b.watch.Stop()
	b.waited += time.Since(began)
	b.got += int64(n)
	b.left -= int64(n)
	switch {
	case b.left < 0:
		return n - 1, tooLarge(b.max)
	case err == io.EOF:
		return n, io.EOF
	case err != nil:
		return n, b.transfer.explain(err)
	case b.crawls():
		b.transfer.cancel(errSlow)
		return n, b.transfer.explain(errSlow)
	}
	return n, nil
}

// crawls reports whether the body has come too slowly for a while: a server that
// sends a byte now and then holds a worker for hours otherwise.
func (b *body) crawls() bool {
	if b.waited < b.stall {
		return false
	}
	slow := float64(b.got) < float64(b.rate)*b.waited.Seconds()
	b.waited, b.got = 0, 0
	return slow
}

// Close ends the transfer.
func (b *body) Close() error {
	b.watch.Stop()
	err := b.src.Close()
	b.transfer.end()
	return err
}

// drain is how much of an answer that nobody wants is read, so that its connection
// can be used again.
const drain = 16 << 10

func discard(r io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, r, drain) // nobody wants it
	_ = r.Close()
}

func tooLarge(limit int64) error {
	return fault.New(fault.TooLarge, fmt.Sprintf("File size exceeds %dMB limit", limit>>20))
}
