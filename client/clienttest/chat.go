package clienttest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"unicode/utf16"
)

const (
	chatID = "0197a1f2-0000-7c3e-9d51-6b0f7a1c2d3e"

	// BrokenQuery asks for an answer that fails half-way.
	BrokenQuery = "break off"

	// DoubtfulText in a sentence of a memo makes the sentence of an answer flagged.
	DoubtfulText = "is said to"
)

// matching returns the memos that contain a word of the query.
func (s *Server) matching(query string) []Memo {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Memo
	for _, m := range s.memos {
		text := strings.ToLower(m.Title + " " + m.Content)
		for word := range strings.FieldsSeq(strings.ToLower(query)) {
			if word = strings.Trim(word, "?!.,"); len(word) > 3 && strings.Contains(text, word) {
				found = append(found, *m)
				break
			}
		}
	}
	return found
}

func (s *Server) search(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Query   string   `json:"query"`
		Limit   int      `json:"limit"`
		Filters []object `json:"filters"`
		told
		Retrieval object `json:"retrieval"`
	}
	if !decode(w, r, &body) {
		return
	}
	switch {
	case body.Retrieval["fusion"] != nil && body.Retrieval["fusion"] != "rrf":
		refuse(w, http.StatusBadRequest, fmt.Sprintf("Invalid retrieval.fusion: %v. Must be one of: weighted, rrf.",
			body.Retrieval["fusion"]))
		return
	case body.Query == "":
		refuse(w, http.StatusBadRequest, "Query is required")
		return
	case body.Limit > 50:
		refuse(w, http.StatusBadRequest, "Limit must be less than or equal to 50")
		return
	}
	results := []object{}
	for i, m := range s.matching(body.Query) {
		if len(results) == cmp.Or(body.Limit, 10) {
			break
		}
		results = append(results, object{
			"chunk_uuid": m.ID, "memo_uuid": m.ID, "memo_title": m.Title, "memo_summary": "",
			"content_snippet": m.Content[:min(100, len(m.Content))], "chunk_content": m.Content,
			"distance": 1 - 1/float64(i+2), "uuid": m.ID, "title": m.Title, "summary": "",
		})
	}
	found := object{"results": results}
	body.tell(found, s.matching(body.Query), body.Retrieval)
	answer(w, http.StatusOK, found)
}

// A reply is an answer before it is put into its form.
type reply struct {
	tokens     []string
	citations  []object
	flags      []object
	steps      []object
	references object
	told       object // inferred_filters and explanation
}

func (s *Server) replyTo(query string) reply {
	found := s.matching(query)
	if len(found) == 0 {
		return reply{tokens: []string{"Nothing ", "fits."}, citations: []object{}}
	}
	out := reply{references: object{}}
	for i, m := range found {
		out.references[fmt.Sprint(i+1)] = object{"memo_uuid": m.ID, "memo_title": m.Title}
	}
	out.tokens = append(strings.SplitAfter(found[0].Content, " "), " [[1]]")
	out.citations = []object{{
		"number": 1, "memo_uuid": found[0].ID, "memo_title": found[0].Title, "chunk_uuid": found[0].ID,
		"start": 0, "end": len(found[0].Content), "quote": found[0].Content, "page": 7, "support": 0.75,
	}}
	for sentence := range strings.SplitAfterSeq(found[0].Content, ". ") {
		if strings.Contains(sentence, DoubtfulText) {
			start := strings.Index(found[0].Content, sentence)
			out.flags = append(out.flags, object{
				"start": start, "end": start + len(strings.TrimSpace(sentence)), "text": strings.TrimSpace(sentence),
				"reason": "unsupported", "numbers": []int{1},
			})
		}
	}
	return out
}

