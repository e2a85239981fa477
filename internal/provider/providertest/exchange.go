package providertest

import (
	"cmp"
	"fmt"
	"io"
	"net"
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
	opts   Options
	manner Manner
}

const garbage = "<html>502 Bad Gateway</html>"

// answer decides what happens to a call, and does it. It reports whether the
// answer, good or bad, is complete.
func (e *exchange) answer(c call, how Headers) bool {
	tokens := e.cost(c)
	v := e.server.meters[c.Kind].admit(e.w.Header(), e.manner.Limit, how, c.Model, tokens)
	if v.refused {
		e.server.answering(e.kept, http.StatusTooManyRequests)
		refuse(e.w, http.StatusTooManyRequests, c.complain(http.StatusTooManyRequests, v.message, v.wait))
		return true
	}
	e.server.admitted(c.Kind, tokens)
	a, scripted := e.server.decide(c.Request)
	if !scripted {
		a = e.server.chance.fail(&e.manner.Odds, c.Stream, e.opts.Tokens)
		if a.Status == http.StatusTooManyRequests && how != HeadersSilent {
			a.Header = map[string]string{"Retry-After": "1"}
			a.wait = time.Second
		}
	}
	return e.perform(c, a)
}

// cost returns the tokens that a call counts.
func (e *exchange) cost(c call) int {
	if c.tokens == nil {
		return c.read()
	}
	return c.read() + e.opts.Tokens
}

// perform does what a says, and reports whether the answer, good or bad, is
// complete.
func (e *exchange) perform(c call, a Action) bool {
	latency := e.opts.Latency[c.Kind] + a.Delay
	if !a.atOnce {
		latency += e.server.chance.vary(e.manner.Latency, &e.manner.Pace)
	}
	if !e.pause(latency) {
		return false
	}
	for name, value := range a.Header {
		e.w.Header().Set(name, value)
	}
	switch {
	case a.Fault == Reset:
		return e.reset()
	case a.Fault == Stall && a.After == 0:
		return e.stall()
	case a.Status != 0:
		e.server.answering(e.kept, a.Status)
		body := a.Body
		if body == "" {
			words := cmp.Or(a.words, fmt.Sprintf("scripted status %d", a.Status))
			body = c.complain(a.Status, words, a.wait)
		}
		refuse(e.w, a.Status, body)
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
	answer := c.document(e.opts, a)
	data, written := answer.(ready)
	if !written {
		data = ready(text(answer))
	}
	length := len(data)
	switch a.Fault {
	case Garbage:
		data, length = ready(garbage), len(garbage)
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
	case None:
		e.server.served(e.kept)
	}
	return true
}

// ready is a document that is JSON already.
type ready []byte

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

// reset breaks the connection in place of an answer, as a crash does.
func (e *exchange) reset() bool {
	e.server.answering(e.kept, 0)
	conn, _, err := http.NewResponseController(e.w).Hijack()
	if err != nil {
		return true
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // what fails here only makes the end a softer one
	}
	_ = conn.Close()
	return true
}

// stream answers with server-sent events, one a token.
func (e *exchange) stream(c call, a Action) bool {
	e.server.answering(e.kept, http.StatusOK)
	e.w.Header().Set("Content-Type", "text/event-stream")
	if first := e.server.chance.vary(e.manner.FirstToken, &e.manner.Pace); first > 0 && !(e.flush() && e.pause(first)) {
		return false
	}
	delay := e.opts.TokenDelay
	if speed := e.manner.TokensPerSecond; speed > 0 {
		delay = time.Duration(float64(time.Second) / speed)
	}
	if !e.send(c.voice.open...) {
		return false
	}
	tokens := c.tokens(e.opts, a)
	for i, token := range tokens {
		if a.Fault != None && i >= a.After {
			break
		}
		if (i > 0 || e.manner.FirstToken == 0) && !e.pause(delay) {
			return false
		}
		e.server.streaming(e.kept)
		if !e.send(c.voice.token(token)) {
			return false
		}
	}
	return e.end(c, a, len(tokens))
}

// end ends a stream of so many tokens, or spoils it.
func (e *exchange) end(c call, a Action, tokens int) bool {
	switch a.Fault {
	case None:
		if !e.send(c.voice.finish(tokens)...) {
			return false
		}
		e.server.served(e.kept)
	case Garbage:
		return e.send("data: " + garbage + "\n\n")
	case Truncate:
		return e.send(c.voice.half)
	case Report:
		return e.send(c.voice.report(a.Body))
	case Cut:
		return e.cut()
	case Stall:
		return e.flush() && e.stall()
	}
	return true
}

// send writes and flushes, and reports whether the client is still there.
func (e *exchange) send(pieces ...string) bool {
	for _, piece := range pieces {
		if _, err := io.WriteString(e.w, piece); err != nil {
			return false
		}
	}
	return (len(pieces) == 0 || e.flush()) && e.r.Context().Err() == nil
}
