package dispatch

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"kvasir/internal/fault"
	"kvasir/internal/llm"
)

// Generate streams a text from the named generator; the empty name is the
// default. Until the first word it is tried again, and in another lane; what a
// person has read cannot be taken back. A consumer that stops ends the exchange.
func (s *Scheduler) Generate(
	ctx context.Context, call llm.Call, name string, req llm.GenerateRequest,
) iter.Seq2[llm.Event, error] {
	return func(yield func(llm.Event, error) bool) {
		p, err := s.generator(name)
		if err != nil {
			yield(llm.Event{}, err)
			return
		}
		tokens := estimate(req)
		expected := llm.Usage{InputTokens: tokens, OutputTokens: req.MaxTokens}
		free, err := s.books.reserve(ctx, call.Tenant, p.price(expected, req.Fast))
		if err != nil {
			yield(llm.Event{}, err)
			return
		}
		defer free()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		st, a, err := try(ctx, p, job[*stream]{
			call: call, tokens: tokens,
			exchange: func(ctx context.Context, l *lane) (*stream, error) {
				return open(s.cfg.Generate[l.index].Generator.Generate(ctx, req))
			},
			discard: func(st *stream) { st.close() },
		})
		if err != nil {
			yield(llm.Event{}, err)
			return
		}
		a.firstWord()
		st.relay(yield)
		cancel() // the exchange ends with its consumer
		st.close()
		a.end(outcome{usage: st.usage, first: st.first, err: st.err, left: st.left})
		s.books.enter(llm.KindGenerate, a.lane, []payer{{call, tokens}}, st.usage, req.Fast)
	}
}

// A stream is an exchange that has said its first word.
type stream struct {
	event llm.Event // the first
	ended bool      // there is nothing after it
	next  func() (llm.Event, error, bool)
	close func()
	first time.Duration // until the first word
	usage llm.Usage
	err   error
	left  bool // by its consumer
}

// open begins a stream and waits for its first word.
func open(events iter.Seq2[llm.Event, error]) (*stream, error) {
	began := time.Now()
	st := &stream{}
	st.next, st.close = iter.Pull2(events)
	for {
		ev, err, ok := st.next()
		if err != nil {
			st.close()
			return nil, err
		}
		if st.ended = !ok; st.ended {
			return st, nil // an answer without a word
		}
		st.note(ev)
		if ev.Text != "" {
			st.event, st.first = ev, max(time.Since(began), 1)
			return st, nil
		}
	}
}

func (st *stream) note(ev llm.Event) {
	if ev.Usage != (llm.Usage{}) {
		st.usage = ev.Usage
	}
}

// relay passes the events on as they come.
func (st *stream) relay(yield func(llm.Event, error) bool) {
	if st.ended {
		if st.usage != (llm.Usage{}) {
			yield(llm.Event{Usage: st.usage}, nil)
		}
		return
	}
	for ev := st.event; ; {
		if !yield(ev, nil) {
			st.left = true
			return
		}
		next, err, ok := st.next()
		if err != nil {
			st.err = err
			yield(llm.Event{}, inWords(err))
			return
		}
		if !ok {
			return
		}
		st.note(next)
		ev = next
	}
}

// generator returns the pool by its name.
func (s *Scheduler) generator(name string) (*pool, error) {
	names := make([]string, len(s.generators))
	for i, p := range s.generators {
		if name == "" || p.name == name {
			return p, nil
		}
		names[i] = p.name
	}
	return nil, fault.New(fault.Invalid,
		fmt.Sprintf("Invalid LLM provider: %s. Supported providers: %s", name, strings.Join(names, ", ")))
}

// estimate guesses the tokens of a request's input.
func estimate(req llm.GenerateRequest) int {
	n := 0
	for _, m := range req.Messages {
		n += len(m.Text)/4 + 4
	}
	if req.Schema != nil {
		n += len(req.Schema.JSON) / 4
	}
	return n
}
