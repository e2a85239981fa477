package chat

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"kvasir/internal/conversation"
	"kvasir/internal/fault"
	"kvasir/internal/llm"
	"kvasir/internal/memo"
	"kvasir/internal/retrieval"
)

// saveWithin bounds storing an exchange after its client has gone.
const saveWithin = 10 * time.Second

// Stream retrieves, generates and stores the answer, yielding events as they
// come. It ends with Done, unless the consumer stops first: then the model's
// exchange is cancelled and what there is of the answer is stored as cut.
func (a *Answer) Stream(ctx context.Context) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		passages, listening, err := a.retrieve(ctx, yield)
		switch {
		case err != nil:
			a.finish(ctx, yield, "", err)
			return
		case !listening:
			a.save(ctx, "", true)
			return
		}
		var text strings.Builder
		for ev, err := range a.generate(ctx, passages) {
			if err != nil {
				a.finish(ctx, yield, text.String(), err)
				return
			}
			if ev.Text == "" {
				continue
			}
			text.WriteString(ev.Text)
			if !yield(Event{Token: ev.Text}) {
				a.save(ctx, text.String(), true)
				return
			}
		}
		for _, e := range a.closing(ctx, text.String(), passages) {
			if !yield(e) {
				a.save(ctx, text.String(), false)
				return
			}
		}
		a.finish(ctx, yield, text.String(), nil)
	}
}

// closing returns the events that follow an answer: what it cites, which of its
// sentences are not borne out, what it was made from and how that was found.
func (a *Answer) closing(ctx context.Context, text string, passages []memo.Passage) []Event {
	var events []Event
	report := a.check(ctx, text, passages)
	a.paginate(ctx, report.Citations)
	if len(report.Citations) > 0 {
		events = append(events, Event{Citations: report.Citations})
	}
	if len(report.Flags) > 0 {
		events = append(events, Event{Flags: report.Flags})
	}
	if a.q.Options.References && len(passages) > 0 {
		events = append(events, Event{References: references(passages)})
	}
	if e := a.explained; e.Explanation != nil || len(e.Inferred) > 0 {
		events = append(events, Event{Explained: &e})
	}
	return events
}

// finish stores the exchange and yields the last events: the error if there is
// one, then Done.
func (a *Answer) finish(ctx context.Context, yield func(Event) bool, text string, err error) {
	id, saveErr := a.save(ctx, text, err != nil)
	if err == nil {
		err = saveErr
	}
	if err != nil && !yield(Event{Err: err}) {
		return
	}
	yield(Event{Done: &Outcome{Chat: id}})
}

// save stores the exchange. It outlives the client's context: an answer that
// was shown must be found again.
func (a *Answer) save(ctx context.Context, text string, cut bool) (conversation.ChatID, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveWithin)
	defer cancel()
	id, err := a.chats.SaveExchange(ctx, a.q.Project, conversation.Exchange{
		Chat:         a.q.Chat,
		Question:     a.q.Text,
		Asked:        a.asked,
		Answer:       text,
		Answered:     time.Now(),
		SystemPrompt: a.q.SystemPrompt,
		Cut:          cut,
	})
	if err != nil {
		a.log.ErrorContext(ctx, "exchange not stored", "project", string(a.q.Project), "error", err)
		return a.q.Chat, err
	}
	return id, nil
}

// retrieve finds the passages for the question. It reports false if nobody listens
// any more.
func (a *Answer) retrieve(ctx context.Context, yield func(Event) bool) (_ []memo.Passage, listening bool, _ error) {
	r := retrieval.Request{
		Project: a.q.Project,
		Key:     a.q.Key,
		Text:    a.rewrite(ctx),
		Filters: a.q.Filters,
		Limit:   a.q.Options.Context,
		Options: a.q.Options.Retrieval,
	}
	found, listening, err := a.find(ctx, r, yield)
	if err != nil || !listening {
		return nil, listening, err
	}
	a.explained = Explained{Question: r.Text, Inferred: found.Inferred, Explanation: found.Explanation}
	return a.surround(ctx, fit(passagesOf(found), a.settings.ContextTokens, a.models.CountTokens)), true, nil
}

// passagesOf returns what was found, without how well it fits.
func passagesOf(found retrieval.Found) []memo.Passage {
	out := make([]memo.Passage, len(found.Hits))
	for i := range found.Hits {
		out[i] = found.Hits[i].Passage
	}
	return out
}

// fit keeps the best passages that are within the budget of tokens together,
// and at least one.
func fit(passages []memo.Passage, budget int, count func(string) int) []memo.Passage {
	for i, p := range passages {
		budget -= count(memo.PassageText(p.Title, &p.Chunk))
		if budget < 0 && i > 0 {
			return passages[:i]
		}
	}
	return passages
}

// generate asks the model.
func (a *Answer) generate(ctx context.Context, passages []memo.Passage) iter.Seq2[llm.Event, error] {
	req := answerRequest(a.q, a.history, passages)
	if a.form == nil {
		return a.say(ctx, req)
	}
	return a.fill(ctx, req)
}

// say hands a request to the model. Its failures are Unavailable in the wire's words,
// unless the provider's own kind says more.
func (a *Answer) say(ctx context.Context, req llm.GenerateRequest) iter.Seq2[llm.Event, error] {
	call := llm.Call{Tenant: string(a.q.Project), Key: a.q.Key, Priority: llm.PriorityAnswer}
	events := a.models.Generate(ctx, call, a.provider.Name, req)
	return func(yield func(llm.Event, error) bool) {
		for ev, err := range events {
			if err != nil && fault.KindOf(err) != fault.Canceled && fault.KindOf(err) != fault.Exhausted {
				err = fault.Wrap(fault.Unavailable, "Chat agent unavailable", err)
			}
			if !yield(ev, err) {
				return
			}
		}
	}
}

// fill has the model write an answer of the form that was asked for. It is held back
// until it is whole and right. A model that gets it wrong is told why, once.
func (a *Answer) fill(ctx context.Context, req llm.GenerateRequest) iter.Seq2[llm.Event, error] {
	return func(yield func(llm.Event, error) bool) {
		var wrong error
		for range 2 {
			said, err := whole(a.say(ctx, req))
			if err != nil {
				yield(llm.Event{}, err)
				return
			}
			value, amiss := a.form.Read(said)
			if amiss == nil {
				yield(llm.Event{Text: value}, nil)
				return
			}
			wrong = amiss
			req.Messages = append(req.Messages,
				llm.Message{Role: llm.RoleAssistant, Text: said},
				llm.Message{Role: llm.RoleUser, Text: repairPrompt + wrong.Error()})
		}
		yield(llm.Event{}, fault.Wrap(fault.Unavailable,
			"The model's answer does not fit response_format.json_schema.schema: "+wrong.Error(), ErrUnfit))
	}
}

// ErrUnfit is in the fault of an answer that is not of the form that was asked for.
var ErrUnfit = errors.New("the answer is not of the form that was asked for")

// mostHeld is how many bytes of an answer are held back.
const mostHeld = 1 << 20

// whole returns all of an answer.
func whole(events iter.Seq2[llm.Event, error]) (string, error) {
	var text strings.Builder
	for ev, err := range events {
		if err != nil {
			return "", err
		}
		if text.WriteString(ev.Text); text.Len() > mostHeld {
			break
		}
	}
	return text.String(), nil
}
