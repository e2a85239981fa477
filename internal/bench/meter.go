package bench

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// A meter is a transport that measures exchanges bare: from the moment a request is
// handed to it until the last byte of the answer's body is read.
type meter struct {
	next http.RoundTripper

	// byCall has room for the time, in nanoseconds, of the exchange in which each
	// numbered text was sent; empty if texts have no numbers.
	byCall []atomic.Int64

	stopwatch // of all exchanges, if texts have no numbers
}

// numbered introduces the number of a text, which has numberDigits digits.
const (
	numbered     = "call-"
	numberDigits = 9
)

// RoundTrip implements [http.RoundTripper].
func (m *meter) RoundTrip(req *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, err := m.next.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	resp.Body = &measured{ReadCloser: resp.Body, ended: func() { m.ended(req, time.Since(began)) }}
	return resp, nil
}

// CloseIdleConnections closes what the client does not use.
func (m *meter) CloseIdleConnections() {
	if c, ok := m.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// ended notes an exchange.
func (m *meter) ended(req *http.Request, took time.Duration) {
	if len(m.byCall) == 0 {
		m.stopwatch.note(took)
		return
	}
	body, err := req.GetBody()
	if err != nil {
		return
	}
	text, err := io.ReadAll(body) // from memory
	if err != nil {
		return
	}
	for {
		_, after, found := bytes.Cut(text, []byte(numbered))
		if !found || len(after) < numberDigits {
			return
		}
		if n, err := strconv.Atoi(string(after[:numberDigits])); err == nil {
			m.byCall[n%len(m.byCall)].Store(int64(took))
		}
		text = after
	}
}

// A measured body tells when it has been read.
type measured struct {
	io.ReadCloser
	ended func()
}

// Read implements [io.Reader].
func (b *measured) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF && b.ended != nil {
		b.ended()
		b.ended = nil
	}
	return n, err
}
