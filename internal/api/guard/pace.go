package guard

import (
	"io"
	"net/http"
	"time"
)

// Piece is how much of a body must go over the line while a client may stall: 32 KiB
// in the default 30 seconds are a kilobyte a second.
const Piece = 32 << 10

// Pace keeps a client sending. Within every stall it has to send another [Piece] of its
// body, or the end of it, so a large upload over a slow line arrives, and a client that
// dribbles does not hold its connection. A body that nobody reads is under the same
// deadline: net/http waits for it before it answers.
//
// When the body has arrived the deadline comes off. If it passed later, net/http would
// take the client for gone and end a stream that is in full flow.
func Pace(stall time.Duration) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Body == nil || r.Body == http.NoBody {
				next.ServeHTTP(w, r)
				return
			}
			body := &pacedBody{ReadCloser: r.Body, ctl: http.NewResponseController(w), stall: stall}
			body.extend()
			r.Body = body
			next.ServeHTTP(w, r)
		})
	}
}

// A pacedBody moves the deadline on with each piece that is read from it.
type pacedBody struct {
	io.ReadCloser
	ctl    *http.ResponseController
	stall  time.Duration
	missed int // bytes until the deadline moves
}

// Read reads from the client.
func (b *pacedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.missed -= n; b.missed <= 0 {
		b.extend()
	}
	if err == io.EOF {
		_ = b.ctl.SetReadDeadline(time.Time{})
	}
	return n, err
}

func (b *pacedBody) extend() {
	b.missed = Piece
	_ = b.ctl.SetReadDeadline(time.Now().Add(b.stall)) // not every writer can; then TCP decides
}
