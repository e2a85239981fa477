package providertest

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"
)

// An exchange answers one request.
type exchange struct {
	server *Server
	w      http.ResponseWriter
	r      *http.Request
	kept   *Request
}

const garbage = "<html>502 Bad Gateway</html>"

// perform does what a says, and reports whether the answer, good or bad, is
// complete.
func (e *exchange) perform(c call, a Action) bool {
	if !e.pause(e.server.opts.Latency[c.Kind] + a.Delay) {
		return false
	}
	for name, value := range a.Header {
		e.w.Header().Set(name, value)
	}
	switch {
	case a.Fault == Stall && a.After == 0:
		return e.stall()
	case a.Status != 0:
		e.server.answering(e.kept, a.Status)
		writeFailure(e.w, a)
		return true
	case c.Stream:
		return e.stream(c, a)
	}
	return e.document(c, a)
}

// pause waits and reports whether the client is still there after d.
func (e *exchange) pause(d time.Duration) bool {
	if d <= 0 {
		return e.r.Context().Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-e.r.Context().Done():
	case <-e.server.closing:
	}
	return false
}

// stall waits for the client to leave.
func (e *exchange) stall() bool {
	select {
	case <-e.r.Context().Done():
	case <-e.server.closing:
	}
	return false
}

// document answers with one JSON document.
func (e *exchange) document(c call, a Action) bool {
	data, err := json.Marshal(c.document(e.server.opts, a))
	if err != nil {
		http.Error(e.w, err.Error(), http.StatusInternalServerError)
		return true
	}
	length := len(data)
	switch a.Fault {
	case Garbage:
		data, length = []byte(garbage), len(garbage)
	case Truncate:
		data, length = data[:length/2], length/2
	case Cut, Stall:
		data = data[:length/2] // of the length that the header promises
	}
	e.server.answering(e.kept, http.StatusOK)
	e.w.Header().Set("Content-Type", "application/json")
	e.w.Header().Set("Content-Length", strconv.Itoa(length))
	if _, err := e.w.Write(data); err != nil {
		return false
	}
	switch a.Fault {
	case Cut:
		return e.cut()
	case Stall:
		return e.flush() && e.stall()
	}
	return true
}

func (e *exchange) flush() bool {
	return http.NewResponseController(e.w).Flush() == nil
}

// cut breaks the connection once what was written is on its way.
func (e *exchange) cut() bool {
	e.flush()
	if conn, _, err := http.NewResponseController(e.w).Hijack(); err == nil {
		_ = conn.Close() // broken is what it shall be
	}
	return true
}

// stream answers with server-sent events, one a token.
func (e *exchange) stream(c call, a Action) bool {
	e.server.answering(e.kept, http.StatusOK)
	e.w.Header().Set("Content-Type", "text/event-stream")
	tokens := c.tokens(e.server.opts, a)
	for i, token := range tokens {
		if a.Fault != None && i >= a.After {
			break
		}
		if !e.pause(e.server.opts.TokenDelay) {
			return false
		}
		e.server.streaming(e.kept)
		if !e.event(chunk(c.Model, token, "")) {
			return false
		}
	}
	switch a.Fault {
	case None:
		return e.finish(c, len(tokens))
	case Garbage:
		return e.send("data: " + garbage + "\n\n")
	case Truncate:
		return e.send(`data: {"choices": [{"delta": {"cont` + "\n\n")
	case Report:
		return e.send("data: " + a.Body + "\n\n")
	case Cut:
		return e.cut()
	case Stall:
		return e.flush() && e.stall()
	}
	return true
}

// finish sends the events after the last token.
func (e *exchange) finish(c call, tokens int) bool {
	if !e.event(chunk(c.Model, "", "stop")) {
		return false
	}
	if c.usage {
		last := chunk(c.Model, "", "")
		last.Choices, last.Usage = []choice{}, usageOf(c.Texts, tokens)
		if !e.event(last) {
			return false
		}
	}
	return e.send("data: [DONE]\n\n")
}

func (e *exchange) event(v any) bool {
	data, err := json.Marshal(v)
	return err == nil && e.send("data: "+string(data)+"\n\n")
}

// send writes and flushes, and reports whether the client is still there.
func (e *exchange) send(s string) bool {
	_, err := io.WriteString(e.w, s)
	return err == nil && e.flush() && e.r.Context().Err() == nil
}
