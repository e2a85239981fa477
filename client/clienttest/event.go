package clienttest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// A tick is how often unfinished memos are told of, and go on.
const tick = 20 * time.Millisecond

// note appends to the log what has happened to a memo; s.mu is held.
func (s *Server) note(kind string, m *Memo) {
	s.log = append(s.log, object{
		"id": len(s.log) + 1, "type": kind, "created_at": stamp(), "memo_uuid": m.ID, "title": m.Title,
		"reference_id": orNull(m.ReferenceID), "generation": m.Writes, "error_reason": reason(m),
	})
	if s.woken != nil {
		close(s.woken)
		s.woken = nil
	}
}

// ask counts a question for a memo's status, after which it may be at its end; s.mu
// is held.
func (s *Server) ask(m *Memo) {
	before := m.status()
	m.Asked++
	switch m.status() {
	case before:
	case "processed":
		s.note("memo.processed", m)
	case "error":
		s.note("memo.failed", m)
	}
}

// follow streams events.
func (s *Server) follow(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	cursor := len(s.log)
	old := s.old
	s.mu.Unlock()
	if old {
		refuse(w, http.StatusNotFound, "Not found")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprintf(w, ": ping\n\nid: %d\n\n", cursor)
	if after, err := strconv.Atoi(cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("after"))); err == nil {
		cursor = after
	}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	progress := r.URL.Query().Get("progress") != "false"
	for {
		events, signal := s.after(cursor)
		for _, e := range events {
			cursor = e["id"].(int)
			send(w, fmt.Sprintf("id: %d\n", cursor), e)
		}
		http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-signal:
		case <-ticker.C:
			if progress {
				s.tell(w)
			}
		}
	}
}

// after returns the events after one, and what is closed by the next.
func (s *Server) after(cursor int) ([]object, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.woken == nil {
		s.woken = make(chan struct{})
	}
	return slices.Clone(s.log[min(cursor, len(s.log)):]), s.woken
}

// tell sends how far unfinished memos are.
func (s *Server) tell(w http.ResponseWriter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.memos {
		if m.status() != "processing" {
			continue
		}
		waitingFor, eta := m.waits()
		send(w, "", object{
			"type": "progress", "memo_uuid": m.ID, "stage": "parsing", "waiting_for": waitingFor, "eta": eta,
			"chunks_done": 0, "chunks_total": 1, "pages_done": 1, "pages_total": 3, "enrich_done": 0, "enrich_total": 0,
		})
		s.ask(m)
	}
}

// send writes an event.
func send(w http.ResponseWriter, id string, e object) {
	raw, err := json.Marshal(e)
	if err != nil {
		panic(err) // an object of ours
	}
	fmt.Fprintf(w, "%sevent: %s\ndata: %s\n\n", id, e["type"], raw)
}

func (s *Server) readOriginal(w http.ResponseWriter, _ *http.Request, m *Memo) {
	if m.File == "" {
		refuse(w, http.StatusNotFound, "The memo has no original file")
		return
	}
	w.Header().Set("ETag", `"`+m.hash()+`"`)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": m.File}))
	fmt.Fprint(w, m.Content)
}

func (s *Server) enrichMemo(w http.ResponseWriter, r *http.Request, m *Memo) {
	var body struct {
		Aspects []string `json:"aspects"`
	}
	if !decode(w, r, &body) {
		return
	}
	m.Enriched, m.Asked = body.Aspects, 0
	answer(w, http.StatusAccepted, object{"ok": true, "memo_uuid": m.ID})
}

func (s *Server) readProcessing(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer(w, http.StatusOK, object{
		"chunk_words": s.processing["chunk_words"], "enrich": s.processing["enrich"],
	})
}

func (s *Server) setProcessing(w http.ResponseWriter, r *http.Request) {
	var body object
	if !decode(w, r, &body) {
		return
	}
	s.mu.Lock()
	s.processing = body
	s.mu.Unlock()
	s.readProcessing(w, r)
}

func (s *Server) listWebhooks(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer(w, http.StatusOK, object{"results": append([]object{}, s.webhooks...)})
}

func (s *Server) createWebhook(w http.ResponseWriter, r *http.Request) {
	var body object
	if !decode(w, r, &body) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	hook := object{
		"id": s.newID(), "url": body["url"], "kinds": body["kinds"], "created_at": stamp(), "cursor": len(s.log),
		"last_taken_at": nil, "attempts": 0, "next_attempt": nil, "last_error": nil, "paused": false,
	}
	s.webhooks = append(s.webhooks, hook)
	told := object{"secret": "whsec_0123456789"}
	maps.Copy(told, hook)
	answer(w, http.StatusCreated, told)
}

func (s *Server) deleteWebhook(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.webhooks)
	s.webhooks = slices.DeleteFunc(s.webhooks, func(h object) bool { return h["id"] == r.PathValue("id") })
	if len(s.webhooks) == before {
		refuse(w, http.StatusNotFound, "Webhook not found")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) testWebhook(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.webhooks {
		switch {
		case h["id"] != r.PathValue("id"):
		case h["url"] == "https://broken.example":
			refuse(w, http.StatusServiceUnavailable, "broken.example answered 500")
			return
		default:
			answer(w, http.StatusOK, object{"ok": true})
			return
		}
	}
	refuse(w, http.StatusNotFound, "Webhook not found")
}
