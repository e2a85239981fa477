package api

import (
	"cmp"
	"context"
	"maps"
	"net/http"

	"kvasir/internal/api/field"
	"kvasir/internal/api/guard"
	"kvasir/internal/api/sse"
	"kvasir/internal/chat"
	"kvasir/internal/conversation"
	"kvasir/internal/fault"
)

// A chatEvent is one line of an answer. Content of citations, flags and references
// is JSON in a string, as old clients want it; beside it the same as it is. Content is
// never anything else: one of them reads every event into a struct with a string.
type chatEvent struct {
	Type       string               `json:"type"`
	Content    string               `json:"content,omitempty"`
	Citations  []citation           `json:"citations,omitempty"`
	Flags      []flagged            `json:"flags,omitempty"`
	References map[string]reference `json:"references,omitempty"`
	Step       *step                `json:"step,omitempty"`
	Inferred   []filter             `json:"inferred_filters,omitempty"`
	Explained  *explanation         `json:"explanation,omitempty"`
	Error      string               `json:"error,omitempty"`
	ChatID     conversation.ChatID  `json:"chat_id,omitempty"`
}

// streamChat sends an answer as it comes.
func (s *server) streamChat(ctx context.Context, w http.ResponseWriter, answer Answer) {
	sse.Serve(ctx, w, func(ctx context.Context, out *sse.Stream) {
		for e := range answer(ctx) {
			if !s.sendEvent(ctx, out, e) {
				return
			}
		}
	})
}

// sendEvent reports whether the client is still there.
func (s *server) sendEvent(ctx context.Context, out *sse.Stream, e chat.Event) bool {
	switch {
	case e.Err != nil:
		return out.Send(s.errorEvent(ctx, e.Err))
	case e.Done != nil:
		return out.Send(chatEvent{Type: "done", ChatID: e.Done.Chat})
	case e.Citations != nil:
		return sendList(out, citationsOf(e.Citations), func(list []citation) chatEvent {
			return chatEvent{Type: "citations", Content: inString(list), Citations: list}
		})
	case e.Flags != nil:
		return sendList(out, flagsOf(e.Flags), func(list []flagged) chatEvent {
			return chatEvent{Type: "flags", Content: inString(list), Flags: list}
		})
	case e.Step != nil:
		return out.Send(chatEvent{Type: "step", Step: new(stepOf(e.Step))})
	case e.Explained != nil:
		return sendExplained(out, e.Explained)
	case e.References != nil:
		return out.Send(referencesEvent(referencesOf(e.References)))
	}
	return sendText(out, e.Token)
}

// errorEvent has the wire's fixed content, and the reason beside it.
func (s *server) errorEvent(ctx context.Context, err error) chatEvent {
	if !fault.Is(err, fault.Canceled) {
		s.Log.WarnContext(ctx, "answer failed", "request_id", guard.RequestID(ctx), "error", err)
	}
	return chatEvent{Type: "error", Content: "An error occurred", Error: fault.Message(err)}
}

func sendText(out *sse.Stream, text string) bool {
	for piece := range sse.Pieces(text) {
		if !out.Send(chatEvent{Type: "token", Content: piece}) {
			return false
		}
	}
	return true
}

// sendList sends a list that is too long for a line in several events.
func sendList[T any](out *sse.Stream, list []T, event func([]T) chatEvent) bool {
	if len(list) == 0 {
		return true
	}
	e := event(list)
	if half := len(list) / 2; half > 0 && !sse.Fits(sse.Encode(e)) {
		return sendList(out, list[:half], event) && sendList(out, list[half:], event)
	}
	return out.Send(e)
}

// sendExplained sends what is told of how passages were found: first the filters that
// were read from the question, then the stages, in as many events as they need.
func sendExplained(out *sse.Stream, e *chat.Explained) bool {
	inferred, told := filtersOf(e.Inferred), explanationOf(e.Question, e.Explanation)
	head := chatEvent{Type: "explanation", Inferred: inferred}
	if told != nil {
		head.Explained = &explanation{Question: told.Question, Stages: []stage{}}
	}
	for !sse.Fits(sse.Encode(head)) {
		head.Inferred = head.Inferred[:len(head.Inferred)/2] // more than a person reads
	}
	if told == nil {
		return len(inferred) == 0 || out.Send(head)
	}
	return out.Send(head) && sendList(out, told.Stages, stagesEvent)
}

// stagesEvent fits a single stage into one line by shortening its texts.
func stagesEvent(list []stage) chatEvent {
	e := chatEvent{Type: "explanation", Explained: &explanation{Stages: list}}
	for _, units := range []int{field.MaxUnits, 120, 60, 30, 10} {
		if len(list) > 1 || sse.Fits(sse.Encode(e)) {
			break
		}
		e.Explained = &explanation{Stages: []stage{list[0].shortened(units)}}
	}
	return e
}

// referencesEvent fits all references into one line, since clients keep only
// the last event: it gives up the parallel object first, then shortens titles.
func referencesEvent(all map[string]reference) chatEvent {
	e := chatEvent{Type: "references", Content: inString(all), References: all}
	for _, units := range []int{0, 120, 60, 30, 10} {
		if sse.Fits(sse.Encode(e)) {
			break
		}
		e = chatEvent{Type: "references", Content: inString(shortTitles(all, cmp.Or(units, field.MaxUnits)))}
	}
	return e
}

func shortTitles(all map[string]reference, units int) map[string]reference {
	short := maps.Clone(all)
	for number, r := range short {
		short[number] = reference{r.MemoUUID, abridged(r.MemoTitle, units)}
	}
	return short
}

// inString returns v as JSON.
func inString(v any) string { return string(field.Encode(v)) }
