// Package sse writes server-sent events in the one way that every client of the
// wire can read.
//
// An event is one line "data: " with a JSON object, and an empty line. Known
// clients set the bounds: one of them decodes each network read as UTF-8 on its
// own, so an event leaves in one write and holds only ASCII, other characters
// as \uXXXX; another reads lines of at most 64 KiB, see [MaxLine]; a third gives
// up after 30 silent seconds, so comment lines fill the silence.
package sse

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"sync"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxLine is the longest line that is sent, in bytes. The shortest known limit
// of a client is 65535.
const MaxLine = 64000

const (
	prefix       = "data: "
	comment      = ": ping\n\n"
	keepAlive    = 10 * time.Second // a third of the shortest patience of a client
	writeTimeout = 30 * time.Second // a client that takes nothing for so long is dead
	pieceRunes   = 5000             // of at most 12 bytes each: a line of 60,000
)

// A Stream sends events to one client.
type Stream struct {
	cancel context.CancelCauseFunc // ends the stream when the client is gone

	mu  sync.Mutex // guards w: events and comments come from two goroutines
	w   http.ResponseWriter
	ctl *http.ResponseController
}

// Serve opens a stream on w with a first comment, hands it to produce, sends a
// comment every ten seconds meanwhile, and returns when produce has. The context
// of produce ends when the client hangs up or stops reading.
func Serve(ctx context.Context, w http.ResponseWriter, produce func(context.Context, *Stream)) {
	ctx, cancel := context.WithCancelCause(ctx)
	s := &Stream{cancel: cancel, w: w, ctl: http.NewResponseController(w)}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no") // or nginx collects the events
	s.write([]byte(comment))
	var wg sync.WaitGroup
	wg.Go(func() { s.keepAlive(ctx) })
	defer s.close()
	defer wg.Wait()
	defer cancel(nil)
	produce(ctx, s)
}

// Send sends v as an event. It reports whether the client is still there.
func (s *Stream) Send(v any) bool { return s.write(Encode(v)) }

// SendNamed sends v as an event with a name, and with an id, after which a client
// that comes back asks for what is next. With an id of 0 it has none.
func (s *Stream) SendNamed(id int64, name string, v any) bool {
	return s.write(append(fields(id, name), Encode(v)...))
}

// SendCursor tells the client where it is, without an event.
func (s *Stream) SendCursor(id int64) bool { return s.write(append(fields(id, ""), '\n')) }

// fields returns the lines before the data of an event.
func fields(id int64, name string) []byte {
	var out []byte
	if id > 0 {
		out = fmt.Appendf(out, "id: %d\n", id)
	}
	if name != "" {
		out = fmt.Appendf(out, "event: %s\n", name)
	}
	return out
}

func (s *Stream) keepAlive(ctx context.Context) {
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.write([]byte(comment))
		}
	}
}

// write sends bytes at once, in one write. A client that does not take them in
// time, or has gone, ends the stream.
func (s *Stream) write(event []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.ctl.SetWriteDeadline(time.Now().Add(writeTimeout)) // not every writer can; then TCP decides
	_, err := s.w.Write(event)
	if err == nil {
		err = s.ctl.Flush()
	}
	if err != nil {
		s.cancel(err)
	}
	return err == nil
}

// close takes the deadline off, which would outlive the stream on a connection
// that is kept.
func (s *Stream) close() { _ = s.ctl.SetWriteDeadline(time.Time{}) }

// Encode returns the bytes of the event v, the empty line included. A v that
// JSON cannot hold is a bug and panics.
func Encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	out := make([]byte, 0, len(prefix)+len(raw)+2)
	out = append(out, prefix...)
	for len(raw) > 0 {
		r, size := utf8.DecodeRune(raw)
		out = appendASCII(out, r)
		raw = raw[size:]
	}
	return append(out, "\n\n"...)
}

// Fits reports whether an event keeps to [MaxLine].
func Fits(event []byte) bool { return len(event)-1 <= MaxLine }

// Pieces cuts a text into parts of which each fits a line, however its
// characters are escaped. An empty text has no parts.
func Pieces(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		start, runes := 0, 0
		for i := range text {
			if runes == pieceRunes {
				if !yield(text[start:i]) {
					return
				}
				start, runes = i, 0
			}
			runes++
		}
		if start < len(text) {
			yield(text[start:])
		}
	}
}

// appendASCII appends a character of a JSON text, escaped unless it is ASCII.
// Outside ASCII, JSON has characters only within strings.
func appendASCII(out []byte, r rune) []byte {
	if r < utf8.RuneSelf {
		return append(out, byte(r))
	}
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		return appendUnit(appendUnit(out, high), low)
	}
	return appendUnit(out, r)
}

func appendUnit(out []byte, unit rune) []byte {
	const hex = "0123456789abcdef"
	return append(out, '\\', 'u', hex[unit>>12&15], hex[unit>>8&15], hex[unit>>4&15], hex[unit&15])
}
