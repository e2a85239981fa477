package exchange

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"
)

var (
	errStalled  = errors.New("stalled: no byte for too long")
	errTooLarge = errors.New("the answer is too large")
)

// A watched body gives up when it stalls or grows beyond all reason. Its timer
// runs only inside Read: a slow consumer is not a stalled provider.
type watched struct {
	from    io.Reader
	idle    time.Duration
	left    int64 // bytes that may still come
	timer   *time.Timer
	stalled atomic.Bool // set by the timer's goroutine
}

// watch returns a reader of from that ends the exchange by cancel when a Read
// takes longer than idle.
func watch(from io.Reader, idle time.Duration, cancel context.CancelCauseFunc) *watched {
	w := &watched{from: from, idle: idle, left: maxAnswer}
	w.timer = time.AfterFunc(idle, func() {
		w.stalled.Store(true)
		cancel(errStalled)
	})
	w.timer.Stop()
	return w
}

// Read reads the next bytes.
func (w *watched) Read(p []byte) (int, error) {
	if w.left <= 0 {
		return 0, errTooLarge
	}
	p = p[:min(int64(len(p)), w.left)]
	w.timer.Reset(w.idle)
	n, err := w.from.Read(p)
	w.timer.Stop()
	w.left -= int64(n)
	if err != nil && err != io.EOF && w.stalled.Load() {
		err = errStalled
	}
	return n, err
}

// drain reads what is left of a body that has said all it has to say, so that
// its connection can be used again. Servers that do not close the body in time
// lose the connection instead.
func (w *watched) drain() {
	w.idle = drainWithin
	_, _ = io.CopyN(io.Discard, w, drainBytes) // nobody needs what follows the end
}

const (
	drainWithin = 200 * time.Millisecond
	drainBytes  = 4 << 10
)
