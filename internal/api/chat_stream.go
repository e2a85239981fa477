package api

import (
	"cmp"
	"context"
	"maps"
	"net/http"

	"kvasir/internal/api/guard"
	"kvasir/internal/api/sse"
	"kvasir/internal/chat"
	"kvasir/internal/conversation"
	"kvasir/internal/fault"
)

// A chatEvent is one line of an answer. Content of citations and references is JSON
// in a string, as old clients want it; beside it the same as it is.
type chatEvent struct {
	Type       string               `json:"type"`
	Content    string               `json:"content,omitempty"`
	Citations  []citation           `json:"citations,omitempty"`
	References map[string]reference `json:"references,omitempty"`
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
		return sendCitations(out, citationsOf(e.Citations))
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

// sendCitations sends a list that is too long for a line in several events.
func sendCitations(out *sse.Stream, list []citation) bool {
	if len(list) == 0 {
		return true
	}
	e := chatEvent{Type: "citations", Content: inString(list), Citations: list}
	if half := len(list) / 2; half > 0 && !sse.Fits(sse.Encode(e)) {
		return sendCitations(out, list[:half]) && sendCitations(out, list[half:])
	}
	return out.Send(e)
}

// referencesEvent fits all references into one line, since clients keep only
// the last event: it gives up the parallel object first, then shortens titles.
func referencesEvent(all map[string]reference) chatEvent {
	e := chatEvent{Type: "references", Content: inString(all), References: all}
	for _, units := range []int{0, 120, 60, 30, 10} {
		if sse.Fits(sse.Encode(e)) {
			break
		}
		e = chatEvent{Type: "references", Content: inString(shortTitles(all, cmp.Or(units, maxTextUnits)))}
	}
	return e
}

func shortTitles(all map[string]reference, units int) map[string]reference {
	short := maps.Clone(all)
	for number, r := range short {
		if title := cut(r.MemoTitle, units); title != r.MemoTitle {
			short[number] = reference{r.MemoUUID, title + "…"}
		}
	}
	return short
}

// inString returns v as JSON.
func inString(v any) string { return string(encode(v)) }
