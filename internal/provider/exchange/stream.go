package exchange

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"

	"kvasir/internal/llm"
)

const eventStream = "text/event-stream"

// Done is the data of the event that ends a stream of OpenAI's protocol.
const Done = "[DONE]"

// stopped is the name of the event that ends a stream of Anthropic's.
const stopped = "message_stop"

// Stream sends in as JSON to path and yields the events of the answer as they
// arrive. It yields at most one error, as its last item, and ends after the
// protocol's last event or with the body. An error that the provider reports as an event
// is yielded as one. A consumer that stops earlier ends the exchange at once.
//
// The data of an event is valid until the next one is asked for.
func Stream[In any](ctx context.Context, e *Endpoint, path string, in In) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		payload, err := json.Marshal(in)
		if err != nil {
			yield(Event{}, e.Refuse("encode the request: %w", err))
			return
		}
		a, err := e.send(ctx, path, payload, eventStream)
		if err != nil {
			yield(Event{}, err)
			return
		}
		defer a.close()
		if err := e.notStreamed(ctx, a); err != nil {
			yield(Event{}, discreet(err, payload))
			return
		}
		for event, err := range Events(a.body) {
			if err != nil {
				yield(Event{}, e.broken(ctx, err))
				return
			}
			if string(event.Data) == Done || event.Name == stopped {
				a.body.drain()
				yield(event, nil)
				return
			}
			if err := e.reported(event); err != nil {
				yield(Event{}, discreet(err, payload))
				return
			}
			if !yield(event, nil) {
				return
			}
		}
	}
}

// notStreamed returns the error of an answer that is one JSON document where
// events were asked for. Other content types pass: some servers send events
// under a wrong one.
func (e *Endpoint) notStreamed(ctx context.Context, a *answer) error {
	kind, _, _ := mime.ParseMediaType(a.response.Header.Get("Content-Type")) // "" passes
	if kind != "application/json" {
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(a.body, maxComplaint))
	if err != nil {
		return e.broken(ctx, err)
	}
	if err := e.reported(Event{Data: data}); err != nil {
		return err
	}
	return e.Garbage(fmt.Errorf("stream: %w", errNoEvents))
}

var errNoEvents = errors.New("the server answers with one document instead of events")

// reported returns the error that an event reports after the status line said
// that all is well, or nil. Only data that may hold one is parsed: deltas come
// by the thousand, and in their texts the quotes are escaped.
func (e *Endpoint) reported(event Event) error {
	if event.Name != "error" && !bytes.Contains(event.Data, []byte(`"error"`)) {
		return nil
	}
	r := readReport(event.Data)
	if event.Name != "error" && !r.isError {
		return nil
	}
	return &llm.Error{
		Class: r.class(r.status()), Provider: e.provider, Status: http.StatusOK,
		RetryAfter: r.wait, Message: e.clean(r.message),
	}
}