func (s *Server) chat(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Query  string `json:"query"`
		Stream bool   `json:"stream"`
		told
		Format struct {
			Schema struct {
				Name string `json:"name"`
			} `json:"json_schema"`
		} `json:"response_format"`
		RAGConfig struct {
			References toggle `json:"references"`
			Agentic    toggle `json:"agentic"`
			Retrieval  object `json:"retrieval"`
		} `json:"rag_config"`
	}
	if !decode(w, r, &body) {
		return
	}
	if body.Query == "" {
		refuse(w, http.StatusBadRequest, "Query is required")
		return
	}
	a := s.replyTo(body.Query)
	if name := body.Format.Schema.Name; name != "" {
		a = reply{tokens: []string{`{"schema": "`, name, `"}`}, citations: []object{}}
	}
	if !body.RAGConfig.References.Enabled {
		a.references = nil
	}
	if body.RAGConfig.Agentic.Enabled {
		a.steps = []object{{"number": 1, "tool": "search", "input": body.Query, "result": "1 passage"}}
	}
	a.told = object{}
	body.tell(a.told, s.matching(body.Query), body.RAGConfig.Retrieval)
	switch {
	case body.Stream:
		a.stream(w, body.Query == BrokenQuery)
	case body.Query == BrokenQuery:
		refuse(w, http.StatusServiceUnavailable, "Chat agent unavailable")
	default:
		answer(w, http.StatusOK, a.whole())
	}
}

// whole returns an answer that is not streamed.
func (a *reply) whole() object {
	out := object{
		"ok": true, "chat_id": chatID, "response": strings.Join(a.tokens, ""), "intermediate_steps": []string{},
		"citations": a.citations,
	}
	if a.references != nil {
		out["references"] = a.references
	}
	if a.flags != nil {
		out["flags"] = a.flags
	}
	if a.steps != nil {
		out["steps"] = a.steps
	}
	maps.Copy(out, a.told)
	return out
}

// stream sends an answer as events, the way section 3.5.2 of the wire has it.
func (a *reply) stream(w http.ResponseWriter, broken bool) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	send := func(text string) {
		_, _ = fmt.Fprint(w, text) // the client has gone
		_ = http.NewResponseController(w).Flush()
	}
	event := func(v object) { send("data: " + encode(v) + "\n\n") }
	send(": ping\n\n")
	for _, step := range a.steps {
		event(object{"type": "step", "step": step})
	}
	for i, token := range a.tokens {
		if broken && i == 1 {
			event(object{"type": "error", "content": "An error occurred", "error": "the model went away"})
			event(object{"type": "done", "chat_id": chatID})
			return
		}
		event(object{"type": "token", "content": token})
		send(": ping\n\n")
	}
	if len(a.citations) > 0 {
		event(object{"type": "citations", "content": encode(a.citations), "citations": a.citations})
	}
	event(object{"type": "afterthought", "content": "of a later version"})
	if len(a.flags) > 0 {
		event(object{"type": "flags", "content": encode(a.flags), "flags": a.flags})
	}
	if a.references != nil {
		event(object{"type": "references", "content": encode(a.references)})
	}
	if len(a.told) > 0 {
		event(object{
			"type": "explanation", "inferred_filters": a.told["inferred_filters"], "explanation": a.told["explanation"],
		})
	}
	event(object{"type": "done", "chat_id": chatID})
}

// encode returns v as JSON in ASCII.
func encode(v any) string {
	raw, err := json.Marshal(v)
	if err != nil { // v is made of texts and numbers
		panic(err)
	}
	var out strings.Builder
	for _, unit := range utf16.Encode([]rune(string(raw))) {
		if unit < 0x80 {
			out.WriteByte(byte(unit))
		} else {
			fmt.Fprintf(&out, `\u%04x`, unit)
		}
	}
	return out.String()
}

func (s *Server) listChats(w http.ResponseWriter, r *http.Request) {
	envelope(w, r, []object{{
		"uuid": chatID, "created_at": stamp(), "title": "What do ducks eat?", "message_count": 2,
		"last_message_at": stamp(),
	}})
}

func (s *Server) readChat(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("id") != chatID {
		refuse(w, http.StatusNotFound, "Chat not found")
		return
	}
	answer(w, http.StatusOK, object{"uuid": chatID, "created_at": stamp(), "messages": []object{
		{
			"uuid": chatID, "content": "What do ducks eat?", "sent_by": "user", "sent_at": stamp(),
			"client_system_prompt": nil, "cut": false,
		},
		{
			"uuid": chatID, "content": "Seeds [[1]]", "sent_by": "model", "sent_at": stamp(),
			"client_system_prompt": nil, "cut": true,
		},
	}})
}

func (s *Server) generate(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Prompt string `json:"prompt"`
	}
	if !decode(w, r, &body) {
		return
	}
	if body.Prompt == "" {
		refuse(w, http.StatusBadRequest, "Prompt is required")
		return
	}
	document := strings.Join(s.replyTo(body.Prompt).tokens, "")
	answer(w, http.StatusOK, object{"ok": true, "response": document, "intermediate_steps": []string{}})
}
